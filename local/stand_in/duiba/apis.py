"""The mall's door: a signed link lets a member in for five minutes. And what an admin makes happen at Duiba."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from local.stand_in.admin import Handle, text, whole
from local.stand_in.clock import MINUTE, SECOND
from local.stand_in.duiba import driving
from local.stand_in.duiba.exchanges import Shop
from local.stand_in.duiba.signing import sign
from local.stand_in.routing import DUIBA, Api, Call
from local.stand_in.wire import Answer, Json, Unknown
from local.stand_in.world import World

LINK_LIFE = 5 * MINUTE
HTML = (("Content-Type", "text/html; charset=utf-8"),)


def log_in(world: World, call: Call) -> Answer:
    """A member's visit; refused ones see why, and nothing else."""
    query = call.request.query
    trouble = _trouble(world, query, call.now)
    shown = {name: query.get(name, "") for name in ("uid", "credits", "appKey", "redirect", "dcustom")}
    world.duiba.visits.append({**shown, "trouble": trouble})
    if trouble:
        return Answer(403, f"<h1>{trouble}</h1>".encode(), HTML)
    if query.get("redirect"):
        return Answer(302, b"", (*HTML, ("Location", query["redirect"])))
    return Answer(200, "<h1>积分商城</h1>".encode(), HTML)


def put_shop(world: World, given: Json) -> Json:
    """`{"app_key", "app_secret", "deduct_url", "notify_url", "credits_url"?}`"""
    shop = Shop(
        text(given, "app_key"),
        text(given, "app_secret"),
        text(given, "deduct_url"),
        text(given, "notify_url"),
        text(given, "credits_url", ""),
    )
    world.duiba.shops[shop.app_key] = shop
    return {"app_key": shop.app_key}


def begin_exchange(world: World, given: Json) -> Json:
    """A member exchanges: `{"app_key", "uid", "credits", "order_num"?, "type"?, "description"?, ...}`.

    `delivers` (true unless said otherwise): whether the goods reach the member. `answer_lost`: our answer never reaches
    Duiba. `late`: so many seconds pass before the deduct call arrives, and Duiba has given up by then. `extra`: further
    parameters, signed. `spaces`: `+` or `%20`.
    """
    shop, now = world.duiba.shop(text(given, "app_key")), world.clock.now()
    order_num = text(given, "order_num", "") or str(world.ids.number("duiba", 10_000_001))
    exchange = world.duiba.begin(shop, order_num, _values(shop, given, order_num, now))
    if "late" in given:
        driving.deduct_late(world, shop, exchange, now, whole(given, "late") * SECOND)
    else:
        driving.deduct(
            world,
            shop,
            exchange,
            now,
            delivers=given.get("delivers", True) is True,
            answer_lost=given.get("answer_lost") is True,
            plus=text(given, "spaces", "+") == "+",
        )
    return {"order_num": order_num}


def repeat_exchange(world: World, given: Json) -> Json:
    """The deduct call again: `{"order_num", "good"? (its signature), "copies"?}`."""
    exchange = world.duiba.exchange(text(given, "order_num"))
    shop, good = world.duiba.shop(exchange.app_key), given.get("good", True) is True
    driving.send_again(world, shop, exchange, world.clock.now(), good=good, copies=whole(given, "copies", 1))
    return {"sent": True}


def repeat_notice(world: World, given: Json) -> Json:
    """A result notification of its own, also for an order nobody knows: `{"order_num", "success"}`."""
    exchange = world.duiba.exchange(text(given, "order_num"))
    shop, success = world.duiba.shop(exchange.app_key), given.get("success") is True
    driving.notify(world, shop, exchange, world.clock.now(), success=success)
    return {"sent": True}


def hand_out(world: World, given: Json) -> Json:
    """Credits won in a game: `{"app_key", "uid", "credits", "order_num"?, "type"?, "description"?, "extra"?}`."""
    shop, now = world.duiba.shop(text(given, "app_key")), world.clock.now()
    if not shop.credits_url:
        raise Unknown("this app has no credits_url")
    order_num = text(given, "order_num", "") or str(world.ids.number("duiba", 10_000_001))
    values = {
        "uid": text(given, "uid"),
        "credits": str(whole(given, "credits")),
        "appKey": shop.app_key,
        "timestamp": str(now),
        "type": text(given, "type", "game"),
        "orderNum": order_num,
        "description": text(given, "description", "游戏奖励"),
        **_extra(given),
    }
    driving.award(world, shop, values, now)
    return {"order_num": order_num}


def get_exchange(world: World, given: Json) -> Json:
    return asdict(world.duiba.exchange(text(given, "order_num")))


def get_visits(world: World, _given: Json) -> Json:
    return {"visits": world.duiba.visits}


def _values(shop: Shop, given: Json, order_num: str, now: int) -> dict[str, str]:
    return {
        "uid": text(given, "uid"),
        "credits": str(whole(given, "credits")),
        "appKey": shop.app_key,
        "timestamp": str(now),
        "description": text(given, "description", "兑换商品"),
        "orderNum": order_num,
        "type": text(given, "type", "object"),
        "facePrice": str(whole(given, "face_price", 0)),
        "actualPrice": str(whole(given, "actual_price", 0)),
        "ip": "127.0.0.1",
        "waitAudit": "false",
        "params": text(given, "params", ""),
        **_extra(given),
    }


def _extra(given: Json) -> dict[str, str]:
    extra = given.get("extra", {})
    if not isinstance(extra, dict):
        raise Unknown("extra is an object")
    return {str(name): str(value) for name, value in extra.items()}


def _trouble(world: World, query: Mapping[str, str], now: int) -> str:
    """What a link is refused for, as a member reads it; empty when it lets in."""
    shop = world.duiba.shops.get(query.get("appKey", ""))
    if shop is None:
        return "应用不存在"
    if not query.get("uid") or not query.get("credits", "").isdigit():
        return "参数有误"
    if query.get("sign") != sign(query, shop.app_secret):
        return "签名有误"
    timestamp = query.get("timestamp", "")
    if not timestamp.isdigit() or abs(now - int(timestamp)) > LINK_LIFE:
        return "链接已过期"
    return ""


APIS = (Api(DUIBA, "GET", "/autoLogin/autologin", log_in),)
HANDLES = (
    Handle("POST", "/duiba-apps", put_shop),
    Handle("POST", "/duiba-exchanges", begin_exchange),
    Handle("POST", "/duiba-repeats", repeat_exchange),
    Handle("POST", "/duiba-notices", repeat_notice),
    Handle("POST", "/duiba-credits", hand_out),
    Handle("GET", "/duiba-exchanges", get_exchange),
    Handle("GET", "/duiba-visits", get_visits),
)
