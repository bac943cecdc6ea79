"""Behaviour over HTTP: the signed feed, members' own reports, tasks, ways to earn, why not, and voids."""

from __future__ import annotations

from typing import Annotated

from chalice.app import Blueprint
from pydantic import Field

from chalicelib.earning import behaviour_answers as answers
from chalicelib.earning.behave import behave
from chalicelib.earning.behaviour_event import OWN_SOURCE, Event
from chalicelib.earning.behaviour_feed import EventsIn, IndicatorId, Intake, require_indicator, take_in
from chalicelib.earning.behaviour_matrix import deductions, ways_to_earn
from chalicelib.earning.behaviour_void import void_behaviour
from chalicelib.earning.order_feed import Platform
from chalicelib.earning.refusals import open_refusals
from chalicelib.earning.why_not import why_not_page
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import business_on, start_of
from chalicelib.ledger.table import open_ledger
from chalicelib.members.access import member, order_feed, staff
from chalicelib.members.buyers import find_members, unknown_members
from chalicelib.members.model import is_member_id
from chalicelib.programme.standing import standing_of
from chalicelib.programme.table import terms_at, terms_book
from chalicelib.programme.tasks import tasks_shown
from chalicelib.runtime import queue
from chalicelib.runtime.clock import in_zone
from chalicelib.runtime.edge import INGEST_BODY_LIMIT_BYTES, JSON_BODY, Body, Call, Json, endpoint
from chalicelib.runtime.lists import limit_of, listing
from chalicelib.runtime.settings import settings

bp = Blueprint(__name__)
SELF_REPORTED = frozenset({"add_to_cart", "browse"})
"""What a mini-program may say of its own member: cheap things, each held by the caps of its rule, never more."""
MAX_PAGE = 100
_PAGE = frozenset({"cursor", "limit"})


@bp.route("/ingest/events", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=order_feed, body=EventsIn, limit_bytes=INGEST_BODY_LIMIT_BYTES)
def post_events(call: Call) -> Json:
    """Tell up to 100 things members did; each is answered on its own, in the order given, and posted soon after."""
    intake = Intake(
        book=terms_book(),
        find_members=find_members,
        unknown_members=unknown_members,
        guards=open_ledger().guards,
        account=open_ledger().read,
        send=lambda messages: queue.send(settings().behaviours_queue_url, messages),
    )
    taken = take_in(call.body.events, call.now, intake)
    shown = [answers.told_answer(record, one) for record, one in zip(call.body.events, taken, strict=True)]
    return listing(shown)


class BehaviourIn(Body):
    """What the member just did, and to what, where it can be done to several things a day."""

    indicator: IndicatorId
    subject: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,32}$")] | None = None


@bp.route("/me/behaviours", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=member, body=BehaviourIn)
def post_behaviour(call: Call) -> Json:
    """Report a log-in, a browse or a filled cart, once a day and subject; the first answer is repeated."""
    indicator = call.body.indicator
    book, terms = terms_book(), terms_at(call.now)
    if indicator not in SELF_REPORTED or not terms.answer(indicator):
        raise JifenError(Code.ACTIVITY_OFF, field="indicator")
    require_indicator(indicator, call.now, book)
    on = business_on(call.now, terms.zone)
    subject = f":{call.body.subject}" if call.body.subject else ""
    event = Event(
        source=OWN_SOURCE,
        event_id=f"{call.caller.id}:{indicator}:{on}{subject}",
        indicator=indicator,
        member_id=call.caller.id,
        occurred_at=call.now,
        received_at=call.now,
        named_at=start_of(on, terms.zone),
    )
    outcome = behave(event, ledger=open_ledger(), refusals=open_refusals(), book=book)
    return {"indicator": indicator, **answers.outcome_answer(outcome, terms)}


@bp.route("/me/tasks", methods=["GET"])
@endpoint(bp, caller=member)
def get_tasks(call: Call) -> Json:
    """The member's tasks: how far each is, what counts, what it pays, when it ends. Amounts are fen where `counts` is
    `fen`.
    """
    terms = terms_at(call.now)
    on = business_on(call.now, terms.zone)
    standing = standing_of(open_ledger().read(call.caller.id), terms, on)
    shown = tasks_shown(terms, standing, on)
    return listing([answers.task_answer(task) for task in shown])


@bp.route("/me/ways-to-earn", methods=["GET"])
@endpoint(bp, caller=member)
def get_ways_to_earn(call: Call) -> Json:
    """The behaviour matrix: by dimension and indicator what earns points, and how much of it is left for the member."""
    terms = terms_at(call.now)
    on = business_on(call.now, terms.zone)
    account = open_ledger().read(call.caller.id)
    ways = ways_to_earn(terms, standing_of(account, terms, on), on, account.check_ins)
    return answers.matrix_answer(ways, deductions(terms))


@bp.route("/me/refused-awards", methods=["GET"])
@endpoint(bp, caller=member, query=_PAGE)
def get_refused_awards(call: Call) -> Json:
    """Why points were not given (为什么没给我), newest first, for half a year; a page may be shorter than asked for.

    `points` is what was given beside. A `code` is null where the activity is in the statement, too.
    """
    return _refused_page(call.caller.id, call)


@bp.route("/staff/members/{member_id}/refused-awards", methods=["GET"])
@endpoint(bp, caller=staff("customer_service", "operator", "reviewer"), query=_PAGE)
def get_member_refused_awards(call: Call, member_id: str) -> Json:
    """Why a member was not given points, as the member reads it."""
    if not is_member_id(member_id):
        raise JifenError(Code.MEMBER_NOT_FOUND)
    return _refused_page(member_id, call)


class VoidIn(Body):
    """Which event to take back, and why."""

    source: Platform
    event_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:-]{1,128}$")]
    reason: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")]


@bp.route("/staff/behaviour-voids", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=staff("reviewer", "customer_service"), body=VoidIn)
def post_behaviour_void(call: Call) -> Json:
    """Take back what an event earned (a removed review, a faked task), once; the first answer is repeated."""
    member_id, receipt = void_behaviour(
        call.body.source,
        call.body.event_id,
        reason=call.body.reason,
        actor=call.caller.id,
        ledger=open_ledger(),
        terms=terms_at(call.now),
        now=call.now,
    )
    first = next(one for one in receipt.entries if one.kind == "reverse")
    return {
        "member_id": member_id,
        "indicator": first.activity,
        "voided_points": first.facts["voided_points"],
        "reason": first.text,
        "voided_by": first.cause.actor,
        "voided_at": in_zone(first.cause.at, terms_at(call.now).zone),
        "replayed": receipt.replayed,
    }


def _refused_page(member_id: str, call: Call) -> Json:
    zone = terms_at(call.now).zone
    found, next_cursor = why_not_page(
        member_id,
        ledger=open_ledger(),
        refusals=open_refusals(),
        cursor=call.query.get("cursor", ""),
        limit=limit_of(call.query, MAX_PAGE),
        now=call.now,
    )
    shown = [answers.missed_answer(one, zone) for one in found]
    return listing(shown, next_cursor)
