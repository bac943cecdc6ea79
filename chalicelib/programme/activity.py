"""What a member did that a rule may answer with points. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from chalicelib.ledger.check_in_days import CheckInDays

MAX_ORDER_FEN = 10**9
"""Ten million yuan: more than any order; one point a fen still fits one operation."""


@dataclass(frozen=True, slots=True)
class CheckedIn:
    """A check-in on a business date; `days` already holds it."""

    on: date
    days: CheckInDays


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordered:
    """A paid order, less what was refunded; amounts in fen."""

    paid_fen: int
    freight_fen: int = 0
    coupon_fen: int = 0
    points_fen: int = 0
    stored_value_fen: int = 0
    refunded_fen: int = 0


Activity = CheckedIn | Ordered
