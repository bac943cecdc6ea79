"""The mall's part of the scripted day that the API's examples come from."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.ledger.table import open_ledger
from chalicelib.runtime import secret_values
from chalicelib.runtime.settings import settings
from chalicelib.spending.gifts.give_gift import paid
from chalicelib.spending.gifts.keep_plan import open_giving
from chalicelib.spending.gifts.plan import Payment
from tests.connect.merchant import connect, register
from tests.ledger.counter import give_points
from tests.outside_world import open_world
from tests.spending.malls import COUPON, SHIP


def mall_day(day: Any, member_token: str, member_id: str, operator: str) -> None:
    """Every route of the mall once, for a member with points enough."""
    give_points(open_ledger(), member_id, 5000, day.stage.now)
    _catalogue(day, operator, member_token)
    _member(day, member_token)
    _gifts(day, member_token, operator)
    _money(day, member_token, operator)


def _catalogue(day: Any, operator: str, token: str) -> None:
    prices = [{"id": "points", "points": 200}]
    coupon = {"name": "满199减10", "good": COUPON, "prices": prices, "cost_fen": 200, "labels": ["new"]}
    day.call(("POST", "/v1/staff/mall/items"), {"id": "coupon_10", "item": coupon}, token=operator)
    changed = {**coupon, "limits": [{"pieces": 2, "period": "month"}]}
    path = "/v1/staff/mall/items/{item_id}"
    day.call(("PUT", path), {"version": 1, "item": changed}, token=operator, item_id="coupon_10")
    added = {"pieces": 100, "reason": "首批"}
    day.call(("POST", f"{path}/stock-changes"), added, token=operator, item_id="coupon_10", Idempotency_Key="stock-1")
    switched = {"version": 2, "state": "on", "reason": "上架"}
    day.call(("POST", f"{path}/state"), switched, token=operator, item_id="coupon_10")
    codes = {"codes": ["VIP-0001", "VIP-0002"]}
    day.call(("POST", "/v1/staff/mall/code-pools/{pool}/codes"), codes, token=operator, pool="video_month")
    month = {"name": "视频月卡", "good": {"kind": "virtual", "pool": "video_month"}, "prices": prices}
    day.call(("POST", "/v1/staff/mall/items"), {"id": "video_month", "item": month}, token=operator)
    hat = {"name": "骑行帽", "good": {"kind": "parcel"}, "prices": [{"id": "points", "points": 900}], "cost_fen": 700}
    day.call(("POST", "/v1/staff/mall/items"), {"id": "hat", "item": hat}, token=operator)
    for item_id in ("video_month", "hat"):
        switched = {"version": 1, "state": "on", "reason": "上架"}
        day.call(("POST", f"{path}/state"), switched, token=operator, item_id=item_id)
    _awaited(day, token, "hat")
    day.call(("POST", f"{path}/stock-changes"), added, token=operator, item_id="hat", Idempotency_Key="stock-2")
    day.call(("GET", "/v1/staff/mall/items"), token=operator)
    day.call(("GET", path), token=operator, item_id="coupon_10")


def _awaited(day: Any, token: str, item_id: str) -> None:
    """A member waits for what has no pieces yet, and changes his mind."""
    template = {"restocked": {"template_id": "t-restocked", "fields": {"thing1": "{item}"}}}
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("SUBSCRIBE_MESSAGES", "on")
        settings.cache_clear()
        day.stage.rotate("connect", json.dumps({"mini_program": {"messages": template}}))
        secret_values.forget()
        for method in ("POST", "DELETE"):
            day.call((method, "/v1/me/mall/items/{item_id}/restock-notice"), token=token, item_id=item_id)
    settings.cache_clear()


def _member(day: Any, token: str) -> None:
    day.call(("GET", "/v1/me/mall/items"), token=token, query="sort=points")
    day.call(("GET", "/v1/me/mall/items/{item_id}"), token=token, item_id="hat")
    made = {}
    for item_id, delivery in (("coupon_10", None), ("video_month", None), ("hat", SHIP)):
        quoted = day.call(("POST", "/v1/me/mall/quotes"), {"item_id": item_id, "price": "points"}, token=token)
        body = {"quote": quoted["quote"], **({"delivery": delivery} if delivery else {})}
        made[item_id] = day.call(("POST", "/v1/me/redemptions"), body, token=token)["id"]
    day.call(("GET", "/v1/me/redemptions"), token=token)
    path = "/v1/me/redemptions/{redemption_id}"
    day.call(("GET", path), token=token, redemption_id=made["coupon_10"])
    day.call(("POST", f"{path}/code"), token=token, redemption_id=made["video_month"])
    day.call(("GET", "/v1/me/coupons"), token=token)
    day.call(("GET", "/v1/me/badges"), token=token)


def _gifts(day: Any, token: str, operator: str) -> None:
    path = "/v1/staff/payment-gifts/{plan_id}"
    plan = {
        "name": "支付有礼",
        "good": COUPON,
        "min_fen": 9900,
        "message": "送你一张满199减10券,30天内可用",
        "path": "pages/coupons/index",
        "times_per_member": 2,
    }
    day.call(("POST", "/v1/staff/payment-gifts"), {"id": "spring", "plan": plan}, token=operator)
    day.call(("PUT", path), {"version": 1, "plan": {**plan, "min_fen": 10_000}}, token=operator, plan_id="spring")
    switched = {"version": 2, "state": "on", "reason": "春季活动"}
    day.call(("POST", f"{path}/state"), switched, token=operator, plan_id="spring")
    day.call(("GET", "/v1/staff/payment-gifts"), token=operator)
    day.call(("GET", path), token=operator, plan_id="spring")
    bought = Payment("wechat", "100234", "demo-mei", 19_900, day.stage.now)
    paid(bought, None, giving=open_giving("Asia/Shanghai"), now=day.stage.now)
    day.call(("POST", "/v1/me/payment-gifts"), {"number": "100234"}, token=token)
    day.call(("GET", "/v1/staff/payments/{number}/gift"), token=operator, number="100234")


def _money(day: Any, token: str, operator: str) -> None:
    """A bottle for points and money; what is signed is left out of the example, it is another each time."""
    bottle = {
        "name": "骑行水壶",
        "good": {"kind": "parcel"},
        "prices": [{"id": "mixed", "points": 300, "cash_fen": 1990}],
    }
    path, key = "/v1/staff/mall/items/{item_id}", ("POST", "/v1/me/redemptions/{redemption_id}/payment")
    day.call(("POST", "/v1/staff/mall/items"), {"id": "bottle", "item": bottle}, token=operator)
    added = {"pieces": 100, "reason": "首批"}
    day.call(("POST", f"{path}/stock-changes"), added, token=operator, item_id="bottle", Idempotency_Key="stock-3")
    switched = {"version": 1, "state": "on", "reason": "上架"}
    day.call(("POST", f"{path}/state"), switched, token=operator, item_id="bottle")
    with pytest.MonkeyPatch.context() as monkeypatch, open_world(day.stage, monkeypatch) as world:
        connect(day.stage, register(world))
        quoted = day.call(("POST", "/v1/me/mall/quotes"), {"item_id": "bottle", "price": "mixed"}, token=token)
        body = {"quote": quoted["quote"], "delivery": SHIP}
        made = day.call(("POST", "/v1/me/redemptions"), body, token=token)["id"]
        day.call(key, token=token, redemption_id=made)
    shown = day.examples[key]
    left_out = dict.fromkeys(("nonceStr", "package", "paySign"), "…")
    request = {**shown.data["request"], **left_out}
    day.examples[key] = replace(shown, data={**shown.data, "request": request})
