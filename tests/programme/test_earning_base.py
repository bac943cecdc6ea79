"""Which fen of an order earn: deductions and refunds split over its lines."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.programme.activity import Ordered, OrderLine, earning_fen, money_fen, reader_length, split

ALL = ("freight", "coupon", "points", "stored_value")
FEN = st.integers(0, 100_000)


def an_order(*lines: tuple[int, int], freight_fen: int = 0, **given: Any) -> Ordered:
    """An order of lines (paid, refunded); its total is theirs and the freight."""
    made = tuple(
        OrderLine(str(place), f"sku{place}", "", paid_fen, refunded_fen)
        for place, (paid_fen, refunded_fen) in enumerate(lines)
    )
    paid_fen = sum(paid for paid, _refunded in lines) + freight_fen
    refunded_fen = sum(refunded for _paid, refunded in lines) + given.get("refunded_freight_fen", 0)
    return Ordered(paid_fen, freight_fen, lines=made, **{"refunded_fen": refunded_fen, **given})


orders = st.builds(
    lambda paid, freight_fen, coupon_fen, points_fen: an_order(
        *[(fen, 0) for fen in paid], freight_fen=freight_fen, coupon_fen=coupon_fen, points_fen=points_fen
    ),
    st.lists(FEN, min_size=1, max_size=6),
    st.integers(0, 2000),
    st.integers(0, 20_000),
    st.integers(0, 20_000),
)


def test_deductions_are_shared_by_the_lines_and_the_largest_remainder_gets_the_odd_fen() -> None:
    order = an_order((1000, 0), (1000, 0), (1000, 0), coupon_fen=100)

    assert earning_fen(order, ALL) == (966, 967, 967, 0)
    assert earning_fen(order, ("freight",)) == (1000, 1000, 1000, 0)


def test_a_refund_of_a_line_is_that_lines_own_and_any_other_is_everybodys() -> None:
    assert earning_fen(an_order((1000, 400), (1000, 0)), ALL) == (600, 1000, 0)
    assert earning_fen(an_order((1000, 0), (3000, 0), refunded_fen=400), ALL) == (900, 2700, 0)


def test_freight_earns_only_where_it_is_not_taken_off() -> None:
    order = an_order((1000, 0), freight_fen=300, refunded_freight_fen=300)

    assert earning_fen(order._replace(refunded_fen=0, refunded_freight_fen=0), ()) == (1000, 300)
    assert earning_fen(order, ()) == (1000, 0)
    assert earning_fen(order, ("freight",)) == (1000, 0)


def test_a_line_whose_money_all_came_back_earns_nothing_though_its_coupon_would() -> None:
    order = an_order((1000, 900), (1000, 0), coupon_fen=200)

    assert earning_fen(order, ("freight",)) == (0, 1000, 0)


@given(st.integers(0, 10**9), st.lists(st.integers(0, 10**7), min_size=1, max_size=9))
def test_shares_sum_to_the_whole_and_are_never_negative(total: int, weights: list[int]) -> None:
    shares = split(total, weights)

    assert sum(shares) == (total if any(weights) else 0)
    assert min(shares) >= 0
    if total <= sum(weights):
        assert all(share <= weight for share, weight in zip(shares, weights, strict=True))


@given(orders)
def test_the_lines_together_earn_what_the_order_as_a_whole_does(order: Ordered) -> None:
    as_one = earning_fen(order._replace(lines=()), ALL)

    assert sum(earning_fen(order, ALL)) == sum(as_one)
    assert min(earning_fen(order, ALL)) >= 0


@given(orders, st.sampled_from([ALL, ("freight",), ()]), st.booleans())
def test_a_full_refund_leaves_nothing(order: Ordered, less: tuple[str, ...], by_line: bool) -> None:
    lines = tuple(line._replace(refunded_fen=line.paid_fen) for line in order.lines) if by_line else order.lines
    refunded = order._replace(lines=lines, refunded_fen=order.paid_fen, refunded_freight_fen=order.freight_fen)

    assert sum(earning_fen(refunded, less)) == 0
    assert sum(earning_fen(refunded._replace(lines=()), less)) == 0


@given(orders, st.booleans())
def test_a_refund_of_the_freight_alone_changes_nothing_where_freight_does_not_earn(
    order: Ordered, with_lines: bool
) -> None:
    order = order if with_lines else order._replace(lines=())
    refunded = order._replace(refunded_fen=order.freight_fen, refunded_freight_fen=order.freight_fen)

    assert earning_fen(refunded, ALL) == earning_fen(order, ALL)
    assert money_fen(refunded) == money_fen(order)


@given(orders, st.data())
def test_a_further_refund_never_earns_more(order: Ordered, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, order.paid_fen))
    second = data.draw(st.integers(first, order.paid_fen))
    before = earning_fen(order._replace(refunded_fen=first), ALL)

    assert sum(earning_fen(order._replace(refunded_fen=second), ALL)) <= sum(before)


@given(orders, FEN)
def test_a_partial_refund_takes_its_own_fen_and_no_more(order: Ordered, refunded_fen: int) -> None:
    before = sum(earning_fen(order, ALL))
    after = sum(earning_fen(order._replace(refunded_fen=refunded_fen), ALL))

    assert after == max(0, before - refunded_fen)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("很好用 推荐", 5),
        ("cafe\u0301", 4),
        ("👍🏽👍", 2),
        ("👨\u200d👩\u200d👧", 1),
        (" \n\t", 0),
        ("a\u200bb", 2),
        ("", 0),
    ],
)
def test_a_text_is_as_long_as_a_reader_finds_it(text: str, length: int) -> None:
    assert reader_length(text) == length
