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
    from chalicelib.connect.wecom.groups import Group

bp = Blueprint(__name__)
MOST_GROUPS = 50
MAX_CHARS = 512
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


@bp.route("/staff/customer-groups", methods=["GET"])
@endpoint(bp, caller=staff("operator", "guide"), query=frozenset({"cursor", "limit", "owner"}))
def get_customer_groups(call: Call) -> Json:
    """The corp's customer groups, of all staff or of one `owner`, with how many are in them."""
    from chalicelib.connect.accounts import account
    from chalicelib.connect.table import open_connect
    from chalicelib.connect.wecom.api import WecomApi
    from chalicelib.connect.wecom.list_groups import list_groups

    asked = {name: call.query.get(name, "") for name in ("cursor", "owner")}
    for name, value in asked.items():
        if len(value) > MAX_CHARS:
            raise JifenError(Code.INVALID_REQUEST, f"{name}太长", field=name)
    api = WecomApi(open_connect(), account("wecom", call.now), call.now)
    found, following = list_groups(api, **asked, limit=limit_of(call.query, MOST_GROUPS))
    return listing([_shown(one) for one in found], following)


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
