"""An order as its DynamoDB item: everything known of it, one attribute `refund:<number>` per refund.

Facts that are zero or empty are left out, so that an order without lines is stored as briefly as before there were any.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from chalicelib.earning.order import Line, Order, Paid, Refund, Refunded, RefundedLine, Waiting, fitted
from chalicelib.ledger.model import stamp
from chalicelib.runtime import log
from chalicelib.runtime.dynamo import Item, decode_item

PAID_FEN = ("paid_fen", "freight_fen", "coupon_fen", "points_fen", "stored_value_fen")
REFUND = "refund:"
WAITING = "claim:"
SOLD_BY = ("store_id", "guide_id")
PHONE = ("phone", "phone_tail")
"""Digests: a key that changed must not make a repeated order another one, so they are no part of what is hashed."""


def paid_facts(paid: Paid) -> Item:
    """What a paid order states, as stored and hashed; its lines by number, so that their order makes no difference."""
    facts: Item = {
        "platform": paid.platform,
        "order_no": paid.order_no,
        "buyer_id": paid.buyer_id,
        "paid_at": stamp(paid.paid_at),
        **{name: getattr(paid, name) for name in PAID_FEN},
    }
    if paid.lines:
        facts["lines"] = [list(line) for line in sorted(paid.lines)]
    if paid.is_pos:
        facts["is_pos"] = True
    return facts | {name: value for name in SOLD_BY if (value := getattr(paid, name))}


def phone_facts(paid: Paid) -> Item:
    """The digests of the buyer's phone, as far as they are known."""
    return {name: value for name in PHONE if (value := getattr(paid, name))}


def waiting_facts(claim: Waiting) -> Item:
    """A waiting claim as it stands on its order."""
    facts: Item = {"at": stamp(claim.claimed_at), "on": claim.claimed_on.isoformat(), "since": stamp(claim.since)}
    if claim.paid_fen is not None:
        facts["fen"] = claim.paid_fen
    return facts | ({"tail": claim.phone_tail} if claim.phone_tail else {})


def refund_facts(refund: Refund) -> Item:
    """What a refund states, as stored."""
    facts: Item = {"fen": refund.refunded_fen, "refunded_at": stamp(refund.refunded_at)}
    if refund.freight_fen:
        facts["freight_fen"] = refund.freight_fen
    if refund.charged_fen:
        facts["charged_fen"] = refund.charged_fen
    if refund.lines:
        facts["lines"] = {line.line_no: line.refunded_fen for line in refund.lines}
    return facts


def order_of(item: Item) -> Order:
    """The order a stored item (or a stream image) holds; KeyError, TypeError or ValueError when it is none."""
    paid = None
    if "input_hash" in item:
        paid = Paid(
            platform=item["platform"],
            order_no=item["order_no"],
            buyer_id=item["buyer_id"],
            paid_at=datetime.fromisoformat(item["paid_at"]),
            **{name: item.get(name, 0) for name in PAID_FEN},
            lines=tuple(Line(*line) for line in item.get("lines", ())),
            is_pos=item.get("is_pos", False),
            **{name: item.get(name, "") for name in (*SOLD_BY, *PHONE)},
        )
    refunds = {
        name[len(REFUND) :]: _refunded(name[len(REFUND) :], facts)
        for name, facts in item.items()
        if name.startswith(REFUND)
    }
    return Order(
        key=item["pk"],
        paid=paid,
        member_id=item.get("member_id", ""),
        received_at=_instant(item.get("received_at")),
        bound_at=_instant(item.get("bound_at")),
        refunds=fitted(paid, refunds.values()) if paid and refunds else refunds,
        goods_received_at=_instant(item.get("goods_received_at")),
        goods_received_seen_at=_instant(item.get("goods_received_seen_at")),
        waiting=_waiting(item),
        bound_by=item.get("bound_by", ""),
        bound_why=item.get("bound_why", ""),
    )


def readable_order(typed: Mapping[str, Any]) -> Order | None:
    """The order of a typed item; None, and a log line, when it cannot be read."""
    try:
        return order_of(decode_item(typed))
    except (KeyError, TypeError, ValueError) as error:
        log.defect("order_unreadable", error, order=str(typed.get("pk", {}).get("S", "")))
        return None


def _waiting(item: Item) -> tuple[Waiting, ...]:
    """The earliest first; of two at one instant the lower member id, so that every reader has the same order."""
    found = [
        Waiting(
            member_id=name.removeprefix(WAITING),
            claimed_at=datetime.fromisoformat(facts["at"]),
            claimed_on=date.fromisoformat(facts["on"]),
            since=datetime.fromisoformat(facts["since"]),
            paid_fen=facts.get("fen"),
            phone_tail=facts.get("tail", ""),
        )
        for name, facts in item.items()
        if name.startswith(WAITING)
    ]
    return tuple(sorted(found, key=lambda claim: (claim.claimed_at, claim.member_id)))


def _refunded(refund_no: str, facts: Mapping[str, Any]) -> Refunded:
    return Refunded(
        refund_no=refund_no,
        refunded_fen=facts["fen"],
        refunded_at=datetime.fromisoformat(facts["refunded_at"]),
        received_at=datetime.fromisoformat(facts["received_at"]),
        freight_fen=facts.get("freight_fen", 0),
        charged_fen=facts.get("charged_fen", 0),
        lines=tuple(RefundedLine(*line) for line in sorted(facts.get("lines", {}).items())),
    )


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
