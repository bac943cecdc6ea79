"""What happens in a corp's groups, as an admin lets it happen: people come and go, staff confirm, robots are made."""

from __future__ import annotations

from typing import Any

from local.stand_in import push
from local.stand_in.accounts import Corp
from local.stand_in.admin import Handle, text, whole
from local.stand_in.ids import person_in
from local.stand_in.wecom import events
from local.stand_in.wecom.groups import DIRECT, EXTERNAL, STAFF, Member
from local.stand_in.wire import Json, Unknown
from local.stand_in.world import World

URL_CHECK_S = 1.0
"""WeCom waits no longer for the echo."""


def create_group(world: World, given: Json) -> Json:
    """`{"corpid", "name", "owner", "chat_id"?}`"""
    corp, now = world.accounts.corp(text(given, "corpid")), world.clock.now()
    name, owner, chat_id = text(given, "name"), text(given, "owner"), text(given, "chat_id", "")
    group = world.wecom.groups.create(corp.corpid, name, owner, now, chat_id)
    events.tell(world, group, "create", {}, now)
    return {"chat_id": group.chat_id}


def join_group(world: World, given: Json) -> Json:
    """`{"chat_id", "members": [{"person" | "userid", "kind"?, "invitor"?, "state"?, "name"?}], "scene"?, "quiet"?}`

    Quiet: no event, as when a change was made by API.
    """
    chat_id, now, scene = text(given, "chat_id"), world.clock.now(), whole(given, "scene", DIRECT)
    before = world.wecom.groups.current(chat_id)
    corp, asked = world.accounts.corp(before.corpid), given.get("members")
    if not isinstance(asked, list) or not all(isinstance(one, dict) for one in asked):
        raise Unknown("members is a list of objects")
    members = [_member(corp, one, scene, now) for one in asked]
    after = world.wecom.groups.join(chat_id, members, now)
    userids = [one.userid for one in members]
    if not given.get("quiet"):
        events.tell(world, after, "update", events.membership(corp, "add_member", before, after, userids, scene), now)
    return {"userids": userids, "member_version": after.version}


def leave_group(world: World, given: Json) -> Json:
    """`{"chat_id", "userids": [...], "scene"? (0 by themselves, 1 removed), "quiet"?}`"""
    chat_id, now, scene = text(given, "chat_id"), world.clock.now(), whole(given, "scene", 0)
    before, userids = world.wecom.groups.current(chat_id), given.get("userids")
    if not isinstance(userids, list):
        raise Unknown("userids is a list")
    after = world.wecom.groups.leave(chat_id, userids, now)
    corp = world.accounts.corp(before.corpid)
    if not given.get("quiet"):
        events.tell(world, after, "update", events.membership(corp, "del_member", before, after, userids, scene), now)
    return {"member_version": after.version}


def change_group(world: World, given: Json) -> Json:
    """`{"chat_id", "name"? | "owner"? | "notice"? | "dismiss"?}`: one of them."""
    group, now = world.wecom.groups.current(text(given, "chat_id")), world.clock.now()
    if given.get("dismiss"):
        world.wecom.groups.change(group._replace(dismissed=True), now)
        events.tell(world, group, "dismiss", {}, now)
        return {"dismissed": True}
    for name in ("name", "owner", "notice"):
        if name in given:
            new: dict[str, Any] = {name: text(given, name)}
            changed = group._replace(**new)
            world.wecom.groups.change(changed, now)
            events.tell(world, changed, "update", {"UpdateDetail": f"change_{name}"}, now)
            return {"changed": name}
    raise Unknown("change name, owner or notice, or dismiss")


def confirm(world: World, given: Json) -> Json:
    """A staff member sends what waits: `{"msgid", "userid"}`."""
    sent = world.wecom.tasks.confirm(text(given, "msgid"), text(given, "userid"), world.clock.now())
    return {"statuses": {one.chat_id: one.status for one in sent}}


def make_robot(world: World, _given: Json) -> Json:
    return {"key": world.wecom.robots.make()}


def get_posts(world: World, given: Json) -> Json:
    return {"posts": world.wecom.robots.posts(text(given, "key"))}


def check_url(world: World, given: Json) -> Json:
    """Have a corp's callback prove that it can decrypt: `{"corpid"}`."""
    keys = events.keys_of(world.accounts.corp(text(given, "corpid")))
    errand, echo = push.url_check(keys, world.ids, sealed=True, timeout_s=URL_CHECK_S)
    world.courier.start(errand, world.clock.now())
    return {"echo": echo}


def _member(corp: Corp, given: Json, scene: int, now: int) -> Member:
    person, kind = text(given, "person", ""), whole(given, "kind", EXTERNAL)
    userid = text(given, "userid", person if kind == STAFF else person_in(corp.corpid, person, "wm"))
    known = person and corp.open_platform and kind == EXTERNAL
    return Member(
        userid=userid,
        kind=kind,
        joined_at=now,
        join_scene=scene,
        unionid=person_in(corp.open_platform, person) if known else "",
        invitor=text(given, "invitor", ""),
        state=text(given, "state", ""),
        name=text(given, "name", ""),
        nickname=text(given, "nickname", ""),
    )


HANDLES = (
    Handle("POST", "/groups", create_group),
    Handle("POST", "/group-joins", join_group),
    Handle("POST", "/group-leaves", leave_group),
    Handle("POST", "/group-changes", change_group),
    Handle("POST", "/staff-confirmations", confirm),
    Handle("POST", "/robots", make_robot),
    Handle("GET", "/robot-posts", get_posts),
    Handle("POST", "/corp-url-checks", check_url),
)
