"""The ledger over HTTP: what a member has and passes on; what staff look up, freeze, change and adjust.

Whoever proposes an adjustment never approves it, whatever the roles: two people see every point that no rule gave.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from chalice.app import Blueprint

from chalicelib.errors import Code, JifenError
from chalicelib.ledger import bulk
from chalicelib.ledger.adjust import approve, change_credit, decline, propose
from chalicelib.ledger.adjustment_items import is_timed_id, open_months, timed_id
from chalicelib.ledger.adjustments import State
from chalicelib.ledger.adjustments_table import open_adjustments
from chalicelib.ledger.answers import (
    balance_answer,
    batch_answer,
    entry_answer,
    pending_answer,
    progress_answer,
    proposal_answer,
    row_answer,
    staff_entry_answer,
)
from chalicelib.ledger.bodies import AdjustmentIn, BatchIn, FileIn, PendingChangeIn, ReasonIn, TransferIn
from chalicelib.ledger.freeze import set_frozen
from chalicelib.ledger.model import Kind, Receipt
from chalicelib.ledger.statement import MAX_PAGE, Page, balance, open_of, open_page, statement_page
from chalicelib.ledger.table import open_ledger
from chalicelib.ledger.transfer import show_code, transfer
from chalicelib.members.access import member, staff
from chalicelib.members.buyers import unknown_members
from chalicelib.members.model import is_member_id
from chalicelib.programme.table import terms_at
from chalicelib.runtime import queue
from chalicelib.runtime.clock import in_zone
from chalicelib.runtime.edge import INGEST_BODY_LIMIT_BYTES, JSON_BODY, Call, Json, endpoint
from chalicelib.runtime.settings import settings

bp = Blueprint(__name__)
_PROPOSERS = staff("operator", "customer_service", "finance")
_APPROVERS = staff("reviewer", "finance")
_EITHER = staff("operator", "customer_service", "finance", "reviewer")
_MONTH = re.compile(r"20[0-9]{2}-(0[1-9]|1[0-2])")
_KEY = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_PAGE = frozenset({"cursor", "limit"})
_LIST = frozenset({"state", "month", "cursor", "limit"})


@bp.route("/me/balance", methods=["GET"])
@endpoint(bp, caller=member)
def get_balance(call: Call) -> Json:
    """The member's points now: what can be spent, what expires soon, what is pending or held until when."""
    return _balance(call, call.caller.id)


@bp.route("/me/entries", methods=["GET"])
@endpoint(bp, caller=member, query=_PAGE)
def get_entries(call: Call) -> Json:
    """The member's statement, newest first."""
    page, zone = _statement(call, call.caller.id), terms_at(call.now).zone
    return _page([entry_answer(entry, zone) for entry in page.entries], page.next_cursor)


@bp.route("/me/pending", methods=["GET"])
@endpoint(bp, caller=member, query=_PAGE)
def get_pending(call: Call) -> Json:
    """The member's pending credits, the next due first; a page may be shorter than asked for."""
    shown = open_page(
        call.caller.id, ledger=open_ledger(), cursor=call.query.get("cursor", ""), limit=_limit(call.query)
    )
    return _page([pending_answer(one) for one in shown.pending], shown.next_cursor)


@bp.route("/me/transfer-code", methods=["GET"])
@endpoint(bp, caller=member)
def get_transfer_code(call: Call) -> Json:
    """A fresh code for ten minutes, to be shown to whoever wants to pass points on to this member."""
    terms, code = terms_at(call.now), secrets.token_hex(5).upper()
    shown = show_code(call.caller.id, code, ledger=open_ledger(), limits=terms.programme.transfer, now=call.now)
    return {"code": code, "expires_at": in_zone(shown.expires_at, terms.zone)}


@bp.route("/me/transfers", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=member, body=TransferIn)
def post_transfer(call: Call) -> Json:
    """Pass points on to the member who shows a code. Needs an Idempotency-Key; off unless the programme allows it."""
    terms = terms_at(call.now)
    receipt = transfer(
        call.caller.id,
        call.body.code,
        call.body.points,
        key=_client_key(call, "transfer"),
        ledger=open_ledger(),
        terms=terms.ledger,
        limits=terms.programme.transfer,
        now=call.now,
    )
    entry = next(entry for entry in receipt.entries if entry.kind is Kind.TRANSFER)
    return {
        "points": -entry.points,
        "balance_after_points": entry.available_after,
        "posted_at": in_zone(entry.posted_at, terms.zone),
        "replayed": receipt.replayed,
    }


@bp.route("/staff/members/{member_id}/balance", methods=["GET"])
@endpoint(bp, caller=_EITHER)
def get_member_balance(call: Call, member_id: str) -> Json:
    """A member's points as the member sees them, and what names each pending credit in a change."""
    return _balance(call, _known(member_id), for_staff=True)


@bp.route("/staff/members/{member_id}/entries", methods=["GET"])
@endpoint(bp, caller=_EITHER, query=_PAGE)
def get_member_entries(call: Call, member_id: str) -> Json:
    """A member's statement with every fact of it: by whom, under which rule, from or into which batches."""
    page, zone = _statement(call, _known(member_id)), terms_at(call.now).zone
    return _page([staff_entry_answer(entry, zone) for entry in page.entries], page.next_cursor)


