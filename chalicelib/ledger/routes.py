"""The ledger over HTTP: a member's balance and statement."""

from __future__ import annotations

from typing import Any

from chalice.app import Blueprint

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import Entry
from chalicelib.ledger.statement import MAX_PAGE, balance, statement_page
from chalicelib.ledger.table import open_ledger
from chalicelib.members.access import member
from chalicelib.programme.table import terms_at
from chalicelib.runtime.clock import in_zone
from chalicelib.runtime.edge import Call, Json, endpoint

bp = Blueprint(__name__)


@bp.route("/me/balance", methods=["GET"])
@endpoint(bp, caller=member)
def get_balance(call: Call) -> Json:
    """The member's points now, and what expires soon."""
    account, _ = open_ledger().read(call.caller.id)
    shown = balance(account, terms_at(call.now).zone, call.now)
    return {
        "available_points": shown.available_points,
        "pending_points": shown.pending_points,
        "held_points": shown.held_points,
        "deficit_points": shown.deficit_points,
        "expiring": [{"expires_on": on.isoformat(), "points": points} for on, points in shown.expiring],
    }


@bp.route("/me/entries", methods=["GET"])
@endpoint(bp, caller=member, query=frozenset({"cursor", "limit"}))
def get_entries(call: Call) -> Json:
    """The member's statement, newest first."""
    page = statement_page(
        call.caller.id,
        ledger=open_ledger(),
        cursor=call.query.get("cursor", ""),
        limit=_limit(call.query.get("limit", "20")),
    )
    zone = terms_at(call.now).zone
    return {
        "list": [entry_shown(entry, zone) for entry in page.entries],
        "next_cursor": page.next_cursor or None,
        "has_more": bool(page.next_cursor),
    }


def entry_shown(entry: Entry, zone: str) -> dict[str, Any]:
    """An entry as a member sees it: what, how many, why, and the balance after it."""
    return {
        "id": entry.hash[:24],
        "kind": entry.kind.value,
        "activity": entry.activity,
        "source": entry.source,
        "points": entry.points,
        "reason": entry.text,
        "breakdown": [{"rule": part.rule, "points": part.points, "why": part.why} for part in entry.breakdown],
        "terms_version": entry.terms_version,
        "balance_after_points": entry.available_after,
        "deficit_after_points": entry.deficit_after,
        "occurred_at": in_zone(entry.occurred_at, zone),
        "posted_at": in_zone(entry.posted_at, zone),
        **{
            name: value for name, value in entry.facts.items() if name in ("order_no", "waived_points", "repaid_points")
        },
    }


def _limit(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 3 or not 1 <= int(text) <= MAX_PAGE:
        raise JifenError(Code.INVALID_REQUEST, f"limit应为1至{MAX_PAGE}", field="limit")
    return int(text)
