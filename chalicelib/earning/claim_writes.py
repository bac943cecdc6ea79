"""What claims write: each method gives one item of a transaction, under a condition. No table is touched here.

Shapes are listed in claims_table.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zlib import crc32

from chalicelib.earning.items import WAITING, waiting_facts
from chalicelib.earning.order import Order, Waiting
from chalicelib.earning.order_claim import MAX_UNPROVEN_PER_DAY, MAX_WAITING, OrderClaim, State
from chalicelib.earning.table import changed_on
from chalicelib.ledger.items import notice_item
from chalicelib.ledger.model import Notice, digest, stamp
from chalicelib.runtime.dynamo import Item, encode_item

CLAIM_SHARDS = 4
"""Partitions of the due index that list waiting claims. Never to be lowered."""
KEPT = timedelta(days=366)
"""How long a lapsed claim is shown."""
DAY_KEPT = timedelta(days=8)
_UNPAID = "attribute_not_exists(input_hash) AND attribute_not_exists(refund_count)"
_NO_ORDER = f"{_UNPAID} AND attribute_not_exists(goods_received_at) AND claim_count = :one"

Write = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ClaimWrites:
    """By the names of the two tables."""

    ledger: str
    orders: str

    def put(self, claim: OrderClaim, standing: OrderClaim | None) -> Write:
        """A fresh claim where none stands, or the one that was seen."""
        key = claim.order_key
        item = {
            **claim_key(claim.member_id, key),
            "state": claim.state.value,
            "claimed_at": stamp(claim.claimed_at),
            "claimed_on": claim.claimed_on.isoformat(),
            "waits_until_on": claim.waits_until_on.isoformat(),
            "input_hash": claim.input_hash,
            "is_placed": claim.is_placed,
            "due_shard": f"claim{crc32(key.encode()) % CLAIM_SHARDS}",
            "due_key": f"{claim.waits_until_on + timedelta(days=1)}#{claim.member_id}",
        }
        put: dict[str, Any] = {"TableName": self.ledger, "Item": encode_item(item)}
        if standing is None:
            put["ConditionExpression"] = "attribute_not_exists(pk)"
        else:
            put["ConditionExpression"] = "#state = :state AND claimed_at = :at"
            put["ExpressionAttributeNames"] = {"#state": "state"}
            seen = {":state": standing.state.value, ":at": stamp(standing.claimed_at)}
            put["ExpressionAttributeValues"] = encode_item(seen)
        return {"Put": put}

    def count(self, claim: OrderClaim, per_day: int) -> Write:
        """One more claim of the day, while there may be one more."""
        return self._update(
            _day_key(claim.member_id, claim.claimed_on),
            "SET expires_epoch_s = :end ADD unproven :one, #platform :one",
            "(attribute_not_exists(unproven) OR unproven < :most) AND "
            "(attribute_not_exists(#platform) OR #platform < :per_day)",
            {
                ":end": _day_end(claim.claimed_on),
                ":one": 1,
                ":most": MAX_UNPROVEN_PER_DAY,
                ":per_day": per_day,
            },
            platform=f"t:{claim.platform}",
        )

    def proved(self, waiting: Waiting) -> Write:
        """One claim less that is not proved, of the day it was made on."""
        return self._update(
            _day_key(waiting.member_id, waiting.claimed_on),
            "SET expires_epoch_s = :end ADD unproven :less",
            "",
            {":end": _day_end(waiting.claimed_on), ":less": -1},
        )

    def own(self, key: str, waiting: Waiting, now: datetime) -> Write:
        """The claim came true, if it is still the one that was seen on the order."""
        return self._update(
            claim_key(waiting.member_id, key),
            "SET #state = :owned, decided_at = :now REMOVE due_shard, due_key",
            "#state = :waiting AND claimed_at = :at",
            {
                ":owned": State.OWNED.value,
                ":waiting": State.WAITING.value,
                ":now": stamp(now),
                ":at": stamp(waiting.claimed_at),
            },
        )

    def lapsed(self, claim: OrderClaim, now: datetime) -> Write:
        """The claim ends; forgotten a year later."""
        return self._update(
            claim_key(claim.member_id, claim.order_key),
            "SET #state = :lapsed, decided_at = :now, expires_epoch_s = :end REMOVE due_shard, due_key",
            "#state = :waiting AND claimed_at = :at",
            {
                ":lapsed": State.LAPSED.value,
                ":waiting": State.WAITING.value,
                ":now": stamp(now),
                ":at": stamp(claim.claimed_at),
                ":end": int((now + KEPT).timestamp()),
            },
        )

    def told(self, claim: OrderClaim, on: date) -> Write:
        """The member's notice of that."""
        facts = {"platform": claim.platform, "order_no": claim.order_no}
        notice = Notice(f"claim_lapsed#{digest(facts)[:16]}", on, facts)
        return {"Put": {"TableName": self.ledger, "Item": encode_item(notice_item(claim.member_id, notice))}}

    def place(self, claim: OrderClaim, waiting: Waiting, *, is_there: bool) -> Write:
        """The claim onto its order, known or not: whoever waits already only states it anew."""
        key = claim.order_key
        values: Item = {
            ":order": "order",
            ":changed": changed_on(claim.claimed_on, key),
            ":claim": waiting_facts(waiting),
        }
        change = "SET kind = :order, changed_on = :changed, #claim = :claim"
        if is_there:
            condition = "attribute_exists(#claim)"
        else:
            change += " ADD claim_count :one"
            condition = "attribute_not_exists(#claim) AND (attribute_not_exists(claim_count) OR claim_count < :most)"
            values |= {":one": 1, ":most": MAX_WAITING}
        return self._order(key, change, condition, values, claim=WAITING + claim.member_id)

    def bind(
        self, order: Order, member_id: str, bound_at: datetime, on: date, also: Mapping[str, str], *, claimed: bool
    ) -> Write:
        """The order gets its member, if it has none; his claim is taken off where he had one there."""
        values: Item = {
            ":member": member_id,
            ":at": stamp(bound_at),
            ":changed": changed_on(on, order.key),
            **{f":{name}": value for name, value in also.items()},
        }
        change = "SET member_id = :member, bound_at = :at, changed_on = :changed"
        change += "".join(f", {name} = :{name}" for name in also) + " REMOVE waiting_buyer, waiting_phone"
        condition = "attribute_exists(input_hash) AND attribute_not_exists(member_id)"
        if not claimed:
            return self._order(order.key, change, condition, values)
        values[":less"] = -1
        return self._order(
            order.key, f"{change}, #claim ADD claim_count :less", condition, values, claim=WAITING + member_id
        )

    def take_off(self, key: str, member_id: str) -> Write:
        """A claim leaves its order."""
        change = "REMOVE #claim ADD claim_count :less"
        return self._order(key, change, "attribute_exists(#claim)", {":less": -1}, claim=WAITING + member_id)

    def forget(self, key: str) -> Write:
        """An item that holds nothing but one claim goes with it."""
        return {
            "Delete": {
                "TableName": self.orders,
                "Key": encode_item({"pk": key}),
                "ConditionExpression": _NO_ORDER,
                "ExpressionAttributeValues": encode_item({":one": 1}),
            }
        }

    def _order(self, key: str, change: str, condition: str, values: Item, **names: str) -> Write:
        return _update(self.orders, {"pk": key}, change, condition, values, names)

    def _update(self, key: Item, change: str, condition: str, values: Item, **names: str) -> Write:
        named = names | ({"state": "state"} if "#state" in change else {})
        return _update(self.ledger, key, change, condition, values, named)


