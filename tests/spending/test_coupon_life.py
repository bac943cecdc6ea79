"""Coupons in shops and tills: used for one order, back from a cancelled one, cancelled; never used twice."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import Code, JifenError
from chalicelib.spending.goods.coupon_life import MOST_RETURNS, Order, cancelled, returned, used
from chalicelib.spending.goods.model import CouponState, OwnedCoupon
from chalicelib.spending.goods.table import GoodsTable, open_goods
from chalicelib.spending.goods.use_coupon import use_coupon
from tests.spending.after_sales import Desks
from tests.spending.malls import Mall

NOW = datetime(2026, 3, 2, 4, tzinfo=UTC)
ON, LAST_ON = date(2026, 3, 2), date(2026, 3, 31)
COUPON = OwnedCoupon("1" * 16, "m1", "满199减10", 1000, 19900, LAST_ON, "mall", "r1", NOW)


def with_coupon(mall: Mall) -> tuple[Desks, str, str]:
    """The desks, a member's token and the code of his coupon."""
    mall.offer()
    token, _ = mall.member()
    return Desks(mall), token, mall.bought(token).data["coupon_codes"][0]


def test_a_coupon_is_used_for_one_order_and_no_other(mall: Mall) -> None:
    desks, token, code = with_coupon(mall)

    first, again, other = desks.use(code, "T1"), desks.use(code, "T1"), desks.use(code, "T2")
    other_amount = desks.use(code, "T1", 30000)
    (shown,) = mall.call("GET", "/v1/me/coupons", token=token).data["list"]

    assert [first.data["replayed"], again.data["replayed"]] == [False, True]
    assert [other.json["code"], other_amount.json["code"]] == [40956, 40900]
    assert (shown["state"], shown["used"]["order_no"], shown["used"]["order_fen"]) == ("used", "T1", 20000)
    assert "member_id" not in first.data


@pytest.mark.parametrize(("order_fen", "msg"), [(19899, "还差0.01元可用"), (0, "还差199.00元可用")])
def test_an_order_below_the_least_amount_cannot_use_it(mall: Mall, order_fen: int, msg: str) -> None:
    desks, _, code = with_coupon(mall)

    refused = desks.use(code, order_fen=order_fen)

    assert (refused.json["code"], refused.json["msg"]) == (40956, msg)
    assert desks.use(code, order_fen=19900).status == 200


def test_it_can_be_used_through_the_last_second_of_its_last_business_day(mall: Mall) -> None:
    desks, _, code = with_coupon(mall)
    late = mall.bought(mall.member()[0]).data["coupon_codes"][0]

    mall.counter.stage.now = datetime(2026, 3, 31, 15, 59, 59, tzinfo=UTC)
    in_time = desks.use(code)
    mall.counter.stage.later(seconds=1)
    too_late = desks.use(late)

    assert (in_time.status, too_late.json["msg"]) == (200, "这张优惠券已于2026-03-31到期")


def test_unknown_and_foreign_look_alike(mall: Mall) -> None:
    desks, _, code = with_coupon(mall)
    _, other_id = mall.member()

    foreign, unknown = desks.use(code, member_id=other_id), desks.use("0" * 16, member_id=other_id)
    own = desks.use(code, member_id=open_goods().coupon(code).member_id)

    assert foreign.json == unknown.json
    assert (foreign.json["code"], own.status) == (40412, 200)


def test_an_order_that_is_cancelled_gives_its_coupon_back(mall: Mall) -> None:
    desks, _, code = with_coupon(mall)
    desks.use(code, "T1")

    first, again = desks.bring_back(code, "T1").data, desks.bring_back(code, "T1").data
    stale = desks.use(code, "T1")
    anew = desks.use(code, "T2").data
    late = desks.bring_back(code, "T1").data

    assert [(one["state"], one["replayed"]) for one in (first, again)] == [("issued", False), ("issued", True)]
    assert stale.json["msg"] == "这笔订单已取消,不能再用这张优惠券"
    assert (anew["used"]["order_no"], late["used"]["order_no"], late["replayed"]) == ("T2", "T2", True)


def test_what_comes_back_after_its_last_day_is_good_for_seven_days_more(mall: Mall) -> None:
    desks, _, code = with_coupon(mall)
    desks.use(code, "T1")
    mall.counter.stage.now = datetime(2026, 4, 10, 4, tzinfo=UTC)

    back = desks.bring_back(code, "T1").data
    mall.counter.stage.now = datetime(2026, 4, 16, 15, 59, tzinfo=UTC)
    used_then = desks.use(code, "T2")

    assert (back["until_on"], back["can_use"], used_then.status) == ("2026-04-16", True, 200)


def test_a_cancellation_that_is_told_before_the_use_still_counts(mall: Mall) -> None:
    desks, _, code = with_coupon(mall)

    told = desks.bring_back(code, "T1").data
    late = desks.use(code, "T1")
    other = desks.use(code, "T2")

    assert (told["state"], late.json["code"], other.status) == ("issued", 40956, 200)


