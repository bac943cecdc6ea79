"""WeChat Pay: wechatpayv3 orders, queries, refunds; notifications are true, repeated by the table, or tricked."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from time_machine import travel
from wechatpayv3 import WeChatPay, WeChatPayType

from local.stand_in.pay.keys import kept_in, of_this_process
from local.stand_in.pay.notifier import PAUSES
from tests.stand_in.outsiders import PAY, Admin, Got, Json, Receiver, Trouble

MCHID, APPID, SERIAL, APIV3 = "1900000001", "wx00000000000000a1", "5157F09EFDC096DE15EBE81A47057A7232F1B8E1", "k" * 32
KEY = rsa.generate_private_key(65537, 2048)
PRIVATE = KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
).decode()
PUBLIC = (
    KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
)
HOUR = 3600


@pytest.fixture
def pay(admin: Admin, receiver: Receiver) -> Any:
    """wechatpayv3 of a registered merchant, in real time, because it reads the machine's clock."""
    admin.post("/reset", {})
    return _merchant(admin, receiver)


@pytest.fixture
def judge(admin: Admin, receiver: Receiver) -> Any:
    """wechatpayv3 as a judge of notifications, in a world whose clock stands at noon."""
    return _merchant(admin, receiver)


def _merchant(admin: Admin, receiver: Receiver) -> Any:
    merchant = {"mchid": MCHID, "serial": SERIAL, "public_key": PUBLIC, "apiv3_key": APIV3, "appids": [APPID]}
    admin.post("/merchants", merchant)
    key = admin.get("/pay-key")
    client = WeChatPay(
        wechatpay_type=WeChatPayType.JSAPI,
        mchid=MCHID,
        private_key=PRIVATE,
        cert_serial_no=SERIAL,
        appid=APPID,
        apiv3_key=APIV3,
        notify_url=f"{receiver.url}/pay",
        timeout=10,
        public_key=key["public_key"],
        public_key_id=key["key_id"],
    )
    client._core._gate_way = f"{admin.url}/{PAY}"
    return client


def _order(client: Any, number: str = "order-1", total: int = 1990, **given: Any) -> tuple[int, Json]:
    code, text = client.pay(
        description="骑行灯",
        out_trade_no=number,
        amount={"total": total, "currency": "CNY"},
        payer={"openid": "o" * 28},
        **given,
    )
    return code, json.loads(text)


def _paid(admin: Admin, receiver: Receiver, number: str = "order-1", **given: Any) -> Json:
    asked = {"mchid": MCHID, "appid": APPID, "out_trade_no": number, "total": 1990, "openid": "o" * 28}
    return admin.post("/payments", {**asked, "notify_url": f"{receiver.url}/pay", **given})


def _headers(got: Got) -> dict[str, str]:
    return {name.title(): value for name, value in got.headers.items()}


def _read(client: Any, got: Got) -> Json:
    read: Json = client.callback(_headers(got), got.body)
    return read


def test_an_order_is_made_paid_and_queried(admin: Admin, receiver: Receiver, pay: Any) -> None:
    code, made = _order(pay, attach="会员日")
    unpaid = json.loads(pay.query(out_trade_no="order-1")[1])
    admin.post("/payments", {"mchid": MCHID, "out_trade_no": "order-1"})
    paid = json.loads(pay.query(out_trade_no="order-1")[1])
    by_id = json.loads(pay.query(transaction_id=paid["transaction_id"])[1])

    assert (code, list(made)) == (200, ["prepay_id"])
    assert unpaid["trade_state"] == "NOTPAY"
    assert "transaction_id" not in unpaid
    assert (paid["trade_state"], paid["amount"]["payer_total"], paid["attach"]) == ("SUCCESS", 1990, "会员日")
    assert by_id == paid


def test_a_number_stands_for_one_order(admin: Admin, pay: Any) -> None:
    first = _order(pay)
    assert _order(pay) == first
    assert _order(pay, total=1) == (400, {"code": "INVALID_REQUEST", "message": "201 商户订单号重复"})

    admin.post("/payments", {"mchid": MCHID, "out_trade_no": "order-1", "quiet": True})
    assert _order(pay)[1]["code"] == "ORDERPAID"
    assert pay.close(out_trade_no="order-1")[0] == 400
    assert json.loads(pay.query(out_trade_no="order-2")[1])["code"] == "ORDER_NOT_EXIST"


