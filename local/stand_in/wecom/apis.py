"""Customer groups, tasks and robots over HTTP."""

from __future__ import annotations

from local.stand_in.accounts import Corp
from local.stand_in.clock import seconds
from local.stand_in.routing import WECOM, Api, Call
from local.stand_in.wecom.groups import STAFF, Group, Member
from local.stand_in.wecom.robots import A_MINUTE
from local.stand_in.wecom.tasks import SENT, WAITING, Delivery
from local.stand_in.wire import Json, Refused
from local.stand_in.world import World

OK: Json = {"errcode": 0, "errmsg": "ok"}
MOST_LISTED = 1000
STAFF_WAITING, STAFF_SENT = 0, 2


def list_groups(world: World, call: Call) -> Json:
    given, corp = call.body(), _corp(call)
    wanted = given.get("owner_filter")
    owners = wanted.get("userid_list") if isinstance(wanted, dict) else []
    groups = world.wecom.groups.of(corp.corpid, owners if isinstance(owners, list) else [])
    shown = [{"chat_id": one.chat_id, "status": 0} for one in groups]
    return {**OK, **_page(shown, given, "group_chat_list", MOST_LISTED)}


def get_group(world: World, call: Call) -> Json:
    given, corp = call.body(), _corp(call)
    group = world.wecom.groups.shown(corp.corpid, str(given.get("chat_id", "")), call.now)
    return {**OK, "group_chat": _group(group, corp, named=given.get("need_name") == 1)}


def add_task(world: World, call: Call) -> Json:
    given, corp = call.body(), _corp(call)
    if given.get("chat_type") != "group":
        raise Refused(40058, "chat_type: the stand-in sends to groups only")
    if not given.get("text") and not given.get("attachments"):
        raise Refused(40058, "text and attachments are empty")
    sender = str(given.get("sender", ""))
    if not sender:
        raise Refused(40058, "sender")
    mine = {one.chat_id for one in world.wecom.groups.of(corp.corpid, [sender])}
    asked = [str(one) for one in given.get("chat_id_list") or sorted(mine)]
    known = [one for one in asked if one in mine]
    if not known:
        raise Refused(40058, "chat_id_list")
    msgid = world.wecom.tasks.create(corp.corpid, [(one, sender) for one in known])
    return {**OK, "fail_list": [one for one in asked if one not in mine], "msgid": msgid}


def get_staff(world: World, call: Call) -> Json:
    deliveries = world.wecom.tasks.of(_corp(call).corpid, str(call.body().get("msgid", "")))
    by_staff = {one.userid: one for one in deliveries}
    listed = [
        {
            "userid": userid,
            "status": STAFF_WAITING if one.status == WAITING else STAFF_SENT,
            "send_time": seconds(one.at),
        }
        for userid, one in by_staff.items()
    ]
    return {**OK, "task_list": listed, "next_cursor": ""}


def get_send_result(world: World, call: Call) -> Json:
    given = call.body()
    deliveries = world.wecom.tasks.of(_corp(call).corpid, str(given.get("msgid", "")))
    mine = [_result(one) for one in deliveries if one.userid == given.get("userid")]
    return {**OK, **_page(mine, given, "send_list", MOST_LISTED)}


def post_by_robot(world: World, call: Call) -> Json:
    key = call.request.query.get("key", "")
    world.wecom.robots.check(key)
    world.quotas.pace(key, "robot", call.now, most=A_MINUTE, errcode=45009)
    world.wecom.robots.post(key, call.body())
    return OK


def _corp(call: Call) -> Corp:
    if call.corp is None:
        raise Refused(41001)
    return call.corp


def _group(group: Group, corp: Corp, *, named: bool) -> Json:
    return {
        "chat_id": group.chat_id,
        "name": group.name,
        "owner": group.owner,
        "create_time": seconds(group.created_at),
        "notice": group.notice,
        "member_list": [_member(one, corp, named=named) for one in group.members],
        "admin_list": [{"userid": userid} for userid in group.admins],
        "member_version": group.version,
    }


def _member(member: Member, corp: Corp, *, named: bool) -> Json:
    shown: Json = {
        "userid": member.userid,
        "type": member.kind,
        "join_time": seconds(member.joined_at),
        "join_scene": member.join_scene,
        "group_nickname": member.nickname,
    }
    if named:
        shown["name"] = member.name
    if member.kind != STAFF and corp.gives_unionid and member.unionid:
        shown["unionid"] = member.unionid
    if member.invitor:
        shown["invitor"] = {"userid": member.invitor}
    if member.state:
        shown["state"] = member.state
    return shown


def _result(one: Delivery) -> Json:
    at = {"send_time": seconds(one.at)} if one.status == SENT else {}
    return {"chat_id": one.chat_id, "userid": one.userid, "status": one.status, **at}


def _page(rows: list[Json], given: Json, name: str, most: int) -> Json:
    """A page after the cursor given; raises Refused 40058."""
    limit, cursor = given.get("limit", most), given.get("cursor") or "0"
    if not isinstance(limit, int) or not 1 <= limit <= most or not str(cursor).isdigit():
        raise Refused(40058, "limit or cursor")
    end = int(cursor) + limit
    return {name: rows[int(cursor) : end], "next_cursor": str(end) if end < len(rows) else ""}


APIS = (
    Api(WECOM, "POST", "/cgi-bin/externalcontact/groupchat/list", list_groups, "corp"),
    Api(WECOM, "POST", "/cgi-bin/externalcontact/groupchat/get", get_group, "corp"),
    Api(WECOM, "POST", "/cgi-bin/externalcontact/add_msg_template", add_task, "corp"),
    Api(WECOM, "POST", "/cgi-bin/externalcontact/get_groupmsg_task", get_staff, "corp"),
    Api(WECOM, "POST", "/cgi-bin/externalcontact/get_groupmsg_send_result", get_send_result, "corp"),
    Api(WECOM, "POST", "/cgi-bin/webhook/send", post_by_robot),
)