def _update(table: str, key: Item, change: str, condition: str, values: Item, names: Mapping[str, str]) -> Write:
    update: dict[str, Any] = {
        "TableName": table,
        "Key": encode_item(key),
        "UpdateExpression": change,
        "ExpressionAttributeValues": encode_item(values),
    }
    if condition:
        update["ConditionExpression"] = condition
    if names:
        update["ExpressionAttributeNames"] = {f"#{short}": name for short, name in names.items()}
    return {"Update": update}


def claim_key(member_id: str, key: str) -> dict[str, str]:
    return {"pk": f"OC#{member_id}", "sk": key}


def _day_key(member_id: str, on: date) -> dict[str, str]:
    return {"pk": f"OC#{member_id}", "sk": f"~{on}"}


def _day_end(on: date) -> int:
    return int((datetime.combine(on, time(), UTC) + DAY_KEPT).timestamp())


def claim_of(item: Item) -> OrderClaim:
    platform, _, order_no = item["sk"].partition("#")
    return OrderClaim(
        member_id=item["pk"].removeprefix("OC#"),
        platform=platform,
        order_no=order_no,
        state=State(item["state"]),
        claimed_at=datetime.fromisoformat(item["claimed_at"]),
        claimed_on=date.fromisoformat(item["claimed_on"]),
        waits_until_on=date.fromisoformat(item["waits_until_on"]),
        input_hash=item["input_hash"],
        is_placed=item["is_placed"],
    )
