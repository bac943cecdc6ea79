"""Adjustments over HTTP, one by one and by file.

Whoever proposes an adjustment never approves it, whatever the roles: two people see every point that no rule gave.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence

from chalice.app import Blueprint

from chalicelib.errors import Code, JifenError
from chalicelib.ledger import bulk
from chalicelib.ledger.adjust import approve, decline, propose
from chalicelib.ledger.adjustment_items import is_timed_id, open_months, timed_id
from chalicelib.ledger.adjustments import State
from chalicelib.ledger.adjustments_table import open_adjustments
from chalicelib.ledger.answers import (
    batch_answer,
    progress_answer,
    proposal_answer,
    row_answer,
)
from chalicelib.ledger.bodies import AdjustmentIn, BatchIn, FileIn, ReasonIn
from chalicelib.ledger.client_keys import key_guard
from chalicelib.ledger.statement import MAX_PAGE
from chalicelib.members.access import staff
from chalicelib.members.buyers import unknown_members
from chalicelib.programme.table import terms_at
from chalicelib.runtime import queue
from chalicelib.runtime.edge import INGEST_BODY_LIMIT_BYTES, JSON_BODY, Call, Json, endpoint
from chalicelib.runtime.lists import limit_of, listing
from chalicelib.runtime.settings import settings

bp = Blueprint(__name__)
_PROPOSERS = staff("operator", "customer_service", "finance")
_APPROVERS = staff("reviewer", "finance")
_EITHER = staff("operator", "customer_service", "finance", "reviewer")
_MONTH = re.compile(r"20[0-9]{2}-(0[1-9]|1[0-2])")
_LIST = frozenset({"state", "month", "cursor", "limit"})


@bp.route("/staff/adjustments", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=_PROPOSERS, body=AdjustmentIn)
def post_adjustment(call: Call) -> Json:
    """Propose to add points to a member or take some. Needs an Idempotency-Key; nothing is posted yet."""
    terms = terms_at(call.now)
    proposal, replayed = propose(
        open_adjustments(),
        call.body.change(),
        evidence=call.body.evidence,
        id=timed_id("a", call.now, secrets.token_hex(6)),
        key=key_guard(call, "adjustment"),
        by=call.caller.id,
        terms=terms.ledger,
        daily_points=terms.programme.adjustment.daily_points,
        find_unknown=unknown_members,
        now=call.now,
    )
    return {**proposal_answer(proposal, terms.zone), "replayed": replayed}


@bp.route("/staff/adjustments", methods=["GET"])
@endpoint(bp, caller=_EITHER, query=_LIST)
def get_adjustments(call: Call) -> Json:
    """Proposals, newest first: of a month (`month=YYYY-MM`), else all that can still be approved and their likes."""
    zone, limit = terms_at(call.now).zone, limit_of(call.query, MAX_PAGE)
    after_id = _after_id(call, "a")
    found = open_adjustments().proposals(_months(call), _state(call), after_id=after_id, limit=limit + 1)
    return listing([proposal_answer(one, zone) for one in found[:limit]], found[limit - 1].id if found[limit:] else "")


@bp.route("/staff/adjustments/{adjustment_id}", methods=["GET"])
@endpoint(bp, caller=_EITHER)
def get_adjustment(call: Call, adjustment_id: str) -> Json:
    """A proposal as it stands: who asked, who decided, when and why."""
    return proposal_answer(open_adjustments().proposal(_timed(adjustment_id, "a")), terms_at(call.now).zone)


@bp.route("/staff/adjustments/{adjustment_id}/approve", methods=["POST"])
@endpoint(bp, caller=_APPROVERS)
def post_adjustment_approval(call: Call, adjustment_id: str) -> Json:
    """Post somebody else's proposal, within that person's limit of the day it was proposed."""
    terms = terms_at(call.now)
    done = approve(
        open_adjustments(),
        _timed(adjustment_id, "a"),
        by=call.caller.id,
        terms=terms.ledger,
        daily_points=terms.programme.adjustment.daily_points,
        now=call.now,
    )
    after = done.entry.available_after if done.entry else None
    return {**proposal_answer(done.proposal, terms.zone), "balance_after_points": after, "replayed": done.replayed}


@bp.route("/staff/adjustments/{adjustment_id}/decline", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=_EITHER, body=ReasonIn)
def post_adjustment_refusal(call: Call, adjustment_id: str) -> Json:
    """Decline a proposal; who may only propose can withdraw his own."""
    table, id = open_adjustments(), _timed(adjustment_id, "a")
    _require_may_decline(call, table.proposal(id).review.proposed_by)
    done = decline(table, id, by=call.caller.id, note=call.body.reason, now=call.now)
    return {**proposal_answer(done.proposal, terms_at(call.now).zone), "replayed": done.replayed}


@bp.route("/staff/adjustment-checks", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=_PROPOSERS, body=FileIn, limit_bytes=INGEST_BODY_LIMIT_BYTES)
def post_adjustment_check(call: Call) -> Json:
    """Look at a file of adjustments without storing it: every line that is wrong, and what the others come to."""
    terms = terms_at(call.now).ledger
    seen = bulk.check_file(call.body.csv, terms=terms, find_unknown=unknown_members, now=call.now)
    return {
        "rows": len(seen.rows),
        "credit_points": seen.credit_points,
        "debit_points": seen.debit_points,
        "errors": [{"line": error.line, "field": error.field, "msg": error.msg} for error in seen.errors],
    }


@bp.route("/staff/adjustment-batches", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=_PROPOSERS, body=BatchIn, limit_bytes=INGEST_BODY_LIMIT_BYTES)
def post_adjustment_batch(call: Call) -> Json:
    """Import up to 2,000 adjustments as CSV (member_id,points,class,expires_on,reason), all or none.

    Needs an Idempotency-Key; nothing is posted before an approval.
    """
    terms = terms_at(call.now)
    batch, replayed = bulk.import_batch(
        open_adjustments(),
        call.body.name,
        call.body.csv,
        id=timed_id("b", call.now, secrets.token_hex(6)),
        key=key_guard(call, "batch"),
        by=call.caller.id,
        terms=terms.ledger,
        daily_points=terms.programme.adjustment.daily_points,
        find_unknown=unknown_members,
        now=call.now,
    )
    return {**batch_answer(batch, terms.zone), "replayed": replayed}


@bp.route("/staff/adjustment-batches", methods=["GET"])
@endpoint(bp, caller=_EITHER, query=_LIST)
def get_adjustment_batches(call: Call) -> Json:
    """Batches, newest first, as the list of adjustments."""
    zone, limit = terms_at(call.now).zone, limit_of(call.query, MAX_PAGE)
    after_id = _after_id(call, "b")
    found = open_adjustments().batches(_months(call), _state(call), after_id=after_id, limit=limit + 1)
    return listing([batch_answer(one, zone) for one in found[:limit]], found[limit - 1].id if found[limit:] else "")


@bp.route("/staff/adjustment-batches/{batch_id}", methods=["GET"])
@endpoint(bp, caller=_EITHER)
def get_adjustment_batch(call: Call, batch_id: str) -> Json:
    """A batch and how far it is: lines posted, failed with their reasons, waiting."""
    table = open_adjustments()
    batch = table.batch(_timed(batch_id, "b"))
    return {**batch_answer(batch, terms_at(call.now).zone), **progress_answer(bulk.progress(table, batch))}


@bp.route("/staff/adjustment-batches/{batch_id}/rows", methods=["GET"])
@endpoint(bp, caller=_EITHER, query=frozenset({"cursor"}))
def get_adjustment_batch_rows(call: Call, batch_id: str) -> Json:
    """A batch's lines as they were imported, up to a hundred a page, and what became of each."""
    cursor = call.query.get("cursor", "0")
    if not re.fullmatch(r"[0-9]{1,3}", cursor):
        raise JifenError(Code.INVALID_CURSOR, field="cursor")
    table, number = open_adjustments(), int(cursor)
    batch = table.batch(_timed(batch_id, "b"))
    rows, said = table.chunk(batch.id, number)
    return listing([row_answer(row, said) for row in rows], str(number + 1) if number + 1 < batch.chunks else "")


