"""WeCom over HTTP, for staff: the corp's customer groups, and what group robots say."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Annotated, Literal

from chalice.app import Blueprint
from pydantic import Field

from chalicelib.errors import Code, JifenError
from chalicelib.members.access import staff
from chalicelib.runtime.clock import in_zone
from chalicelib.runtime.edge import JSON_BODY, Body, Call, Json, client_key, endpoint
from chalicelib.runtime.lists import limit_of, listing

if TYPE_CHECKING:
    from chalicelib.connect.wecom.api import WecomApi
    from chalicelib.connect.wecom.groups import Group

bp = Blueprint(__name__)
MOST_GROUPS = 50
MAX_CHARS, MAX_TASK_BYTES = 512, 4000
API_ZONE = "Asia/Shanghai"


class RobotMessageIn(Body):
    """What a robot shall say; a text of at most 2,048 bytes in UTF-8, markdown of 4,096."""

    robot: Annotated[str, Field(min_length=1, max_length=40)]
    kind: Literal["text", "markdown"] = "text"
    content: Annotated[str, Field(min_length=1, max_length=4096, pattern=r"\S")]


@bp.route("/staff/group-robot-messages", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=staff("operator"), body=RobotMessageIn)
def post_group_robot_message(call: Call) -> Json:
    """Write into a group by its robot, once per Idempotency-Key. `unknown`: no answer came; look into the group."""
    from chalicelib.connect.messages_table import open_messages
    from chalicelib.connect.wecom.robot import RobotMessage, say

    named = json.dumps([call.caller.id, client_key(call)])
    said = say(
        open_messages(),
        RobotMessage(call.body.robot, call.body.kind, call.body.content),
        key=sha256(named.encode()).hexdigest(),
        now=call.now,
    )
    return {"state": said.state.value, "replayed": said.replayed}


class GroupTaskIn(Body):
    """A text that a staff member (by the corp's userid) shall send to groups of his: at most 4,000 bytes in UTF-8."""

    sender: Annotated[str, Field(min_length=1, max_length=64)]
    chat_ids: Annotated[list[Annotated[str, Field(min_length=1, max_length=64)]], Field(min_length=1, max_length=2000)]
    text: Annotated[str, Field(min_length=1, max_length=4000, pattern=r"\S")]


@bp.route("/staff/group-tasks", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=staff("operator"), body=GroupTaskIn)
def post_group_task(call: Call) -> Json:
    """Have a staff member be asked to send a text to his groups, once per Idempotency-Key: nothing is sent until he
    confirms it in WeCom. `unknown`: no answer came; look at his phone.
    """
    from chalicelib.connect.messages_table import open_messages
    from chalicelib.connect.wecom.group_task import GroupTask, ask

    if len(call.body.text.encode()) > MAX_TASK_BYTES:
        raise JifenError(Code.INVALID_REQUEST, f"text不能超过{MAX_TASK_BYTES}字节", field="text")
    named = json.dumps([call.caller.id, client_key(call)])
    asked = ask(
        open_messages(),
        GroupTask(call.body.sender, tuple(call.body.chat_ids), call.body.text),
        key=sha256(named.encode()).hexdigest(),
        api=_api(call),
        now=call.now,
    )
    return {
        "state": asked.state.value,
        "task_id": asked.msgid or None,
        "left_out": list(asked.left_out),
        "replayed": asked.replayed,
    }


@bp.route("/staff/group-tasks/{task_id}", methods=["GET"])
@endpoint(bp, caller=staff("operator", "guide"), query=frozenset({"cursor", "sender"}))
def get_group_task(call: Call, task_id: str) -> Json:
    """How a task stands by group: `waiting` for the staff member, `sent`, or `not_sent`."""
    from chalicelib.connect.wecom.groups import deliveries

    sender, cursor = call.query.get("sender", ""), call.query.get("cursor", "")
    for name, value in (("task_id", task_id), ("sender", sender), ("cursor", cursor)):
        if len(value) > MAX_CHARS or (not value and name != "cursor"):
            raise JifenError(Code.INVALID_REQUEST, f"{name}必填,且不超过{MAX_CHARS}个字符", field=name)
    found, following = deliveries(_api(call), task_id, sender, cursor)
    shown = [
        {
            "chat_id": one.chat_id,
            "state": {0: "waiting", 1: "sent"}.get(one.status, "not_sent"),
            "sent_at": in_zone(one.sent_at, API_ZONE) if one.sent_at else None,
        }
        for one in found
    ]
    return listing(shown, following)


@bp.route("/staff/customer-groups", methods=["GET"])
@endpoint(bp, caller=staff("operator", "guide"), query=frozenset({"cursor", "limit", "owner"}))
def get_customer_groups(call: Call) -> Json:
    """The corp's customer groups, of all staff or of one `owner`, with how many are in them."""
    from chalicelib.connect.wecom.list_groups import list_groups

    asked = {name: call.query.get(name, "") for name in ("cursor", "owner")}
    for name, value in asked.items():
        if len(value) > MAX_CHARS:
            raise JifenError(Code.INVALID_REQUEST, f"{name}太长", field=name)
    found, following = list_groups(_api(call), **asked, limit=limit_of(call.query, MOST_GROUPS))
    return listing([_shown(one) for one in found], following)


def _api(call: Call) -> WecomApi:
    from chalicelib.connect.accounts import account
    from chalicelib.connect.table import open_connect
    from chalicelib.connect.wecom.api import WecomApi

    return WecomApi(open_connect(), account("wecom", call.now), call.now)


def _shown(group: Group) -> Json:
    staff_count = sum(member.is_staff for member in group.members)
    return {
        "chat_id": group.chat_id,
        "name": group.name,
        "owner": group.owner,
        "created_at": in_zone(group.created_at, API_ZONE),
        "customer_count": len(group.members) - staff_count,
        "staff_count": staff_count,
    }
