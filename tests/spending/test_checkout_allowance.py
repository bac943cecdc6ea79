"""How many points may pay for a basket: the terms' limits at their edges, shares that sum, and why no more are used."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.programme.deduction import WHOLE_BP, Deduction
from chalicelib.programme.model import PointValue
from chalicelib.spending.checkout.allowance import Allowance, allowance, ceiling_points
from chalicelib.spending.checkout.basket import Basket, BasketLine, coupon_fits, deductible
from chalicelib.spending.checkout.deducted import shares_of

YUAN = PointValue()
MUCH = 10**9


def terms(**given: Any) -> Deduction:
    """The demo's: from 500 points, by the hundred, a fifth after coupon, without freight."""
    return Deduction(**{"min_points": 500, "step_points": 100, "max_share_bp": 2000, **given})


def basket(*paid_fen: int, freight_fen: int = 0, coupon_fen: int = 0, **given: Any) -> Basket:
    lines = tuple(BasketLine(str(place), "sku", "bikes", 1, fen, **given) for place, fen in enumerate(paid_fen, 1))
    return Basket(lines, freight_fen, coupon_fen)


def used(one: Basket, asked: int | None = None, available: int = MUCH, **given: Any) -> Allowance:
    return allowance(one, available, asked, terms(**given), YUAN)


def points(one: Basket, asked: int | None = None, available: int = MUCH, **given: Any) -> int:
    return used(one, asked, available, **given).points


def test_a_fifth_of_what_is_left_to_pay_may_be_paid_with_points() -> None:
    assert used(basket(10_000)) == Allowance(2000, 2000, 2000, 2000, ("这笔订单最多可抵扣20元",))


@pytest.mark.parametrize(
    ("paid_fen", "expected"), [(2_499, 0), (2_500, 500), (2_999, 500), (3_000, 600), (1, 0), (0, 0)]
)
def test_the_least_points_need_an_order_of_which_they_are_a_fifth_and_steps_are_whole(
    paid_fen: int, expected: int
) -> None:
    assert points(basket(paid_fen)) == expected


def test_more_points_than_the_order_allows_are_not_refused_but_fewer_are_used_and_why_is_said() -> None:
    assert used(basket(10_000), 5000) == Allowance(2000, 2000, 2000, 2000, ("这笔订单最多可抵扣20元",))
    assert points(basket(10_000), 5000, max_share_bp=WHOLE_BP) == 5000
    assert points(basket(10_000), MUCH, max_share_bp=WHOLE_BP) == 10_000


@pytest.mark.parametrize(
    ("asked", "expected", "reasons"),
    [
        (2000, 2000, ()),
        (1999, 1900, ("积分抵扣按每100分一档",)),
        (500, 500, ()),
        (499, 0, ("500分起可抵扣",)),
        (1, 0, ("500分起可抵扣",)),
    ],
)
def test_what_is_asked_for_is_rounded_down_to_a_step(asked: int, expected: int, reasons: tuple[str, ...]) -> None:
    found = used(basket(10_000), asked)

    assert (found.points, found.reasons) == (expected, reasons)


@pytest.mark.parametrize(("available", "expected"), [(499, 0), (500, 500), (1_999, 1900), (0, 0)])
def test_no_more_than_the_member_has_is_used(available: int, expected: int) -> None:
    found = used(basket(10_000), None, available)

    assert found.points == expected
    assert f"可用积分为{available}分" in found.reasons


def test_no_more_than_the_most_per_order_is_used() -> None:
    found = used(basket(100_000), max_points_per_order=1_250)

    assert (found.points, found.reasons) == (1200, ("每单最多用1250分",))


def test_the_coupon_comes_off_before_the_share_and_the_freight_counts_only_where_the_terms_say_so() -> None:
    order = basket(10_000, freight_fen=5_000, coupon_fen=5_000)

    assert points(order) == 1000
    assert points(order, covers_freight=True) == 2000


def test_an_order_with_a_coupon_uses_no_points_where_the_terms_say_so() -> None:
    found = used(basket(10_000, coupon_fen=1), with_coupon=False)

    assert (found.points, found.reasons[0]) == (0, "使用优惠券的订单不能用积分抵扣")
    assert points(basket(10_000), with_coupon=False) == 2000


def test_excluded_goods_neither_count_nor_get_a_share() -> None:
    lines = (
        BasketLine("1", "gift", "bikes", 1, 10_000),
        BasketLine("2", "bike", "gifts", 1, 10_000),
        BasketLine("3", "bike", "bikes", 1, 10_000),
    )
    deduction = terms(excluded_skus=("gift",), excluded_categories=("gifts",))

    assert deductible(Basket(lines), deduction) == (0, 0, 10_000, 0)
    assert allowance(Basket(lines), MUCH, None, deduction, YUAN).points == 2000
    assert allowance(Basket(lines[:2]), MUCH, None, deduction, YUAN).reasons == (
        "这笔订单没有可用积分抵扣的金额",
        "500分起可抵扣",
    )


