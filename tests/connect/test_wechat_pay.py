"""WeChat Pay's notices through the deployed app: orders and refunds kept once, whatever comes twice, late or forged."""

from __future__ import annotations

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from wechatpayv3 import WeChatPay, WeChatPayType

from chalicelib.earning.order import Paid
from chalicelib.earning.table import open_orders
from tests.connect import pay
from tests.connect.stage import ACCOUNTS, PAY_KEY, PAY_SERIAL, PUBLIC_PEM, SECRETS, Outside, Reply, one_call_at_a_time

OPENID = pay.PAYMENT["payer"]["openid"]
KEY = "wechat#SHOP20260302001"
SUCCESS = {"code": "SUCCESS", "message": "成功"}


def assert_failed(reply: Reply, status: int) -> None:
    assert reply.status == status, reply.text
    assert reply.json["code"] == "FAIL"
    assert reply.json["message"]
    assert set(reply.json) == {"code", "message"}


def test_a_payment_becomes_an_order_of_its_buyer(outside: Outside) -> None:
    _, mei = outside.log_in()
    outside.bind(mei, "wechat", OPENID)

    reply = pay.tell(outside)

    assert (reply.status, reply.json) == (200, SUCCESS)
    assert reply.headers["Content-Type"].startswith("application/json")
    (order,) = open_orders().orders([KEY])
    assert order.member_id == mei
    assert order.received_at == outside.stage.now
    assert order.paid == Paid(
        platform="wechat",
        order_no="SHOP20260302001",
        buyer_id=OPENID,
        paid_at=outside.stage.now.replace(hour=3, minute=59, second=30),
        paid_fen=8800,
        coupon_fen=800,
    )


def test_its_points_come_by_the_stream_and_go_with_the_refund(outside: Outside) -> None:
    _, mei = outside.log_in()
    outside.bind(mei, "wechat", OPENID)
    pay.tell(outside)
    outside.settle(KEY)
    before = outside.account(mei).total_points
    assert before > 0

    reply = pay.tell(outside, pay.REFUND, "REFUND.SUCCESS")
    outside.settle(KEY)

    assert (reply.status, reply.json) == (200, SUCCESS)
    assert 0 < outside.account(mei).total_points < before
    assert [entry.kind.value for entry in outside.entries(mei)] == ["reverse", "earn"]


def test_an_order_of_nobody_waits_for_its_buyer(outside: Outside) -> None:
    assert pay.tell(outside).json == SUCCESS

    (order,) = open_orders().orders([KEY])
    assert order.member_id == ""


def test_the_same_notice_again_is_answered_alike_and_writes_nothing(outside: Outside) -> None:
    first = pay.tell(outside)
    before = outside.written()
    outside.stage.later(seconds=15)

    again = pay.tell(outside)

    assert (again.status, again.text) == (first.status, first.text)
    assert outside.written() == before


def test_a_captured_call_played_again_writes_nothing(outside: Outside) -> None:
    body = pay.notice(pay.PAYMENT)
    headers = pay.signed(body, outside.stage.now)
    outside.call("POST", pay.PATH, headers=headers, body=body)
    before = outside.written()

    soon = outside.call("POST", pay.PATH, headers=headers, body=body)
    outside.stage.later(seconds=301)
    late = outside.call("POST", pay.PATH, headers=headers, body=body)

    assert soon.json == SUCCESS
    assert_failed(late, 401)
    assert outside.written() == before


def test_notices_at_once_leave_one_order_and_one_refund(outside: Outside) -> None:
    def tell(event: str) -> Reply:
        return pay.tell(outside, pay.REFUND if event.startswith("REFUND") else pay.PAYMENT, event)

    with one_call_at_a_time(), ThreadPoolExecutor(6) as pool:
        replies = list(pool.map(tell, ["TRANSACTION.SUCCESS", "REFUND.SUCCESS"] * 6))

    assert {reply.text for reply in replies} == {json.dumps(SUCCESS, ensure_ascii=False)}
    (order,) = open_orders().orders([KEY])
    assert order.paid
    assert list(order.refunds) == ["BACK20260302001"]


def test_a_refund_before_its_payment_is_kept(outside: Outside) -> None:
    _, mei = outside.log_in()
    outside.bind(mei, "wechat", OPENID)

    pay.tell(outside, {**pay.REFUND, "amount": {"total": 8800, "refund": 8800}}, "REFUND.SUCCESS")
    pay.tell(outside)
    outside.settle(KEY)

    (order,) = open_orders().orders([KEY])
    assert order.refunds["BACK20260302001"].refunded_fen == 8800
    assert outside.account(mei).total_points == 0


