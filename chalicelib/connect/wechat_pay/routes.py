"""WeChat Pay's notices over HTTP: verified, opened, kept as orders and refunds or queued for the points mall,
acknowledged as it wants.

The orders' stream and the queue's worker do the rest, so that the answer goes out well within WeChat Pay's five
seconds. What could not be kept or queued is not acknowledged: it is told again for a day.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from chalice.app import Blueprint

from chalicelib.connect.accounts import keys_of, text
from chalicelib.connect.kept import keep
from chalicelib.connect.told import bad, part, word
from chalicelib.connect.wechat_pay import signature
from chalicelib.connect.wechat_pay.mall_notice import is_malls, mall_notice_of, queued
from chalicelib.connect.wechat_pay.notice import NOT_REFUNDED, PAID, REFUNDED, Merchant, record_of
from chalicelib.errors import JifenError
from chalicelib.runtime import log, queue
from chalicelib.runtime.bodies import plain_json
from chalicelib.runtime.callback import Ack, CallbackCall, callback
from chalicelib.runtime.edge import JSON_BODY, Caller, Request
from chalicelib.runtime.settings import settings
from chalicelib.spending.gifts import told as gifts
from chalicelib.spending.gifts.plan import Payment
from chalicelib.spending.gifts.told import Refund

bp = Blueprint(__name__)
KEY_BYTES = 32
"""An APIv3 key has so many; a shorter one would be another cipher."""


def wechat_pay(request: Request) -> Caller:
    """WeChat Pay itself; raises JifenError BAD_SIGNATURE, STALE_TIMESTAMP or NOT_CONNECTED."""
    keys = keys_of("wechat_pay", request.now).get("keys", {})
    signature.verify(request.headers, request.raw_body, request.now, keys)
    return Caller("callback", id="wechat_pay")


def _refused(error: JifenError) -> Ack:
    return Ack(json.dumps({"code": "FAIL", "message": error.msg}, ensure_ascii=False), error.code.http_status)


@bp.route("/callbacks/wechat-pay", methods=["POST"], **JSON_BODY)
@callback(bp, caller=wechat_pay, refuse=_refused)
def post_wechat_pay_notice(call: CallbackCall) -> Ack:
    """WeChat Pay tells a payment or a refund: it becomes an order of the platform `wechat`, or a refund of one. What
    has a number of the points mall's becomes neither: it is queued for the mall.
    """
    notice = plain_json(call.raw_body)
    if not isinstance(notice, dict):
        raise bad("body")
    event = word(notice, "event_type")
    if event in (PAID, REFUNDED, *NOT_REFUNDED):
        _take(event, notice, call)
    else:
        log.outcome("wechat_pay_notice_passed", kind="OTHER")  # a merchant did not subscribe to it for our sake
    return Ack(json.dumps({"code": "SUCCESS", "message": "成功"}, ensure_ascii=False))


def _take(event: str, notice: dict[str, object], call: CallbackCall) -> None:
    known = keys_of("wechat_pay", call.now)
    merchant = Merchant(text(known, "mchid"), text(known, "appid"))
    told = _opened(notice, text(known, "api_v3_key").encode())
    if is_malls(word(told, "out_trade_no")):
        queue.send(settings().mall_payments_queue_url, [queued(mall_notice_of(event, told, merchant))])
        log.outcome("wechat_pay_notice_queued", kind=event)
    elif event in NOT_REFUNDED:
        log.outcome("wechat_pay_notice_passed", kind=event)  # nothing was given back: the order is as it was
    else:
        record = record_of(event, told, merchant)
        keep("wechat_pay", [record], call.now)
        queue.send(settings().payment_gifts_queue_url, [gifts.queued(_for_gifts(record, told))])


def _for_gifts(record: Mapping[str, Any], told: Mapping[str, Any]) -> Payment | Refund:
    """What may bring its payer a coupon, or take it back, under the number that the mini-program knows."""
    platform, number = record["platform"], word(told, "out_trade_no")
    if record["kind"] == "refund":
        return Refund(platform, number, record["refund_no"], record["refunded_fen"])
    paid_at = datetime.fromisoformat(record["paid_at"])
    return Payment(platform, number, record["buyer_id"], record["paid_fen"], paid_at)


def _opened(notice: dict[str, object], key: bytes) -> dict[str, object]:
    if len(key) != KEY_BYTES:
        raise ValueError("the APIv3 key has not 32 bytes")
    told = plain_json(signature.decrypt(key, part(notice, "resource")))
    if not isinstance(told, dict):
        raise bad("resource")
    return told
