"""Members' tags over HTTP, for staff: of one member all of them with their trail, and one tag of many members."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Literal

from chalice.app import Blueprint
from pydantic import Field, StringConstraints

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.table import open_ledger
from chalicelib.members.access import staff
from chalicelib.members.model import is_member_id
from chalicelib.members.table import open_members
from chalicelib.members.tag_members import By, Rooms, Tagged, replace_tags, tag_members, tagged
from chalicelib.members.tags import MOST_TAGS, Line
from chalicelib.members.tags_table import open_tags
from chalicelib.programme.conditions import Word
from chalicelib.programme.table import terms_at
from chalicelib.runtime import log
from chalicelib.runtime.clock import in_zone
from chalicelib.runtime.edge import JSON_BODY, Body, Call, Json, endpoint

bp = Blueprint(__name__)
_KEEPERS = ("operator", "customer_service")
_ONE_LINE = r"^[^\x00-\x1f\x7f-\x9f]*$"
Reason = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=_ONE_LINE)]
MemberId = Annotated[str, StringConstraints(pattern=r"^m[0-9a-f]{24}$")]


class TagsIn(Body):
    """All tags that a member is to have, at the version that was seen (0 before the first), and why."""

    version: Annotated[int, Field(ge=0)]
    tags: Annotated[list[Word], Field(max_length=MOST_TAGS)]
    reason: Reason


class TagChangeIn(Body):
    """One tag that members are given, or that is taken from them, and why."""

    tag: Word
    action: Literal["give", "take"]
    member_ids: Annotated[list[MemberId], Field(min_length=1, max_length=500)]
    reason: Reason


@bp.route("/staff/members/{member_id}/tags", methods=["GET"])
@endpoint(bp, caller=staff(*_KEEPERS))
def get_member_tags(call: Call, member_id: str) -> Json:
    """A member's tags, under all ids of his, and who changed them when and why: the newest 50 changes first."""
    rooms = _rooms()
    found = tagged(_formed(member_id), rooms)
    lines = rooms.tags.lines([one.member_id for one in found.held])
    zone = terms_at(call.now).zone
    return {**_answer(found), "changes": [_line_answer(line, zone) for line in lines]}


@bp.route("/staff/members/{member_id}/tags", methods=["PUT"], **JSON_BODY)
@endpoint(bp, caller=staff(*_KEEPERS), body=TagsIn)
def put_member_tags(call: Call, member_id: str) -> Json:
    """Give a member these tags and no others, at the version that was seen. Just these again is no change."""
    by = By(call.caller.id, call.body.reason, call.now)
    wanted = frozenset(call.body.tags)
    done = replace_tags(_formed(member_id), wanted, seen_version=call.body.version, by=by, rooms=_rooms())
    log.outcome("tags_replaced", by=call.caller.id, replayed=int(done.replayed))
    return {**_answer(done), "replayed": done.replayed}


@bp.route("/staff/tag-changes", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=staff(*_KEEPERS), body=TagChangeIn)
def post_tag_change(call: Call) -> Json:
    """Give one tag to up to 500 members, or take it from them. The outcome of each id is `given` or `taken`,
    `unchanged`, `unknown` (no such member), `full` (he has 50 tags) or `busy` (ask again). Again changes nothing.
    """
    by = By(call.caller.id, call.body.reason, call.now)
    outcomes = tag_members(call.body.member_ids, call.body.tag, call.body.action, by=by, rooms=_rooms())
    counts = Counter(str(outcome) for outcome in outcomes.values())
    log.outcome("tag_changed", by=call.caller.id, **counts)
    return {
        "tag": call.body.tag,
        "action": call.body.action,
        "outcomes": dict(counts),
        "members": [{"member_id": id, "outcome": str(outcome)} for id, outcome in outcomes.items()],
    }


def _rooms() -> Rooms:
    return Rooms(open_tags(), open_ledger(), open_members().known)


def _formed(member_id: str) -> str:
    if not is_member_id(member_id):
        raise JifenError(Code.MEMBER_NOT_FOUND)
    return member_id


def _answer(found: Tagged) -> Json:
    return {"member_id": found.member_id, "tags": found.tags, "version": found.version}


def _line_answer(line: Line, zone: str) -> Json:
    return {
        "at": in_zone(line.at, zone),
        "by": line.by,
        "given": list(line.given),
        "taken": list(line.taken),
        "reason": line.reason,
    }
