"""How many points may pay for a basket, and why no more. Pure.

Points are never refused for being too many: as many are used as the terms allow.
"""

from __future__ import annotations

from typing import NamedTuple

from chalicelib.programme.deduction import WHOLE_BP, Deduction
from chalicelib.programme.model import PointValue
from chalicelib.programme.words import yuan
from chalicelib.spending.checkout.basket import Basket, deductible


class Allowance(NamedTuple):
    """What a member may use for a basket, and what of it he uses."""

    most_points: int
    most_fen: int
    points: int
    fen: int
    reasons: tuple[str, ...]
    """Why no more are used, in words for a member; none where it is all that was asked for."""


class _Limit(NamedTuple):
    points: int
    why: str


def allowance(
    basket: Basket, available_points: int, asked_points: int | None, deduction: Deduction, value: PointValue
) -> Allowance:
    """What `available_points` may pay of a basket; `asked_points` is what the member wants to use, None as many as he
    may.
    """
    limit = min(_limits(basket, available_points, deduction, value), key=lambda one: one.points)
    step = deduction.step_points
    most_points = limit.points // step * step
    if most_points < deduction.min_points:
        most_points = 0
    wanted = most_points if asked_points is None else min(asked_points, most_points)
    points = wanted // step * step
    if points < deduction.min_points:
        points = 0
    reasons: list[str] = []
    if asked_points is None or asked_points > most_points:
        reasons.append(limit.why)
    if points == 0:
        reasons.append(f"{deduction.min_points}分起可抵扣")
    elif points < wanted:
        reasons.append(f"积分抵扣按每{step}分一档")
    if asked_points == points:
        reasons = []
    return Allowance(most_points, value.fen_of(most_points), points, value.fen_of(points), tuple(reasons))


def ceiling_points(basket: Basket, deduction: Deduction, value: PointValue) -> int:
    """The most points that may ever be captured for a basket: its amount's limits, whatever the steps are."""
    return min(limit.points for limit in _of_the_order(basket, deduction, value))


def _limits(basket: Basket, available_points: int, deduction: Deduction, value: PointValue) -> list[_Limit]:
    own = _Limit(available_points, f"可用积分为{available_points}分")
    return [*_of_the_order(basket, deduction, value), own]


def _of_the_order(basket: Basket, deduction: Deduction, value: PointValue) -> list[_Limit]:
    if basket.coupon_fen and not deduction.with_coupon:
        return [_Limit(0, "使用优惠券的订单不能用积分抵扣")]
    open_fen = sum(deductible(basket, deduction))
    if not open_fen:
        return [_Limit(0, "这笔订单没有可用积分抵扣的金额")]
    share_fen = open_fen * deduction.max_share_bp // WHOLE_BP
    found = [_Limit(share_fen * value.points // value.fen, f"这笔订单最多可抵扣{yuan(share_fen)}")]
    if deduction.max_points_per_order is not None:
        found.append(_Limit(deduction.max_points_per_order, f"每单最多用{deduction.max_points_per_order}分"))
    return found
