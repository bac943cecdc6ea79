"""What moto works out anew for each request, attribute of an answer and transaction, worked out once or not at all.

What is kept follows from moto's classes and botocore's models, never anything of an item. What a transaction may have
to put back is what it names, where moto copies whole tables, and once more for each item. `test_moto_memory.py` holds
all of it against moto's own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from copy import copy, deepcopy
from functools import cache
from typing import Any

from botocore.model import Shape
from moto.core import responses
from moto.core.serialize import AttributePickerContext, ResponseSerializer, XFormedAttributePicker
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table

own_get_value = ResponseSerializer.get_value
own_transact = DynamoDBBackend.transact_write_items

_writes: ContextVar[Sequence[Mapping[str, Any]] | None] = ContextVar("_writes", default=None)
"""What the transaction that runs in this thread names; None outside."""


def remember() -> None:
    """From now on, in this process."""
    responses.method_names_from_class = cache(responses.method_names_from_class)
    responses.camelcase_to_underscores = cache(responses.camelcase_to_underscores)
    ResponseSerializer.get_value = get_value  # type: ignore[method-assign]
    DynamoDBBackend.transact_write_items = transact_write_items  # type: ignore[method-assign]
    Table.__deepcopy__ = _copied  # type: ignore[attr-defined]


def get_value(serializer: ResponseSerializer, value: Any, key: str, shape: Shape) -> Any:
    """An attribute of an answer, as moto's serializer asks for it."""
    picker = serializer._value_picker
    if type(value) is not dict or type(picker) is not XFormedAttributePicker or picker.response_transformers:
        return own_get_value(serializer, value, key, shape)
    for name in _names_in_a_dict(key, shape, getattr(shape, "parent", None)):
        if name in value:
            return value[name]
    return None


@cache
def _names_in_a_dict(key: str, shape: Shape, parent: Shape | None) -> tuple[str, ...]:  # parent: the shape points to it
    names = tuple(XFormedAttributePicker().get_possible_keys(AttributePickerContext({}, key, shape)))
    assert not any("." in name for name in names), f"{names} would be paths"
    return names


def transact_write_items(backend: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> None:
    """moto's own, whose copies of tables are cheap meanwhile."""
    outer = _writes.set([operation for item in transact_items for operation in item.values()])
    try:
        own_transact(backend, transact_items)
    finally:
        _writes.reset(outer)


def _copied(table: Table, memo: dict[int, Any]) -> Table:
    made: Table = table.__class__.__new__(table.__class__)
    memo[id(table)] = made
    writes = _writes.get()
    if writes is None:
        made.__dict__.update(deepcopy(table.__dict__, memo))
        return made
    made.__dict__.update(table.__dict__)
    made.items = _items_to_put_back(table, [one for one in writes if one.get("TableName") == table.name])
    if table.stream_shard is not None:
        made.stream_shard = copy(table.stream_shard)
        made.stream_shard.table, made.stream_shard.items = made, list(table.stream_shard.items)
    return made


def _items_to_put_back(table: Table, writes: Sequence[Mapping[str, Any]]) -> defaultdict[Any, Any]:
    """The items by their keys; copies of those that are named: moto changes an item where it stands."""
    items: defaultdict[Any, Any] = defaultdict(dict)
    for hash_key, found in table.items.items():
        items[hash_key] = dict(found) if table.has_range_key else found
    for write in writes:
        key = write.get("Key") or write.get("Item") or {}
        if any(name not in key for name in table.table_key_attrs):
            continue  # moto will refuse it
        place = items
        *path, last = (DynamoType(key[name]) for name in table.table_key_attrs)
        for name in path:
            place = place.get(name, {})
        if last in place:
            place[last] = deepcopy(place[last])
    return items