def test_a_coupon_is_taken_off_the_lines_that_state_it_and_the_rest_of_it_off_all() -> None:
    lines = (BasketLine("1", "", "", 1, 600, 500), BasketLine("2", "", "", 1, 300), BasketLine("3", "", "", 1, 0))

    assert deductible(Basket(lines, 100, 500), terms(covers_freight=True)) == (100, 300, 0, 100)
    assert deductible(Basket(lines, 100, 700), terms(covers_freight=True)) == (50, 150, 0, 100)
    assert deductible(Basket(lines, 100, 960), terms(covers_freight=True)) == (0, 0, 0, 40)
    assert deductible(Basket(lines, 100, 960), terms()) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("one", "fits"),
    [
        (basket(100, coupon_fen=100), True),
        (basket(100, coupon_fen=101), False),
        (basket(100, freight_fen=1, coupon_fen=101), True),
        (Basket((BasketLine("1", "", "", 1, 100, 101), BasketLine("2", "", "", 1, 100)), 0, 101), False),
        (Basket((BasketLine("1", "", "", 1, 100, 50),), 0, 49), False),
    ],
)
def test_a_coupon_takes_off_no_more_than_there_is(one: Basket, fits: bool) -> None:
    assert coupon_fits(one) is fits


def test_a_value_of_points_that_is_no_yuan_is_kept_to_whole_fen() -> None:
    value = PointValue(points=3, fen=2)
    found = allowance(basket(1_000), MUCH, None, terms(min_points=3, step_points=3, max_share_bp=WHOLE_BP), value)

    assert (found.points, found.fen) == (1500, 1000)
    assert allowance(basket(999), MUCH, None, terms(min_points=3, step_points=3), value).points == 297


FEN = st.integers(0, 30_000)
LINES = st.lists(st.tuples(FEN, st.booleans(), st.integers(0, 10_000)), min_size=1, max_size=12)


@st.composite
def baskets(draw: st.DrawFn) -> Basket:
    """Orders as a shop may send them: lines of nothing, of a fen, with and without a share of the coupon."""
    lines = tuple(
        BasketLine(str(place), "gift" if excluded else "bike", "", 1, fen, fen * bp // WHOLE_BP)
        for place, (fen, excluded, bp) in enumerate(draw(LINES))
    )
    freight_fen = draw(FEN)
    stated = sum(line.coupon_fen for line in lines)
    whole = sum(line.paid_fen for line in lines) + freight_fen
    return Basket(lines, freight_fen, draw(st.integers(stated, whole)))


DEDUCTIONS = st.builds(
    lambda steps, step, most, **given: terms(
        min_points=steps * step, step_points=step, max_points_per_order=most and most + steps * step, **given
    ),
    st.integers(1, 20),
    st.sampled_from([1, 3, 50, 100]),
    st.none() | st.integers(0, 5_000),
    max_share_bp=st.integers(1, WHOLE_BP),
    with_coupon=st.booleans(),
    covers_freight=st.booleans(),
    excluded_skus=st.sampled_from([(), ("gift",)]),
)
VALUES = st.sampled_from([PointValue(), PointValue(points=1, fen=1), PointValue(points=1, fen=7)])


@given(baskets(), DEDUCTIONS, VALUES, st.integers(0, 10**7), st.none() | st.integers(1, 10**9))
def test_whatever_is_asked_shares_sum_and_no_limit_is_passed(
    one: Basket, deduction: Deduction, value: PointValue, available: int, asked: int | None
) -> None:
    found = allowance(one, available, asked, deduction, value)
    weights = deductible(one, deduction)
    shares = shares_of(one, weights, found.points, found.fen)

    open_fen = sum(weights)
    assert min(weights) >= 0
    assert found.fen * WHOLE_BP <= open_fen * deduction.max_share_bp
    assert found.points <= min(available, asked or available, deduction.max_points_per_order or available)
    assert found.points <= found.most_points <= max(ceiling_points(one, deduction, value), 0)
    assert found.points % deduction.step_points == 0
    assert found.points == 0 or found.points >= deduction.min_points
    assert (sum(share.points for share in shares), sum(share.fen for share in shares)) == (found.points, found.fen)
    assert all(0 <= share.fen <= weight for share, weight in zip(shares, weights, strict=True))
    assert found.points == asked or found.reasons
