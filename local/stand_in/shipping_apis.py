"""What a mini-program reports as sent of orders paid at WeChat Pay (发货信息录入): once, and corrected once."""

from __future__ import annotations

from typing import Any

from local.stand_in.accounts import App
from local.stand_in.admin import Handle, text
from local.stand_in.clock import instant
from local.stand_in.pay.shapes import PAID, REFUNDED, Order
from local.stand_in.pay.signing import Declined
from local.stand_in.routing import WECHAT, Api, Call
from local.stand_in.wire import Json, Refused, Unknown
from local.stand_in.world import World

EXPRESS, LOGISTICS = 1, (1, 2, 3, 4)
TOGETHER, SPLIT = 1, 2
MOST_PARCELS = 10
MOST_ITEM_CHARS = 120
SHUNFENG = "SF"
"""The one company that asks for whom to call."""


def upload(world: World, call: Call) -> Json:
    given = call.body()
    order = _order(world, call.caller(), given.get("order_key"), call.now)
    payer = given.get("payer")
    if not isinstance(payer, dict) or payer.get("openid") != order.openid:
        raise Refused(10060031)
    try:
        instant(str(given.get("upload_time")))
    except Unknown:
        raise Refused(268485216) from None
    told = _content(given)
    if order.shipping == told:
        raise Refused(10060023)
    if order.reshipped:
        raise Refused(10060003)
    order.reshipped = order.shipping is not None
    order.shipping = told
    return {"errcode": 0, "errmsg": "ok"}


def get_shipping(world: World, given: Json) -> Json:
    """`?mchid=&out_trade_no=`: what was reported of an order, null when nothing was."""
    try:
        order = world.pay.orders.get(text(given, "mchid"), text(given, "out_trade_no"), world.clock.now())
    except Declined as declined:
        raise Unknown(str(declined)) from None
    return {"shipping": order.shipping, "corrected": order.reshipped}


def _order(world: World, app: App, key: Any, now: int) -> Order:
    if not isinstance(key, dict) or key.get("order_number_type") not in (1, 2):
        raise Refused(268485194)
    try:
        if key["order_number_type"] == 1:
            order = world.pay.orders.get(str(key.get("mchid")), str(key.get("out_trade_no")), now)
        else:
            order = world.pay.orders.by_transaction(str(key.get("mchid")), str(key.get("transaction_id")))
    except Declined:
        raise Refused(10060001) from None
    if order.appid != app.appid:
        raise Refused(10060001)
    if order.state not in (PAID, REFUNDED):
        raise Refused(10060004)
    return order


def _content(given: Json) -> Json:
    """What is said of the parcels, checked."""
    kind, mode, parcels = given.get("logistics_type"), given.get("delivery_mode"), given.get("shipping_list")
    if kind not in LOGISTICS:
        raise Refused(10060005)
    if mode not in (TOGETHER, SPLIT):
        raise Refused(268485224)
    if not isinstance(parcels, list) or not parcels or (mode == TOGETHER and len(parcels) != 1):
        raise Refused(268485228)
    if mode == SPLIT and kind != EXPRESS:
        raise Refused(10060006)
    if mode == SPLIT and given.get("is_all_delivered") is not True:
        raise Refused(10060007)
    if len(parcels) > MOST_PARCELS:
        raise Refused(10060024)
    for parcel in parcels:
        _check(parcel, kind)
    return {"logistics_type": kind, "delivery_mode": mode, "shipping_list": parcels}


def _check(parcel: Any, kind: int) -> None:
    if not isinstance(parcel, dict):
        raise Refused(10060014)
    item = parcel.get("item_desc")
    if not isinstance(item, str) or not item:
        raise Refused(10060008)
    if len(item) > MOST_ITEM_CHARS:
        raise Refused(10060009)
    if kind != EXPRESS:
        return
    if not parcel.get("tracking_no"):
        raise Refused(268485226)
    if not parcel.get("express_company"):
        raise Refused(268485227)
    if parcel["express_company"] == SHUNFENG and not parcel.get("contact"):
        raise Refused(10060014, "contact")


APIS = (Api(WECHAT, "POST", "/wxa/sec/order/upload_shipping_info", upload, "app", frozenset({"mini_program"})),)
HANDLES = (Handle("GET", "/shipping", get_shipping),)
