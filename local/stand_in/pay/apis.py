"""WeChat Pay v3 over HTTP: every request is checked against the merchant's key, every answer is signed."""

from __future__ import annotations

from collections.abc import Callable

from local.stand_in.accounts import Merchant
from local.stand_in.clock import seconds
from local.stand_in.pay.orders import Order
from local.stand_in.pay.signing import Declined, Stamp, headers, merchant_of
from local.stand_in.pay.telling import begin_refund
from local.stand_in.routing import PAY, Api, Call
from local.stand_in.wire import Answer, Json, Refused, json_answer
from local.stand_in.world import World

Handler = Callable[[World, Call, Merchant], Answer]


def create_order(world: World, call: Call, merchant: Merchant) -> Answer:
    given = _body(call)
    for name in ("appid", "mchid", "description", "out_trade_no", "notify_url"):
        if not isinstance(given.get(name), str) or not given[name]:
            raise Declined(400, "PARAM_ERROR", f"{name}必填")
    amount, payer = given.get("amount"), given.get("payer")
    total = amount.get("total") if isinstance(amount, dict) else None
    openid = payer.get("openid") if isinstance(payer, dict) else None
    if isinstance(total, bool) or not isinstance(total, int) or total < 1:
        raise Declined(400, "PARAM_ERROR", "amount.total须为正整数")
    if not isinstance(openid, str) or not openid:
        raise Declined(400, "PARAM_ERROR", "payer.openid必填")
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
    )
    return json_answer({"prepay_id": world.pay.orders.create(order).prepay_id})


def get_order(world: World, call: Call, merchant: Merchant) -> Answer:
    _own(call.request.query.get("mchid"), merchant)
    return json_answer(world.pay.orders.get(merchant.mchid, call.names["out_trade_no"]).shape())


def get_transaction(world: World, call: Call, merchant: Merchant) -> Answer:
    _own(call.request.query.get("mchid"), merchant)
    return json_answer(world.pay.orders.by_transaction(merchant.mchid, call.names["transaction_id"]).shape())


def close_order(world: World, call: Call, merchant: Merchant) -> Answer:
    _own(_body(call).get("mchid"), merchant)
    world.pay.orders.close(world.pay.orders.get(merchant.mchid, call.names["out_trade_no"]))
    return Answer(204, b"", ())


def create_refund(world: World, call: Call, merchant: Merchant) -> Answer:
    given = _body(call)
    number, notify_url = given.get("out_refund_no"), given.get("notify_url", "")
    if not isinstance(number, str) or not number or not isinstance(notify_url, str):
        raise Declined(400, "PARAM_ERROR", "out_refund_no必填")
    orders = world.pay.orders
    if given.get("transaction_id"):
        order = orders.by_transaction(merchant.mchid, str(given["transaction_id"]))
    else:
        order = orders.get(merchant.mchid, str(given.get("out_trade_no", "")))
    refund, new = orders.refund(order, number, given.get("amount"), notify_url, call.now)
    if new:
        begin_refund(world, refund, call.now)
    return json_answer(refund.shape())


def get_refund(world: World, call: Call, merchant: Merchant) -> Answer:
    return json_answer(world.pay.orders.get_refund(merchant.mchid, call.names["out_refund_no"]).shape())


def _signed(handler: Handler) -> Callable[[World, Call], Json | Answer]:
    def answer(world: World, call: Call) -> Answer:
        try:
            merchant = merchant_of(call.request, world.accounts.merchants, call.now)
            said = handler(world, call, merchant)
        except Declined as declined:
            said = json_answer({"code": declined.code, "message": declined.message}, declined.status)
        stamp = Stamp(str(seconds(call.now)), world.ids.text(32))
        return said._replace(headers=said.headers + tuple(headers(world.pay.key, stamp, said.body).items()))

    return answer


def _body(call: Call) -> Json:
    try:
        return call.body()
    except Refused:
        raise Declined(400, "PARAM_ERROR", "请求体不是JSON对象") from None


def _own(mchid: object, merchant: Merchant) -> None:
    if mchid != merchant.mchid:
        raise Declined(400, "MCH_NOT_EXISTS", "商户号有误")


APIS = (
    Api(PAY, "POST", "/v3/pay/transactions/jsapi", _signed(create_order)),
    Api(PAY, "GET", "/v3/pay/transactions/out-trade-no/{out_trade_no}", _signed(get_order)),
    Api(PAY, "GET", "/v3/pay/transactions/id/{transaction_id}", _signed(get_transaction)),
    Api(PAY, "POST", "/v3/pay/transactions/out-trade-no/{out_trade_no}/close", _signed(close_order)),
    Api(PAY, "POST", "/v3/refund/domestic/refunds", _signed(create_refund)),
    Api(PAY, "GET", "/v3/refund/domestic/refunds/{out_refund_no}", _signed(get_refund)),
)
