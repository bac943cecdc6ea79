"""Orders as DynamoDB items. Every fact is written once by a condition; the stream then carries the whole order.

    <platform>#<order_no>   the order: what was paid, an attribute `refund:<no>` per refund, whose it is
    PARKED#<id>             a stream record that could not be posted, kept with its payload until an operator replays it

Index `changed` (changed_on = <business date>#<shard>) lists a day's changed orders for the reconciliation, `waiting`
the orders whose buyer is bound to no member yet.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from typing import Any

from chalicelib.earning.items import PAID_FEN, readable_order
from chalicelib.earning.order import Order, Paid, Refund, order_key
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import digest, stamp
from chalicelib.runtime.dynamo import (
    MAX_BATCH_GET,
    Client,
    ConditionFailed,
    Item,
    client,
    conditional,
    decode_item,
    encode_item,
)
from chalicelib.runtime.settings import settings

CHANGED_SHARDS = 8
PARKED = "parked"
MAX_REFUNDS = 40
"""Refunds of one order: its guard then stays within one kilobyte and all of them fit one transaction."""

_ADD_REFUND = (
    "SET refundable_fen = if_not_exists(refundable_fen, :zero) - :fen, "
    "refund_count = if_not_exists(refund_count, :zero) + :one, #refund = :refund, #kind = :kind, changed_on = :changed"
)
_REFUND_FITS = (
    "attribute_not_exists(#refund) AND (attribute_not_exists(input_hash) OR refundable_fen >= :fen) "
    "AND (attribute_not_exists(refund_count) OR refund_count < :most)"
)


@dataclass(frozen=True, slots=True)
class Parked:
    """A record that could not be posted; `payload` is the retry queue's message."""

    id: str
    payload: str
    parked_at: datetime


