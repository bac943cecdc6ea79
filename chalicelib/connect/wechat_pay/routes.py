"""WeChat Pay's notices over HTTP: verified, opened, kept as orders and refunds, acknowledged as it wants.

The orders' stream does the rest, so that the answer goes out well within WeChat Pay's five seconds.
"""

from __future__ import annotations

import json

from chalice.app import Blueprint

from chalicelib.connect.accounts import keys_of, text
from chalicelib.connect.kept import keep
from chalicelib.connect.told import bad, part, word
from chalicelib.connect.wechat_pay import signature
from chalicelib.connect.wechat_pay.notice import NOT_REFUNDED, PAID, REFUNDED, Merchant, record_of
from chalicelib.errors import JifenError
from chalicelib.runtime import log
from chalicelib.runtime.bodies import plain_json
from chalicelib.runtime.callback import Ack, CallbackCall, callback
from chalicelib.runtime.edge import JSON_BODY, Caller, Request

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
    """WeChat Pay tells a payment or a refund: it becomes an order of the platform `wechat`, or a refund of one."""
    notice = plain_json(call.raw_body)
    if not isinstance(notice, dict):
        raise bad("body")
    event = word(notice, "event_type")
    if event in (PAID, REFUNDED):
        _keep(event, notice, call)
    else:
        # What a merchant did not subscribe to for our sake, or a refund that gave nothing back.
        known = event if event in NOT_REFUNDED else "OTHER"
        log.outcome("wechat_pay_notice_passed", kind=known)
    return Ack(json.dumps({"code": "SUCCESS", "message": "成功"}, ensure_ascii=False))


def _keep(event: str, notice: dict[str, object], call: CallbackCall) -> None:
    known = keys_of("wechat_pay", call.now)
    key = text(known, "api_v3_key").encode()
    if len(key) != KEY_BYTES:
        raise ValueError("the APIv3 key has not 32 bytes")
    told = plain_json(signature.decrypt(key, part(notice, "resource")))
    if not isinstance(told, dict):
        raise bad("resource")
    record = record_of(event, told, Merchant(text(known, "mchid"), text(known, "appid")))
    keep("wechat_pay", [record], call.now)
