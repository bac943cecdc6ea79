"""Customer groups (客户群) of the corp: their list, one with its members, and messages to them (企业群发).

Sources: developer.work.weixin.qq.com, document/path/92120 (list), 92122 (get), 92135 (add_msg_template),
93338 (get_groupmsg_send_result). What a group shows may be two seconds old.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from chalicelib.connect.faults import Refused
from chalicelib.connect.tokens import text_of
from chalicelib.connect.wecom.api import WecomApi

NO_CUSTOMER_GROUP = 90501
STAFF = 1
_CONTACT = "/cgi-bin/externalcontact"


class GroupMember(NamedTuple):
    """Somebody in a group. `unionid` only where the corp is bound to the brand's WeChat account."""

    userid: str
    is_staff: bool
    joined_at: datetime
    join_scene: int
    """1 invited directly, 2 by a link, 3 by a code."""
    unionid: str
    invitor: str
    """The staff member who invited; empty for anybody else."""
    state: str
    """What the link or code of the joining carried."""


class Group(NamedTuple):
    """A customer group; `version` changes with its members."""

    chat_id: str
    name: str
    owner: str
    created_at: datetime
    members: tuple[GroupMember, ...]
    version: str


class Delivery(NamedTuple):
    """How a message to a group stands: 0 waits for the staff member, 1 sent, 2 and 3 not sent."""

    chat_id: str
    status: int
    sent_at: datetime | None


def group_ids(api: WecomApi, *, cursor: str, limit: int, owner: str = "") -> tuple[list[str], str]:
    """Ids of a page of the groups, of one owner's where one is named, and the next page's cursor, empty at last."""
    asked: dict[str, Any] = {"status_filter": 0, "cursor": cursor, "limit": limit}
    if owner:
        asked["owner_filter"] = {"userid_list": [owner]}
    answer = api.post(f"{_CONTACT}/groupchat/list", asked)
    return [text_of(one, "chat_id") for one in answer.get("group_chat_list", ())], str(answer.get("next_cursor") or "")


def group(api: WecomApi, chat_id: str) -> Group | None:
    """A group with its members; None where it is none any more, or none yet."""
    try:
        answer = api.post(f"{_CONTACT}/groupchat/get", {"chat_id": chat_id, "need_name": 0})
    except Refused as refused:
        if refused.errcode == NO_CUSTOMER_GROUP:
            return None
        raise
    found = answer.get("group_chat", {})
    return Group(
        chat_id=text_of(found, "chat_id"),
        name=str(found.get("name", "")),
        owner=str(found.get("owner", "")),
        created_at=_instant(found.get("create_time", 0)),
        members=tuple(_member(one) for one in found.get("member_list", ())),
        version=str(found.get("member_version", "")),
    )


def push_to_groups(api: WecomApi, *, sender: str, chat_ids: Sequence[str], text: str) -> tuple[str, list[str]]:
    """Ask a staff member to send a text of at most 4,000 bytes to groups of his: the task's id, the groups left out.

    Nothing is sent until he confirms it in WeCom. Asked twice it makes two tasks.
    """
    asked = {"chat_type": "group", "sender": sender, "chat_id_list": list(chat_ids), "text": {"content": text}}
    answer = api.post(f"{_CONTACT}/add_msg_template", asked)
    return text_of(answer, "msgid"), [str(one) for one in answer.get("fail_list", ())]


def deliveries(api: WecomApi, msgid: str, sender: str, cursor: str = "") -> tuple[list[Delivery], str]:
    """How a task of a staff member stands by group, and the cursor of the next page, empty at last."""
    asked = {"msgid": msgid, "userid": sender, "cursor": cursor}
    answer = api.post(f"{_CONTACT}/get_groupmsg_send_result", asked)
    found = [
        Delivery(
            text_of(one, "chat_id"),
            int(one.get("status", 0)),
            _instant(one["send_time"]) if one.get("send_time") else None,
        )
        for one in answer.get("send_list", ())
    ]
    return found, str(answer.get("next_cursor") or "")


def _member(one: dict[str, Any]) -> GroupMember:
    invitor = one.get("invitor")
    return GroupMember(
        userid=text_of(one, "userid"),
        is_staff=one.get("type") == STAFF,
        joined_at=_instant(one.get("join_time", 0)),
        join_scene=int(one.get("join_scene", 0)),
        unionid=str(one.get("unionid", "")),
        invitor=str(invitor.get("userid", "")) if isinstance(invitor, dict) else "",
        state=str(one.get("state", "")),
    )


def _instant(epoch_s: Any) -> datetime:
    return datetime.fromtimestamp(int(epoch_s), UTC)
