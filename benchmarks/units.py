"""What requests cost in DynamoDB's units, by the sizes of their items.

Source: the DynamoDB developer guide, "Read and write operations": a strong read takes one unit per started 4 KB of each
item (a query: of all its items together), an eventual one half of that, also where nothing is found; a write takes one
per started KB, in a transaction two. Units of indexes are not counted here: entering or leaving one takes 1, a
move within it 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from benchmarks.recording import Asked
from tests.ledger.item_size import item_bytes


class Units(NamedTuple):
    """Requests, items written, and units."""

    requests: int
    items: int
    write_units: int
    read_units: float


def units_of(asked: Sequence[Asked], client: Any) -> Units:
    """The cost of recorded requests; `client` still sees the store just as they left it."""
    items, write_units, read_units = 0, 0, 0.0
    for name, request, answer in asked:
        if name == "transact_write_items":
            items += len(request["TransactItems"])
            write_units += sum(2 * _kilobytes(_written(write, client)) for write in request["TransactItems"])
        elif name == "put_item":
            items += 1
            write_units += _kilobytes(request["Item"])
        elif name == "batch_write_item":
            puts = [one["PutRequest"]["Item"] for rows in request["RequestItems"].values() for one in rows]
            items += len(puts)
            write_units += sum(map(_kilobytes, puts))
        elif name == "update_item":
            items += 1
            write_units += _kilobytes(_written({"Update": request}, client))
        elif name == "query":
            read_units += _reads(sum(map(item_bytes, answer["Items"])), is_strong=request.get("ConsistentRead", False))
        else:
            read_units += sum(_reads(size, is_strong=True) for size in _sizes_read(request, answer))
    return Units(len(asked), items, write_units, read_units)


def _written(write: dict[str, Any], client: Any) -> dict[str, Any]:
    """The item as the write left it: an update is charged by the whole item."""
    if "Put" in write:
        return write["Put"]["Item"]  # type: ignore[no-any-return]
    update = write["Update"]
    return client.get_item(TableName=update["TableName"], Key=update["Key"], ConsistentRead=True)["Item"]  # type: ignore[no-any-return]


def _sizes_read(request: dict[str, Any], answer: dict[str, Any]) -> list[int]:
    """The size of each item that was asked for by key, 0 where there is none."""
    if "Key" in request:
        return [item_bytes(answer.get("Item", {}))]
    sizes = []
    for table, wanted in request["RequestItems"].items():
        found = [item_bytes(item) for item in answer["Responses"].get(table, [])]
        sizes += found + [0] * (len(wanted["Keys"]) - len(found))
    return sizes


def _reads(size_bytes: int, *, is_strong: bool) -> float:
    return max(1, -(-size_bytes // 4096)) * (1.0 if is_strong else 0.5)


def _kilobytes(item: dict[str, Any]) -> int:
    return -(-item_bytes(item) // 1024)