def test_a_closed_order_cannot_be_paid(admin: Admin, pay: Any) -> None:
    _order(pay)
    assert pay.close(out_trade_no="order-1")[0] == 204
    with pytest.raises(Trouble, match="ORDER_CLOSED"):
        admin.post("/payments", {"mchid": MCHID, "out_trade_no": "order-1"})

    assert _order(pay)[1]["code"] == "ORDER_CLOSED"
    assert json.loads(pay.query(out_trade_no="order-1")[1])["trade_state"] == "CLOSED"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"total": 0}, "PARAM_ERROR"),
        ({"number": "order"}, "PARAM_ERROR"),
        ({"number": "order number"}, "PARAM_ERROR"),
        ({"appid": "wxother"}, "APPID_MCHID_NOT_MATCH"),
        ({"notify_url": "http://points.example.com/pay"}, "PARAM_ERROR"),
    ],
)
def test_an_order_that_wechat_pay_would_not_take(pay: Any, given: Json, code: str) -> None:
    assert _order(pay, **given)[1]["code"] == code


def test_a_request_is_checked_against_the_merchants_key_and_the_clock(
    admin: Admin, receiver: Receiver, pay: Any
) -> None:
    pay._core._private_key = rsa.generate_private_key(65537, 2048)
    assert _order(pay) == (401, {"code": "SIGN_ERROR", "message": "签名验证失败"})

    pay = _merchant(admin, receiver)
    pay._core._cert_serial_no = "0" * 40
    assert _order(pay)[0] == 401
    pay = _merchant(admin, receiver)
    admin.advance(301)
    assert _order(pay)[1]["message"] == "请求的时间戳已过期"


def test_a_phone_pays_with_the_merchants_signature_only(admin: Admin, pay: Any) -> None:
    prepay_id = _order(pay)[1]["prepay_id"]
    package = f"prepay_id={prepay_id}"
    good = pay.sign([APPID, "1773115200", "nonce", package])
    asked = {
        "appId": APPID,
        "timeStamp": "1773115200",
        "nonceStr": "nonce",
        "package": package,
        "signType": "RSA",
        "paySign": good,
    }

    with pytest.raises(Trouble, match="not the merchant's"):
        admin.post("/payments", {"request": {**asked, "timeStamp": "1773115201"}})
    assert admin.post("/payments", {"request": asked})["trade_state"] == "SUCCESS"


def test_who_pays_is_told_under_signature_and_seal(admin: Admin, receiver: Receiver, judge: Any) -> None:
    _paid(admin, receiver)
    admin.settle()

    (got,) = receiver.got
    read = _read(judge, got)
    assert got.path == "/pay"
    assert got.query == ""
    assert (read["event_type"], read["resource"]["out_trade_no"]) == ("TRANSACTION.SUCCESS", "order-1")
    assert read["resource"]["amount"] == {
        "total": 1990,
        "payer_total": 1990,
        "currency": "CNY",
        "payer_currency": "CNY",
    }
    assert read["resource"]["success_time"] == read["create_time"] == "2026-03-10T12:00:00+08:00"
    assert b"order-1" not in got.body


@pytest.mark.parametrize(("status", "answer"), [(200, b'{"code":"SUCCESS"}'), (200, b""), (204, b"")])
def test_a_notification_that_is_taken_is_not_repeated(
    admin: Admin, receiver: Receiver, judge: Any, status: int, answer: bytes
) -> None:
    receiver.status, receiver.answer = status, answer
    _paid(admin, receiver)
    admin.advance(24 * HOUR)

    assert len(receiver.got) == 1


