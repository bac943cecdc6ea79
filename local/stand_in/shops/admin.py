"""What an admin makes happen in shops: orders and refunds are pushed, again, at once, out of order, wrongly signed."""

from __future__ import annotations

from typing import Any

from local.stand_in.admin import Handle, text, whole
from local.stand_in.clock import SECOND, rfc3339
from local.stand_in.shops import doudian, youzan
from local.stand_in.wire import Json, Unknown
from local.stand_in.world import World


def put_youzan(world: World, given: Json) -> Json:
    """`{"client_id", "client_secret", "kdt_id", "url", "pauses"? (seconds)}`"""
    shop = youzan.Shop(
        text(given, "client_id"),
        text(given, "client_secret"),
        whole(given, "kdt_id"),
        text(given, "url"),
        _pauses(given, youzan.PAUSES),
    )
    world.shops.youzan[shop.client_id] = shop
    return {"client_id": shop.client_id}


def push_youzan(world: World, given: Json) -> Json:
    """`{"client_id", "type", "status", "id", "msg": {...}, "msg_id"?, "version"?, "good"?, "copies"?}`"""
    shop, now = world.shops.youzan.get(text(given, "client_id")), world.clock.now()
    message = given.get("msg")
    if shop is None or not isinstance(message, dict):
        raise Unknown("no such shop, or msg is no object")
    msg_id = text(given, "msg_id", "") or world.ids.text(32)
    kind, status, key = text(given, "type"), text(given, "status"), text(given, "id")
    version = whole(given, "version", youzan.version_at(now))
    raw = youzan.body(shop, kind, status, key, message, msg_id, version)
    good, copies = given.get("good", True) is True, whole(given, "copies", 1)
    world.courier.start(youzan.errand(shop, kind, raw, good=good, copies=copies), now)
    return {"msg_id": msg_id, "version": version}


def put_doudian(world: World, given: Json) -> Json:
    """`{"app_key", "app_secret", "url", "method"?, "as_text"?, "pauses"? (seconds)}`: it is probed with tag 0."""
    shop = doudian.Shop(
        text(given, "app_key"),
        text(given, "app_secret"),
        text(given, "url"),
        text(given, "method", "md5"),
        given.get("as_text", True) is True,
        _pauses(given, doudian.PAUSES),
    )
    if shop.method not in doudian.METHODS:
        raise Unknown(f"method is one of {', '.join(doudian.METHODS)}")
    world.shops.doudian[shop.app_key] = shop
    now = world.clock.now()
    probe = doudian.body(shop, [(doudian.PROBE, "0", rfc3339(now))])
    world.courier.start(doudian.errand(shop, probe, good=True, copies=1)._replace(name="doudian_probe"), now)
    return {"app_key": shop.app_key}


def push_doudian(world: World, given: Json) -> Json:
    """`{"app_key", "messages": [{"tag", "data", "msg_id"?}], "good"?, "copies"?}`: one push of all of them."""
    shop, messages = world.shops.doudian.get(text(given, "app_key")), given.get("messages")
    if shop is None or not isinstance(messages, list) or not all(isinstance(one, dict) for one in messages):
        raise Unknown("no such shop, or messages is no list of objects")
    read: list[tuple[str, str, Any]] = [
        (text(one, "tag"), text(one, "msg_id", "") or str(world.ids.number("doudian", 6_900_000_001)), one.get("data"))
        for one in messages
    ]
    good, copies = given.get("good", True) is True, whole(given, "copies", 1)
    errand = doudian.errand(shop, doudian.body(shop, read), good=good, copies=copies)
    world.courier.start(errand, world.clock.now())
    return {"msg_ids": [msg_id for _, msg_id, _ in read]}


def _pauses(given: Json, known: tuple[int, ...]) -> tuple[int, ...]:
    asked = given.get("pauses")
    if asked is None:
        return known
    if not isinstance(asked, list) or not all(isinstance(one, int) and one > 0 for one in asked):
        raise Unknown("pauses are seconds")
    return tuple(one * SECOND for one in asked)


HANDLES = (
    Handle("POST", "/youzan-shops", put_youzan),
    Handle("POST", "/youzan-pushes", push_youzan),
    Handle("POST", "/doudian-shops", put_doudian),
    Handle("POST", "/doudian-pushes", push_doudian),
)
