"""Redemptions with money are given up, undone and swept: points at once, money until it has an end, each step told."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from chalicelib.connect.wechat_pay.mall_notice import MallNotice, What, queued
from chalicelib.connect.wechat_pay.orders import State, order_of
from chalicelib.connect.wechat_pay.refunds import RefundState
from chalicelib.runtime import queue, secret_values
from chalicelib.runtime.settings import settings
from chalicelib.spending.mall.begin_payment import trade_number
from chalicelib.spending.mall.events import SweepUnfinished, settle_mall_payments
from chalicelib.spending.mall.give_money_back import note_refund, refund_number
from chalicelib.spending.mall.model import Money, RedemptionState
from chalicelib.spending.mall.sweep import Sweep
from chalicelib.spending.mall.turns import Swept
from tests.connect.merchant import MCHID
from tests.outside_world import ACCOUNTS
from tests.spending.after_sales import SF
from tests.spending.audited import differences
from tests.spending.cash import FEN, Till, open_till

CLOSING, REFUNDS = "/v3/pay/transactions/out-trade-no/*", "/v3/refund/domestic/refunds"


@pytest.fixture
def till(monkeypatch: pytest.MonkeyPatch) -> Iterator[Till]:
    with open_till(monkeypatch) as opened:
        yield opened
        assert differences() == []


def stuck(till: Till) -> tuple[str, str]:
    """(member, redemption) of money that went out and came back to the merchant."""
    token, member_id, id = till.paid()
    till.world.post("/refund-plans", {"status": "ABNORMAL"})
    till.desks.give_up(token, id)
    till.later(minutes=5)
    till.sweep()
    return member_id, id


def waiting(till: Till, state: str) -> list[str]:
    return [one["id"] for one in till.desks.waiting(state)["list"]]


def told_of_refund(till: Till, id: str) -> list[Any]:
    """What the worker must be given again of a refund's notice."""
    told = MallNotice(What.REFUNDED, trade_number(id), "4200", FEN, refund_number(id), FEN)
    return settle_mall_payments({"Records": [{"messageId": "m", "body": queued(told)}]}, None)["batchItemFailures"]


@pytest.mark.parametrize("way", ["ship", "pick_up"])
def test_its_member_undoes_what_has_not_left_points_at_once_and_money_soon(till: Till, way: str) -> None:
    token, member_id, id = till.paid(way=way)

    first, again = till.desks.give_up(token, id).data, till.desks.give_up(token, id).data
    at_once = till.points(member_id)
    till.later(minutes=5)
    till.sweep()

    assert [(one["state"], one["money"], one["replayed"]) for one in (first, again)] == [
        ("cancelled", "refunding", False),
        ("cancelled", "refunding", True),
    ]
    assert at_once == (1000, 0)
    assert till.row(id).money is Money.REFUNDED
    assert till.mall.left("bottle") == (5, 0)
    assert till.lines(id) == [("paid", "wechat_pay"), ("cancelled", member_id), ("refunded", "wechat_pay")]
    till.redeem(token)
    till.redeem(token)  # both of the month: what was undone counts no more


def test_what_has_left_only_staff_undo_and_the_payer_does_not_read_why(till: Till) -> None:
    token, member_id, id = till.paid()
    till.desks.staff(id, "shipment", SF)

    own, theirs = till.desks.give_up(token, id), till.desks.take_back(id, stock_back=False).data
    till.later(minutes=5)
    till.sweep()

    asked = [one["body"]["reason"] for one in till.world.get("/received", path=REFUNDS)["received"]]
    assert (own.json["code"], theirs["state"], theirs["money"]) == (40915, "cancelled", "refunding")
    assert theirs["history"][-1]["reason"] == "会员退货"
    assert set(asked) == {"兑换已取消"}
    assert (till.points(member_id), till.mall.left("bottle")) == ((1000, 0), (4, 1))


def test_what_was_honoured_late_goes_back_to_where_its_points_came_from(till: Till) -> None:
    till.honour()
    member_id, id, payment = till.late()
    till.tell(id, payment)

    till.desks.take_back(id)
    till.later(minutes=5)
    till.sweep()

    assert (till.points(member_id), till.mall.left("bottle")) == ((1000, 0), (5, 0))
    assert [action for action, _ in till.lines(id)] == ["lapsed", "honoured", "cancelled", "refunded"]


def test_who_gives_up_paying_has_all_back_and_cannot_pay_any_more(till: Till) -> None:
    token, member_id = till.buyer()
    id = till.redeem(token)
    till.begin(token, id)

    first, again = till.desks.give_up(token, id).data, till.desks.give_up(token, id).data

    assert [(one["state"], one["replayed"]) for one in (first, again)] == [("lapsed", False), ("lapsed", True)]
    assert first["money"] is None, "none is awaited any more"
    assert (till.points(member_id), till.mall.left("bottle")) == ((1000, 0), (5, 0))
    assert till.lines(id) == [("lapsed", member_id)]
    order = order_of(till.api, trade_number(id))
    assert order is not None
    assert order.state is State.CLOSED