def test_a_notification_that_is_refused_comes_fifteen_times_more_by_the_table(
    admin: Admin, receiver: Receiver, judge: Any
) -> None:
    receiver.status = 500
    _paid(admin, receiver)
    admin.advance(48 * HOUR)

    stamps = [int(got.headers["wechatpay-timestamp"]) for got in receiver.got]
    pauses = [after - before for before, after in pairwise(stamps)]
    assert pauses == [15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800, 21600, 21600]
    assert len(PAUSES) == 15
    assert len({got.body for got in receiver.got}) == 1
    assert len({got.headers["wechatpay-nonce"] for got in receiver.got}) == 16
    assert all(_read(judge, got)["resource"]["out_trade_no"] == "order-1" for got in receiver.got)


def test_repeats_end_when_one_is_taken(admin: Admin, receiver: Receiver, judge: Any) -> None:
    receiver.status = 500
    _paid(admin, receiver)
    admin.advance(20)
    receiver.status = 200
    admin.advance(48 * HOUR)

    assert [one["status"] for one in admin.get("/sent", name="TRANSACTION.SUCCESS")["sent"]] == [500, 500, 200]


def test_two_copies_leave_at_once(admin: Admin, receiver: Receiver, judge: Any) -> None:
    _paid(admin, receiver, copies=3)
    admin.settle()

    assert len(receiver.got) == 3
    assert len({(got.body, got.headers["wechatpay-signature"]) for got in receiver.got}) == 1


@pytest.mark.parametrize("trick", ["probe", "changed_bit", "foreign_signature"])
def test_a_tricked_notification_has_a_wrong_signature_and_comes_once(
    admin: Admin, receiver: Receiver, judge: Any, trick: str
) -> None:
    receiver.status = 500
    _paid(admin, receiver, quiet=True)
    admin.post("/pay-notifications", {"mchid": MCHID, "out_trade_no": "order-1", "trick": trick})
    admin.advance(24 * HOUR)

    (got,) = receiver.got
    assert _read(judge, got) is None
    assert got.headers["wechatpay-signature"].startswith("WECHATPAY/SIGNTEST/") == (trick == "probe")


def test_an_old_timestamp_is_signed_all_the_same(admin: Admin, receiver: Receiver, judge: Any) -> None:
    _paid(admin, receiver, quiet=True)
    admin.post("/pay-notifications", {"mchid": MCHID, "out_trade_no": "order-1", "trick": "old_timestamp"})
    admin.settle()

    assert admin.get("/clock")["now_ms"] // 1000 - int(receiver.got[0].headers["wechatpay-timestamp"]) == 600
    assert _read(judge, receiver.got[0])["resource"]["out_trade_no"] == "order-1"


def test_an_unknown_serial_shows_who_asks_for_certificates(admin: Admin, receiver: Receiver, judge: Any) -> None:
    _paid(admin, receiver, quiet=True)
    admin.post("/pay-notifications", {"mchid": MCHID, "out_trade_no": "order-1", "trick": "unknown_serial"})
    admin.settle()

    assert receiver.got[0].headers["wechatpay-serial"] != admin.get("/pay-key")["key_id"]
    assert admin.get("/received")["received"] == []
    assert _read(judge, receiver.got[0]) is None
    assert [one["path"] for one in admin.get("/received")["received"]] == ["/v3/certificates"]  # wechatpayv3 asks


def test_a_resource_under_another_key_cannot_be_opened(admin: Admin, receiver: Receiver, judge: Any) -> None:
    admin.post("/merchants", {"mchid": "2", "serial": "s", "public_key": PUBLIC, "apiv3_key": "ab" * 16})
    _paid(admin, receiver, mchid="2", appid="wx2", quiet=True)
    admin.post("/pay-notifications", {"mchid": "2", "out_trade_no": "order-1", "trick": "other_key"})
    admin.settle()

    judge._core._apiv3_key = "ab" * 16
    assert not _read(judge, receiver.got[0])


