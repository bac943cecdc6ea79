"""Orders and refunds at WeChat Pay by our own numbers: again, at once, too late, with another content."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.connect import outside
from chalicelib.connect.faults import Kind
from chalicelib.connect.outside import Unanswered
from chalicelib.connect.wechat_pay.api import PayApi, open_pay
from chalicelib.connect.wechat_pay.declined import Declined
from chalicelib.connect.wechat_pay.orders import Closing, Order, Readiness, State, close, order_of, prepay
from chalicelib.connect.wechat_pay.refunds import REFUNDS, RefundAsked, RefundState, refund, refund_of
from chalicelib.connect.wechat_pay.signing import payment_request
from tests.connect.merchant import ASKED, MCHID, NOTIFY_URL, NUMBER, PAYER, open_merchant, paid_by
from tests.members.stage import Stage
from tests.stand_in.outsiders import MINI, Admin, Trouble

BACK = RefundAsked("JFR20260302000001", NUMBER, 400, 990, "兑换已取消")


@pytest.fixture
def api(stage: Stage, world: Admin) -> PayApi:
    return open_merchant(stage, world)


def later(stage: Stage, world: Admin, **passed: int) -> PayApi:
    """The merchant after a while, here and at WeChat Pay."""
    stage.later(**passed)
    world.post("/clock", {"at": stage.now.isoformat()})
    return open_pay(stage.now)


def test_an_order_is_asked_for_paid_by_the_phone_and_looked_at(api: PayApi, world: Admin, stage: Stage) -> None:
    prepaid = prepay(api, ASKED)
    unpaid = order_of(api, NUMBER)
    request = payment_request(api.merchant, prepaid.prepay_id, timestamp=stage.now, nonce="n" * 32)
    world.post("/payments", {"request": {"appId": MINI[0], **request}, "openid": PAYER, "quiet": True})

    paid = order_of(api, NUMBER)

    (asked,) = world.get("/received", path="/v3/pay/transactions/jsapi")["received"]
    assert prepaid.readiness is Readiness.READY
    assert unpaid == Order(NUMBER, State.UNPAID)
    assert paid is not None
    assert paid[:4] == (NUMBER, State.PAID, 990, 990)
    assert (paid.openid, paid.paid_at) == (PAYER, stage.now)
    assert paid.transaction_id
    assert asked["body"]["amount"] == {"total": 990, "currency": "CNY"}
    assert asked["body"]["time_expire"] == "2026-03-02T12:15:00+08:00"
    assert asked["body"]["notify_url"] == NOTIFY_URL


def test_an_order_that_was_never_asked_for_is_none(api: PayApi) -> None:
    assert order_of(api, NUMBER) is None
    assert close(api, NUMBER) is Closing.MISSING


def test_asked_again_it_is_the_same_order_with_an_id_that_is_good(api: PayApi, world: Admin, stage: Stage) -> None:
    asked = ASKED._replace(expires_at=stage.now + timedelta(days=1))
    first = prepay(api, asked)
    again = prepay(api, asked)
    much_later = prepay(later(stage, world, hours=2), asked)

    assert again == first
    assert much_later.readiness is Readiness.READY
    assert much_later.prepay_id != first.prepay_id
    with pytest.raises(Trouble, match="it is over"):
        world.post("/payments", {"prepay_id": first.prepay_id})
    assert world.post("/payments", {"prepay_id": much_later.prepay_id, "quiet": True})["trade_state"] == "SUCCESS"


@pytest.mark.parametrize(
    "changed",
    [
        {"total_fen": 991},
        {"openid": "p" * 28},
        {"description": "雨伞"},
        {"expires_at": ASKED.expires_at + timedelta(seconds=1)},
    ],
)
def test_a_number_stands_for_one_content(api: PayApi, changed: dict[str, Any]) -> None:
    prepay(api, ASKED)

    assert prepay(api, ASKED._replace(**changed)).readiness is Readiness.OTHER


def test_asked_for_at_once_there_is_one_order_and_one_id(api: PayApi, world: Admin) -> None:
    with ThreadPoolExecutor(6) as pool:
        prepaid = list(pool.map(lambda _: prepay(api, ASKED), range(6)))

    assert len(set(prepaid)) == 1
    assert prepaid[0].readiness is Readiness.READY


def test_what_is_paid_is_neither_asked_for_nor_closed_again(api: PayApi, world: Admin) -> None:
    prepay(api, ASKED)
    paid_by(world)

    assert prepay(api, ASKED).readiness is Readiness.PAID
    assert close(api, NUMBER) is Closing.PAID
    with pytest.raises(Trouble, match="ORDERPAID"):
        paid_by(world)


def test_what_is_closed_cannot_be_paid_and_its_number_is_used_up(api: PayApi, world: Admin) -> None:
    prepay(api, ASKED)

    closings = [close(api, NUMBER), close(api, NUMBER)]

    assert closings == [Closing.CLOSED, Closing.CLOSED]
    assert prepay(api, ASKED).readiness is Readiness.CLOSED
    with pytest.raises(Trouble, match="ORDER_CLOSED"):
        paid_by(world)
    order = order_of(api, NUMBER)
    assert order is not None
    assert order.state is State.CLOSED


@pytest.mark.parametrize(
    ("code", "readiness"),
    [
        ("ORDERCLOSED", Readiness.CLOSED),
        ("ORDER_CLOSED", Readiness.CLOSED),
        ("ORDERPAID", Readiness.PAID),
        ("ORDER_PAID", Readiness.PAID),
        ("OUT_TRADE_NO_USED", Readiness.OTHER),
    ],
)
def test_both_ways_of_writing_a_code_are_one(api: PayApi, world: Admin, code: str, readiness: Readiness) -> None:
    world.post("/faults", {"api": "/v3/pay/transactions/jsapi", "kind": "refusal", "code": code})

    assert prepay(api, ASKED).readiness is readiness


@pytest.mark.parametrize(
    ("code", "status", "closing"),
    [
        ("ORDERCLOSED", 400, Closing.CLOSED),
        ("ORDER_CLOSED", 400, Closing.CLOSED),
        ("ORDERPAID", 400, Closing.PAID),
        ("ORDER_NOT_EXIST", 404, Closing.MISSING),
        ("ORDERNOTEXIST", 404, Closing.MISSING),
    ],
)
def test_a_closing_comes_to_one_of_three_ends(
    api: PayApi, world: Admin, code: str, status: int, closing: Closing
) -> None:
    fault = {"kind": "refusal", "code": code, "status": status}
    world.post("/faults", {"api": f"/v3/pay/transactions/out-trade-no/{NUMBER}/close", **fault})

    assert close(api, NUMBER) is closing


def test_a_closing_that_is_refused_for_another_reason_is_no_end(api: PayApi, world: Admin) -> None:
    prepay(api, ASKED)
    fault = {"kind": "refusal", "code": "FREQUENCY_LIMITED", "status": 429}
    world.post("/faults", {"api": f"/v3/pay/transactions/out-trade-no/{NUMBER}/close", **fault})

    with pytest.raises(Declined) as no:
        close(api, NUMBER)

    assert no.value.kind is Kind.BUSY
    assert close(api, NUMBER) is Closing.CLOSED


@pytest.mark.parametrize("kind", ["timeout_before", "timeout_after"])
def test_a_closing_whose_answer_was_lost_is_asked_for_again(
    api: PayApi, world: Admin, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    prepay(api, ASKED)
    monkeypatch.setattr(outside, "READ_S", 0.2)
    world.post("/faults", {"api": f"/v3/pay/transactions/out-trade-no/{NUMBER}/close", "kind": kind, "seconds": 0.5})
    with pytest.raises(Unanswered):
        close(api, NUMBER)
    monkeypatch.setattr(outside, "READ_S", 5)

    assert close(api, NUMBER) is Closing.CLOSED


def test_an_order_ends_by_itself(api: PayApi, world: Admin, stage: Stage) -> None:
    prepay(api, ASKED)
    api = later(stage, world, minutes=14, seconds=59)
    before = order_of(api, NUMBER)
    api = later(stage, world, seconds=1)
    after = order_of(api, NUMBER)

    assert before is not None
    assert after is not None
    assert (before.state, after.state) == (State.UNPAID, State.CLOSED)
    with pytest.raises(Trouble, match="ORDER_CLOSED"):
        paid_by(world)


def test_a_payment_that_was_under_way_when_the_order_was_closed_shows(api: PayApi, world: Admin, stage: Stage) -> None:
    prepay(api, ASKED)
    assert close(api, NUMBER) is Closing.CLOSED

    paid_by(world, late=True)

    order = order_of(api, NUMBER)
    assert order is not None
    assert order.state is State.PAID
    assert close(api, NUMBER) is Closing.PAID


def test_another_payer_cannot_pay_it(api: PayApi, world: Admin) -> None:
    prepaid = prepay(api, ASKED)

    with pytest.raises(Trouble, match="another payer's"):
        world.post("/payments", {"prepay_id": prepaid.prepay_id, "openid": "p" * 28})


def test_an_order_that_ends_within_a_minute_is_not_taken(api: PayApi, stage: Stage) -> None:
    with pytest.raises(Declined) as no:
        prepay(api, ASKED._replace(expires_at=stage.now + timedelta(seconds=59)))

    assert no.value.kind is Kind.INVALID


def test_a_refund_is_taken_at_once_and_done_later(api: PayApi, world: Admin, stage: Stage) -> None:
    prepay(api, ASKED)
    paid_by(world)

    taken = refund(api, BACK)
    api = later(stage, world, seconds=5)
    done = refund_of(api, BACK.out_refund_no)
    order = order_of(api, NUMBER)

    assert (taken.state, taken.done_at) == (RefundState.PROCESSING, None)
    assert done is not None
    assert done == taken._replace(state=RefundState.DONE, done_at=stage.now)
    assert order is not None
    assert (order.state, order.total_fen) == (State.REFUNDED, 990)


def test_a_refund_asked_for_again_and_at_once_gives_back_once(api: PayApi, world: Admin, stage: Stage) -> None:
    prepay(api, ASKED)
    paid_by(world)

    with ThreadPoolExecutor(6) as pool:
        taken = list(pool.map(lambda _: refund(api, BACK), range(6)))
    api = later(stage, world, seconds=5)
    again = refund(api, BACK)

    assert len(set(taken)) == 1
    assert again == taken[0]._replace(state=RefundState.DONE, done_at=stage.now)
    assert refund(api, BACK._replace(out_refund_no="JFR2", refund_fen=590)).refund_id != again.refund_id
    with pytest.raises(Declined) as no:
        refund(api, BACK._replace(out_refund_no="JFR3", refund_fen=1))
    assert no.value.kind is Kind.INVALID


@pytest.mark.parametrize("kind", ["timeout_before", "timeout_after"])
def test_a_refund_whose_answer_was_lost_is_asked_for_again_and_given_once(
    api: PayApi, world: Admin, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    prepay(api, ASKED)
    paid_by(world)
    monkeypatch.setattr(outside, "READ_S", 0.2)
    world.post("/faults", {"api": REFUNDS, "kind": kind, "seconds": 0.5})
    with pytest.raises(Unanswered):
        refund(api, BACK)
    monkeypatch.setattr(outside, "READ_S", 5)
    assert (refund_of(api, BACK.out_refund_no) is None) is (kind == "timeout_before")

    refund(api, BACK)

    refund(api, BACK._replace(out_refund_no="JFR2", refund_fen=590))
    assert refund_of(api, BACK.out_refund_no) is not None


@pytest.mark.parametrize(
    "changed", [{"refund_fen": 991}, {"refund_fen": 0}, {"total_fen": 1000}, {"out_trade_no": "JF20260302000009"}]
)
def test_a_refund_that_does_not_fit_its_order_is_never_given(
    api: PayApi, world: Admin, changed: dict[str, Any]
) -> None:
    prepay(api, ASKED)
    paid_by(world)

    with pytest.raises(Declined) as no:
        refund(api, BACK._replace(**changed))

    assert no.value.kind is Kind.INVALID
    assert refund_of(api, BACK.out_refund_no) is None


def test_a_number_of_a_refund_stands_for_one_content(api: PayApi, world: Admin) -> None:
    prepay(api, ASKED)
    paid_by(world)
    refund(api, BACK)

    with pytest.raises(Declined) as no:
        refund(api, BACK._replace(refund_fen=401))

    assert no.value.kind is Kind.INVALID


def test_what_is_not_paid_is_not_refunded(api: PayApi) -> None:
    prepay(api, ASKED)

    with pytest.raises(Declined) as no:
        refund(api, BACK)

    assert no.value.kind is Kind.INVALID


def test_a_merchant_without_money_refunds_later_under_the_same_number(api: PayApi, world: Admin) -> None:
    prepay(api, ASKED)
    paid_by(world)
    world.post("/faults", {"api": REFUNDS, "kind": "refusal", "code": "NOT_ENOUGH", "status": 403})
    with pytest.raises(Declined) as no:
        refund(api, BACK)

    again = refund(api, BACK)

    assert no.value.kind is Kind.ACCOUNT
    assert again.state is RefundState.PROCESSING


@pytest.mark.parametrize("state", [RefundState.CLOSED, RefundState.ABNORMAL])
def test_a_refund_may_end_without_giving_anything_back(
    api: PayApi, world: Admin, stage: Stage, state: RefundState
) -> None:
    prepay(api, ASKED)
    paid_by(world)
    world.post("/refund-plans", {"status": state.value})
    refund(api, BACK)

    found = refund_of(later(stage, world, seconds=5), BACK.out_refund_no)

    assert found is not None
    assert (found.state, found.done_at) == (state, None)


def test_a_day_that_is_used_up_is_busy(api: PayApi, world: Admin) -> None:
    prepay(api, ASKED)
    paid_by(world)
    world.post("/quotas", {"api": REFUNDS, "daily": 1})
    refund(api, BACK)

    with pytest.raises(Declined) as no:
        refund(api, BACK)

    assert (no.value.status, no.value.kind) == (429, Kind.BUSY)
    assert world.get("/quotas")["quotas"][0]["account"] == MCHID


def test_an_answer_about_another_refund_is_none(api: PayApi, world: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    prepay(api, ASKED)
    paid_by(world)
    refund(api, BACK)
    found = api.get(f"{REFUNDS}/{BACK.out_refund_no}")

    for changed in (
        {"out_refund_no": "JFR2"},
        {"out_trade_no": "JF20260302000009"},
        {"amount": {"refund": 401, "total": 990}},
        {"amount": {"refund": True, "total": 990}},
        {"status": "DREAMING"},
        {"status": "SUCCESS", "success_time": "yesterday"},
    ):
        monkeypatch.setattr(PayApi, "post", lambda *_a, _said=changed: {**found, **_said})
        with pytest.raises(Unanswered):
            refund(api, BACK)
    monkeypatch.setattr(PayApi, "get", lambda *_a: {**found, "out_refund_no": "JFR2"})
    with pytest.raises(Unanswered):
        refund_of(api, BACK.out_refund_no)
