"""An order as its DynamoDB item: everything known of it, one attribute `refund:<number>` per refund."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from chalicelib.earning.order import Order, Paid, Refunded
from chalicelib.runtime import log
from chalicelib.runtime.dynamo import Item, decode_item

PAID_FEN = ("paid_fen", "freight_fen", "coupon_fen", "points_fen", "stored_value_fen")


def order_of(item: Item) -> Order:
    """The order a stored item (or a stream image) holds; KeyError or ValueError when it is none."""
    paid = None
    if "input_hash" in item:
        paid = Paid(
            platform=item["platform"],
            order_no=item["order_no"],
            buyer_id=item["buyer_id"],
            paid_at=datetime.fromisoformat(item["paid_at"]),
            **{name: item.get(name, 0) for name in PAID_FEN},
        )
    refunds = {
        name[7:]: Refunded(
            refund_no=name[7:],
            refunded_fen=value["fen"],
            refunded_at=datetime.fromisoformat(value["refunded_at"]),
            received_at=datetime.fromisoformat(value["received_at"]),
        )
        for name, value in item.items()
        if name.startswith("refund:")
    }
    return Order(
        key=item["pk"],
        paid=paid,
        member_id=item.get("member_id", ""),
        received_at=_instant(item.get("received_at")),
        bound_at=_instant(item.get("bound_at")),
        refunds=refunds,
    )


def readable_order(typed: Mapping[str, Any]) -> Order | None:
    """The order of a typed item; None, and a log line, when it cannot be read."""
    try:
        return order_of(decode_item(typed))
    except (KeyError, TypeError, ValueError) as error:
        log.defect("order_unreadable", error, order=str(typed.get("pk", {}).get("S", "")))
        return None


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
