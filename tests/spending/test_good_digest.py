"""What a quote says of the good that was shown: of another one it no longer holds, after a new release it does."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Literal

import pytest

from chalicelib.ledger.document import document
from chalicelib.spending.goods.good import Badge, Bundle, Coupon, Parcel, Virtual
from chalicelib.spending.mall.item import MallItem, Price
from chalicelib.spending.mall.model import ItemState, Listed
from chalicelib.spending.mall.quote_item import good_digest

COUPON = Coupon(kind="coupon", name="满减券", face_fen=1000, valid_days=30)


@document
class NextCoupon:
    """The coupon of a later release: it has a field more."""

    kind: Literal["coupon"]
    name: str
    colour: str = "red"
    face_fen: int
    min_order_fen: int = 0
    valid_days: int


@document
class NextBundle:
    """So is the bundle's."""

    kind: Literal["bundle"]
    coupons: tuple[NextCoupon, ...]
    ribbons: tuple[str, ...] = ()


NEXT = NextCoupon(kind="coupon", name="满减券", face_fen=1000, valid_days=30)


def shown(good: Any, name: str = "券") -> str:
    item = MallItem(name=name, good=good, prices=(Price(id="points", points=1),))
    return good_digest(Listed("coupon", item, ItemState.ON, 1, "s1", datetime(2026, 3, 2, tzinfo=UTC)))


def test_a_release_that_adds_a_field_with_a_default_changes_no_quote() -> None:
    assert shown(NEXT) == shown(COUPON)
    assert shown(NextBundle(kind="bundle", coupons=(NEXT, NEXT))) == shown(
        Bundle(kind="bundle", coupons=(COUPON, COUPON))
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (COUPON, replace(COUPON, face_fen=999)),
        (COUPON, replace(COUPON, min_order_fen=1000)),
        (NEXT, replace(NEXT, colour="blue")),
        (Bundle(kind="bundle", coupons=(COUPON,)), Bundle(kind="bundle", coupons=(COUPON, COUPON))),
        (Bundle(kind="bundle", coupons=(COUPON,)), COUPON),
        (Parcel(kind="parcel"), Parcel(kind="parcel", ways=("pick_up",))),
        (Virtual(kind="virtual", pool="a"), Virtual(kind="virtual", pool="b")),
        (Virtual(kind="virtual", pool="a"), Badge(kind="badge", badge="a")),
    ],
)
def test_whatever_else_a_member_would_get_is_another_good(one: Any, other: Any) -> None:
    assert shown(one) != shown(other)


def test_what_is_said_as_it_is_by_default_is_the_same_as_not_said() -> None:
    assert shown(Parcel(kind="parcel", ways=("ship",))) == shown(Parcel(kind="parcel"))
    assert shown(COUPON, "券") != shown(COUPON, "别的券")
