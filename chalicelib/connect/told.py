"""Reading what another system told: one field at a time, its path named when it is not as agreed. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.errors import Code, JifenError


def bad(field: str) -> JifenError:
    """The refusal of a field that is missing or not as agreed; never shows its value."""
    return JifenError(Code.INVALID_REQUEST, f"{field}的值不符合要求", field=field)


def word(told: Mapping[str, Any], name: str) -> str:
    """A text that is not empty."""
    value = told.get(name)
    if not isinstance(value, str) or not value:
        raise bad(name)
    return value


def whole(told: Mapping[str, Any], name: str) -> int:
    """A whole number; true and 1.0 are none."""
    value = told.get(name)
    if type(value) is not int:
        raise bad(name)
    return value


def part(told: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An object within."""
    value = told.get(name)
    if not isinstance(value, dict):
        raise bad(name)
    return value