def test_another_member_can_neither_give_it_up_nor_undo_it(till: Till) -> None:
    token, _ = till.buyer()
    stranger, _ = till.buyer()
    unpaid, paid = till.redeem(token), till.paid()[2]

    assert [till.desks.give_up(stranger, id).json["code"] for id in (unpaid, paid)] == [40411, 40411]
    assert till.row(unpaid).state is RedemptionState.UNPAID


def test_who_paid_while_he_gave_it_up_has_points_and_money_back(till: Till) -> None:
    token, member_id = till.buyer()
    id = till.redeem(token)
    till.begin(token, id)
    till.pay(id)

    undone = till.desks.give_up(token, id).data
    till.later(minutes=5)
    till.sweep()

    assert (undone["state"], undone["money"]) == ("cancelled", "refunding")
    assert (till.row(id).money, till.points(member_id)) == (Money.REFUNDED, (1000, 0))


def test_what_was_given_up_is_not_made_after_all_though_the_item_honours_late_money(till: Till) -> None:
    till.honour()
    token, member_id = till.buyer()
    id = till.redeem(token)
    till.begin(token, id)
    till.desks.give_up(token, id)

    again = till.tell(id, till.pay(id, late=True))
    till.later(minutes=5)
    till.sweep()

    assert again == []
    assert (till.row(id).state, till.row(id).money) == (RedemptionState.LAPSED, Money.REFUNDED)
    assert till.points(member_id) == (1000, 0)


def test_who_paid_what_he_had_given_up_reads_that_and_not_that_he_was_late(till: Till) -> None:
    token, _ = till.buyer()
    id = till.redeem(token)
    till.begin(token, id)
    till.desks.give_up(token, id)

    till.tell(id, till.pay(id, late=True))

    shown = till.mall.call("GET", "/v1/me/redemptions/{redemption_id}", token=token, redemption_id=id).data
    assert (shown["state"], shown["reason"]) == ("lapsed", "取消后付款,原路退回")


def test_while_wechat_pay_does_not_answer_nothing_unpaid_is_given_up_and_what_is_paid_is(till: Till) -> None:
    token, member_id = till.buyer()
    unpaid = till.redeem(token)
    till.begin(token, unpaid)
    paying, payer_id, paid = till.paid()
    for api in (CLOSING, REFUNDS):
        till.world.post("/faults", {"api": api, "kind": "http_500"})

    refused, undone = till.desks.give_up(token, unpaid), till.desks.give_up(paying, paid).data

    assert (refused.status, till.points(member_id)) == (503, (700, 300))
    assert (undone["state"], undone["money"], till.points(payer_id)) == ("cancelled", "refunding", (1000, 0))
    assert waiting(till, "refunding") == [paid]
    for _ in range(2):
        till.later(minutes=5)
        till.sweep()
    assert till.row(paid).money is Money.REFUNDED


def test_money_that_cannot_be_given_back_is_work_for_people_until_they_did_it(till: Till) -> None:
    _, id = stuck(till)
    till.sweep()

    shown = waiting(till, "refund_stuck"), waiting(till, "refunding")
    line = till.desks.staff(id).data["history"][-1]

    assert shown == ([id], [])
    assert (till.row(id).money, line["action"], line["reason"]) == (Money.STUCK, "refund_stuck", "ABNORMAL")
    assert told_of_refund(till, id) == []  # WeChat Pay says that it is as it was
    assert till.row(id).money is Money.STUCK
    note_refund(id, RefundState.DONE, desk=till.desk, now=till.now)
    assert (till.row(id).money, waiting(till, "refund_stuck")) == (Money.REFUNDED, [])


def test_a_refund_that_wechat_pay_will_never_give_is_stuck_and_says_why(till: Till) -> None:
    token, _, id = till.paid()
    refusal = {"api": REFUNDS, "kind": "refusal", "code": "USER_ACCOUNT_ABNORMAL", "status": 403}
    till.world.post("/faults", refusal)

    undone = till.desks.give_up(token, id).data

    assert undone["money"] == "stuck"
    assert till.desks.staff(id).data["history"][-1]["reason"] == "USER_ACCOUNT_ABNORMAL"
    assert waiting(till, "refund_stuck") == [id]


def test_where_the_merchants_account_is_empty_the_refund_waits(till: Till) -> None:
    token, _, id = till.paid()
    till.world.post("/faults", {"api": REFUNDS, "kind": "refusal", "code": "NOT_ENOUGH", "status": 403, "times": 2})

    till.desks.give_up(token, id)
    with pytest.raises(SweepUnfinished):
        till.sweep()
    for _ in range(2):
        till.later(minutes=5)
        till.sweep()

    assert till.row(id).money is Money.REFUNDED