@bp.route("/staff/members/{member_id}/freeze", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=_PROPOSERS, body=ReasonIn)
def post_freeze(call: Call, member_id: str) -> Json:
    """Stop a member from spending. Needs an Idempotency-Key; points still come in, and still expire."""
    return _set_frozen(call, _known(member_id), frozen=True)


@bp.route("/staff/members/{member_id}/unfreeze", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=_PROPOSERS, body=ReasonIn)
def post_unfreeze(call: Call, member_id: str) -> Json:
    """Let a frozen member spend again. Needs an Idempotency-Key."""
    return _set_frozen(call, _known(member_id), frozen=False)


@bp.route("/staff/members/{member_id}/pending-changes", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=staff("operator", "finance"), body=PendingChangeIn)
def post_pending_change(call: Call, member_id: str) -> Json:
    """Activate, lower or cancel one pending credit, named as the balance names it. Needs an Idempotency-Key."""
    terms = terms_at(call.now)
    receipt = change_credit(
        _known(member_id),
        call.body.cause,
        call.body.rule,
        change=call.body.change,
        points=call.body.points,
        change_id=_client_key(call, "pending")[-32:],
        reason=call.body.reason,
        by=call.caller.id,
        ledger=open_ledger(),
        terms=terms.ledger,
        now=call.now,
    )
    return _posted(receipt, terms.zone)


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
        key=_client_key(call, "adjustment"),
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
    zone, limit = terms_at(call.now).zone, _limit(call.query)
    after_id = _after_id(call, "a")
    found = open_adjustments().proposals(_months(call), _state(call), after_id=after_id, limit=limit + 1)
    return _page([proposal_answer(one, zone) for one in found[:limit]], found[limit - 1].id if found[limit:] else "")


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
        key=_client_key(call, "batch"),
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
    zone, limit = terms_at(call.now).zone, _limit(call.query)
    after_id = _after_id(call, "b")
    found = open_adjustments().batches(_months(call), _state(call), after_id=after_id, limit=limit + 1)
    return _page([batch_answer(one, zone) for one in found[:limit]], found[limit - 1].id if found[limit:] else "")


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
    return _page([row_answer(row, said) for row in rows], str(number + 1) if number + 1 < batch.chunks else "")


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


def _balance(call: Call, member_id: str, *, for_staff: bool = False) -> Json:
    ledger, zone = open_ledger(), terms_at(call.now).zone
    account = ledger.read(member_id)
    still_open = open_of(account, ledger=ledger)
    return balance_answer(balance(account, zone, call.now), still_open, zone, for_staff=for_staff)


def _statement(call: Call, member_id: str) -> Page:
    cursor, limit = call.query.get("cursor", ""), _limit(call.query)
    return statement_page(member_id, ledger=open_ledger(), cursor=cursor, limit=limit)


def _set_frozen(call: Call, member_id: str, *, frozen: bool) -> Json:
    terms = terms_at(call.now)
    receipt = set_frozen(
        member_id,
        frozen,
        reason=call.body.reason,
        key=_client_key(call, "freeze"),
        by=call.caller.id,
        ledger=open_ledger(),
        terms=terms.ledger,
        now=call.now,
    )
    return {"frozen": frozen, **_posted(receipt, terms.zone)}


def _posted(receipt: Receipt, zone: str) -> dict[str, Any]:
    entry = next(entry for entry in receipt.entries if entry.kind is not Kind.EXPIRE)
    return {"entry": staff_entry_answer(entry, zone), "replayed": receipt.replayed}


def _queue_chunks(bodies: Sequence[str]) -> None:
    queue.send(settings().adjustments_queue_url, bodies)


def _known(member_id: str) -> str:
    if not is_member_id(member_id) or unknown_members({member_id}):
        raise JifenError(Code.MEMBER_NOT_FOUND)
    return member_id


def _timed(id: str, kind: str) -> str:
    if not is_timed_id(id, kind):
        raise JifenError(Code.ADJUSTMENT_NOT_FOUND)
    return id


def _require_may_decline(call: Call, proposed_by: str) -> None:
    if _APPROVERS.roles.isdisjoint(call.caller.roles) and call.caller.id != proposed_by:
        raise JifenError(Code.NOT_ALLOWED, "只能撤回自己提交的申请")


def _client_key(call: Call, operation: str) -> str:
    """The guard of this caller's Idempotency-Key for one operation; refused when it is missing or of another form."""
    key = call.headers.get("idempotency-key", "")
    if not _KEY.fullmatch(key):
        raise JifenError(
            Code.INVALID_REQUEST, "请求头Idempotency-Key应为1至64位字母、数字或._:-", field="Idempotency-Key"
        )
    return f"K#{operation}#{sha256(json.dumps([call.caller.id, key]).encode()).hexdigest()}"


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


def _limit(query: Any) -> int:
    text: str = query.get("limit", "20")
    if not text.isascii() or not text.isdigit() or len(text) > 3 or not 1 <= int(text) <= MAX_PAGE:
        raise JifenError(Code.INVALID_REQUEST, f"limit应为1至{MAX_PAGE}", field="limit")
    return int(text)


def _page(shown: list[dict[str, Any]], next_cursor: str) -> Json:
    return {"list": shown, "next_cursor": next_cursor or None, "has_more": bool(next_cursor)}
