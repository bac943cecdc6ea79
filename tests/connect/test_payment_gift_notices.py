"""A verified notice of a payment brings its payer a coupon and a message; what is told twice brings nothing more."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.connect.wechat.messages import due
from chalicelib.runtime import dynamo
from chalicelib.runtime.settings import settings
from chalicelib.spending.documents import add, open_documents, switch
from chalicelib.spending.gifts.events import give_payment_gifts
from chalicelib.spending.gifts.keep_plan import KIND
from chalicelib.spending.gifts.table import Gift, GiftState, open_gifts
from tests.connect import pay
from tests.connect.stage import Outside
from tests.spending.malls import COUPON

OPENID = pay.PAYMENT["payer"]["openid"]
PLAN = {"name": "支付有礼", "good": COUPON, "message": "送你一张满199减10券", "path": "pages/coupons/index"}


def plan(outside: Outside) -> None:
    table, now = open_documents(KIND), outside.stage.now
    kept = add(table, "autumn", PLAN, by="s1", now=now)
    switch(table, kept, "on", seen_version=1, reason="开始", by="s1", now=now)


def taken(queue_url: str) -> list[str]:
    """The bodies of all that waits in a queue."""
    sqs, found = dynamo.service("sqs"), []
    while messages := sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10).get("Messages", []):
        for one in messages:
            sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=one["ReceiptHandle"])
            found.append(one["Body"])
    return found


def work() -> int:
    """Have the worker take what waits; how many must come again."""
    bodies = taken(settings().payment_gifts_queue_url)
    records = [{"messageId": str(number), "body": body} for number, body in enumerate(bodies)]
    return len(give_payment_gifts({"Records": records}, None)["batchItemFailures"])


def gift() -> Gift:
    found = open_gifts().gift("wechat", pay.PAYMENT["out_trade_no"])
    assert found is not None
    return found


def coupons(outside: Outside) -> list[dict[str, Any]]:
    return [item for item in outside.items("test-spending") if item["sk"] == "COUPON"]


def test_a_payment_told_twice_is_one_coupon_and_one_message(outside: Outside) -> None:
    plan(outside)
    _, mei = outside.log_in()
    outside.bind(mei, "wechat", OPENID)

    told = [pay.tell(outside).status for _ in range(2)]
    failed = work()
    (message,) = taken(settings().reminders_queue_url)

    (coupon,) = coupons(outside)
    said = due(message, lambda _level: "")
    assert (told, failed) == ([200, 200], 0)
    assert (coupon["member_id"], gift().state) == (mei, GiftState.GIVEN)
    assert (said.kind, said.member_id, said.page) == ("payment_gift", mei, "pages/coupons/index")
    assert said.words == {"on": "2026年3月2日", "message": PLAN["message"], "coupons": "1"}
    assert json.loads(message)["id"] in said.key


def out_of_reach(_url: str, _bodies: list[str]) -> None:
    raise ConnectionError


def test_a_message_that_could_not_be_queued_is_queued_when_the_payment_comes_again(
    outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan(outside)
    _, mei = outside.log_in()
    outside.bind(mei, "wechat", OPENID)
    pay.tell(outside)
    (body,) = taken(settings().payment_gifts_queue_url)
    records = {"Records": [{"messageId": "1", "body": body}]}
    with monkeypatch.context() as broken:
        broken.setattr("chalicelib.runtime.queue.send", out_of_reach)
        failed = len(give_payment_gifts(records, None)["batchItemFailures"])

    again = len(give_payment_gifts(records, None)["batchItemFailures"])

    assert (failed, again, gift().state, len(coupons(outside))) == (1, 0, GiftState.GIVEN, 1)
    assert len(taken(settings().reminders_queue_url)) == 1


def test_a_forged_notice_brings_nothing(outside: Outside) -> None:
    plan(outside)

    body = pay.notice(pay.PAYMENT)
    headers = {**pay.signed(body, outside.stage.now), "Wechatpay-Signature": "AAAA"}
    reply = outside.call("POST", pay.PATH, headers=headers, body=body)

    assert reply.status == 401
    assert taken(settings().payment_gifts_queue_url) == []


@pytest.mark.parametrize("is_first", [True, False])
def test_a_refund_of_all_takes_the_coupon_back_whichever_is_told_first(outside: Outside, is_first: bool) -> None:
    plan(outside)
    _, mei = outside.log_in()
    outside.bind(mei, "wechat", OPENID)
    whole = {**pay.REFUND, "amount": {**pay.REFUND["amount"], "refund": 8800}}

    notices = [(pay.PAYMENT, "TRANSACTION.SUCCESS"), (whole, "REFUND.SUCCESS")]
    for told, event in reversed(notices) if is_first else notices:
        pay.tell(outside, told, event)
        assert work() == 0

    assert gift().state is GiftState.TAKEN_BACK
    assert [coupon["state"] for coupon in coupons(outside)] == ([] if is_first else ["cancelled"])


def test_half_a_refund_leaves_the_coupon(outside: Outside) -> None:
    plan(outside)
    _, mei = outside.log_in()
    outside.bind(mei, "wechat", OPENID)

    pay.tell(outside)
    pay.tell(outside, pay.REFUND, "REFUND.SUCCESS")
    work()

    assert gift().state is GiftState.GIVEN
    assert [coupon["state"] for coupon in coupons(outside)] == ["issued"]