def test_a_refunds_notice_and_the_sweep_note_its_end_once(till: Till) -> None:
    token, _, id = till.paid()
    till.desks.give_up(token, id)
    till.later(minutes=5)

    again = [told_of_refund(till, id) for _ in range(2)]
    till.sweep()

    assert again == [[], []]
    assert [action for action, _ in till.lines(id)].count("refunded") == 1


def test_money_that_people_gave_back_before_it_was_heard_of_is_left_to_people(till: Till) -> None:
    token, member_id = till.buyer()
    id = till.redeem(token)
    till.begin(token, id)
    payment = till.pay(id)
    number = {"mchid": MCHID, "out_trade_no": trade_number(id), "out_refund_no": "BY-HAND-1"}
    till.world.post("/refunds", {**number, "fen": FEN, "notify_url": till.api.merchant.notify_url})
    till.later(minutes=5)

    assert till.tell(id, payment) == ["m-1"]
    assert till.points(member_id) == (700, 300)
    assert till.desks.give_up(token, id).json["code"] == 40915

    closed, again = till.desks.take_back(id), till.desks.take_back(id)

    assert (closed.data["state"], again.json["code"]) == ("lapsed", 40915)
    assert (till.points(member_id), till.mall.left("bottle")) == ((1000, 0), (5, 0))


def test_staff_give_up_for_a_member_what_is_not_paid(till: Till) -> None:
    token, member_id = till.buyer()
    id = till.redeem(token)
    till.begin(token, id)

    closed = till.desks.take_back(id).data

    assert (closed["state"], closed["history"][-1]["reason"]) == ("lapsed", "会员取消")
    assert (till.points(member_id), till.mall.left("bottle")) == ((1000, 0), (5, 0))


def test_one_that_fails_keeps_no_other_from_being_swept(till: Till) -> None:
    ids = []
    for _ in range(2):
        token, _ = till.buyer()
        ids.append(till.redeem(token))
        till.begin(token, ids[-1])
    till.world.post("/payments", {"mchid": MCHID, "out_trade_no": trade_number(ids[0]), "quiet": True})
    fault = {"api": f"/v3/pay/transactions/out-trade-no/{trade_number(ids[0])}/close", "kind": "http_500"}
    till.world.post("/faults", fault)
    till.later(minutes=16)

    with pytest.raises(SweepUnfinished):
        till.sweep()
    first = [till.row(id).state for id in ids]
    till.sweep()

    assert first == [RedemptionState.UNPAID, RedemptionState.LAPSED]
    assert till.row(ids[0]).state is RedemptionState.TO_SHIP


def test_a_queue_of_messages_that_is_down_holds_up_no_money(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUBSCRIBE_MESSAGES", "on")
    settings.cache_clear()
    accounts = json.loads(secret_values.current(settings().connect_secret, till.now))
    accounts["mini_program"]["messages"] = {"restocked": {"template_id": "t-1", "fields": {"thing1": "{item}"}}}
    till.mall.counter.stage.rotate("connect", json.dumps(accounts))
    secret_values.forget()
    till.mall.offer("cup", stock=0)
    token, _ = till.buyer()
    till.mall.call("POST", "/v1/me/mall/items/{item_id}/restock-notice", token=token, item_id="cup")
    till.mall.stock("cup", 1)
    id = till.redeem(token)
    till.later(minutes=16)

    def is_down(_url: str, _bodies: Sequence[str]) -> None:
        raise EndpointConnectionError(endpoint_url="https://sqs")

    monkeypatch.setattr(queue, "send", is_down)
    with pytest.raises(SweepUnfinished):
        till.sweep()

    assert till.row(id).state is RedemptionState.LAPSED


def test_a_sweep_without_time_does_nothing_and_says_that_it_is_not_finished(till: Till) -> None:
    token, _ = till.buyer()
    id = till.redeem(token)
    till.later(minutes=16)

    swept = Sweep(till.now, lambda: False).close(till.desk, till.api)

    assert (swept, till.row(id).state) == (Swept(finished=False), RedemptionState.UNPAID)


def test_without_a_merchant_what_is_not_paid_is_closed_all_the_same(till: Till) -> None:
    (token, member_id), (other, _) = till.buyer(), till.buyer()
    lapsing, given_up = till.redeem(token), till.redeem(other)
    till.mall.counter.stage.rotate("connect", json.dumps(ACCOUNTS))
    secret_values.forget()

    undone = till.desks.give_up(other, given_up).data
    till.later(minutes=16)
    till.sweep()

    assert (undone["state"], till.row(lapsing).state) == ("lapsed", RedemptionState.LAPSED)
    assert till.points(member_id) == (1000, 0)
