"""Fulfilment, after-sales and coupons in the scripted day that the API's examples come from."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from tests.members.stage import ADMIN_KEY
from tests.spending.after_sales import SF, YTO
from tests.spending.malls import COUPON, PICK_UP, SHIP, STORE

REDEMPTION, MINE = "/v1/staff/mall/redemptions/{redemption_id}", "/v1/me/redemptions/{redemption_id}"


def after_sales_day(day: Any, token: str, member_id: str, operator: str) -> None:
    """Every route of what comes after a redemption once."""
    prices = [{"id": "points", "points": 100}]
    cap = {"name": "头巾", "good": {"kind": "parcel", "ways": ["ship", "pick_up"]}, "prices": prices}
    ticket = {"name": "满199减10", "good": COUPON, "prices": prices}
    for item_id, item in (("cap", cap), ("ticket", ticket)):
        path, added = "/v1/staff/mall/items/{item_id}", {"pieces": 9, "reason": "首批"}
        day.call(("POST", "/v1/staff/mall/items"), {"id": item_id, "item": item}, token=operator)
        key = f"stock-{item_id}"
        day.call(("POST", f"{path}/stock-changes"), added, token=operator, item_id=item_id, Idempotency_Key=key)
        switched = {"version": 1, "state": "on", "reason": "上架"}
        day.call(("POST", f"{path}/state"), switched, token=operator, item_id=item_id)
    _parcels(day, token, member_id, operator)
    _stores(day, token, operator)
    _pick_up(day, token)
    _coupons(day, token, member_id, operator)


def _bought(day: Any, token: str, item_id: str, delivery: Any = None) -> Any:
    quoted = day.call(("POST", "/v1/me/mall/quotes"), {"item_id": item_id, "price": "points"}, token=token)
    body = {"quote": quoted["quote"], **({"delivery": delivery} if delivery else {})}
    return day.call(("POST", "/v1/me/redemptions"), body, token=token)


def _parcels(day: Any, token: str, member_id: str, operator: str) -> None:
    sent, filed, given_up = (_bought(day, token, "cap", SHIP)["id"] for _ in range(3))
    day.call(("GET", "/v1/staff/mall/redemptions"), token=operator, query="state=to_ship")
    day.call(("GET", "/v1/staff/mall/ship-list"), token=operator)
    day.call(("POST", f"{MINE}/cancel"), {"reason": "不想要了"}, token=token, redemption_id=given_up)
    day.call(("POST", f"{REDEMPTION}/shipment"), SF, token=operator, redemption_id=sent)
    corrected = {**YTO, "reason": "单号填错"}
    day.call(("POST", f"{REDEMPTION}/tracking"), corrected, token=operator, redemption_id=sent)
    lost = {**SF, "number": "SF1234567899", "reason": "快递丢件", "takes_stock": True}
    day.call(("POST", f"{REDEMPTION}/reissue"), lost, token=operator, redemption_id=sent)
    day.call(("POST", f"{MINE}/received"), token=token, redemption_id=sent)
    text = f"兑换编号,快递公司,快递单号\r\nR{filed},圆通速递,YT0001\r\nR{given_up},圆通速递,YT0002\r\n"
    file = {"file": b64encode(text.encode()).decode()}
    day.call(("POST", "/v1/staff/mall/tracking-files"), file, token=operator)
    back = {"reason": "会员退货", "stock_back": True}
    day.call(("POST", f"{REDEMPTION}/cancel"), back, token=operator, redemption_id=filed)
    day.call(("GET", REDEMPTION), token=operator, redemption_id=sent)
    day.call(("GET", "/v1/staff/members/{member_id}/redemptions"), token=operator, member_id=member_id, query="limit=2")


def _stores(day: Any, token: str, operator: str) -> None:
    path = "/v1/staff/mall/stores"
    day.call(("POST", path), {"id": "sh01", "store": STORE}, token=operator)
    placed = {**STORE, "latitude_e6": 31_238_000, "longitude_e6": 121_484_000}
    one = f"{path}/{{store_id}}"
    day.call(("PUT", one), {"version": 1, "store": placed}, token=operator, store_id="sh01")
    switched = {"version": 2, "state": "on", "reason": "开业"}
    day.call(("POST", f"{one}/state"), switched, token=operator, store_id="sh01")
    day.call(("GET", path), token=operator)
    day.call(("GET", one), token=operator, store_id="sh01")
    day.call(("GET", "/v1/me/mall/stores"), token=token, query="item_id=cap")


def _pick_up(day: Any, token: str) -> None:
    body = {"name": "上海一店", "roles": ["store_manager"]}
    store = day.call(("POST", "/v1/staff/keys"), body, token=ADMIN_KEY)["key"]
    id = _bought(day, token, "cap", PICK_UP)["id"]
    code = day.call(("POST", f"{MINE}/pick-up-code"), token=token, redemption_id=id)["pick_up_code"]
    day.call(("POST", "/v1/staff/mall/pick-ups"), {"redemption_id": id, "code": code, "store": "sh01"}, token=store)


def _coupons(day: Any, token: str, member_id: str, operator: str) -> None:
    (code,) = _bought(day, token, "ticket")["coupon_codes"]
    order = {"code": code, "platform": "pos", "order_no": "20260402-17"}
    day.call(("POST", "/v1/ingest/coupon-uses"), {**order, "order_fen": 25_900, "member_id": member_id})
    day.call(("POST", "/v1/ingest/coupon-returns"), {**order, "reason": "买家取消订单"})
    path = "/v1/staff/coupons/{code}"
    day.call(("POST", f"{path}/cancel"), {"reason": "会员要求作废"}, token=operator, code=code)
    day.call(("GET", path), token=operator, code=code)
    day.call(("GET", "/v1/staff/members/{member_id}/coupons"), token=operator, member_id=member_id)
