"""What a message of Doudian's says, as a record of the order feed. Pure.

Its orders name no buyer, for whom they are encrypted: each waits alone, until somebody shows its number.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.connect.told import epoch, name, whole

PLATFORM = "douyin"
PROBE = "0"
"""The tag by which Doudian asks whether anybody listens."""
TAGS: Mapping[str, str] = {"paid": "101", "received": "103", "refunded": "206"}
"""Which tag tells what, unless the stage's account says otherwise."""
CASH_ON_DELIVERY = 0

Record = dict[str, Any]


def record_of(tag: str, told: Mapping[str, Any], tags: Mapping[str, str]) -> Record | None:
    """The record of a message; None for one that moves no money or goods. Raises JifenError for what is not as agreed.

    Amounts come in fen, order numbers as numbers or texts.
    """
    if tag == tags["paid"]:
        return _paid(told)
    if tag == tags["received"]:
        return _of_order("receipt", told) | {"received_at": epoch(told, "complete_time")}
    if tag == tags["refunded"]:
        refunded_fen = whole(told, "refund_amount")
        if not refunded_fen:
            return None  # an exchange
        return _of_order("refund", told) | {
            "refund_no": name(told, "aftersale_id"),
            "refunded_fen": refunded_fen,
            "refunded_at": epoch(told, "success_time"),
        }
    return None


def _paid(told: Mapping[str, Any]) -> Record | None:
    """A paid order; one that is to be paid at the door was only confirmed."""
    if told.get("pay_type") == CASH_ON_DELIVERY:
        return None
    order = _of_order("paid", told)
    return order | {
        "buyer_id": f"order-{order['order_no']}",
        "paid_at": epoch(told, "pay_time"),
        "paid_fen": whole(told, "pay_amount"),
    }


def _of_order(kind: str, told: Mapping[str, Any]) -> Record:
    return {"kind": kind, "platform": PLATFORM, "order_no": name(told, "p_id")}
