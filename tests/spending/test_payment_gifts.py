"""Pay-then-coupon: each payment gives once, to its payer, whoever asks first; what is refunded is taken back."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from chalicelib.members.buyers import bind_buyer
from chalicelib.members.model import Identity
from chalicelib.spending.gifts.give_gift import paid, refunded
from chalicelib.spending.gifts.keep_plan import open_giving
from chalicelib.spending.gifts.plan import Payment
from chalicelib.spending.gifts.table import Gift, GiftState
from chalicelib.spending.gifts.told import Refund
from chalicelib.spending.goods.coupon_life import Order
from chalicelib.spending.goods.table import open_goods
from chalicelib.spending.goods.use_coupon import return_coupon, use_coupon
from tests.members.stage import ADMIN_KEY, Answer
from tests.spending.malls import COUPON, Mall

PLAN = {
    "name": "支付有礼",
    "good": COUPON,
    "min_fen": 10_000,
    "message": "送你一张满199减10券,30天内可用",
    "path": "pages/coupons/index?from=pay",
}
ZONE = "Asia/Shanghai"


def plan(mall: Mall, id: str = "autumn", **given: Any) -> None:
    made = mall.staff("POST", "/v1/staff/payment-gifts", {"id": id, "plan": {**PLAN, **given}})
    assert made.status == 200, made.json
    body = {"version": 1, "state": "on", "reason": "开始"}
    mall.staff("POST", "/v1/staff/payment-gifts/{plan_id}/state", body, plan_id=id)


def payment(mall: Mall, number: str = "p1", paid_fen: int = 19_900, at: datetime | None = None) -> Payment:
    return Payment("wechat", number, "openid-1", paid_fen, at or mall.counter.stage.now)


def payer(mall: Mall) -> tuple[str, str]:
    token, member_id = mall.member(0)
    bind_buyer(member_id, Identity("wechat", "openid-1"), "test", mall.counter.stage.now)
    return token, member_id


def back(mall: Mall, fen: int = 19_900, refund_no: str = "r1") -> Gift:
    refund = Refund("wechat", "p1", refund_no, fen)
    return refunded(refund, giving=open_giving(ZONE), now=mall.counter.stage.now)


def asked(mall: Mall, token: str, number: str = "p1") -> Answer:
    return mall.call("POST", "/v1/me/payment-gifts", {"number": number}, token=token)


def coupons(mall: Mall, token: str) -> list[Any]:
    found: list[Any] = mall.call("GET", "/v1/me/coupons", token=token).data["list"]
    return found


def test_a_payment_brings_its_payer_one_coupon_however_often_it_is_told_and_asked_for(mall: Mall) -> None:
    plan(mall)
    token, member_id = payer(mall)

    told = [paid(payment(mall), member_id, giving=open_giving(ZONE), now=mall.counter.stage.now) for _ in range(2)]
    shown = [asked(mall, token).data for _ in range(2)]

    (coupon,) = coupons(mall, token)
    assert told[0] == told[1]
    assert (
        shown[0]
        == shown[1]
        == {
            "state": "given",
            "coupon_codes": [coupon["code"]],
            "message": PLAN["message"],
            "path": PLAN["path"],
        }
    )
    assert coupon["source"] == "payment"


def test_who_becomes_a_member_after_paying_finds_the_gift(mall: Mall) -> None:
    plan(mall)
    waiting = paid(payment(mall), None, giving=open_giving(ZONE), now=mall.counter.stage.now)
    token, _ = payer(mall)

    shown = asked(mall, token).data

    assert (waiting.state, shown["state"]) == (GiftState.WAITING, "given")
    assert len(coupons(mall, token)) == 1


def test_nobody_else_gets_it_and_cannot_tell_a_strangers_payment_from_none(mall: Mall) -> None:
    plan(mall)
    payer(mall)
    other, _ = mall.member(0)
    paid(payment(mall), None, giving=open_giving(ZONE), now=mall.counter.stage.now)

    assert asked(mall, other).data == asked(mall, other, "p9").data
    assert asked(mall, other).data["state"] == "unknown"
    assert coupons(mall, other) == []


@pytest.mark.parametrize(
    ("given", "paid_fen", "later", "state"),
    [
        ({}, 10_000, 0, "given"),
        ({}, 9_999, 0, "none"),
        ({"until_at": "2026-03-02T12:00:00+08:00"}, 10_000, 0, "none"),
        ({"until_at": "2026-03-02T12:00:00+08:00"}, 10_000, -1, "given"),
        ({"from_at": "2026-03-02T12:00:00+08:00"}, 10_000, 0, "given"),
        ({"from_at": "2026-03-02T12:00:00+08:00"}, 10_000, -1, "none"),
    ],
)
def test_a_plan_is_met_by_money_and_by_the_payments_own_instant(
    mall: Mall, given: dict[str, Any], paid_fen: int, later: int, state: str
) -> None:
    plan(mall, **given)
    token, member_id = payer(mall)
    at = mall.counter.stage.now + timedelta(seconds=later)

    paid(payment(mall, paid_fen=paid_fen, at=at), member_id, giving=open_giving(ZONE), now=mall.counter.stage.now)

    assert asked(mall, token).data["state"] == state


def test_of_two_plans_a_payment_gets_the_first_in_rank(mall: Mall) -> None:
    plan(mall, "second", rank=2, message="第二")
    plan(mall, "first", rank=1, message="第一")
    token, member_id = payer(mall)

    paid(payment(mall), member_id, giving=open_giving(ZONE), now=mall.counter.stage.now)

    assert asked(mall, token).data["message"] == "第一"


def test_a_member_has_a_plans_gift_only_so_often(mall: Mall) -> None:
    plan(mall, times_per_member=1)
    token, member_id = payer(mall)

    for number in ("p1", "p2"):
        paid(payment(mall, number), member_id, giving=open_giving(ZONE), now=mall.counter.stage.now)

    assert [asked(mall, token, number).data["state"] for number in ("p1", "p2")] == ["given", "none"]
    assert len(coupons(mall, token)) == 1


def test_a_refunded_payment_takes_back_the_coupon_that_was_not_used(mall: Mall) -> None:
    plan(mall)
    token, member_id = payer(mall)
    paid(payment(mall), member_id, giving=open_giving(ZONE), now=mall.counter.stage.now)

    first, again = (back(mall) for _ in range(2))

    assert first == again
    assert asked(mall, token).data["state"] == "taken_back"
    assert [(one["state"], one["can_use"]) for one in coupons(mall, token)] == [("cancelled", False)]


def test_a_refund_that_is_told_before_the_gift_was_claimed_leaves_none(mall: Mall) -> None:
    plan(mall)
    paid(payment(mall), None, giving=open_giving(ZONE), now=mall.counter.stage.now)
    back(mall)
    token, _ = payer(mall)

    assert asked(mall, token).data["state"] == "taken_back"
    assert coupons(mall, token) == []


def test_a_plan_may_let_its_gift_stay(mall: Mall) -> None:
    plan(mall, taken_back=False)
    token, member_id = payer(mall)
    paid(payment(mall), member_id, giving=open_giving(ZONE), now=mall.counter.stage.now)

    back(mall)

    assert asked(mall, token).data["state"] == "given"
    assert [one["can_use"] for one in coupons(mall, token)] == [True]


def test_what_comes_back_in_parts_takes_the_gift_with_its_last_part(mall: Mall) -> None:
    plan(mall)
    token, member_id = payer(mall)
    paid(payment(mall), member_id, giving=open_giving(ZONE), now=mall.counter.stage.now)

    states = []
    for refund_no, fen in (("r1", 10_000), ("r1", 10_000), ("r2", 9_900)):
        back(mall, fen, refund_no)
        states.append(asked(mall, token).data["state"])

    assert states == ["given", "given", "taken_back"]


@pytest.mark.parametrize(("fen", "state"), [(19_900, "taken_back"), (19_899, "given")])
def test_a_refund_that_is_told_before_its_payment_counts(mall: Mall, fen: int, state: str) -> None:
    plan(mall)
    token, member_id = payer(mall)
    back(mall, fen)

    paid(payment(mall), member_id, giving=open_giving(ZONE), now=mall.counter.stage.now)

    assert asked(mall, token).data["state"] == state


def test_a_plan_that_is_off_gives_nothing_and_staff_see_why(mall: Mall) -> None:
    plan(mall)
    version = mall.staff("GET", "/v1/staff/payment-gifts/{plan_id}", plan_id="autumn").data["version"]
    body = {"version": version, "state": "off", "reason": "预算用完"}
    mall.staff("POST", "/v1/staff/payment-gifts/{plan_id}/state", body, plan_id="autumn")
    _, member_id = payer(mall)

    paid(payment(mall), member_id, giving=open_giving(ZONE), now=mall.counter.stage.now)

    assert mall.staff("GET", "/v1/staff/payments/{number}/gift", number="p1").data["state"] == "none"
    history = mall.staff("GET", "/v1/staff/payment-gifts/{plan_id}", plan_id="autumn").data["history"]
    assert [line["action"] for line in history] == ["off", "on", "created"]
    assert mall.staff("GET", "/v1/staff/payments/{number}/gift", number="p9").json["code"] == 40414


@pytest.mark.parametrize(
    ("fault", "field"),
    [
        ({"good": {"kind": "virtual", "pool": "x"}}, "good.kind"),
        ({"good": {**COUPON, "face_fen": 20_000}}, "plan.good.face_fen"),
        ({"from_at": "2026-03-02T12:00:00Z", "until_at": "2026-03-02T12:00:00Z"}, "plan.until_at"),
        ({"path": "javascript:alert(1)"}, "path"),
        ({"message": ""}, "message"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused_by_the_field(mall: Mall, fault: dict[str, Any], field: str) -> None:
    refused = mall.staff("POST", "/v1/staff/payment-gifts", {"id": "one", "plan": {**PLAN, **fault}})

    assert (refused.status, refused.json["field"]) == (400, field)


def test_a_coupon_in_use_when_its_payment_comes_back_is_void_once_its_order_gives_it_back(mall: Mall) -> None:
    plan(mall)
    token, member_id = payer(mall)
    now = mall.counter.stage.now
    gift = paid(payment(mall), member_id, giving=open_giving(ZONE), now=now)
    (code,), used_for = gift.codes, Order("tmall", "9")
    use_coupon(code, used_for, 20_000, goods=open_goods(), ledger=mall.ledger, on=now.date(), now=now)

    back(mall)
    in_use = coupons(mall, token)[0]["state"]
    return_coupon(code, used_for, "取消", goods=open_goods(), on=now.date(), now=now)

    (coupon,) = coupons(mall, token)
    assert (in_use, coupon["state"], coupon["can_use"]) == ("used", "cancelled", False)


def test_a_plans_limit_counts_what_a_merged_member_had(mall: Mall) -> None:
    plan(mall, times_per_member=1)
    _, stays = mall.member(1)
    mall.counter.stage.later(seconds=1)
    _, goes = mall.member(1)
    now, giving = mall.counter.stage.now, open_giving(ZONE)
    first = paid(payment(mall, "p1"), goes, giving=giving, now=now)
    path, body = "/v1/staff/members/{member_id}/merges", {"other_member_id": goes, "reason": "同一人"}
    assert mall.call("POST", path, body, token=ADMIN_KEY, member_id=stays).status == 200

    second = paid(payment(mall, "p2"), stays, giving=giving, now=now)

    assert (first.state, second.state) == (GiftState.GIVEN, GiftState.NONE)