@pytest.mark.parametrize("event", ["REFUND.ABNORMAL", "REFUND.CLOSED", "PAYSCORE.USER_OPEN_SERVICE", "COUPON.USE"])
def test_what_moves_no_points_is_acknowledged_and_logged(outside: Outside, event: str) -> None:
    before = outside.written()

    reply = pay.tell(outside, {**pay.REFUND, "refund_status": "ABNORMAL"}, event)

    assert reply.json == SUCCESS
    assert outside.written() == before
    kind = event if event.startswith("REFUND") else "OTHER"
    assert json.dumps({"event": "wechat_pay_notice_passed", "kind": kind}, separators=(",", ":")) in outside.lines


def test_a_refund_beyond_its_order_is_acknowledged_and_logged_and_not_kept(outside: Outside) -> None:
    pay.tell(outside)

    reply = pay.tell(outside, {**pay.REFUND, "amount": {"total": 8800, "refund": 8801}}, "REFUND.SUCCESS")

    assert reply.json == SUCCESS
    (order,) = open_orders().orders([KEY])
    assert not order.refunds
    assert any(
        '"told_order_refused","system":"wechat_pay","kind":"refund","code":42201' in line for line in outside.lines
    )


def test_another_content_of_a_known_number_is_acknowledged_and_the_first_stands(outside: Outside) -> None:
    pay.tell(outside)

    reply = pay.tell(outside, {**pay.PAYMENT, "amount": {"total": 1, "payer_total": 1}})

    assert reply.json == SUCCESS
    (order,) = open_orders().orders([KEY])
    assert order.paid
    assert order.paid.paid_fen == 8800


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"mchid": "1900000110"}, 403),
        ({"appid": "wx0000000000000000"}, 403),
        ({"mchid": None}, 400),
        ({"out_trade_no": ""}, 400),
        ({"out_trade_no": 20260302001}, 400),
        ({"out_trade_no": "x" * 65}, 400),
        ({"payer": {}}, 400),
        ({"payer": OPENID}, 400),
        ({"trade_state": "NOTPAY"}, 400),
        ({"success_time": "2026-03-02T11:59:30"}, 400),
        ({"success_time": "yesterday"}, 400),
        ({"success_time": "2027-03-02T11:59:30+08:00"}, 400),
        ({"amount": {"total": 88.0}}, 400),
        ({"amount": {"total": "8800"}}, 400),
        ({"amount": {"total": True}}, 400),
        ({"amount": {"total": -1}}, 400),
        ({"amount": {"total": 10**18}}, 400),
        ({"amount": {"total": 8800, "payer_total": 80.5}}, 400),
        ({"amount": {"total": 8800, "currency": "USD"}}, 400),
        ({"amount": {}}, 400),
        ({"amount": None}, 400),
    ],
)
def test_a_payment_that_is_not_ours_or_not_as_agreed_fails_and_writes_nothing(
    outside: Outside, changes: dict[str, Any], status: int
) -> None:
    before = outside.written()

    reply = pay.tell(outside, {**pay.PAYMENT, **changes})

    assert_failed(reply, status)
    assert outside.written() == before


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"event_type":7}',
        b'{"event_type":"TRANSACTION.SUCCESS"}',
        b'{"event_type":"TRANSACTION.SUCCESS","resource":[]}',
        b'{"event_type":"TRANSACTION.SUCCESS","event_type":"X"}',
        b'{"event_type":"\xff"}',
        '{"summary":"支付成功","event_type":"X"}'.encode("gbk"),
        b"[" * 60_000,
    ],
)
def test_a_signed_body_that_is_no_notice_fails(outside: Outside, body: bytes) -> None:
    before = outside.written()
    headers = {**pay.signed(body, outside.stage.now), "Content-Type": "application/json"}

    reply = outside.call("POST", pay.PATH, headers=headers, body=body)

    assert reply.status in (400, 401)
    assert reply.json["code"] == "FAIL"
    assert outside.written() == before


def test_a_resource_that_is_no_object_fails(outside: Outside) -> None:
    assert_failed(pay.tell(outside, b"[]"), 400)
    assert_failed(pay.tell(outside, b"\xff\xfe"), 400)
    assert_failed(pay.tell(outside, "金额".encode("gbk")), 400)


def test_a_huge_body_is_refused_before_anything_else(outside: Outside) -> None:
    assert_failed(outside.call("POST", pay.PATH, body=b" " * (64 * 1024 + 1)), 413)


def test_a_stranger_gets_in_by_nothing_and_makes_us_call_nobody(
    outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = pay.notice(pay.PAYMENT)
    right = pay.signed(body, outside.stage.now)
    before = outside.written()
    pay.tell(outside, event="OTHER")  # the secret is in the process's memory now
    called: list[Any] = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *asked, **_given: called.append(asked))
    monkeypatch.setattr(socket.socket, "connect", lambda *asked: called.append(asked))

    replies = [
        outside.call("POST", pay.PATH, body=body),
        outside.call("POST", pay.PATH, headers={**right, "Wechatpay-Serial": "7DD2F3C5E8E1"}, body=body),
        outside.call("POST", pay.PATH, headers={**right, "Wechatpay-Signature": "WECHATPAY/SIGNTEST/abcd"}, body=body),
        outside.call("POST", pay.PATH, headers=right, body=body.replace(b"EV-1", b"EV-2")),
    ]

    for reply in replies:
        assert_failed(reply, 401)
    assert called == []
    assert outside.written() == before