def test_a_refund_ends_and_is_told(admin: Admin, receiver: Receiver, pay: Any) -> None:
    _order(pay)
    admin.post("/payments", {"mchid": MCHID, "out_trade_no": "order-1", "quiet": True})
    amount = {"refund": 990, "total": 1990, "currency": "CNY"}
    code, text = pay.refund(out_refund_no="refund-1", out_trade_no="order-1", amount=amount)
    again = json.loads(pay.refund(out_refund_no="refund-1", out_trade_no="order-1", amount=amount)[1])
    admin.advance(5)
    done = json.loads(pay.query_refund("refund-1")[1])

    assert code == 200
    assert json.loads(text)["status"] == again["status"] == "PROCESSING"
    assert again["refund_id"] == done["refund_id"]
    assert done["status"] == "SUCCESS"
    told = [_read(pay, got) for got in receiver.got]
    assert [one["event_type"] for one in told] == ["REFUND.SUCCESS"]
    assert told[0]["resource"]["amount"] == {"total": 1990, "refund": 990, "payer_total": 1990, "payer_refund": 990}
    assert json.loads(pay.query(out_trade_no="order-1")[1])["trade_state"] == "REFUND"


def test_refunds_take_no_more_than_was_paid(admin: Admin, pay: Any) -> None:
    _order(pay)

    def refund(number: str, fen: int, total: int = 1990) -> int:
        amount = {"refund": fen, "total": total, "currency": "CNY"}
        return int(pay.refund(out_refund_no=number, out_trade_no="order-1", amount=amount)[0])

    assert refund("refund-0", 1) == 400
    admin.post("/payments", {"mchid": MCHID, "out_trade_no": "order-1", "quiet": True})
    assert refund("refund-1", 1000) == 200
    assert refund("refund-1", 999) == 400
    assert refund("refund-2", 991) == 400
    assert refund("refund-2", 990, total=1000) == 400
    assert refund("refund-2", 990) == 200
    assert json.loads(pay.query_refund("refund-3")[1])["code"] == "RESOURCE_NOT_EXISTS"


@pytest.mark.parametrize("status", ["ABNORMAL", "CLOSED"])
def test_a_refund_that_fails_is_told_as_well(admin: Admin, receiver: Receiver, judge: Any, status: str) -> None:
    _paid(admin, receiver, quiet=True)
    admin.post("/refund-plans", {"status": status})
    asked = {"mchid": MCHID, "out_trade_no": "order-1", "out_refund_no": "refund-1", "fen": 1990}
    admin.post("/refunds", {**asked, "notify_url": f"{receiver.url}/pay"})
    admin.advance(5)

    told = _read(judge, receiver.got[0])
    assert told["event_type"] == f"REFUND.{status}"
    assert told["resource"]["refund_status"] == status
    assert "success_time" not in told["resource"]


def test_an_order_ends_when_it_was_said_to(admin: Admin, pay: Any) -> None:
    ends_s = admin.get("/clock")["now_ms"] // 1000 + 90
    ends = datetime.fromtimestamp(ends_s, UTC).isoformat()
    assert _order(pay, "order-0", time_expire="soon")[1]["code"] == "PARAM_ERROR"
    assert _order(pay, "order-0", time_expire="2020-01-01T00:00:00+08:00")[1]["code"] == "PARAM_ERROR"
    assert _order(pay, time_expire=ends)[0] == 200
    assert _order(pay)[1]["message"] == "201 商户订单号重复"
    admin.advance(91)

    assert json.loads(pay.query(out_trade_no="order-1")[1])["trade_state"] == "CLOSED"
    assert _order(pay, "order-2")[0] == 200
    with pytest.raises(Trouble, match="ORDER_CLOSED"):
        admin.post("/payments", {"mchid": MCHID, "out_trade_no": "order-1"})


def test_an_id_to_pay_by_lives_two_hours_and_its_order_longer(admin: Admin, receiver: Receiver, pay: Any) -> None:
    first = _order(pay)[1]["prepay_id"]
    admin.post("/clock", {"stand": True})
    admin.advance(2 * HOUR)

    with pytest.raises(Trouble, match="over"):
        admin.post("/payments", {"prepay_id": first})
    later = datetime.fromtimestamp(admin.get("/clock")["now_ms"] / 1000, UTC)
    with travel(later):
        second = _order(pay)[1]["prepay_id"]
    assert second != first
    with pytest.raises(Trouble, match="another payer's"):
        admin.post("/payments", {"prepay_id": second, "openid": "p" * 28})
    assert admin.post("/payments", {"prepay_id": second, "openid": "o" * 28})["trade_state"] == "SUCCESS"
    admin.settle()
    assert [_read(pay, got)["event_type"] for got in receiver.got] == ["TRANSACTION.SUCCESS"]


