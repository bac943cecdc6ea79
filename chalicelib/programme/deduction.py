"""How far points may pay for an order at the brand's own checkout (积分抵扣), and how members are told so. Pure.

What a point is worth is no business of this: `point_value` says it, for deductions as for everything else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from chalicelib.ledger.document import Ge, Le, Len, document
from chalicelib.programme.words import value_words, yuan

Plain = Mapping[str, Any]
Fault = tuple[str, str]
WHOLE_BP = 10_000
Goods = Annotated[str, Len(1, 64)]


@document
class Deduction:
    """From `min_points` on, in steps, up to a share of what is left to pay after coupons."""

    min_points: Annotated[int, Ge(1), Le(10**9)]
    step_points: Annotated[int, Ge(1), Le(10**9)]
    max_points_per_order: Annotated[int, Ge(1), Le(10**9)] | None = None
    max_share_bp: Annotated[int, Ge(1), Le(WHOLE_BP)]
    """Basis points of what is left to pay, after coupons, for what points may pay for at all."""
    with_coupon: bool = True
    """Whether an order with a coupon may use points, too."""
    covers_freight: bool = False
    excluded_skus: Annotated[tuple[Goods, ...], Len(0, 500)] = ()
    excluded_categories: Annotated[tuple[Goods, ...], Len(0, 100)] = ()
    hold_minutes: Annotated[int, Ge(5), Le(1440)] = 30
    """How long points are held for an order that is not paid yet, once its quote has ended."""


def faults_of_deduction(deduction: Deduction, value_points: int, value_fen: int) -> Iterator[Fault]:
    """What its fields say only together, `value_points` being worth `value_fen`."""
    if deduction.step_points * value_fen % value_points:
        yield "step_points", "按积分价值折算不是整数分"
    if deduction.min_points % deduction.step_points:
        yield "min_points", "应为step_points的整数倍"
    most = deduction.max_points_per_order
    if most is not None and most < deduction.min_points:
        yield "max_points_per_order", "小于min_points"
    for name, listed in (
        ("excluded_skus", deduction.excluded_skus),
        ("excluded_categories", deduction.excluded_categories),
    ):
        if len(set(listed)) < len(listed):
            yield name, "有重复项"


def worse_deduction(before: Plain | None, after: Plain | None) -> Iterator[tuple[str, Any, Any]]:
    """(path, before, after) of what members lose: that points pay at all, for how much, for which goods."""
    if before is None or before == after:
        return
    if after is None:
        yield "deduction", deduction_words(before, None)[0], None
        return
    judged = {
        "min_points": after["min_points"] > before["min_points"],
        "step_points": before["step_points"] % after["step_points"] != 0,
        "max_points_per_order": _most(after) < _most(before),
        "max_share_bp": after["max_share_bp"] < before["max_share_bp"],
        "with_coupon": before["with_coupon"] and not after["with_coupon"],
        "covers_freight": before["covers_freight"] and not after["covers_freight"],
        "excluded_skus": not set(after["excluded_skus"]) <= set(before["excluded_skus"]),
        "excluded_categories": not set(after["excluded_categories"]) <= set(before["excluded_categories"]),
        "hold_minutes": after["hold_minutes"] < before["hold_minutes"],
    }
    for name, is_worse in judged.items():
        if is_worse:
            yield f"deduction.{name}", before[name], after[name]


def _most(deduction: Plain) -> float:
    most = deduction["max_points_per_order"]
    return float("inf") if most is None else most


def deduction_words(deduction: Plain | None, value: Plain | None) -> list[str]:
    """How far points pay for an order, in words for members, with what they are worth where that is given."""
    if deduction is None:
        return []
    share_bp, step = deduction["max_share_bp"], deduction["step_points"]
    found = [f"{deduction['min_points']}分起可抵扣" + (f",每{step}分一档" if step > 1 else "")]
    if value:
        found.append(value_words(value))
    share = f"{share_bp // 100}.{share_bp % 100:02d}".rstrip("0").rstrip(".")
    freight = "含运费" if deduction["covers_freight"] else "不含运费"
    excludes = bool(deduction["excluded_skus"] or deduction["excluded_categories"])
    goods = "参与抵扣的商品" if excludes else ""
    found.append(f"每单最多抵扣{goods}优惠后应付金额的{share}%({freight})")
    if deduction["max_points_per_order"] is not None:
        found.append(f"每单最多用{deduction['max_points_per_order']}分")
    if not deduction["with_coupon"]:
        found.append("使用优惠券的订单不能抵扣")
    if excludes:
        found.append("部分商品不参与抵扣")
    found.append(f"未付款的订单为您预留积分至少{deduction['hold_minutes']}分钟")
    return found


def least_payable_fen(deduction: Deduction, value_points: int, value_fen: int) -> int:
    """The smallest amount to pay for which any points may be used."""
    worth_fen = deduction.min_points * value_fen // value_points
    return -(-worth_fen * WHOLE_BP // deduction.max_share_bp)


def out_of_reach_words(least_fen: int) -> str:
    """What a brand is told when only orders beyond any usual size could use points."""
    return f"订单满{yuan(least_fen)}才可能用积分抵扣,请降低最低积分或提高抵扣比例"
