"""Payments and their gifts in the spending table: one row a payment, so that each gives once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import Also, stamp
from chalicelib.runtime.dynamo import (
    Cancelled,
    Client,
    ConditionFailed,
    Item,
    batch_get,
    client,
    conditional,
    decode_item,
    encode_item,
    transact,
)
from chalicelib.runtime.settings import settings
from chalicelib.spending.gifts.plan import Payment


class GiftState(StrEnum):
    """What came of a payment."""

    UNKNOWN = "unknown"
    """Only refunds of it were told so far."""
    WAITING = "waiting"
    """Its payer is no member yet."""
    GIVEN = "given"
    NONE = "none"
    """No plan was met, or the member has had its gift often enough."""
    TAKEN_BACK = "taken_back"
    """The payment came back whole, and so did what was not used."""


class Gift(NamedTuple):
    """A payment, and what was given for it."""

    payment: Payment
    state: GiftState
    plan_id: str = ""
    member_id: str = ""
    codes: tuple[str, ...] = ()
    message: str = ""
    path: str = ""
    taken_back: bool = False
    """Whether the plan takes back what a refunded payment brought."""
    is_told: bool = False
    """Whether the payer's message is queued."""
    refunds: Mapping[str, int] = MappingProxyType({})
    """Fen of each refund that was told, by its number."""
    version: int = 1


@dataclass(frozen=True, slots=True)
class GiftsTable:
    """The gifts of one stage, over a low-level client."""

    dynamo: Client
    name: str

    def gift(self, platform: str, number: str) -> Gift | None:
        """What came of a payment, strongly read."""
        key = encode_item(_key(platform, number))
        found = self.dynamo.get_item(TableName=self.name, Key=key, ConsistentRead=True).get("Item")
        return _gift(decode_item(found)) if found else None

    def keep(self, gift: Gift) -> Gift:
        """Write a payment's first row; what stands where there is one already."""
        try:
            conditional(self.dynamo, "put_item", **self._put(gift))
        except ConditionFailed as failed:
            if failed.item is None:
                raise
            return _gift(failed.item)
        return gift

    def give(self, gift: Gift, also: Sequence[Also]) -> bool:
        """Write a gift at the version before it together with what is given, all or nothing; False when its row had
        changed. Raises the refusal of a write in `also`.
        """
        try:
            transact(self.dynamo, [{"Put": self._put(gift)}, *(one.write for one in also)])
        except Cancelled as cancelled:
            if cancelled.reasons[0].code == "ConditionalCheckFailed":
                return False
            for one, reason in zip(also, cancelled.reasons[1:], strict=True):
                if reason.code == "ConditionalCheckFailed":
                    raise one.refusal from None
            raise
        return True

    def had(self, plan_id: str, member_ids: Sequence[str]) -> int:
        """How many gifts of a plan these members have had in all, strongly read."""
        keys = [_limit_key(plan_id, member_id) for member_id in member_ids]
        return sum(decode_item(item)["pieces"] for item in batch_get(self.dynamo, self.name, keys))

    def counted(self, plan_id: str, member_id: str, most: int) -> Also:
        """The write that counts a gift against what a member may have of a plan."""
        update: Mapping[str, Any] = {
            "TableName": self.name,
            "Key": encode_item(_limit_key(plan_id, member_id)),
            "UpdateExpression": "ADD pieces :one",
            "ConditionExpression": "(attribute_not_exists(pieces) AND :most > :none) OR pieces < :most",
            "ExpressionAttributeValues": encode_item({":one": 1, ":most": most, ":none": 0}),
        }
        return Also({"Update": update}, JifenError(Code.PURCHASE_LIMIT))

    def _put(self, gift: Gift) -> dict[str, Any]:
        put: dict[str, Any] = {"TableName": self.name, "Item": encode_item(_item(gift))}
        if gift.version == 1:
            return {**put, "ConditionExpression": "attribute_not_exists(pk)"}
        values = encode_item({":before": gift.version - 1})
        return {**put, "ConditionExpression": "version = :before", "ExpressionAttributeValues": values}


def _limit_key(plan_id: str, member_id: str) -> Item:
    return {"pk": f"LIMIT#gift:{plan_id}#{member_id}", "sk": "ever"}


def _key(platform: str, number: str) -> Item:
    return {"pk": f"PAYMENT#{platform}#{number}", "sk": "GIFT"}


def _item(gift: Gift) -> Item:
    payment = gift.payment
    item: Item = {
        **_key(payment.platform, payment.number),
        "buyer_id": payment.buyer_id,
        "paid_fen": payment.paid_fen,
        "paid_at": stamp(payment.paid_at),
        "state": str(gift.state),
        "version": gift.version,
    }
    more = {
        "plan": gift.plan_id,
        "member_id": gift.member_id,
        "codes": list(gift.codes),
        "message": gift.message,
        "path": gift.path,
        "taken_back": gift.taken_back,
        "told": gift.is_told,
        "refunds": dict(gift.refunds),
    }
    return item | {name: value for name, value in more.items() if value}


def _gift(item: Item) -> Gift:
    _, platform, number = item["pk"].split("#", 2)
    payment = Payment(platform, number, item["buyer_id"], item["paid_fen"], datetime.fromisoformat(item["paid_at"]))
    return Gift(
        payment=payment,
        state=GiftState(item["state"]),
        plan_id=item.get("plan", ""),
        member_id=item.get("member_id", ""),
        codes=tuple(item.get("codes", ())),
        message=item.get("message", ""),
        path=item.get("path", ""),
        taken_back=item.get("taken_back", False),
        is_told=item.get("told", False),
        refunds=item.get("refunds", {}),
        version=item["version"],
    )


def open_gifts() -> GiftsTable:
    """The stage's gifts."""
    return GiftsTable(client(), settings().spending_table)