def test_headers_may_come_in_any_case(outside: Outside) -> None:
    for change in (str.upper, str.lower):
        body = pay.notice(pay.PAYMENT)
        headers = {change(name): value for name, value in pay.signed(body, outside.stage.now).items()}

        assert outside.call("POST", pay.PATH, headers=headers, body=body).json == SUCCESS


def test_a_body_as_base64_or_as_text_is_the_same_bytes(outside: Outside) -> None:
    from app import app
    from tests.members.stage import lambda_event

    body = pay.notice(pay.PAYMENT)
    headers = {**pay.signed(body, outside.stage.now), "Content-Type": "application/json"}

    answer = app(lambda_event("POST", pay.PATH, headers=headers, body=body.decode()), None)

    assert (answer["statusCode"], json.loads(answer["body"])) == (200, SUCCESS)


def test_a_stage_that_is_not_connected_says_so_and_keeps_nothing(outside: Outside) -> None:
    outside.connect({"duiba": ACCOUNTS["duiba"]})
    before = outside.written()

    assert_failed(pay.tell(outside), 503)
    assert outside.written() == before


@pytest.mark.parametrize("key", ["", "a-key-of-16-bytes", "k" * 31, "k" * 33, "钥" * 32])
def test_an_api_v3_key_of_another_length_is_our_own_mistake(outside: Outside, key: str) -> None:
    outside.connect({"wechat_pay": {**ACCOUNTS["wechat_pay"], "api_v3_key": key}})

    assert_failed(pay.tell(outside), 500)


def test_before_a_programme_is_published_wechat_pay_is_asked_to_come_again(outside: Outside) -> None:
    outside.unpublish()

    assert_failed(pay.tell(outside), 503)
    assert not open_orders().orders([KEY])


def test_a_replaced_key_is_dead_as_soon_as_it_is_known(outside: Outside) -> None:
    pay.tell(outside)
    outside.connect({"wechat_pay": {**ACCOUNTS["wechat_pay"], "keys": {}}})

    assert_failed(pay.tell(outside), 401)


@pytest.mark.parametrize(
    ("number", "kept"),
    [("a|b*c@d", "a.7cb.2ac.40d"), ("_a", "0.5fa"), ("-a", "0.2da"), ("|a", "0.7ca"), ("A-b_9", "A-b_9")],
)
def test_a_number_in_wechat_pays_own_letters_has_one_name_here(outside: Outside, number: str, kept: str) -> None:
    pay.tell(outside, {**pay.PAYMENT, "out_trade_no": number})

    (order,) = open_orders().orders([f"wechat#{kept}"])
    assert order.paid


@pytest.fixture
def judge() -> WeChatPay:
    """Another implementation, which asks nobody as long as it is given the public key."""
    pem = PAY_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return WeChatPay(
        wechatpay_type=WeChatPayType.JSAPI,
        mchid=ACCOUNTS["wechat_pay"]["mchid"],
        private_key=pem,
        cert_serial_no="7DD2F3C5E8E1",
        apiv3_key=SECRETS["api_v3_key"],
        appid=ACCOUNTS["wechat_pay"]["appid"],
        public_key=PUBLIC_PEM,
        public_key_id=PAY_SERIAL,
    )


def test_notices_of_these_tests_are_wechat_pays_to_another_implementation(judge: WeChatPay, outside: Outside) -> None:
    for told, event in ((pay.PAYMENT, "TRANSACTION.SUCCESS"), (pay.REFUND, "REFUND.SUCCESS")):
        body = pay.notice(told, event)
        opened = judge.callback(pay.signed(body, outside.stage.now), body)

        assert opened["resource"] == told
        assert opened["event_type"] == event


def test_what_another_implementation_signs_is_accepted(judge: WeChatPay, outside: Outside) -> None:
    body = pay.notice(pay.PAYMENT)
    timestamp = str(int(outside.stage.now.timestamp()))
    headers = {
        "Wechatpay-Timestamp": timestamp,
        "Wechatpay-Nonce": "593BEC0C930BF1AFEB40B4A08C8FB242",
        "Wechatpay-Serial": PAY_SERIAL,
        "Wechatpay-Signature": judge.sign([timestamp, "593BEC0C930BF1AFEB40B4A08C8FB242", body.decode()]),
    }
    assert outside.call("POST", pay.PATH, headers=headers, body=body).json == SUCCESS