@dataclass(frozen=True, slots=True)
class OrdersTable:
    """Orders and parked records."""

    dynamo: Client
    name: str

    def put_paid(self, paid: Paid, member_id: str, received_at: datetime, received_on: date) -> bool:
        """Keep a paid order, once.

        True when it is new, False for a repeat; ORDER_CHANGED when it differs from the first.
        """
        key = order_key(paid.platform, paid.order_no)
        facts: dict[str, Any] = {
            "platform": paid.platform,
            "order_no": paid.order_no,
            "buyer_id": paid.buyer_id,
            "paid_at": stamp(paid.paid_at),
            **{name: getattr(paid, name) for name in PAID_FEN},
        }
        input_hash = digest(facts)
        values = {
            **facts,
            "kind": "order",
            "received_at": stamp(received_at),
            "changed_on": _changed_on(received_on, key),
            "input_hash": input_hash,
            **(
                {"member_id": member_id}
                if member_id
                else {"waiting_buyer": waiting_buyer(paid.platform, paid.buyer_id)}
            ),
        }
        names = {f"#{place}": name for place, name in enumerate(values)}
        sets = ", ".join(f"#{place} = :{place}" for place in range(len(values)))
        try:
            conditional(
                self.dynamo,
                "update_item",
                TableName=self.name,
                Key=encode_item({"pk": key}),
                UpdateExpression="SET refundable_fen = if_not_exists(refundable_fen, :zero) + :paid, " + sets,
                ConditionExpression="attribute_not_exists(input_hash)",
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=encode_item(
                    {":zero": 0, ":paid": paid.paid_fen, **{f":{place}": v for place, v in enumerate(values.values())}}
                ),
            )
        except ConditionFailed as failed:
            if failed.item and failed.item["input_hash"] != input_hash:
                raise JifenError(Code.ORDER_CHANGED, field="order_no") from None
            return False
        return True

    def put_refund(self, refund: Refund, received_at: datetime, received_on: date) -> bool:
        """Keep a refund on its order, once, also before the order is known.

        True when it is new, False for a repeat. Raises ORDER_CHANGED when the number stands with another amount,
        REFUND_EXCEEDS_ORDER when more would be refunded than was paid, TOO_MANY_REFUNDS beyond MAX_REFUNDS.
        """
        key = order_key(refund.platform, refund.order_no)
        kept = {
            "fen": refund.refunded_fen,
            "refunded_at": stamp(refund.refunded_at),
            "received_at": stamp(received_at),
        }
        attribute = f"refund:{refund.refund_no}"
        try:
            conditional(
                self.dynamo,
                "update_item",
                TableName=self.name,
                Key=encode_item({"pk": key}),
                UpdateExpression=_ADD_REFUND,
                ConditionExpression=_REFUND_FITS,
                ExpressionAttributeNames={"#refund": attribute, "#kind": "kind"},
                ExpressionAttributeValues=encode_item(
                    {
                        ":zero": 0,
                        ":one": 1,
                        ":most": MAX_REFUNDS,
                        ":fen": refund.refunded_fen,
                        ":refund": kept,
                        ":kind": "order",
                        ":changed": _changed_on(received_on, key),
                    }
                ),
            )
        except ConditionFailed as failed:
            standing = (failed.item or {}).get(attribute)
            if standing is None and failed.item and failed.item.get("refund_count", 0) >= MAX_REFUNDS:
                raise JifenError(Code.TOO_MANY_REFUNDS, field="refund_no") from None
            if standing is None:
                raise JifenError(Code.REFUND_EXCEEDS_ORDER, field="refunded_fen") from None
            if standing["fen"] != refund.refunded_fen:
                raise JifenError(Code.ORDER_CHANGED, field="refund_no") from None
            return False
        return True

    def bind(self, key: str, member_id: str, bound_at: datetime, bound_on: date) -> None:
        """Give a waiting order to its member, once; the stream then credits it."""
        try:
            conditional(
                self.dynamo,
                "update_item",
                TableName=self.name,
                Key=encode_item({"pk": key}),
                UpdateExpression="SET member_id = :member, bound_at = :at, changed_on = :changed REMOVE waiting_buyer",
                ConditionExpression="attribute_exists(waiting_buyer)",
                ExpressionAttributeValues=encode_item(
                    {":member": member_id, ":at": stamp(bound_at), ":changed": _changed_on(bound_on, key)}
                ),
            )
        except ConditionFailed:
            return

    def orders(self, keys: Sequence[str]) -> list[Order]:
        """The orders under `keys`, strongly read, 100 a call; one that cannot be read is logged and left out."""
        found: list[Order] = []
        for start in range(0, len(keys), MAX_BATCH_GET):
            wanted: Any = {
                self.name: {
                    "Keys": [encode_item({"pk": key}) for key in keys[start : start + MAX_BATCH_GET]],
                    "ConsistentRead": True,
                }
            }
            while wanted:
                answer = self.dynamo.batch_get_item(RequestItems=wanted)
                found += [order for item in answer["Responses"].get(self.name, []) if (order := readable_order(item))]
                wanted = answer.get("UnprocessedKeys")
        return found

    def changed_keys(self, changed_on: date) -> Iterator[list[str]]:
        """Pages of the keys of orders that changed last on a business date."""
        for shard in range(CHANGED_SHARDS):
            yield from self._keys("changed", "changed_on = :value", f"{changed_on}#{shard}")

    def waiting_keys(self, platform: str, buyer_id: str) -> Iterator[list[str]]:
        """Pages of the keys of orders that wait for this buyer's member."""
        yield from self._keys("waiting", "waiting_buyer = :value", waiting_buyer(platform, buyer_id))

    def park(self, record_id: str, payload: str, parked_at: datetime) -> None:
        """Keep a record that could not be posted; the same record is parked once."""
        item = {
            "pk": f"PARKED#{record_id}",
            "kind": "parked",
            "changed_on": PARKED,
            "payload": payload,
            "parked_at": stamp(parked_at),
        }
        self.dynamo.put_item(TableName=self.name, Item=encode_item(item))

    def parked(self, *, after_id: str, limit: int) -> list[Parked]:
        """Up to `limit` parked records by rising id, those after `after_id`."""
        values = {":parked": PARKED, ":after": f"PARKED#{after_id}"}
        page = self.dynamo.query(
            TableName=self.name,
            IndexName="changed",
            KeyConditionExpression="changed_on = :parked AND pk > :after",
            ExpressionAttributeValues=encode_item(values),
            Limit=limit,
        )
        items = [self._item(item["pk"]["S"]) for item in page["Items"]]
        return [
            Parked(item["pk"].removeprefix("PARKED#"), item["payload"], datetime.fromisoformat(item["parked_at"]))
            for item in items
            if item
        ]

    def parked_payload(self, record_id: str) -> str | None:
        """The payload of one parked record, None when there is none of that id."""
        item = self._item(f"PARKED#{record_id}")
        return str(item["payload"]) if item else None

    def _item(self, key: str) -> Item | None:
        found = self.dynamo.get_item(TableName=self.name, Key=encode_item({"pk": key}), ConsistentRead=True)
        return decode_item(found["Item"]) if "Item" in found else None

    def unpark(self, record_id: str) -> None:
        """Forget a parked record that has been replayed."""
        self.dynamo.delete_item(TableName=self.name, Key=encode_item({"pk": f"PARKED#{record_id}"}))

    def _keys(self, index: str, condition: str, value: str) -> Iterator[list[str]]:
        request: dict[str, Any] = {
            "TableName": self.name,
            "IndexName": index,
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": encode_item({":value": value}),
        }
        while True:
            page = self.dynamo.query(**request)
            yield [item["pk"]["S"] for item in page["Items"]]
            if "LastEvaluatedKey" not in page:
                return
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def waiting_buyer(platform: str, buyer_id: str) -> str:
    """The index key of a buyer who is bound to no member yet."""
    return f"{platform}#{buyer_id}"


def _changed_on(on: date, key: str) -> str:
    return f"{on}#{sha256(key.encode()).digest()[0] % CHANGED_SHARDS}"


def open_orders() -> OrdersTable:
    """The stage's orders."""
    return OrdersTable(client(), settings().orders_table)
