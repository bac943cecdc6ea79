"""WeChat Pay's notices of the mall's own numbers: queued, never orders; what cannot be queued is told again."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.connect.wechat_pay.mall_notice import MallNotice, What, is_malls, queued, unqueued
from chalicelib.connect.wechat_pay.orders import NUMBER
from chalicelib.earning.table import open_orders
from chalicelib.runtime import dynamo
from chalicelib.runtime.settings import settings
from tests.connect import pay
from tests.connect.stage import Outside, one_call_at_a_time
from tests.connect.test_wechat_pay import SUCCESS, assert_failed

PAYMENT = {**pay.PAYMENT, "out_trade_no": "JF20260302001"}
REFUND = {**pay.REFUND, "out_trade_no": "JF20260302001", "out_refund_no": "JFR20260302001"}
PAID = MallNotice(What.PAID, "JF20260302001", PAYMENT["transaction_id"], 8800)
REFUNDED = MallNotice(
    What.REFUNDED, "JF20260302001", REFUND["transaction_id"], 8800, out_refund_no="JFR20260302001", refund_fen=4400
)


def waiting() -> list[MallNotice]:
    """What is queued for the mall; nothing waits any longer."""
    sqs, url = dynamo.service("sqs"), settings().mall_payments_queue_url
    found = []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
        for one in messages:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
            found.append(unqueued(one["Body"]))
    return found


@pytest.mark.parametrize(
    ("number", "ours"),
    [
        ("JF0001", True),
        ("JF" + "x" * 30, True),
        ("JF_a-Z9", True),
        ("JF", False),
        ("JF001", False),
        ("JF" + "x" * 31, False),
        ("jf0001", False),
        ("SHOPJF0001", False),
        ("JF*00|1", False),
        ("JF0001\n", False),
        ("", False),
    ],
)
def test_the_malls_numbers_are_told_by_their_beginning(number: str, ours: bool) -> None:
    assert is_malls(number) is ours


@given(st.from_regex(r"JF[0-9A-Za-z_-]{4,30}", fullmatch=True))
def test_whatever_is_the_malls_can_be_asked_about(number: str) -> None:
    assert is_malls(number)
    assert NUMBER.fullmatch(number)


@pytest.mark.parametrize("notice", [PAID, REFUNDED, REFUNDED._replace(what=What.NOT_REFUNDED)])
def test_a_notice_comes_out_of_the_queue_as_it_went_in(notice: MallNotice) -> None:
    assert unqueued(queued(notice)) == notice


def test_a_payment_of_the_malls_is_queued_and_is_no_order(outside: Outside) -> None:
    before = outside.written()

    reply = pay.tell(outside, PAYMENT)

    assert reply.json == SUCCESS
    assert waiting() == [PAID]
    assert outside.written() == before
    assert not open_orders().orders(["wechat#JF20260302001"])


@pytest.mark.parametrize(
    ("event", "status", "what"),
    [
        ("REFUND.SUCCESS", "SUCCESS", What.REFUNDED),
        ("REFUND.ABNORMAL", "ABNORMAL", What.NOT_REFUNDED),
        ("REFUND.CLOSED", "CLOSED", What.NOT_REFUNDED),
    ],
)
def test_however_a_refund_of_the_malls_ends_it_is_queued_and_no_order(
    outside: Outside, event: str, status: str, what: What
) -> None:
    before = outside.written()

    reply = pay.tell(outside, {**REFUND, "refund_status": status}, event)

    assert reply.json == SUCCESS
    assert waiting() == [REFUNDED._replace(what=what)]
    assert outside.written() == before


def test_what_is_not_the_malls_is_an_order_as_before_and_queued_for_nobody(outside: Outside) -> None:
    for number in ("SHOP20260302001", "JF1", "JF*20260302001"):
        pay.tell(outside, {**pay.PAYMENT, "out_trade_no": number})

    assert waiting() == []
    assert len(open_orders().orders(["wechat#SHOP20260302001", "wechat#JF1", "wechat#JF.2a20260302001"])) == 3


def test_told_twice_and_at_once_it_is_queued_each_time_for_a_worker_that_takes_it_once(outside: Outside) -> None:
    with one_call_at_a_time(), ThreadPoolExecutor(4) as pool:
        replies = list(pool.map(lambda _: pay.tell(outside, PAYMENT), range(4)))

    assert {reply.text for reply in replies} == {json.dumps(SUCCESS, ensure_ascii=False)}
    assert waiting() == [PAID] * 4


def test_what_cannot_be_queued_is_not_acknowledged(outside: Outside) -> None:
    sqs, url = dynamo.service("sqs"), settings().mall_payments_queue_url
    sqs.delete_queue(QueueUrl=url)

    lost = pay.tell(outside, PAYMENT)

    assert lost.status >= 500
    assert lost.json["code"] == "FAIL"
    sqs.create_queue(QueueName=url.rsplit("/", 1)[-1])
    assert pay.tell(outside, PAYMENT).json == SUCCESS
    assert waiting() == [PAID]


def test_a_mall_needs_no_programme_to_hear_of_its_payments(outside: Outside) -> None:
    outside.unpublish()

    assert pay.tell(outside, PAYMENT).json == SUCCESS
    assert waiting() == [PAID]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"mchid": "1900000110"}, 403),
        ({"appid": "wx0000000000000000"}, 403),
        ({"transaction_id": ""}, 400),
        ({"trade_state": "NOTPAY"}, 400),
        ({"amount": {"total": "8800"}}, 400),
        ({"amount": {"total": 8800, "currency": "USD"}}, 400),
        ({"amount": None}, 400),
    ],
)
def test_a_payment_that_is_not_ours_or_not_as_agreed_is_queued_for_nobody(
    outside: Outside, changes: dict[str, Any], status: int
) -> None:
    assert_failed(pay.tell(outside, {**PAYMENT, **changes}), status)
    assert waiting() == []


@pytest.mark.parametrize(
    "changes",
    [
        {"refund_status": "PROCESSING"},
        {"refund_status": "CLOSED"},
        {"out_refund_no": None},
        {"amount": {"total": 8800}},
        {"amount": {"total": 8800, "refund": True}},
    ],
)
def test_a_refund_that_is_not_as_agreed_is_queued_for_nobody(outside: Outside, changes: dict[str, Any]) -> None:
    assert_failed(pay.tell(outside, {**REFUND, **changes}, "REFUND.SUCCESS"), 400)
    assert waiting() == []


def test_nobody_but_wechat_pay_fills_the_queue(outside: Outside) -> None:
    body = pay.notice(PAYMENT)
    signed = pay.signed(body, outside.stage.now)

    replies = [
        outside.call("POST", pay.PATH, body=body),
        outside.call("POST", pay.PATH, headers={**signed, "Wechatpay-Serial": "7DD2F3C5E8E1"}, body=body),
        pay.tell(outside, PAYMENT, skew=-301),
    ]

    assert [reply.status for reply in replies] == [401, 401, 401]
    assert waiting() == []
