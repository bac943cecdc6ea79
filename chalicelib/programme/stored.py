"""From a stored document to the programme it describes. It was checked when it was published and never changes, so it
is only read here: no pydantic, whose import and model cost a cold start more than everything else before a decision.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from datetime import date, datetime
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from chalicelib.errors import Code, JifenError
from chalicelib.programme.model import Programme

Read = Callable[[Any], Any]


def stored_programme(document: Mapping[str, Any]) -> Programme:
    """The programme of a document that was published; raises INVALID_TERMS where this code does not know its terms."""
    try:
        programme: Programme = _fields(Programme)(document)
    except (AttributeError, KeyError, TypeError, ValueError):
        raise JifenError(Code.INVALID_TERMS) from None
    return programme


def read_stored(kind: Any, value: Any) -> Any:
    """A value of a document class that was checked when it was stored; AttributeError, KeyError, TypeError or
    ValueError where this code does not know it.
    """
    return _reader(kind)(value)


@cache
def _reader(kind: Any) -> Read:
    """How a value of this type is read from JSON."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return _either(parts)
    if origin is tuple and parts[-1] is Ellipsis:
        each = _reader(parts[0])
        return lambda values: tuple(map(each, values))
    if origin is tuple:
        readers = tuple(map(_reader, parts))
        return lambda values: tuple(read(value) for read, value in zip(readers, values, strict=True))
    if isinstance(kind, type):
        if is_dataclass(kind):
            return _fields(kind)
        if issubclass(kind, Enum):
            return kind
        if kind in (date, datetime):
            return kind.fromisoformat
    return lambda value: value


@cache
def _fields(cls: type[Any]) -> Read:
    """How an object of a document is read."""
    named: Mapping[str, str] = cls.__named__
    readers = {
        named.get(name, name): (name, _reader(kind))
        for name, kind in get_type_hints(cls).items()
        if name in cls.__dataclass_fields__
    }

    def read(values: Mapping[str, Any]) -> Any:
        given = {}
        for name, value in values.items():
            field, reader = readers[name]
            given[field] = reader(value)
        return cls(**given)

    return read


def _either(kinds: tuple[Any, ...]) -> Read:
    """How one of several is read: none, a plain value, or the class whose `kind` it states."""
    classes = [kind for kind in kinds if isinstance(kind, type) and is_dataclass(kind)]
    if len(classes) > 1:
        by_kind = {name: _reader(one) for one in classes for name in get_args(get_type_hints(one)["kind"])}
        return lambda value: None if value is None else by_kind[value["kind"]](value)
    (only,) = (kind for kind in kinds if kind is not NoneType)
    read = _reader(only)
    return lambda value: None if value is None else read(value)
