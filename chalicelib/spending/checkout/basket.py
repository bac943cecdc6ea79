"""What a member is about to pay for, line by line, and what of it points may pay. Pure; amounts in fen."""

from __future__ import annotations

from typing import NamedTuple

from chalicelib.ledger.model import digest
from chalicelib.programme.activity import split
from chalicelib.programme.deduction import Deduction

FREIGHT = "~freight"
"""Stands for a line's number where it is about the freight; no line can have it."""


class BasketLine(NamedTuple):
    """One line, all pieces together. `paid_fen` as the order feed will tell it: what a coupon and points cover is part
    of it; `coupon_fen` is this line's share of the coupon.
    """

    line_no: str
    sku: str
    category: str
    quantity: int
    paid_fen: int
    coupon_fen: int = 0


class Basket(NamedTuple):
    """An order before points pay for any of it; `coupon_fen` is all that coupons take off, the lines' shares, too."""

    lines: tuple[BasketLine, ...]
    freight_fen: int = 0
    coupon_fen: int = 0

    @property
    def parts(self) -> tuple[BasketLine, ...]:
        """Its lines, and the freight as the last one."""
        return (*self.lines, BasketLine(FREIGHT, "", "", 1, self.freight_fen))

    @property
    def digest(self) -> str:
        """Says whether two baskets are the same."""
        return digest({"lines": self.lines, "freight_fen": self.freight_fen, "coupon_fen": self.coupon_fen})[:32]


def coupon_fits(basket: Basket) -> bool:
    """Whether no line's coupon share is more than the line, and the coupon takes off no more than there is to pay."""
    shares = [line.coupon_fen for line in basket.lines]
    total_fen = sum(line.paid_fen for line in basket.lines) + basket.freight_fen
    is_within = all(line.coupon_fen <= line.paid_fen for line in basket.lines)
    return is_within and sum(shares) <= basket.coupon_fen <= total_fen


def payable(basket: Basket) -> tuple[int, ...]:
    """What is left to pay of each part of a basket after coupons, the freight last.

    What of the coupon no line states is spread over the lines in proportion to what is left of them; the freight bears
    what they cannot.
    """
    left = [line.paid_fen - line.coupon_fen for line in basket.lines]
    unstated_fen = basket.coupon_fen - sum(line.coupon_fen for line in basket.lines)
    on_lines_fen = min(unstated_fen, sum(left))
    goods = [fen - share for fen, share in zip(left, split(on_lines_fen, left), strict=True)]
    return (*goods, basket.freight_fen - (unstated_fen - on_lines_fen))


def deductible(basket: Basket, deduction: Deduction) -> tuple[int, ...]:
    """What of that points may pay."""
    *goods, freight_fen = payable(basket)
    open_to_points = [
        0 if line.sku in deduction.excluded_skus or line.category in deduction.excluded_categories else fen
        for line, fen in zip(basket.lines, goods, strict=True)
    ]
    return (*open_to_points, freight_fen if deduction.covers_freight else 0)
