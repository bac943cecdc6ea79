from typing import Any

import pytest

from chalicelib.programme.activity import Ordered
from chalicelib.programme.rules.per_amount import PerAmount


def points(rounding: str, less: tuple[str, ...] = (), **ordered: int) -> int:
    values: Any = {"fen": 100, "points": 1, "rounding": rounding, "less": less}
    (part,) = PerAmount(kind="per_amount", **values).parts(Ordered(**ordered), "order")
    return part.points


@pytest.mark.parametrize(
    ("paid_fen", "floor", "half_up", "ceiling"),
    [(0, 0, 0, 0), (1, 0, 0, 1), (49, 0, 0, 1), (50, 0, 1, 1), (99, 0, 1, 1), (100, 1, 1, 1), (101, 1, 1, 2)],
)
def test_the_rest_is_rounded_by_name(paid_fen: int, floor: int, half_up: int, ceiling: int) -> None:
    assert [points(name, paid_fen=paid_fen) for name in ("floor", "half_up", "ceiling")] == [floor, half_up, ceiling]


def test_only_the_named_parts_are_taken_off_and_never_below_nothing() -> None:
    assert points("floor", paid_fen=1000, freight_fen=300, coupon_fen=200) == 10
    assert points("floor", ("freight", "coupon"), paid_fen=1000, freight_fen=300, coupon_fen=200) == 5
    assert points("floor", ("freight",), paid_fen=100, freight_fen=300) == 0


def test_a_refund_leaves_what_the_rest_of_the_order_would_have_earned() -> None:
    assert points("floor", paid_fen=1099, refunded_fen=100) == 9
    assert points("floor", paid_fen=1000, refunded_fen=2000) == 0


def test_a_rate_that_one_large_order_would_carry_beyond_the_ledger_is_refused() -> None:
    rule = PerAmount(kind="per_amount", fen=1, points=2, rounding="floor", less=())

    assert rule.problem() == ("points", "过大,一笔大额订单的积分会超出上限")
    assert PerAmount(kind="per_amount", fen=1, points=1, rounding="floor", less=()).problem() is None
