"""The mall's part of the scripted day that the API's examples come from."""

from __future__ import annotations

from typing import Any

from chalicelib.ledger.table import open_ledger
from tests.ledger.counter import give_points
from tests.spending.malls import COUPON, SHIP


def mall_day(day: Any, member_token: str, member_id: str, operator: str) -> None:
    """Every route of the mall once, for a member with points enough."""
    give_points(open_ledger(), member_id, 5000, day.stage.now)
    _catalogue(day, operator)
    _member(day, member_token)


def _catalogue(day: Any, operator: str) -> None:
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
    day.call(("POST", f"{path}/stock-changes"), added, token=operator, item_id="hat", Idempotency_Key="stock-2")
    day.call(("GET", "/v1/staff/mall/items"), token=operator)
    day.call(("GET", path), token=operator, item_id="coupon_10")


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