def test_staff_look_a_coupon_up_and_cancel_it_with_a_reason(mall: Mall) -> None:
    desks, _, code = with_coupon(mall)
    desks.use(code, "T1")
    path, key = "/v1/staff/coupons/{code}", mall.counter.staff("customer_service")
    body = {"reason": "盗刷"}

    used_one = mall.call("POST", path + "/cancel", body, token=key, code=code)
    desks.bring_back(code, "T1")
    first = mall.call("POST", path + "/cancel", body, token=key, code=code).data
    again = mall.call("POST", path + "/cancel", body, token=key, code=code).data
    found = mall.call("GET", path, token=key, code=code).data

    assert (used_one.json["code"], first["replayed"], again["replayed"]) == (40956, False, True)
    assert [(line["action"], line["reason"]) for line in found["history"]] == [
        ("used", ""),
        ("returned", "买家取消订单"),
        ("cancelled", "盗刷"),
    ]
    assert found["history"][0]["facts"] == {"platform": "pos", "order_no": "T1", "order_fen": 20000}
    assert desks.use(code, "T2").json["msg"] == "这张优惠券已作废"


def test_staff_see_a_members_coupons_and_unknown_codes_have_one_answer(mall: Mall) -> None:
    _, _, code = with_coupon(mall)
    key, owner = mall.counter.staff("customer_service"), open_goods().coupon(code).member_id

    found = mall.call("GET", "/v1/staff/members/{member_id}/coupons", token=key, member_id=owner).data["list"]
    nobody = mall.call("GET", "/v1/staff/members/{member_id}/coupons", token=key, member_id="x")
    unknown = [mall.call("GET", "/v1/staff/coupons/{code}", token=key, code=one) for one in ("0" * 16, "x")]

    assert [one["code"] for one in found] == [code]
    assert nobody.json["code"] == 40401
    assert {one.json["code"] for one in unknown} == {40412}


def test_two_tills_at_once_use_it_once(mall: Mall, monkeypatch: pytest.MonkeyPatch) -> None:
    desks, _, code = with_coupon(mall)
    read, first = GoodsTable.coupon, []

    def overtaken(table: GoodsTable, wanted: str) -> OwnedCoupon:
        found = read(table, wanted)
        if not first:
            first.append(True)
            use_coupon(wanted, Order("pos", "T2"), 20000, goods=table, ledger=mall.ledger, on=ON, now=NOW)
        return found

    monkeypatch.setattr(GoodsTable, "coupon", overtaken)
    refused = desks.use(code, "T1")
    monkeypatch.setattr(GoodsTable, "coupon", read)

    use = open_goods().coupon(code).use
    assert use
    assert (refused.json["msg"], use.order_no) == ("这张优惠券已使用", "T2")


class Told(NamedTuple):
    """Something that happens to a coupon on a day."""

    what: str
    order: Order
    day: int


_NEWS = st.lists(
    st.builds(
        Told,
        st.sampled_from(["use", "return", "return", "use", "cancel"]),
        st.builds(Order, st.sampled_from(["pos", "tmall"]), st.sampled_from(["1", "2", "3"])),
        st.integers(0, 3),
    ),
    max_size=30,
)


@given(_NEWS)
def test_in_whatever_order_news_come_one_order_has_it_and_no_cancelled_one(news: list[Told]) -> None:
    coupon, on = COUPON, ON.toordinal()
    over: set[str] = set()
    paid: list[str] = []
    for told in news:
        on += told.day
        before, after = coupon, happened(coupon, told, date.fromordinal(on))
        if told.what == "return":
            over.add(told.order.key)
        if after is not None:
            assert after.version == before.version + 1
            coupon = after
        if told.what == "use" and after is not None and after.use:
            assert before.state is CouponState.ISSUED
            assert told.order.key not in over
            assert date.fromordinal(on) <= before.until_on
            paid.append(told.order.key)
        assert (coupon.state is CouponState.USED) == (coupon.use is not None)
        assert coupon.use is None or coupon.use.order not in over
        if before.state is CouponState.CANCELLED:
            assert coupon == before
    kept = [order for order in paid if order not in over]
    assert len(kept) == (1 if coupon.state is CouponState.USED else 0)
    assert len(set(paid)) == len(paid)


def happened(coupon: OwnedCoupon, told: Told, on: date) -> OwnedCoupon | None:
    try:
        if told.what == "use":
            return used(coupon, told.order, 20000, on=on, now=NOW)
        return returned(coupon, told.order, on=on) if told.what == "return" else cancelled(coupon)
    except JifenError:
        return None


@given(_NEWS)
def test_news_told_twice_change_nothing_the_second_time(news: list[Told]) -> None:
    coupon = COUPON
    for told in news:
        coupon = happened(coupon, told, ON) or coupon
        assert happened(coupon, told, ON) is None


def test_a_coupon_that_came_back_too_often_is_no_longer_taken() -> None:
    coupon = COUPON
    for number in range(MOST_RETURNS):
        order = Order("pos", str(number))
        coupon = used(coupon, order, 20000, on=ON, now=NOW) or coupon
        coupon = returned(coupon, order, on=ON) or coupon

    with pytest.raises(JifenError) as refused:
        used(coupon, Order("pos", "last"), 20000, on=ON, now=NOW)

    assert refused.value.code is Code.COUPON_STATE
    assert returned(coupon, Order("pos", "last"), on=ON) is None
