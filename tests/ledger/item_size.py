"""The size of an item by DynamoDB's own rules, and the write units of a transaction.

Source: the DynamoDB developer guide, "Item sizes and formats": names and strings count their UTF-8 bytes, a number
about one byte per two significant digits plus one, a map or list three bytes plus one per element, a boolean or null
one byte.
"""

from __future__ import annotations

from typing import Any


def item_bytes(typed: dict[str, Any]) -> int:
    """Bytes of a whole item in typed form."""
    return sum(len(name.encode()) + _value_bytes(value) for name, value in typed.items())


def transaction_units(writes: list[dict[str, Any]]) -> int:
    """Write units of a transaction, indexes apart: two per started kilobyte and item.

    An updated item counts as its key and the values it is given: what is updated here (counters) holds nothing else.
    """
    return sum(2 * -(-_written_bytes(write) // 1024) for write in writes)


def _written_bytes(write: dict[str, Any]) -> int:
    if "Put" in write:
        return item_bytes(write["Put"]["Item"])
    if "ConditionCheck" in write:
        return item_bytes(write["ConditionCheck"]["Key"])
    return item_bytes({**write["Update"]["Key"], **write["Update"].get("ExpressionAttributeValues", {})})


def _value_bytes(typed: dict[str, Any]) -> int:
    ((kind, value),) = typed.items()
    if kind == "S":
        return len(value.encode())
    if kind == "B":
        return len(bytes(value))
    if kind == "N":
        digits = str(value).lstrip("-").strip("0") or "0"
        return (len(digits) + 1) // 2 + 1 + str(value).startswith("-")
    if kind == "M":
        return 3 + sum(1 + len(name.encode()) + _value_bytes(part) for name, part in value.items())
    if kind == "L":
        return 3 + sum(1 + _value_bytes(part) for part in value)
    return 1
