"""Reading what another system told: one field at a time, its path named when it is not as agreed. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from chalicelib.errors import Code, JifenError

_YUAN = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,2}))?")
_LOCAL = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[ T]([0-9]{2}:[0-9]{2}:[0-9]{2})")
_LAST_SECOND = 253_402_300_799


def bad(field: str) -> JifenError:
    """The refusal of a field that is missing or not as agreed; never shows its value."""
    return JifenError(Code.INVALID_REQUEST, f"{field}的值不符合要求", field=field)


def word(told: Mapping[str, Any], field: str) -> str:
    """A text that is not empty."""
    value = told.get(field)
    if not isinstance(value, str) or not value:
        raise bad(field)
    return value


def whole(told: Mapping[str, Any], field: str) -> int:
    """A whole number; true and 1.0 are none."""
    value = told.get(field)
    if type(value) is not int:
        raise bad(field)
    return value


def part(told: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    """An object within."""
    value = told.get(field)
    if not isinstance(value, dict):
        raise bad(field)
    return value


def name(told: Mapping[str, Any], field: str) -> str:
    """A number that names something, as text; senders write it as either."""
    value = told.get(field)
    return str(value) if type(value) is int and value > 0 else word(told, field)


def fen(told: Mapping[str, Any], field: str) -> int:
    """A text in yuan, such as `12.30`, as fen; never through a float."""
    found = _YUAN.fullmatch(word(told, field))
    if found is None:
        raise bad(field)
    return int(found[1]) * 100 + int((found[2] or "").ljust(2, "0"))


def local(told: Mapping[str, Any], field: str) -> str:
    """A date and time of day without an offset, which is Beijing's, as ISO-8601."""
    found = _LOCAL.fullmatch(word(told, field))
    if found is None:
        raise bad(field)
    return f"{found[1]}T{found[2]}+08:00"


def epoch(told: Mapping[str, Any], field: str) -> str:
    """Seconds since 1970 as ISO-8601."""
    seconds = whole(told, field)
    if not 0 < seconds <= _LAST_SECOND:
        raise bad(field)
    return datetime.fromtimestamp(seconds, UTC).isoformat()
