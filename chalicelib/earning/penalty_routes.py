"""Penalties over HTTP: staff propose, decide and hear; the member sees his own and may appeal once."""

from __future__ import annotations

import re
import secrets
from typing import Annotated, Any

from chalice.app import Blueprint
from pydantic import StringConstraints

from chalicelib.earning.behaviour_feed import IndicatorId, MemberId
from chalicelib.earning.penalise import Done, Proposed, appeal, approve, decline, overturn, propose, uphold
from chalicelib.earning.penalties import open_penalties
from chalicelib.earning.penalty import Penalty, State, Step
from chalicelib.earning.penalty_answers import member_answer, staff_answer
from chalicelib.errors import Code, JifenError
from chalicelib.members.access import member, staff
from chalicelib.members.buyers import unknown_members
from chalicelib.programme.table import terms_at
from chalicelib.runtime.edge import JSON_BODY, Body, Call, Json, client_key, endpoint
from chalicelib.runtime.lists import limit_of, listing

bp = Blueprint(__name__)
MAX_PAGE = 50
_PENALTY_ID = re.compile(r"[0-9a-f]{20}")
_PROPOSERS = staff("operator", "customer_service")
_DECIDERS = staff("reviewer")
_READERS = staff("operator", "customer_service", "reviewer")

Words = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$"
Reason = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=Words)]
Long = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=Words)]


class PenaltyIn(Body):
    """What is proposed: who, for which penalty indicator, on what evidence (a text or an address), why."""

    member_id: MemberId
    indicator: IndicatorId
    evidence: Long
    reason: Reason
    """Told to the member."""


class NoteIn(Body):
    """A remark on a decision."""

    note: Annotated[str, StringConstraints(max_length=500, pattern=Words)] = ""


class GroundsIn(Body):
    """The grounds of a decision; those of a hearing are told to the member."""

    note: Long


class AppealIn(Body):
    """The member's own words."""

    text: Long


@bp.route("/staff/penalties", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=_PROPOSERS, body=PenaltyIn)
def post_penalty(call: Call) -> Json:
    """Propose to deduct points on evidence. Needs an Idempotency-Key; the same key and content again is `replayed`."""
    key = client_key(call)
    if unknown_members({call.body.member_id}):
        raise JifenError(Code.MEMBER_NOT_FOUND, field="member_id")
    done = propose(
        open_penalties(),
        Proposed(**call.body.model_dump()),
        id=f"{int(call.now.timestamp() * 1000):012x}{secrets.token_hex(4)}",  # sorts by time
        key=key,
        by=call.caller.id,
        terms=terms_at(call.now),
        now=call.now,
    )
    return _done(done, call)


@bp.route("/staff/penalties", methods=["GET"])
@endpoint(bp, caller=_READERS, query=frozenset({"state", "cursor", "limit"}))
def get_penalties(call: Call) -> Json:
    """List penalties, newest first, those in one `state` when it is given."""
    state = call.query.get("state", "")
    if state and state not in set(State):
        raise JifenError(Code.INVALID_REQUEST, "state不是已知的状态", field="state")
    limit = limit_of(call.query, MAX_PAGE)
    found = open_penalties().all(state=state, before_id=_cursor(call), limit=limit + 1)
    zone = _zone(call)
    return _page(found, limit, [staff_answer(one, zone) for one in found[:limit]])


@bp.route("/staff/penalties/{penalty_id}", methods=["GET"])
@endpoint(bp, caller=_READERS)
def get_penalty(call: Call, penalty_id: str) -> Json:
    """One penalty with its evidence and every step."""
    return staff_answer(open_penalties().penalty(_known_id(penalty_id)), _zone(call))


@bp.route("/staff/penalties/{penalty_id}/approve", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=_DECIDERS, body=NoteIn)
def post_penalty_approval(call: Call, penalty_id: str) -> Json:
    """Deduct the points; by another person than its proposer."""
    done = approve(open_penalties(), _known_id(penalty_id), _step(call, call.body.note), terms=terms_at(call.now))
    return _done(done, call)


@bp.route("/staff/penalties/{penalty_id}/decline", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=_DECIDERS, body=GroundsIn)
def post_penalty_refusal(call: Call, penalty_id: str) -> Json:
    """Drop a proposal; by another person than its proposer."""
    return _done(decline(open_penalties(), _known_id(penalty_id), _step(call, call.body.note)), call)


@bp.route("/staff/penalties/{penalty_id}/uphold", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=_DECIDERS, body=GroundsIn)
def post_penalty_confirmation(call: Call, penalty_id: str) -> Json:
    """Hear an appeal and let the penalty stand; by a third person."""
    return _done(uphold(open_penalties(), _known_id(penalty_id), _step(call, call.body.note)), call)


@bp.route("/staff/penalties/{penalty_id}/overturn", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=_DECIDERS, body=GroundsIn)
def post_penalty_reversal(call: Call, penalty_id: str) -> Json:
    """Hear an appeal and give the points back, to the buckets they came from; by a third person."""
    done = overturn(open_penalties(), _known_id(penalty_id), _step(call, call.body.note), terms=terms_at(call.now))
    return _done(done, call)


@bp.route("/me/penalties", methods=["GET"])
@endpoint(bp, caller=member, query=frozenset({"cursor", "limit"}))
def get_my_penalties(call: Call) -> Json:
    """The member's penalties with their reasons, newest first, and until when each can be appealed."""
    limit = limit_of(call.query, MAX_PAGE)
    found = open_penalties().of_member(call.caller.id, before_id=_cursor(call), limit=limit + 1)
    return _page(found, limit, [member_answer(one, _zone(call), call.now) for one in found[:limit]])


@bp.route("/me/penalties/{penalty_id}/appeal", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=member, body=AppealIn)
def post_penalty_appeal(call: Call, penalty_id: str) -> Json:
    """Appeal against a penalty, once, within 15 days; somebody who had no part in it will hear it."""
    done = appeal(open_penalties(), _known_id(penalty_id), _step(call, call.body.text), zone=_zone(call))
    return {**member_answer(done.penalty, _zone(call), call.now), "replayed": done.replayed}


def _done(done: Done, call: Call) -> Json:
    return {**staff_answer(done.penalty, _zone(call)), "replayed": done.replayed}


def _page(found: list[Penalty], limit: int, shown: list[dict[str, Any]]) -> Json:
    return listing(shown, found[limit - 1].id if len(found) > limit else None)


def _step(call: Call, note: str) -> Step:
    return Step(call.caller.id, call.now, note)


def _zone(call: Call) -> str:
    return terms_at(call.now).zone


def _known_id(penalty_id: str) -> str:
    if not _PENALTY_ID.fullmatch(penalty_id):
        raise JifenError(Code.PENALTY_NOT_FOUND)
    return penalty_id


def _cursor(call: Call) -> str:
    cursor = call.query.get("cursor", "")
    if cursor and not _PENALTY_ID.fullmatch(cursor):
        raise JifenError(Code.INVALID_CURSOR, field="cursor")
    return cursor