def test_a_payment_may_come_after_the_closing_and_is_told(admin: Admin, receiver: Receiver, pay: Any) -> None:
    prepay_id = _order(pay)[1]["prepay_id"]
    assert pay.close(out_trade_no="order-1")[0] == 204
    assert pay.close(out_trade_no="order-1")[0] == 204
    admin.post("/payments", {"prepay_id": prepay_id, "late": True})
    admin.settle()

    assert json.loads(pay.query(out_trade_no="order-1")[1])["trade_state"] == "SUCCESS"
    assert [_read(pay, got)["event_type"] for got in receiver.got] == ["TRANSACTION.SUCCESS"]
    with pytest.raises(Trouble, match="ORDERPAID"):
        admin.post("/payments", {"prepay_id": prepay_id, "late": True})


def test_a_refund_has_its_year_and_an_order_its_fifty(admin: Admin, receiver: Receiver, judge: Any) -> None:
    _paid(admin, receiver, quiet=True)
    asked = {"mchid": MCHID, "out_trade_no": "order-1", "fen": 1, "notify_url": ""}
    for number in range(50):
        admin.post("/refunds", {**asked, "out_refund_no": f"refund-{number}"})
    with pytest.raises(Trouble, match="退款次数"):
        admin.post("/refunds", {**asked, "out_refund_no": "refund-50"})

    _paid(admin, receiver, "order-2", quiet=True)
    admin.advance(365 * 24 * HOUR)
    admin.post("/refunds", {**asked, "out_trade_no": "order-2", "out_refund_no": "refund-51"})
    admin.advance(1)
    with pytest.raises(Trouble, match="退款期限"):
        admin.post("/refunds", {**asked, "out_trade_no": "order-2", "out_refund_no": "refund-52"})


@pytest.mark.parametrize("kind", ["foreign_signature", "unknown_serial"])
def test_an_answer_may_be_signed_by_somebody_else(admin: Admin, pay: Any, kind: str) -> None:
    admin.post("/faults", {"api": "/v3/pay/transactions/jsapi", "kind": kind})
    with pytest.raises(Exception, match="failed to verify the signature"):
        _order(pay)

    assert json.loads(pay.query(out_trade_no="order-1")[1])["trade_state"] == "NOTPAY"


def test_an_answer_may_refuse_in_any_word_and_a_day_has_its_quota(admin: Admin, pay: Any) -> None:
    admin.post("/faults", {"api": "/v3/pay/*", "kind": "refusal", "code": "RATELIMIT_EXCEEDED", "status": 429})
    assert _order(pay) == (429, {"code": "RATELIMIT_EXCEEDED", "message": "系统拒绝"})
    with pytest.raises(Trouble, match="code is"):
        admin.post("/faults", {"api": "/v3/pay/*", "kind": "refusal"})

    admin.post("/quotas", {"api": "/v3/pay/transactions/jsapi", "daily": 1})
    assert _order(pay)[0] == 200
    assert _order(pay)[1]["code"] == "FREQUENCY_LIMITED"


def test_after_a_timeout_the_order_stands(pay: Any, admin: Admin) -> None:
    admin.post("/faults", {"api": "/v3/pay/transactions/jsapi", "kind": "timeout_after", "seconds": 0.05})
    with pytest.raises(Exception, match="Connection aborted"):
        _order(pay)

    assert json.loads(pay.query(out_trade_no="order-1")[1])["trade_state"] == "NOTPAY"
    admin.post("/faults", {"api": "/v3/pay/*", "kind": "errcode"})
    assert _order(pay)[1]["code"] == "SYSTEM_ERROR"


def test_a_key_in_a_file_is_the_same_the_next_time(tmp_path: Any) -> None:
    first = kept_in(tmp_path / "key.pem")

    assert kept_in(tmp_path / "key.pem").public_pem == first.public_pem == of_this_process().public_pem
    assert (tmp_path / "key.pem").stat().st_mode & 0o777 == 0o600
