"""The main job's points mall: the demo's catalogue on sale, and a coupon redeemed in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from local.http_client import Api, Refused
from local.outside import World, mini_program_id
from local.places import ROOT


def fill_mall(operator: Api) -> int:
    """Write the demo's items that are not there yet, fill their stocks and put them on sale; how many are on sale."""
    known = {item["id"]: item for item in operator.get("/v1/staff/mall/items?limit=100")["list"]}
    for wanted in json.loads((ROOT / "local/mall.json").read_text()):
        path = f"/v1/staff/mall/items/{wanted['id']}"
        item = known.get(wanted["id"]) or operator.post(
            "/v1/staff/mall/items", {"id": wanted["id"], "item": wanted["item"]}
        )
        if item["stock"] == {"left": 0, "taken": 0}:
            added = {"pieces": wanted["stock"], "reason": "首批到货"}
            operator.post(f"{path}/stock-changes", added, Idempotency_Key=f"demo-{wanted['id']}")
        if item["state"] == "draft":
            operator.post(f"{path}/state", {"version": item["version"], "state": "on", "reason": "开业"})
    return sum(item["state"] == "on" for item in operator.get("/v1/staff/mall/items?limit=100")["list"])


def open_stores(operator: Api) -> int:
    """Write the demo's stores that are not there yet and switch them on; how many are on."""
    path = "/v1/staff/mall/stores"
    known = {store["id"]: store for store in operator.get(path)["list"]}
    for wanted in json.loads((ROOT / "local/stores.json").read_text()):
        store = known.get(wanted["id"]) or operator.post(path, wanted)
        if store["state"] == "draft":
            switched = {"version": store["version"], "state": "on", "reason": "开业"}
            operator.post(f"{path}/{wanted['id']}/state", switched)
    return sum(store["state"] == "on" for store in operator.get(path)["list"])


def redeem_coupon(member: Api) -> str:
    """A coupon for 200 points, the same quote taken twice; what came of it, in words."""
    quoted = member.post("/v1/me/mall/quotes", {"item_id": "coupon_10", "price": "points"})
    if quoted["why_not"]:
        return f"quoted for {quoted['points']} points; not now: {quoted['why_not'][0]['text']}"
    try:
        first, again = (member.post("/v1/me/redemptions", {"quote": quoted["quote"]}) for _ in range(2))
    except Refused as refused:
        return f"refused: {refused.answer['msg']}"
    coupons = member.get("/v1/me/coupons")["list"]
    mine = next(coupon for coupon in coupons if coupon["code"] == first["coupon_codes"][0])
    return (
        f"{first['name']} for {first['points']} points, good through {mine['until_on']}; "
        f"the same quote again: replayed={again['replayed']}"
    )


def buy_a_bottle(member: Api, world: World, wait: Callable[[Callable[[], Any], str], Any]) -> str:
    """A bottle for points and money, paid on a phone of the world outside and told by WeChat Pay; in words."""
    quoted = member.post("/v1/me/mall/quotes", {"item_id": "bottle", "price": "mixed"})
    if quoted["why_not"]:
        return f"quoted for {quoted['points']} points and money; not now: {quoted['why_not'][0]['text']}"
    delivery = {"way": "ship", "name": "小美", "phone": "13800000000", "address": "上海市黄浦区人民大道1号"}
    made = member.post("/v1/me/redemptions", {"quote": quoted["quote"], "delivery": delivery})
    path = f"/v1/me/redemptions/{made['id']}"
    request = member.post(f"{path}/payment")["request"]
    world.post("/payments", {"request": {**request, "appId": mini_program_id()}})

    def settled() -> Any:
        found = member.get(path)
        return found if found["state"] != "unpaid" else None

    found = wait(settled, "WeChat Pay's notice did not settle the redemption")
    return (
        f"{made['name']} for {made['points']} points, held, and {made['cash_fen']} fen, asked for; "
        f"paid on the phone, told, settled: {found['state_text']}"
    )
