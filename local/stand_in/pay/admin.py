"""What an admin does at WeChat Pay: pays as a member would, plans refunds, sends notifications again and wrong."""

from __future__ import annotations

from typing import cast

from local.stand_in.admin import Handle, text, whole
from local.stand_in.pay.notifier import TRICKS, Trick
from local.stand_in.pay.shapes import CLOSED, PROCESSING, UNPAID, Order
from local.stand_in.pay.signing import Declined, verified
from local.stand_in.pay.telling import begin_refund, tell_paid, tell_refund
from local.stand_in.wire import Json, Unknown
from local.stand_in.world import World


def get_key(world: World, _given: Json) -> Json:
    return {"key_id": world.pay.key.key_id, "public_key": world.pay.key.public_pem}


def pay(world: World, given: Json) -> Json:
    """A member pays: `{"mchid", "out_trade_no"}`, `{"prepay_id"}`, or `{"request"}` as the phone got it for
    wx.requestPayment; with `openid` only if he is who shall pay. `late`: he was at it when the order was closed.

    With `total` and the rest it is an order that another till made: `{"mchid", "appid", "out_trade_no", "total",
    "openid", "notify_url"}`. Quiet: nobody is told, as when a notification is lost.
    """
    try:
        now = world.clock.now()
        order = _meant(world, given, now)
        if given.get("openid", order.openid) != order.openid:
            raise Unknown("the order is another payer's")
        world.pay.orders.pay(order, now, late=given.get("late") is True)
    except Declined as declined:
        raise Unknown(str(declined)) from None
    if not given.get("quiet"):
        tell_paid(world, order, now, copies=whole(given, "copies", 1))
    return order.shape()


def refund(world: World, given: Json) -> Json:
    """Somebody refunds on the console: `{"mchid", "out_trade_no", "out_refund_no", "fen", "notify_url"}`."""
    now = world.clock.now()
    try:
        order = world.pay.orders.get(text(given, "mchid"), text(given, "out_trade_no"), now)
        amount = {"refund": whole(given, "fen"), "total": order.total}
        made, new = world.pay.orders.refund(order, text(given, "out_refund_no"), amount, text(given, "notify_url"), now)
    except Declined as declined:
        raise Unknown(str(declined)) from None
    if new:
        begin_refund(world, made, now)
    return made.shape()


def plan_refund(world: World, given: Json) -> Json:
    """How the next refund ends: `{"status": "SUCCESS" | "ABNORMAL" | "CLOSED"}`."""
    world.pay.plan(text(given, "status"))
    return {"planned": True}


def notify_again(world: World, given: Json) -> Json:
    """One more notification, true or tricked: `{"mchid", "out_trade_no" | "out_refund_no", "trick"?, "copies"?}`."""
    trick, copies, now = text(given, "trick", ""), whole(given, "copies", 1), world.clock.now()
    if trick not in TRICKS:
        raise Unknown(f"trick is one of {', '.join(one for one in TRICKS if one)}")
    chosen = cast("Trick", trick)
    try:
        if "out_refund_no" in given:
            made = world.pay.orders.get_refund(text(given, "mchid"), text(given, "out_refund_no"))
            if made.status == PROCESSING:
                raise Unknown("the refund is not over")
            tell_refund(world, made, now, trick=chosen, copies=copies)
        else:
            order = world.pay.orders.get(text(given, "mchid"), text(given, "out_trade_no"), now)
            if order.state in (UNPAID, CLOSED):
                raise Unknown("the order is not paid")
            tell_paid(world, order, now, trick=chosen, copies=copies)
    except Declined as declined:
        raise Unknown(str(declined)) from None
    return {"sent": copies}


def _meant(world: World, given: Json, now: int) -> Order:
    if "request" in given:
        return _asked_on_a_phone(world, given["request"], now)
    if "prepay_id" in given:
        return _prepaid(world, text(given, "prepay_id"), now)
    return _named(world, given, now)


def _prepaid(world: World, prepay_id: str, now: int) -> Order:
    order = world.pay.orders.by_prepay(prepay_id, now)
    if order is None:
        raise Unknown("no order has this prepay_id, or it is over")
    return order


def _named(world: World, given: Json, now: int) -> Order:
    mchid, number = text(given, "mchid"), text(given, "out_trade_no")
    if mchid not in world.accounts.merchants:
        raise Unknown(f"no merchant {mchid}")
    if "total" in given:
        made = Order(
            mchid,
            text(given, "appid"),
            number,
            whole(given, "total"),
            text(given, "openid"),
            text(given, "notify_url"),
            text(given, "description", "商品"),
        )
        return world.pay.orders.create(made, now)
    return world.pay.orders.get(mchid, number, now)


def _asked_on_a_phone(world: World, asked: object, now: int) -> Order:
    """The order of what wx.requestPayment was called with; raises Unknown when its signature is not the merchant's."""
    if not isinstance(asked, dict) or asked.get("signType") != "RSA":
        raise Unknown("request is an object with signType RSA")
    package = str(asked.get("package", ""))
    order = _prepaid(world, package.removeprefix("prepay_id="), now)
    if order.appid != asked.get("appId"):
        raise Unknown("no order has this prepay_id in this app")
    message = f"{order.appid}\n{asked.get('timeStamp')}\n{asked.get('nonceStr')}\n{package}\n".encode()
    merchant = world.accounts.merchants[order.mchid]
    if not verified(merchant.public_key, message, str(asked.get("paySign", ""))):
        raise Unknown("paySign is not the merchant's")
    return order


HANDLES = (
    Handle("GET", "/pay-key", get_key),
    Handle("POST", "/payments", pay),
    Handle("POST", "/refunds", refund),
    Handle("POST", "/refund-plans", plan_refund),
    Handle("POST", "/pay-notifications", notify_again),
)
