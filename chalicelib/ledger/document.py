"""How the values of a published document are defined: frozen, compared by content, checked strictly by pydantic.

They are dataclasses of which only the constructor is generated. Generating and compiling the other methods for each of
some forty classes would cost every cold start more than all else in these modules together.

Bounds say themselves to pydantic when it asks for them. It is asked where a document is written; who reads what stands
published (programme/stored.py) starts without it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, FrozenInstanceError, dataclass
from typing import Annotated, Any, NamedTuple, TypeVar, dataclass_transform, overload

T = TypeVar("T")


class Ge(NamedTuple):
    """A number of at least `ge`."""

    ge: int

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        return _said(source, handler, ge=self.ge)


class Le(NamedTuple):
    """A number of at most `le`."""

    le: int

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        return _said(source, handler, le=self.le)


class Len(NamedTuple):
    """A text or a list of so many characters or parts."""

    least: int
    most: int

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        return _said(source, handler, min_length=self.least, max_length=self.most)


class Pattern(NamedTuple):
    """A text of this form."""

    pattern: str

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        return _said(source, handler, pattern=self.pattern)


class Discriminator(NamedTuple):
    """One of several classes, told apart by this field of theirs."""

    field: str

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        return _said(source, handler, discriminator=self.field)


def _said(source: Any, handler: Any, **bounds: Any) -> Any:
    from pydantic import Field  # here and not above: a cold start that checks no document does without

    return handler(Annotated[source, Field(**bounds)])


@overload
def document(cls: type[T], /) -> type[T]: ...
@overload
def document(*, kw_only: bool = True, named: Mapping[str, str] = ...) -> Callable[[type[T]], type[T]]: ...
@dataclass_transform(frozen_default=True, kw_only_default=True)
def document(
    cls: type[T] | None = None, /, *, kw_only: bool = True, named: Mapping[str, str] | None = None
) -> type[T] | Callable[[type[T]], type[T]]:
    """Make a class a part of a document: fields by annotation, unknown fields refused, no type bent to fit.

    `named` says what the document calls a field whose own name would be a word of Python.
    """

    def defined(plain: type[T]) -> type[T]:
        made: Any = dataclass(eq=False, repr=False, kw_only=kw_only)(plain)
        made.__pydantic_config__ = {"extra": "forbid", "strict": True}
        made.__named__ = named or {}
        if named:
            made.__pydantic_config__["alias_generator"] = lambda name: named.get(name, name)
        made.__eq__, made.__hash__, made.__repr__ = _equal, _hash, _repr
        made.__setattr__, made.__delattr__ = _set_once, _keep
        result: type[T] = made
        return result

    return defined if cls is None else defined(cls)


def stated(value: Any) -> Any:
    """What a value of a document says, as JSON has it, without what is as it is by default: a field that is added with
    a default later changes nothing of it.
    """
    if isinstance(value, tuple):
        return [stated(one) for one in value]
    known: Mapping[str, Field[Any]] | None = getattr(value, "__dataclass_fields__", None)
    if known is None:
        return value
    named: Mapping[str, str] = value.__named__
    found = {name: getattr(value, name) for name in known}
    return {named.get(name, name): stated(one) for name, one in found.items() if one != _default(known[name])}


def _default(field: Field[Any]) -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()


def _values(one: Any) -> tuple[Any, ...]:
    return tuple(getattr(one, name) for name in one.__dataclass_fields__)


def _equal(self: Any, other: object) -> bool:
    return self is other or (type(self) is type(other) and _values(self) == _values(other))


def _hash(self: Any) -> int:
    return hash(_values(self))


def _repr(self: Any) -> str:
    fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__dataclass_fields__)
    return f"{type(self).__qualname__}({fields})"


def _set_once(self: Any, name: str, value: Any) -> None:
    """The constructor sets each field; nobody sets anything after it."""
    if name in self.__dict__ or name not in self.__dataclass_fields__:
        raise FrozenInstanceError(f"cannot assign to field {name!r}")
    self.__dict__[name] = value


def _keep(self: Any, name: str) -> None:
    raise FrozenInstanceError(f"cannot delete field {name!r}")
