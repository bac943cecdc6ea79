"""One order of a shop as Jifen keeps it: what was paid, what was refunded, whose it is. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    """A paid order as its platform reports it; amounts in fen. `paid_fen` is the order's whole total."""

    platform: str
    order_no: str
    buyer_id: str
    paid_at: datetime
    paid_fen: int
    freight_fen: int = 0
    coupon_fen: int = 0
    points_fen: int = 0
    stored_value_fen: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """One refund of an order; it may be heard of before the order itself."""

    platform: str
    order_no: str
    refund_no: str
    refunded_fen: int
    refunded_at: datetime


OrderFact = Paid | Refund


@dataclass(frozen=True, slots=True, kw_only=True)
class Refunded:
    """A refund as stored on its order."""

    refund_no: str
    refunded_fen: int
    refunded_at: datetime
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is known of an order: `paid` is None while only refunds arrived, `member_id` is empty while nobody is
    bound.
    """

    key: str
    paid: Paid | None
    member_id: str = ""
    received_at: datetime | None = None
    """When the edge first saw it paid: set once, the "now" of its credit."""
    bound_at: datetime | None = None
    """When a waiting order found its member, if it had to wait."""
    refunds: Mapping[str, Refunded] = field(default_factory=dict)


def order_key(platform: str, order_no: str) -> str:
    """The natural key of an order, the same for ever: `<platform>#<order number>`."""
    return f"{platform}#{order_no}"
