"""Logging in and out, the member's own profile, and the keys of the staff."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from chalice.app import Blueprint
from pydantic import Field

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.table import open_ledger
from chalicelib.members import log_in as logging_in
from chalicelib.members import staff_keys, tokens
from chalicelib.members.access import member, staff
from chalicelib.members.merge import Merged, merge_members
from chalicelib.members.model import StaffKey, is_member_id
from chalicelib.members.roles import Role
from chalicelib.members.table import open_members
from chalicelib.programme.table import terms_at
from chalicelib.runtime import log, queue
from chalicelib.runtime.clock import in_zone
from chalicelib.runtime.edge import JSON_BODY, Body, Call, Json, anyone, endpoint
from chalicelib.runtime.lists import listing
from chalicelib.runtime.settings import settings

bp = Blueprint(__name__)
API_ZONE = "Asia/Shanghai"
"""The offset in which the API writes instants, wherever a programme's own day begins."""


class LogIn(Body):
    """A one-time code, as the mini-program got it."""

    code: Annotated[str, Field(min_length=1, max_length=128)]


class MergeIn(Body):
    """The other member, and how it is known that both are one person."""

    other_member_id: Annotated[str, Field(pattern=r"^m[0-9a-f]{24}$")]
    reason: Annotated[str, Field(min_length=1, max_length=100)]


class NewStaffKey(Body):
    """Whose key, and what it may do."""

    name: Annotated[str, Field(min_length=1, max_length=32, pattern=r"^\S(.*\S)?$")]
    roles: Annotated[list[Role], Field(min_length=1, max_length=len(Role))]


@bp.route("/sessions", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=anyone, body=LogIn)
def post_session(call: Call) -> Json:
    """Log in with a one-time code."""
    opened = logging_in.log_in(
        open_members(),
        logging_in.exchange_for(settings().login, call.now),
        call.body.code,
        token=tokens.new_token(),
        new_member_id=tokens.new_member_id(),
        merge=lambda one, other: _merged(call, one, other, actor="log_in").survivor.member_id,
        now=call.now,
    )
    try:
        queue.send(settings().behaviours_queue_url, [logging_in.session_message(opened)])
    except Exception as error:  # noqa: BLE001  # nobody is kept out by it: the next log-in tells the same again
        log.defect("session_not_told", error)
    return {
        "token": opened.token,
        "expires_at": _shown(opened.session.expires_at),
        "member_id": opened.session.member_id,
        "is_new": opened.is_new_member,
    }


@bp.route("/sessions", methods=["DELETE"])
@endpoint(bp, caller=member)
def delete_session(call: Call) -> Json:
    """Log out: the token used for this call ends."""
    logging_in.log_out(open_members(), call.caller.session, call.now)
    return {"revoked": True}


@bp.route("/me", methods=["GET"])
@endpoint(bp, caller=member)
def get_me(call: Call) -> Json:
    """The member's own profile."""
    found = open_members().member(call.caller.id)
    if found is None:
        raise JifenError(Code.MEMBER_NOT_FOUND)
    return {
        "member_id": found.member_id,
        "registered_at": _shown(found.registered_at),
        "identity_count": found.identity_count,
    }


@bp.route("/staff/members/{member_id}/merges", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=staff(), body=MergeIn)
def post_member_merge(call: Call, member_id: str) -> Json:
    """Make two members one, who turned out to be one person: for good. The one who registered first stays; the other's
    id leads to him. Repeating it changes nothing.
    """
    other_id = call.body.other_member_id
    if not is_member_id(member_id):
        raise JifenError(Code.MEMBER_NOT_FOUND)
    if other_id == member_id:
        raise JifenError(Code.INVALID_REQUEST, "两个会员应不同", field="other_member_id")
    done = _merged(call, member_id, other_id, actor=call.caller.id, reason=call.body.reason)
    survivor_id = done.survivor.member_id
    merged = [one for one in (member_id, other_id) if one != survivor_id]
    return {"member_id": survivor_id, "merged": merged, "replayed": done.replayed}


@bp.route("/staff/keys", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=staff(), body=NewStaffKey)
def post_staff_key(call: Call) -> Json:
    """Make a staff key; it is shown in this answer only."""
    created = staff_keys.create_staff_key(
        open_members(),
        call.body.name,
        frozenset(call.body.roles),
        key=tokens.new_staff_key(tokens.new_staff_id()),
        actor=call.caller.id,
        now=call.now,
    )
    return {**_shown_key(created.held), "key": created.key, "replayed": created.replayed}


@bp.route("/staff/keys", methods=["GET"])
@endpoint(bp, caller=staff(), query=frozenset({"cursor"}))
def get_staff_keys(call: Call) -> Json:
    """All staff keys, revoked ones too, without the keys themselves."""
    page, next_cursor = staff_keys.list_staff_keys(open_members(), call.query.get("cursor"))
    return listing([_shown_key(held) for held in page], next_cursor)


@bp.route("/staff/keys/{staff_id}", methods=["DELETE"])
@endpoint(bp, caller=staff())
def delete_staff_key(call: Call, staff_id: str) -> Json:
    """Revoke a staff key at once."""
    ended = staff_keys.revoke_staff_key(open_members(), staff_id, call.caller.id, call.now)
    return {"staff_id": ended.staff_id, "revoked_at": _shown(ended.revoked_at), "replayed": ended.replayed}


def _merged(call: Call, one: str, other: str, *, actor: str, reason: str = "") -> Merged:
    return merge_members(
        one,
        other,
        actor=actor,
        reason=reason,
        table=open_members(),
        ledger=open_ledger(),
        terms=terms_at(call.now).ledger,
        now=call.now,
    )


def _shown_key(held: StaffKey) -> Json:
    return {
        "staff_id": held.staff_id,
        "name": held.name,
        "roles": sorted(role.value for role in held.roles),
        "created_by": held.created_by,
        "created_at": _shown(held.created_at),
        "revoked_by": held.revoked_by,
        "revoked_at": _shown(held.revoked_at) if held.revoked_at else None,
    }


def _shown(at: datetime) -> str:
    return in_zone(at, API_ZONE)
