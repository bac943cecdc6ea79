"""Refunds of orders that points paid a part of: the checkout hears of them by the queue of behaviours, and gives back.

An order may be settled any number of times: it tells all its refunds again, and the checkout knows those it has had.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime

from chalicelib.earning.order import Order
from chalicelib.ledger.model import stamp
from chalicelib.spending.checkout.refund import Told


def tell_refunds(order: Order, send: Callable[[Sequence[str]], None]) -> int:
    """Queue each refund of an order of which points paid a part; how many. Raises what `send` raises."""
    if order.paid is None or not order.paid.points_fen or not order.refunds:
        return 0
    refunds = sorted(order.refunds.values(), key=lambda one: (one.received_at, one.refund_no))
    named = {"platform": order.paid.platform, "order_no": order.paid.order_no}
    messages = [
        {
            **named,
            "refund_no": one.refund_no,
            "refunded_fen": one.refunded_fen,
            "freight_fen": one.freight_fen,
            "lines": dict(one.lines),
            "received_at": stamp(one.received_at),
        }
        for one in refunds
    ]
    send([json.dumps({"refund_of": one}, ensure_ascii=False, separators=(",", ":")) for one in messages])
    return len(messages)


def refund_of(message: str) -> Told | None:
    """The refund a message tells, None when it is about something else."""
    told = json.loads(message).get("refund_of")
    return Told(**{**told, "received_at": datetime.fromisoformat(told["received_at"])}) if told else None
