"""Held points go back to the buckets they came from: asked for, or because the hold's deadline has passed.

The hold itself and its capture are in hold.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from chalicelib.errors import Code
from chalicelib.ledger.apply import apply
from chalicelib.ledger.buckets import Buckets
from chalicelib.ledger.commands import GiveBack
from chalicelib.ledger.model import Account, Also, Cause, Guard, Kind, LedgerTerms, Posting, Receipt, Refusal
from chalicelib.ledger.table import LedgerTable, Seen


def hold_key(hold_id: str) -> str:
    """The guard of a hold."""
    return f"H#{hold_id}"


def release(
    member_id: str,
    hold_id: str,
    *,
    actor: str,
    ledger: LedgerTable,
    terms: LedgerTerms,
    now: datetime,
    also: tuple[Also, ...] = (),
) -> Receipt:
    """Give a hold's points back to their buckets, with the writes of what it had reserved; a repeat returns the first
    receipt.

    Raises HOLD_CLOSED when the hold is unknown, another's, or was captured, and the refusal of a write in `also`.
    """

    def decide(seen: Seen) -> Posting:
        known = seen.guard
        if known is None or not seen.account.is_of(known.member_id) or not known.taken:
            raise Refusal(Code.HOLD_CLOSED, hold_cause(Kind.RELEASE, known, hold_id, now, "", actor))
        return released(seen.account, known, terms, now, actor=actor)._replace(also=also)

    return ledger.post(member_id, decide, guard_key=hold_key(hold_id))


def release_overdue(
    member_id: str, guard_key: str, *, ledger: LedgerTable, terms: LedgerTerms, now: datetime
) -> Receipt:
    """Release a hold whose deadline has passed; nothing when it was resolved meanwhile."""

    def decide(seen: Seen) -> Posting:
        if seen.guard is None or not is_overdue(seen.guard, now):
            return Posting(seen.account, seen.account, ())
        return released(seen.account, seen.guard, terms, now)

    return ledger.post(member_id, decide, guard_key=guard_key)


def is_overdue(guard: Guard, now: datetime) -> bool:
    """Whether it is a hold that nobody resolved by its deadline: its points are the member's again by right."""
    return bool(guard.taken) and guard.release_at is not None and guard.release_at <= now


def released(account: Account, hold: Guard, terms: LedgerTerms, now: datetime, *, actor: str = "ledger") -> Posting:
    """The posting that gives back all that a hold still has. Pure."""
    posting = apply(account, [giving_back(account, hold, hold.taken, now, actor, terms)], terms, now)
    return posting._replace(guard=resolved(hold, hold.state))


def giving_back(
    account: Account, hold: Guard, buckets: Buckets, now: datetime, actor: str, terms: LedgerTerms
) -> GiveBack:
    """The command that puts a hold's points back."""
    cause = hold_cause(Kind.RELEASE, hold, hold.cause_id, now, hold.activity, actor)
    return GiveBack(cause, buckets, True, terms.version, "预扣积分已退回", held_by(account, hold))


def held_by(account: Account, hold: Guard) -> dict[str, str | int]:
    """Under whose id the entry of a hold stands, said where that is another's journal by now."""
    return {} if hold.member_id == account.member_id else {"held_by": hold.member_id}


def hold_cause(kind: Kind, known: Guard | None, hold_id: str, now: datetime, activity: str, actor: str) -> Cause:
    """Every entry of a hold carries the instant it was made at, so that each happens once."""
    if known is None:
        return Cause(kind, activity or "hold", hold_id, now, now, "ledger", actor)
    at = datetime.fromisoformat(known.state["held_at"])
    return Cause(kind, known.activity, hold_id, at, now, "ledger", actor, campaign=known.state.get("campaign", ""))


def resolved(hold: Guard, state: Mapping[str, Any]) -> Guard:
    """A hold that has nothing set aside any more."""
    return hold._replace(taken={}, release_at=None, state=state, version=hold.version + 1)
