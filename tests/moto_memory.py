"""What moto works out anew for each request and each attribute of an answer, worked out once: a fifth of a request.

Only what follows from moto's classes and botocore's models is kept, never anything of an item: `test_moto_memory.py`
holds each answer against moto's own.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from botocore.model import Shape
from moto.core import responses
from moto.core.serialize import AttributePickerContext, ResponseSerializer, XFormedAttributePicker

_own_get_value = ResponseSerializer.get_value


def remember() -> None:
    """From now on, in this process."""
    responses.method_names_from_class = cache(responses.method_names_from_class)
    responses.camelcase_to_underscores = cache(responses.camelcase_to_underscores)
    ResponseSerializer.get_value = get_value  # type: ignore[method-assign]


def get_value(serializer: ResponseSerializer, value: Any, key: str, shape: Shape) -> Any:
    """An attribute of an answer, as moto's serializer asks for it."""
    picker = serializer._value_picker
    if type(value) is not dict or type(picker) is not XFormedAttributePicker or picker.response_transformers:
        return _own_get_value(serializer, value, key, shape)
    for name in _names_in_a_dict(key, shape, getattr(shape, "parent", None)):
        if name in value:
            return value[name]
    return None


@cache
def _names_in_a_dict(key: str, shape: Shape, parent: Shape | None) -> tuple[str, ...]:  # parent: the shape points to it
    names = tuple(XFormedAttributePicker().get_possible_keys(AttributePickerContext({}, key, shape)))
    assert not any("." in name for name in names), f"{names} would be paths"
    return names
