"""What refunds give back of a deduction: each line's share with the line, exactly all of it with all of the order."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import Code, JifenError
from chalicelib.programme.activity import split
from chalicelib.spending.checkout.basket import FREIGHT, Basket, BasketLine
from chalicelib.spending.checkout.deducted import (
    MAX_REFUNDS,
    Deducted,
    LineRefund,
    Share,
    fitted_after,
    given_back,
    refunded_after,
    shares_of,
)
from tests.ledger.builders import NOW


def a_deduction(
    *lines: tuple[int, int], points: int = 1000, freight_fen: int = 0, freight_counts: bool = False
) -> Deducted:
    """Of lines of (fen in money, pieces), numbered from 1, each point worth a fen."""
    weights = [*(money for money, _ in lines), freight_fen if freight_counts else 0]
    parts = [(str(place), pieces, money) for place, (money, pieces) in enumerate(lines, 1)]
    parts.append((FREIGHT, 1, freight_fen))
    own = split(points, weights)
    shares = tuple(Share(*part, share, share) for part, share in zip(parts, own, strict=True))
    return Deducted("wechat", "1", "m1", "checkout.q1", points, points, 1, NOW, shares)


def refund(
    deducted: Deducted, *lines: LineRefund, no: str = "", freight_fen: int = 0, whole_fen: int | None = None
) -> tuple[Deducted, int]:
    """(the deduction after it, points back)."""
    after = refunded_after(deducted, lines, freight_fen, whole_fen)
    changed, back = given_back(deducted, after, no or f"r{deducted.version}", input_hash="", at=NOW)
    return changed, back.points


def refused(deducted: Deducted, *lines: LineRefund, freight_fen: int = 0, whole_fen: int | None = None) -> JifenError:
    with pytest.raises(JifenError) as found:
        refunded_after(deducted, lines, freight_fen, whole_fen)
    return found.value


def test_pieces_give_back_their_part_and_the_last_one_the_rest() -> None:
    deducted, back = a_deduction((9_999, 3), points=1000), []

    for _ in range(3):
        deducted, points = refund(deducted, LineRefund("1", quantity=1))
        back.append(points)

    assert back == [333, 333, 334]


def test_a_line_is_refunded_by_fen_and_by_pieces_in_any_order() -> None:
    deducted, first = refund(a_deduction((10_000, 4), (10_000, 1)), LineRefund("1", refunded_fen=2_500))
    deducted, second = refund(deducted, LineRefund("1", quantity=3))

    assert (first, second) == (125, 375)
    assert refused(deducted, LineRefund("1", quantity=1)).code is Code.REFUND_EXCEEDS_ORDER
    assert refund(deducted, LineRefund("2", quantity=1))[1] == 500


def test_pieces_of_a_line_that_was_made_cheaper_afterwards_bring_what_is_left_of_it() -> None:
    deducted, cheaper = refund(a_deduction((10_000, 2)), LineRefund("1", refunded_fen=100))
    deducted, all_pieces = refund(deducted, LineRefund("1", quantity=2))

    assert (cheaper, all_pieces) == (10, 990)
    assert refused(deducted, LineRefund("1", quantity=1)).code is Code.REFUND_EXCEEDS_ORDER


@pytest.mark.parametrize(
    ("lines", "given_", "code", "field"),
    [
        ((LineRefund("1", quantity=5),), {}, Code.REFUND_EXCEEDS_ORDER, "lines.0"),
        ((LineRefund("1", refunded_fen=10_001),), {}, Code.REFUND_EXCEEDS_ORDER, "lines.0"),
        ((LineRefund("1", quantity=1), LineRefund("9", quantity=1)), {}, Code.ORDER_CHANGED, "lines.1.line_no"),
        ((LineRefund(FREIGHT, quantity=1),), {}, Code.ORDER_CHANGED, "lines.0.line_no"),
        ((), {"freight_fen": 501}, Code.REFUND_EXCEEDS_ORDER, "freight_fen"),
        ((), {"whole_fen": 10_501}, Code.REFUND_EXCEEDS_ORDER, "refunded_fen"),
        ((LineRefund("1", quantity=1),), {"whole_fen": 2_499}, Code.INVALID_REQUEST, "refunded_fen"),
    ],
)
def test_more_than_the_order_has_is_refused(
    lines: Sequence[LineRefund], given_: dict[str, int], code: Code, field: str
) -> None:
    found = refused(a_deduction((10_000, 4), freight_fen=500), *lines, **given_)

    assert (found.code, found.field) == (code, field)


def test_a_refund_of_the_order_at_large_is_spread_over_what_is_left_and_over_the_freight_last() -> None:
    deducted = a_deduction((6_000, 1), (4_000, 1), points=1100, freight_fen=1_000, freight_counts=True)
    deducted, first = refund(deducted, LineRefund("1", quantity=1))
    deducted, second = refund(deducted, whole_fen=2_000)
    deducted, rest = refund(deducted, whole_fen=3_000)

    assert [first, second, rest] == [600, 200, 300]


def test_a_line_is_refunded_in_the_money_that_was_paid_for_it_and_what_points_paid_whole_in_their_worth() -> None:
    basket = Basket((BasketLine("1", "", "", 1, 5_000, 1_000), BasketLine("2", "", "", 1, 500)), 300, 1_000)

    shares = shares_of(basket, (0, 500, 300), 600, 600)

    assert [(share.base_fen, share.fen) for share in shares] == [(4_000, 0), (125, 375), (75, 225)]
    assert [share.base_fen for share in shares_of(basket, (0, 500, 300), 800, 800)] == [4_000, 500, 300]


def test_with_all_its_money_an_order_comes_back_whole_with_what_points_alone_had_paid_for() -> None:
    basket = Basket((BasketLine("1", "", "", 1, 10_000), BasketLine("2", "", "", 1, 5_000)), 800)
    shares = shares_of(basket, (10_000, 0, 0), 10_000, 10_000)
    deducted = a_deduction((1, 1), points=10_000)._replace(shares=shares)

    told = given_back(deducted, fitted_after(deducted, {}, 0, 5_800), "r", input_hash="", at=NOW)[1]
    asked = refund(deducted, freight_fen=800, whole_fen=5_800)[1]
    kept = refund(deducted, LineRefund("2", quantity=1), freight_fen=800, whole_fen=5_800)[1]
    part = refund(deducted, whole_fen=1_580)[1]
    freight = given_back(deducted, fitted_after(deducted, {"2": 5_000}, 800, 5_800), "r", input_hash="", at=NOW)[1]

    assert [share.is_whole for share in shares] == [True, False, False]
    assert (told.points, asked, kept, part, freight.points) == (10_000, 10_000, 0, 1_053, 0)


def test_free_lines_and_lines_of_a_fen_do_no_harm() -> None:
    deducted = a_deduction((0, 1), (1, 3), (9_999, 1), points=700)
    deducted, nothing = refund(deducted, LineRefund("1", quantity=1), LineRefund("2", quantity=2))
    deducted, rest = refund(deducted, LineRefund("2", quantity=1), LineRefund("3", quantity=1))

    assert (nothing, rest) == (0, 700)


def test_an_order_has_no_more_than_so_many_refunds() -> None:
    deducted = a_deduction((100, 100))
    for _ in range(MAX_REFUNDS):
        deducted, _points = refund(deducted, LineRefund("1", refunded_fen=1))

    with pytest.raises(JifenError) as found:
        refund(deducted, LineRefund("1", refunded_fen=1))
    assert found.value.code is Code.TOO_MANY_REFUNDS


def test_a_refund_that_has_happened_is_fitted_and_never_refused() -> None:
    deducted = a_deduction((6_000, 1), (4_000, 1), points=1000, freight_fen=500)

    whole = fitted_after(deducted, {"1": 9_000, "unknown": 5}, 9_000, 90_000)
    part = fitted_after(deducted, {"1": 3_000, "unknown": 1_000}, 0, 4_000)
    with_coupon = fitted_after(deducted, {"1": 9_000}, 0, 9_000)

    assert given_back(deducted, whole, "r", input_hash="", at=NOW)[1].points == 1000
    assert {line_no: one.fen for line_no, one in part.items() if one.fen} == {"1": 3_429, "2": 571}
    assert {line_no: one.fen for line_no, one in with_coupon.items() if one.fen} == {"1": 6_000}


MONEY = st.integers(0, 5_000)
STEPS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 4), st.integers(0, 3_000), st.integers(0, 2)), max_size=12)


@given(
    st.lists(st.tuples(MONEY, st.integers(1, 5)), min_size=1, max_size=5),
    MONEY,
    st.integers(1, 10**6),
    st.booleans(),
    STEPS,
)
def test_refunds_never_give_back_more_than_was_captured_and_all_of_it_with_the_whole_order(
    lines: list[tuple[int, int]],
    freight_fen: int,
    points: int,
    freight_counts: bool,
    steps: list[tuple[int, int, int, int]],
) -> None:
    if not sum(paid for paid, _ in lines):
        lines = [(1, 1), *lines]
    deducted = a_deduction(*lines, points=points, freight_fen=freight_fen, freight_counts=freight_counts)
    back = 0
    for line, pieces, fen, kind in steps:
        asked = [
            ([LineRefund(str(line), quantity=pieces)], 0, None),
            ([LineRefund(str(line), refunded_fen=fen)], fen // 3, None),
            ([], 0, fen),
        ][kind]
        try:
            after = refunded_after(deducted, *asked)
        except JifenError:
            continue
        deducted, one = given_back(deducted, after, f"r{deducted.version}", input_hash="", at=NOW)
        assert min((part.points for part in one.lines), default=0) >= 0
        assert min((part.fen for part in one.lines), default=0) >= 0
        back += one.points
        assert back <= points
    last = fitted_after(deducted, {}, 0, 10**9)
    deducted, one = given_back(deducted, last, "last", input_hash="", at=NOW)

    assert back + one.points == points
    assert sum(given.fen for given in deducted.refunds.values()) == points