@bp.route("/staff/adjustment-batches/{batch_id}/approve", methods=["POST"])
@endpoint(bp, caller=_APPROVERS)
def post_adjustment_batch_approval(call: Call, batch_id: str) -> Json:
    """Have somebody else's batch posted; approved already, what is not posted yet is queued again."""
    terms = terms_at(call.now)
    batch, replayed = bulk.approve_batch(
        open_adjustments(),
        _timed(batch_id, "b"),
        by=call.caller.id,
        daily_points=terms.programme.adjustment.daily_points,
        send=_queue_chunks,
        now=call.now,
    )
    return {**batch_answer(batch, terms.zone), "replayed": replayed}


@bp.route("/staff/adjustment-batches/{batch_id}/decline", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=_EITHER, body=ReasonIn)
def post_adjustment_batch_refusal(call: Call, batch_id: str) -> Json:
    """Decline a batch; who may only propose can withdraw his own."""
    table, id = open_adjustments(), _timed(batch_id, "b")
    _require_may_decline(call, table.batch(id).review.proposed_by)
    batch, replayed = bulk.decline_batch(table, id, by=call.caller.id, note=call.body.reason, now=call.now)
    return {**batch_answer(batch, terms_at(call.now).zone), "replayed": replayed}


def _queue_chunks(bodies: Sequence[str]) -> None:
    queue.send(settings().adjustments_queue_url, bodies)


def _timed(id: str, kind: str) -> str:
    if not is_timed_id(id, kind):
        raise JifenError(Code.ADJUSTMENT_NOT_FOUND)
    return id


def _require_may_decline(call: Call, proposed_by: str) -> None:
    if _APPROVERS.roles.isdisjoint(call.caller.roles) and call.caller.id != proposed_by:
        raise JifenError(Code.NOT_ALLOWED, "只能撤回自己提交的申请")


def _months(call: Call) -> list[str]:
    month = call.query.get("month", "")
    if month and not _MONTH.fullmatch(month):
        raise JifenError(Code.INVALID_REQUEST, "month应为年月,如2026-03", field="month")
    return [month] if month else open_months(call.now)


def _state(call: Call) -> str:
    state = call.query.get("state", "")
    if state and state not in set(State):
        raise JifenError(Code.INVALID_REQUEST, f"state应为{'、'.join(State)}之一", field="state")
    return state


def _after_id(call: Call, kind: str) -> str:
    cursor = call.query.get("cursor", "")
    if cursor and not is_timed_id(cursor, kind):
        raise JifenError(Code.INVALID_CURSOR, field="cursor")
    return cursor
