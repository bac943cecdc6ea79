"""WeChat Pay v3 over HTTP: every request is checked against the merchant's key, every answer is signed."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

from local.stand_in.accounts import Merchant
from local.stand_in.clock import instant
from local.stand_in.pay.shapes import Order
from local.stand_in.pay.signing import Declined, merchant_of, signed
from local.stand_in.pay.telling import begin_refund
from local.stand_in.routing import PAY, Api, Call
from local.stand_in.wire import Answer, Json, Refused, Unknown, json_answer
from local.stand_in.world import World

Handler = Callable[[World, Call, Merchant], Answer]
NUMBER = re.compile(r"[0-9A-Za-z_|*-]{6,32}")
REFUND_NUMBER = re.compile(r"[0-9A-Za-z_|*@-]{1,64}")
MOST_DESCRIPTION_CHARS = 127
MOST_REASON_BYTES = 80


def create_order(world: World, call: Call, merchant: Merchant) -> Answer:
    given = _body(call)
    for name in ("appid", "mchid", "description", "out_trade_no", "notify_url"):
        if not isinstance(given.get(name), str) or not given[name]:
            raise Declined(400, "PARAM_ERROR", f"{name}必填")
    total, openid = _to_pay(given)
    if not NUMBER.fullmatch(given["out_trade_no"]) or len(given["description"]) > MOST_DESCRIPTION_CHARS:
        raise Declined(400, "PARAM_ERROR", "out_trade_no须为6至32位字母数字或_-|*，description不超过127个字符")
    if given["mchid"] != merchant.mchid or given["appid"] not in merchant.appids:
        raise Declined(400, "APPID_MCHID_NOT_MATCH", "appid和mch_id不匹配")
    if not given["notify_url"].startswith(("https://", "http://127.0.0.1")):
        raise Declined(400, "PARAM_ERROR", "notify_url须为https")
    attach = given.get("attach", "")
    order = Order(
        merchant.mchid,
        given["appid"],
        given["out_trade_no"],
        total,
        openid,
        given["notify_url"],
        given["description"],
        attach if isinstance(attach, str) else "",
        expires_at=_time_expire(given),
    )
    return json_answer({"prepay_id": world.pay.orders.create(order, call.now).prepay_id})


def get_order(world: World, call: Call, merchant: Merchant) -> Answer:
    _own(call.request.query.get("mchid"), merchant)
    return json_answer(world.pay.orders.get(merchant.mchid, call.names["out_trade_no"], call.now).shape())


def get_transaction(world: World, call: Call, merchant: Merchant) -> Answer:
    _own(call.request.query.get("mchid"), merchant)
    return json_answer(world.pay.orders.by_transaction(merchant.mchid, call.names["transaction_id"]).shape())


def close_order(world: World, call: Call, merchant: Merchant) -> Answer:
    _own(_body(call).get("mchid"), merchant)
    world.pay.orders.close(world.pay.orders.get(merchant.mchid, call.names["out_trade_no"], call.now))
    return Answer(204, b"", ())


def create_refund(world: World, call: Call, merchant: Merchant) -> Answer:
    given = _body(call)
    number, notify_url = given.get("out_refund_no"), given.get("notify_url", "")
    if not isinstance(number, str) or not number or not isinstance(notify_url, str):
        raise Declined(400, "PARAM_ERROR", "out_refund_no必填")
    if not REFUND_NUMBER.fullmatch(number) or len(str(given.get("reason", "")).encode()) > MOST_REASON_BYTES:
        raise Declined(400, "PARAM_ERROR", "out_refund_no或reason不符合要求")
    orders = world.pay.orders
    if given.get("transaction_id"):
        order = orders.by_transaction(merchant.mchid, str(given["transaction_id"]))
    else:
        order = orders.get(merchant.mchid, str(given.get("out_trade_no", "")), call.now)
    refund, new = orders.refund(order, number, given.get("amount"), notify_url, call.now)
    if new:
        begin_refund(world, refund, call.now)
    return json_answer(refund.shape())


def get_refund(world: World, call: Call, merchant: Merchant) -> Answer:
    return json_answer(world.pay.orders.get_refund(merchant.mchid, call.names["out_refund_no"]).shape())


def _api(method: Literal["GET", "POST"], path: str, handler: Handler) -> Api:
    """An API whose caller must have signed, within the merchant's day where an admin limits it, and which signs."""

    def answer(world: World, call: Call) -> Answer:
        try:
            merchant = merchant_of(call.request, world.accounts.merchants, call.now)
            world.quotas.take(merchant.mchid, path, call.now)
            said = handler(world, call, merchant)
        except Declined as declined:
            said = json_answer({"code": declined.code, "message": declined.message}, declined.status)
        except Refused:
            said = json_answer({"code": "FREQUENCY_LIMITED", "message": "频率超限"}, 429)
        return signed(world.pay.key, world.ids, call.now, said)

    return Api(PAY, method, path, answer)


def _to_pay(given: Json) -> tuple[int, str]:
    """How many fen, and by whom."""
    amount, payer = given.get("amount"), given.get("payer")
    total = amount.get("total") if isinstance(amount, dict) else None
    openid = payer.get("openid") if isinstance(payer, dict) else None
    if isinstance(total, bool) or not isinstance(total, int) or total < 1:
        raise Declined(400, "PARAM_ERROR", "amount.total须为正整数")
    if not isinstance(openid, str) or not openid:
        raise Declined(400, "PARAM_ERROR", "payer.openid必填")
    return total, openid


def _time_expire(given: Json) -> int:
    """Until when an order may be paid; 0: nothing is said."""
    if "time_expire" not in given:
        return 0
    try:
        return instant(str(given["time_expire"]))
    except Unknown:
        raise Declined(400, "PARAM_ERROR", "time_expire格式有误") from None


def _body(call: Call) -> Json:
    try:
        return call.body()
    except Refused:
        raise Declined(400, "PARAM_ERROR", "请求体不是JSON对象") from None


def _own(mchid: object, merchant: Merchant) -> None:
    if mchid != merchant.mchid:
        raise Declined(400, "MCH_NOT_EXISTS", "商户号有误")


APIS = (
    _api("POST", "/v3/pay/transactions/jsapi", create_order),
    _api("GET", "/v3/pay/transactions/out-trade-no/{out_trade_no}", get_order),
    _api("GET", "/v3/pay/transactions/id/{transaction_id}", get_transaction),
    _api("POST", "/v3/pay/transactions/out-trade-no/{out_trade_no}/close", close_order),
    _api("POST", "/v3/refund/domestic/refunds", create_refund),
    _api("GET", "/v3/refund/domestic/refunds/{out_refund_no}", get_refund),
)
