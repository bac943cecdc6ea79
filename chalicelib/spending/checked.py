"""Documents of the spending room are read as what they describe, with the path of the first fault."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterable, Mapping
from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from chalicelib.errors import Code, JifenError
from chalicelib.runtime.bodies import invalid

T = TypeVar("T")


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def checked(
    kind: Hashable, document: Mapping[str, Any], faults_of: Callable[[T], Iterable[tuple[str, str]]], *, name: str
) -> T:
    """What a JSON document of a class describes; `name` is what the request calls it, `faults_of` says (path, reason in
    Chinese) of what no single field shows. Raises JifenError INVALID_REQUEST with the path of the first fault.
    """
    try:
        read: T = _adapter(kind).validate_json(json.dumps(document))
    except ValidationError as error:
        raise invalid(error, Code.INVALID_REQUEST, document) from None
    for path, reason in faults_of(read):
        raise JifenError(Code.INVALID_REQUEST, f"{name}.{path}{reason}", field=f"{name}.{path}")
    return read
