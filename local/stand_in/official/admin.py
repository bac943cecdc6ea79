"""What an admin decides for Official Accounts: followers, how jobs end, who confirms, what was read."""

from __future__ import annotations

from datetime import date

from local.stand_in import push
from local.stand_in.admin import Handle, text, whole
from local.stand_in.ids import person_in
from local.stand_in.official import events, jobs
from local.stand_in.official.reads import COUNTS
from local.stand_in.wire import Json, Unknown
from local.stand_in.world import World


def put_follower(world: World, given: Json) -> Json:
    """`{"appid", "person" | "openid", "tags"?}`"""
    app = world.accounts.app(text(given, "appid"))
    openid = text(given, "openid", person_in(app.appid, text(given, "person", "")))
    tags = given.get("tags", [])
    if not isinstance(tags, list) or not all(isinstance(one, int) for one in tags):
        raise Unknown("tags are whole numbers")
    world.official.followers.put(app.appid, openid, tags)
    return {"openid": openid}


def plan_publication(world: World, given: Json) -> Json:
    """How the next publication ends: `{"status", "fail_idx"?}`."""
    fail_idx = given.get("fail_idx", [])
    if not isinstance(fail_idx, list):
        raise Unknown("fail_idx is a list")
    world.official.publications.plan(whole(given, "status"), tuple(fail_idx))
    return {"planned": True}


def ban_publication(world: World, given: Json) -> Json:
    """`{"publish_id"}`: what was published is banned (6)."""
    world.official.publications.ban(text(given, "publish_id"))
    return {"banned": True}


def plan_mass(world: World, given: Json) -> Json:
    """How the next mass sending ends: `{"status": "err(10001)"}`."""
    world.official.masses.plan(text(given, "status"))
    return {"planned": True}


def decide_mass(world: World, given: Json) -> Json:
    """The admin's word on a protected account's sending: `{"msg_id", "confirmed"}`."""
    mass = jobs.decide(world, whole(given, "msg_id"), confirmed=given.get("confirmed") is True, now=world.clock.now())
    return {"msg_status": mass.state}


def add_reads(world: World, given: Json) -> Json:
    """`{"msg_data_id", "idx", "on", "int_page_read_user"?, ...}`: further reads of an article on a day."""
    try:
        on = date.fromisoformat(text(given, "on"))
    except ValueError:
        raise Unknown("on is a day as 2026-11-26") from None
    counts = {name: whole(given, name) for name in COUNTS if name in given}
    world.official.reads.add(f"{given.get('msg_data_id')}_{whole(given, 'idx')}", on, counts)
    return {"added": counts}


def lose_events(world: World, given: Json) -> Json:
    """`{"channel": "wechat" | "wecom", "drop"?, "duplicate"?, "reorder"?, "delay"?}`"""
    channel = text(given, "channel")
    if channel not in world.unreliable:
        raise Unknown(f"channel is one of {', '.join(world.unreliable)}")
    world.unreliable[channel].set(given)
    return {"channel": channel}


def check_url(world: World, given: Json) -> Json:
    """Have an app's callback prove that it knows its token: `{"appid"}`."""
    app = world.accounts.app(text(given, "appid"))
    errand, echo = push.url_check(events.keys_of(app), world.ids, sealed=False, timeout_s=push.TIMEOUT_S)
    world.courier.start(errand, world.clock.now())
    return {"echo": echo}


HANDLES = (
    Handle("POST", "/followers", put_follower),
    Handle("POST", "/publication-plans", plan_publication),
    Handle("POST", "/publication-bans", ban_publication),
    Handle("POST", "/mass-plans", plan_mass),
    Handle("POST", "/mass-decisions", decide_mass),
    Handle("POST", "/reads", add_reads),
    Handle("POST", "/events", lose_events),
    Handle("POST", "/url-checks", check_url),
)
