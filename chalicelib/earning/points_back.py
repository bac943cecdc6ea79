"""Refunds of orders that points paid a part of: told to whoever took the points, by a queue.

An order may be settled any number of times: it tells all its refunds each time, and who hears of them knows those he
has had.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from chalicelib.earning.order import Order
from chalicelib.ledger.model import stamp


class ToldRefund(NamedTuple):
    """A refund that has happened, its amounts in fen as on the order."""

    platform: str
    order_no: str
    refund_no: str
    refunded_fen: int
    freight_fen: int
    lines: Mapping[str, int]
    """By line number."""
    received_at: datetime


def tell_refunds(order: Order, send: Callable[[Sequence[str]], None]) -> int:
    """Send each refund of an order of which points paid a part; how many. Raises what `send` raises."""
    paid = order.paid
    if paid is None or not paid.points_fen or not order.refunds:
        return 0
    refunds = sorted(order.refunds.values(), key=lambda one: (one.received_at, one.refund_no))
    told = [
        ToldRefund(
            paid.platform,
            paid.order_no,
            one.refund_no,
            one.refunded_fen,
            one.freight_fen,
            dict(one.lines),
            one.received_at,
        )
        for one in refunds
    ]
    send([json.dumps({**one._asdict(), "received_at": stamp(one.received_at)}, separators=(",", ":")) for one in told])
    return len(told)


def told_refund(message: str) -> ToldRefund:
    """The refund a message tells."""
    told = json.loads(message)
    return ToldRefund(**{**told, "received_at": datetime.fromisoformat(told["received_at"])})
