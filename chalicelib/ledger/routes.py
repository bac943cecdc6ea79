"""The ledger over HTTP: what a member has and passes on; what staff look up, freeze and change."""

from __future__ import annotations

import secrets
from typing import Any

from chalice.app import Blueprint

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.adjust import change_credit
from chalicelib.ledger.adjustments_table import open_adjustments
from chalicelib.ledger.answers import (
    balance_answer,
    entry_answer,
    pending_answer,
    staff_entry_answer,
)
from chalicelib.ledger.bodies import PendingChangeIn, ReasonIn, TransferIn
from chalicelib.ledger.client_keys import key_guard
from chalicelib.ledger.freeze import set_frozen
from chalicelib.ledger.model import Kind, Receipt
from chalicelib.ledger.statement import MAX_PAGE, Page, balance_now, open_page, statement_page
from chalicelib.ledger.table import open_ledger
from chalicelib.ledger.transfer import show_code, transfer
from chalicelib.members.access import member, staff
from chalicelib.members.buyers import unknown_members
from chalicelib.members.model import is_member_id
from chalicelib.programme.explain import explain
from chalicelib.programme.table import terms_at
from chalicelib.runtime.clock import in_zone
from chalicelib.runtime.edge import JSON_BODY, Call, Json, endpoint
from chalicelib.runtime.lists import limit_of, listing

bp = Blueprint(__name__)
_PROPOSERS = staff("operator", "customer_service", "finance")
_EITHER = staff("operator", "customer_service", "finance", "reviewer")
_PAGE = frozenset({"cursor", "limit"})


@bp.route("/me/balance", methods=["GET"])
@endpoint(bp, caller=member)
def get_balance(call: Call) -> Json:
    """The member's points now: what can be spent and what that buys, what expires soon, what is pending or held until
    when.
    """
    return _balance(call, call.caller.id)


@bp.route("/me/entries", methods=["GET"])
@endpoint(bp, caller=member, query=_PAGE)
def get_entries(call: Call) -> Json:
    """The member's statement, newest first."""
    page, zone = _statement(call, call.caller.id), terms_at(call.now).zone
    return listing([entry_answer(entry, zone) for entry in page.entries], page.next_cursor)


@bp.route("/me/pending", methods=["GET"])
@endpoint(bp, caller=member, query=_PAGE)
def get_pending(call: Call) -> Json:
    """The member's pending credits, the next due first; a page may be shorter than asked for."""
    shown = open_page(
        call.caller.id, ledger=open_ledger(), cursor=call.query.get("cursor", ""), limit=limit_of(call.query, MAX_PAGE)
    )
    return listing([pending_answer(one) for one in shown.pending], shown.next_cursor)


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
        key=key_guard(call, "transfer"),
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
    return listing([staff_entry_answer(entry, zone) for entry in page.entries], page.next_cursor)


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
    """Activate, lower or cancel one pending credit, named as the balance names it. Needs an Idempotency-Key.

    Its points count against the caller's own daily limit of adjustments. Beyond that the change is refused (40961): it
    is made in steps, by another person, or on another day.
    """
    terms = terms_at(call.now)
    receipt = change_credit(
        open_adjustments(),
        _known(member_id),
        call.body.cause,
        call.body.rule,
        change=call.body.change,
        points=call.body.points,
        change_id=key_guard(call, "pending")[-32:],
        reason=call.body.reason,
        by=call.caller.id,
        terms=terms.ledger,
        daily_points=terms.programme.adjustment.daily_points,
        now=call.now,
    )
    return _posted(receipt, terms.zone)


def _balance(call: Call, member_id: str, *, for_staff: bool = False) -> Json:
    ledger, terms = open_ledger(), terms_at(call.now)
    shown, still_open = balance_now(ledger.read(member_id), ledger=ledger, terms=terms.ledger, now=call.now)
    answer = balance_answer(shown, still_open, terms.zone, for_staff=for_staff)
    return {**answer, "buys": explain(shown.available_points, terms)}


def _statement(call: Call, member_id: str) -> Page:
    cursor, limit = call.query.get("cursor", ""), limit_of(call.query, MAX_PAGE)
    return statement_page(member_id, ledger=open_ledger(), cursor=cursor, limit=limit)


def _set_frozen(call: Call, member_id: str, *, frozen: bool) -> Json:
    terms = terms_at(call.now)
    receipt = set_frozen(
        member_id,
        frozen,
        reason=call.body.reason,
        key=key_guard(call, "freeze"),
        by=call.caller.id,
        ledger=open_ledger(),
        terms=terms.ledger,
        now=call.now,
    )
    return {"frozen": frozen, **_posted(receipt, terms.zone)}


def _posted(receipt: Receipt, zone: str) -> dict[str, Any]:
    entry = next(entry for entry in receipt.entries if entry.kind is not Kind.EXPIRE)
    return {"entry": staff_entry_answer(entry, zone), "replayed": receipt.replayed}


def _known(member_id: str) -> str:
    if not is_member_id(member_id) or unknown_members({member_id}):
        raise JifenError(Code.MEMBER_NOT_FOUND)
    return member_id
