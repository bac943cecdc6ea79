"""A programme document, checked: types and bounds by pydantic, sense by us; every error names the path in the
document.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from pydantic import TypeAdapter, ValidationError

from chalicelib.errors import Code, JifenError
from chalicelib.programme.model import Programme
from chalicelib.programme.sense import faults_of
from chalicelib.runtime.bodies import invalid


class Fault(NamedTuple):
    """What is wrong at a path of the document, in Chinese; the reason reads on from the path."""

    path: str
    reason: str


@cache
def _adapter() -> TypeAdapter[Programme]:
    return TypeAdapter(Programme)


def read_programme(document: Mapping[str, Any]) -> Programme:
    """The programme a JSON document describes; raises JifenError INVALID_TERMS with the path of the first fault."""
    try:
        programme = _adapter().validate_json(json.dumps(document))
    except ValidationError as error:
        raise invalid(error, Code.INVALID_TERMS, document) from None
    for path, reason in faults_of(programme):
        raise JifenError(Code.INVALID_TERMS, f"{path}{reason}", field=path)
    return programme


def faults(document: Mapping[str, Any]) -> tuple[Fault, ...]:
    """Everything that is wrong with a document, as far as it can be read; empty when it can be published.

    Sense is asked only of a document whose types and bounds are right.
    """
    try:
        programme = _adapter().validate_json(json.dumps(document))
    except ValidationError as error:
        return tuple(_named(error, document))
    return tuple(Fault(path, reason) for path, reason in faults_of(programme))


def _named(error: ValidationError, document: Mapping[str, Any]) -> Iterator[Fault]:
    for one in error.errors(include_url=False):
        alone = ValidationError.from_exception_data("document", [_line(one)])
        refusal = invalid(alone, Code.INVALID_TERMS, document)
        path = refusal.field or ""
        yield Fault(path, refusal.msg.removeprefix(path))


def _line(one: Any) -> Any:
    return {"type": one["type"], "loc": one["loc"], "input": one["input"], "ctx": one.get("ctx", {})}
