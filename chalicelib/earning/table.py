"""Orders as DynamoDB items. Every fact is written once by a condition; the stream then carries the whole order.

    <platform>#<order_no>   the order: what was paid, when the goods came, an attribute `refund:<no>` per
                            refund, whose it is
    PARKED#<id>             a stream record that could not be posted, kept with its payload until an operator replays it

Index `changed` (changed_on = <business date>#<shard>) lists a day's changed orders for the reconciliation, `waiting`
the orders whose buyer is bound to no member yet, `phone` those of them that came with a phone number. Claims that wait
on an order are written by claims_table.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from typing import NamedTuple

from chalicelib.earning.items import REFUND, order_of, paid_facts, phone_facts, readable_order, refund_facts
from chalicelib.earning.order import GoodsReceived, Order, Paid, Refund, order_key, why_not
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import digest, stamp
from chalicelib.runtime.dynamo import (
    Client,
    ConditionFailed,
    Item,
    batch_get,
    client,
    conditional,
    decode_item,
    encode_item,
    pages,
)
from chalicelib.runtime.settings import settings

CHANGED_SHARDS = 8
PARKED = "parked"


class Parked(NamedTuple):
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
        facts = paid_facts(paid)
        input_hash = digest(facts)
        values = {
            **facts,
            "kind": "order",
            "received_at": stamp(received_at),
            "changed_on": changed_on(received_on, key),
            "input_hash": input_hash,
            **phone_facts(paid),
        }
        if member_id:
            values["member_id"] = member_id
        else:
            values["waiting_buyer"] = waiting_buyer(paid.platform, paid.buyer_id)
            values |= {"waiting_phone": paid.phone} if paid.phone else {}
        try:
            self._set(key, values, "attribute_not_exists(input_hash)")
        except ConditionFailed as failed:
            if failed.item and failed.item["input_hash"] != input_hash:
                raise JifenError(Code.ORDER_CHANGED, field="order_no") from None
            return False
        return True

    def put_refund(self, refund: Refund, received_at: datetime, received_on: date) -> bool:
        """Keep a refund on its order, once, also before the order is known.

        True when it is new, False for a repeat. Raises ORDER_CHANGED when the number stands with other content, and
        what `why_not` has against it: written is only what was decided on the order as it stands.
        """
        key = order_key(refund.platform, refund.order_no)
        attribute = f"{REFUND}{refund.refund_no}"
        facts = refund_facts(refund)
        standing = self._item(key) or {}
        while True:
            if attribute in standing:
                stated = {name: value for name, value in standing[attribute].items() if name != "received_at"}
                if stated != facts:
                    raise JifenError(Code.ORDER_CHANGED, field="refund_no")
                return False
            if refusal := why_not(refund, order_of({**standing, "pk": key})):
                raise refusal
            values = {
                "kind": "order",
                "changed_on": changed_on(received_on, key),
                "refund_count": standing.get("refund_count", 0) + 1,
                attribute: {**facts, "received_at": stamp(received_at)},
            }
            try:
                self._set(key, values, *_unchanged(standing))
                return True
            except ConditionFailed as failed:
                # The order or another refund came in between; this ends, for neither happens without end.
                standing = failed.item or {}

    def put_goods_received(self, receipt: GoodsReceived, seen_at: datetime, seen_on: date) -> bool:
        """Keep the receipt of an order's goods, once, also before the order is known.

        True when it is new, False for a repeat; ORDER_CHANGED when another instant stands: the first one stays.
        """
        key = order_key(receipt.platform, receipt.order_no)
        received_at = stamp(receipt.received_at)
        values = {
            "kind": "order",
            "changed_on": changed_on(seen_on, key),
            "goods_received_at": received_at,
            "goods_received_seen_at": stamp(seen_at),
        }
        try:
            self._set(key, values, "attribute_not_exists(goods_received_at)")
        except ConditionFailed as failed:
            if failed.item and failed.item["goods_received_at"] != received_at:
                raise JifenError(Code.ORDER_CHANGED, field="received_at") from None
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
                UpdateExpression=(
                    "SET member_id = :member, bound_at = :at, changed_on = :changed REMOVE waiting_buyer, waiting_phone"
                ),
                ConditionExpression="attribute_exists(waiting_buyer)",
                ExpressionAttributeValues=encode_item(
                    {":member": member_id, ":at": stamp(bound_at), ":changed": changed_on(bound_on, key)}
                ),
            )
        except ConditionFailed:
            return

    def orders(self, keys: Sequence[str]) -> list[Order]:
        """The orders under `keys`, strongly read, 100 a call; one that cannot be read is logged and left out."""
        found = batch_get(self.dynamo, self.name, [{"pk": key} for key in keys])
        return [order for item in found if (order := readable_order(item))]

    def changed_keys(self, on: date) -> Iterator[list[str]]:
        """Pages of the keys of orders that changed last on a business date."""
        for shard in range(CHANGED_SHARDS):
            yield from self._keys("changed", "changed_on = :value", f"{on}#{shard}")

    def waiting_keys(self, platform: str, buyer_id: str) -> Iterator[list[str]]:
        """Pages of the keys of orders that wait for this buyer's member."""
        yield from self._keys("waiting", "waiting_buyer = :value", waiting_buyer(platform, buyer_id))

    def phone_keys(self, phone: str) -> Iterator[list[str]]:
        """Pages of the keys of orders that wait and came with this number's digest."""
        yield from self._keys("phone", "waiting_phone = :value", phone)

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

    def _set(self, key: str, values: Item, condition: str, given: Item | None = None) -> None:
        """Set an order's attributes on a condition and what it compares with; raises ConditionFailed."""
        conditional(
            self.dynamo,
            "update_item",
            TableName=self.name,
            Key=encode_item({"pk": key}),
            UpdateExpression="SET " + ", ".join(f"#{place} = :{place}" for place in range(len(values))),
            ConditionExpression=condition,
            ExpressionAttributeNames={f"#{place}": name for place, name in enumerate(values)},
            ExpressionAttributeValues=encode_item(
                {**(given or {}), **{f":{place}": value for place, value in enumerate(values.values())}}
            ),
        )

    def _item(self, key: str) -> Item | None:
        found = self.dynamo.get_item(TableName=self.name, Key=encode_item({"pk": key}), ConsistentRead=True)
        return decode_item(found["Item"]) if "Item" in found else None

    def unpark(self, record_id: str) -> None:
        """Forget a parked record that has been replayed."""
        self.dynamo.delete_item(TableName=self.name, Key=encode_item({"pk": f"PARKED#{record_id}"}))

    def _keys(self, index: str, condition: str, value: str) -> Iterator[list[str]]:
        found = pages(
            self.dynamo,
            TableName=self.name,
            IndexName=index,
            KeyConditionExpression=condition,
            ExpressionAttributeValues=encode_item({":value": value}),
        )
        for page in found:
            yield [item["pk"]["S"] for item in page]


def waiting_buyer(platform: str, buyer_id: str) -> str:
    """The index key of a buyer who is bound to no member yet."""
    return f"{platform}#{buyer_id}"


def _unchanged(standing: Item) -> tuple[str, Item]:
    """The condition that an order is as it was read: paid or not as then, with as many refunds as then."""
    is_paid = "attribute_exists(input_hash)" if "input_hash" in standing else "attribute_not_exists(input_hash)"
    if "refund_count" not in standing:
        return f"{is_paid} AND attribute_not_exists(refund_count)", {}
    return f"{is_paid} AND refund_count = :seen", {":seen": standing["refund_count"]}


def changed_on(on: date, key: str) -> str:
    """The index key of an order that changed on a business date."""
    return f"{on}#{sha256(key.encode()).digest()[0] % CHANGED_SHARDS}"


def open_orders() -> OrdersTable:
    """The stage's orders."""
    return OrdersTable(client(), settings().orders_table)
