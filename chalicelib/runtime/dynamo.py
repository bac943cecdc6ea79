"""DynamoDB as the rooms' `table.py` files see it: plain dicts of str, int, bool, bytes, list and dict.

Integers stay integers (boto3's own resource layer gives Decimal, which leaks out of an API as `100.0`).
Retries inside a cancelled transaction are ours: botocore retries neither the cancellation nor the throttling in it.
"""

from __future__ import annotations

import random
import time
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from chalicelib.errors import Code, JifenError

Item = dict[str, Any]
Client = Any

MAX_BATCH_GET = 100
BATCH_ATTEMPTS = 5

CHECK_REQUESTS = False
"""Whether botocore holds every request against its model before it is sent: a fifth of an operation's CPU. The tests
turn it on, so that no request gets here that it would refuse (a misspelt parameter is dropped without it).
"""


class Reason(NamedTuple):
    """Why one item of a transaction was refused: DynamoDB's code (`None` as text when it was not the cause)."""

    code: str
    item: Item | None
    """The item as it stands, when its condition failed and it exists."""


class Cancelled(Exception):
    """A transaction that wrote nothing; `reasons` stand in the order of its items."""

    def __init__(self, reasons: Sequence[Reason]) -> None:
        super().__init__(", ".join(reason.code for reason in reasons))
        self.reasons = tuple(reasons)

    def is_transient(self) -> bool:
        """Whether every refusal was contention or capacity, so that the same transaction may pass later."""
        return all(reason.code in _TRANSIENT for reason in self.reasons)


class ConditionFailed(Exception):
    """A single conditional write that was refused; `item` is what stands there, if anything does."""

    def __init__(self, item: Item | None) -> None:
        super().__init__("condition failed")
        self.item = item


_TRANSIENT = {"None", "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}


@cache
def client() -> Client:
    """The process's one low-level client: two attempts of four seconds, so that read and write fit any Lambda."""
    return service("dynamodb")


@cache
def service(name: str) -> Client:
    """A cached low-level client of any service, with bounded attempts and deadlines."""
    import boto3
    from botocore.config import Config

    config = Config(
        retries={"mode": "standard", "total_max_attempts": 2},
        connect_timeout=1,
        read_timeout=3,
        max_pool_connections=32,
        parameter_validation=CHECK_REQUESTS,
    )
    return boto3.client(name, config=config)


def encode(value: Any) -> dict[str, Any]:
    """One plain value as DynamoDB's typed form; floats and unknown types are refused."""
    kind = type(value)  # every write comes through here, and nearly all of it are these four
    if kind is str:
        return {"S": value}
    if kind is int:
        return {"N": str(value)}
    if kind is dict:
        return {"M": encode_item(value)}
    if kind is list:
        return {"L": [encode(part) for part in value]}
    return _encode_rare(value)


def _encode_rare(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, bytes):
        return {"B": value}
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, int):
        return {"N": str(value)}
    if value is None:
        return {"NULL": True}
    if isinstance(value, Mapping):
        return {"M": encode_item(value)}
    if isinstance(value, (list, tuple)):
        return {"L": [encode(part) for part in value]}
    raise TypeError(f"{type(value).__name__} cannot be stored")


def decode(typed: Mapping[str, Any]) -> Any:
    """The plain value of one typed attribute; a number that is no integer raises ValueError.

    Bytes come as bytes from DynamoDB, and as base64 in a stream's image, which reaches a function as JSON.
    """
    ((kind, value),) = typed.items()
    if kind == "N":
        return int(value)
    if kind == "M":
        return decode_item(value)
    if kind == "L":
        return [decode(part) for part in value]
    if kind == "NULL":
        return None
    if kind in ("S", "BOOL"):
        return value
    if kind == "B":
        return b64decode(value) if isinstance(value, str) else value
    raise ValueError(f"attribute type {kind} is not used here")


def encode_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """A whole item in DynamoDB's typed form."""
    typed: dict[str, Any] = {}
    for name, value in item.items():
        kind = type(value)
        if kind is str:
            typed[name] = {"S": value}
        elif kind is int:
            typed[name] = {"N": str(value)}
        else:
            typed[name] = encode(value)
    return typed


def decode_item(typed: Mapping[str, Any]) -> Item:
    """A whole item as plain values (also a stream image)."""
    plain: Item = {}
    for name, value in typed.items():
        if "S" in value:
            plain[name] = value["S"]
        elif "N" in value:
            plain[name] = int(value["N"])
        else:
            plain[name] = decode(value)
    return plain


def pages(dynamo: Client, **request: Any) -> Iterator[list[Mapping[str, Any]]]:
    """The pages of a query, items in typed form, as far as they are asked for."""
    while True:
        page = dynamo.query(**request)
        yield page["Items"]
        if "LastEvaluatedKey" not in page:
            return
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def batch_get(
    dynamo: Client, table: str, keys: Sequence[Mapping[str, Any]], rest: Callable[[int], None] | None = None
) -> list[Mapping[str, Any]]:
    """What stands under plain `keys`, strongly read, a hundred a call, in typed form and any order.

    What DynamoDB leaves unprocessed is asked for again after `rest(attempt)`; UNAVAILABLE when that does not end.
    """
    found: list[Mapping[str, Any]] = []
    for start in range(0, len(keys), MAX_BATCH_GET):
        some = [encode_item(key) for key in keys[start : start + MAX_BATCH_GET]]
        wanted: Any = {table: {"Keys": some, "ConsistentRead": True}}
        for attempt in range(BATCH_ATTEMPTS):
            answer = dynamo.batch_get_item(RequestItems=wanted)
            found += answer["Responses"].get(table, [])
            wanted = answer.get("UnprocessedKeys")
            if not wanted:
                break
            (rest or _rest)(attempt)
        else:
            raise JifenError(Code.UNAVAILABLE, retry_after_seconds=1)
    return found


def _rest(attempt: int) -> None:
    time.sleep(random.uniform(0, 0.05 * 2**attempt))


def transact(dynamo: Client, writes: Sequence[Mapping[str, Any]]) -> None:
    """Write all or nothing; every write asks for the standing item back. Raises Cancelled with reasons by position."""
    items = [
        {verb: {**write, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"} for verb, write in entry.items()}
        for entry in writes
    ]
    try:
        dynamo.transact_write_items(TransactItems=items)
    except dynamo.exceptions.TransactionCanceledException as error:
        raise Cancelled([_reason(given) for given in error.response["CancellationReasons"]]) from None


def put_once(dynamo: Client, table: str, guard: Item, items: Sequence[Item]) -> Item | None:
    """Put new items with the guard of the key that asks for them, all or nothing; the guard that stands where the key
    was used before, whose items stand too.

    Raises KEY_REUSED when it was used with another `input_hash`, Cancelled when two calls met at this instant.
    """
    new = {"TableName": table, "ConditionExpression": "attribute_not_exists(pk)"}
    try:
        transact(dynamo, [{"Put": {**new, "Item": encode_item(item)}} for item in (guard, *items)])
    except Cancelled as cancelled:
        standing = cancelled.reasons[0].item
        if standing is None:
            raise
        if standing["input_hash"] != guard["input_hash"]:
            raise JifenError(Code.KEY_REUSED) from None
        return standing
    return None


def _reason(given: Mapping[str, Any]) -> Reason:
    item = given.get("Item")
    return Reason(given.get("Code", "None"), decode_item(item) if item else None)


def conditional(dynamo: Client, verb: str, **request: Any) -> None:
    """Run one conditional write (`put_item`, `update_item`, ...); raises ConditionFailed with what stands there."""
    try:
        getattr(dynamo, verb)(ReturnValuesOnConditionCheckFailure="ALL_OLD", **request)
    except dynamo.exceptions.ConditionalCheckFailedException as error:
        item = error.response.get("Item")
        raise ConditionFailed(decode_item(item) if item else None) from None
