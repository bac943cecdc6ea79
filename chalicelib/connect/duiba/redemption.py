"""A redemption in Duiba's mall: points are held when it is asked for, captured or released when its result is told.

Everything hangs on Duiba's order number, which names the hold: a retry finds what was decided and is answered alike. A
redemption that was refused, or whose failure was told before it was asked for (Duiba gave up waiting), is barred: asked
for later, it is refused. The first result told stands; another one after it changes nothing and is logged.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.bar_hold import bar_hold
from chalicelib.ledger.hold import capture, hold
from chalicelib.ledger.model import Entry, Guard, Kind, LedgerTerms, Receipt
from chalicelib.ledger.release import hold_cause, hold_key, release
from chalicelib.ledger.table import LedgerTable

ACTIVITY = "duiba"
HELD_FOR = timedelta(days=7)
"""Until a hold of which no result was ever told gives its points back: Duiba tells results for a day, and orders that
the brand must approve first wait for people.
"""
GIVEN_UP = "GIVEN_UP"
"""Why a redemption is barred whose failure was told before it was asked for."""
_REFUSED = (Code.INSUFFICIENT_POINTS, Code.MEMBER_FROZEN)


class Deducted(NamedTuple):
    """The answer to a redemption that was asked for; `refused` is a code's name, empty when points are held."""

    available_points: int
    refused: str = ""


class Settled(StrEnum):
    """What a result came to."""

    CAPTURED = "captured"
    RELEASED = "released"
    BARRED = "barred"
    """It failed before it was asked for, or was refused."""
    CONTRADICTED = "contradicted"
    """Another result stands, or the hold had ended by then."""
    UNKNOWN = "unknown"
    """A success of what was never asked for."""


def hold_id(order_num: str) -> str:
    """The hold of one of Duiba's orders."""
    return f"duiba.{order_num}"


def deduct(
    member_id: str, order_num: str, points: int, *, ledger: LedgerTable, terms: LedgerTerms, now: datetime
) -> Deducted:
    """Hold `points` for an order, once; the first answer is repeated. Raises KEY_REUSED when the order number was
    another member's or of another amount.
    """
    try:
        receipt = hold(
            member_id,
            hold_id(order_num),
            points,
            release_at=now + HELD_FOR,
            activity=ACTIVITY,
            actor=ACTIVITY,
            ledger=ledger,
            terms=terms,
            now=now,
            text="积分商城兑换",
        )
    except JifenError as refusal:
        if refusal.code not in (*_REFUSED, Code.KEY_REUSED):
            raise
        guard = bar_hold(
            member_id,
            hold_id(order_num),
            activity=ACTIVITY,
            why=refusal.code.name,
            ledger=ledger,
            terms=terms,
            now=now,
        )
        return _as_answered(member_id, guard, points, ledger)
    return Deducted(_held(receipt).available_after)


def settle(
    member_id: str, order_num: str, *, succeeded: bool, ledger: LedgerTable, terms: LedgerTerms, now: datetime
) -> Settled:
    """Book an order's result, once."""
    key = hold_key(hold_id(order_num))
    guard = ledger.guards([key]).get(key)
    if guard is None:
        if succeeded:
            return Settled.UNKNOWN
        guard = bar_hold(
            member_id, hold_id(order_num), activity=ACTIVITY, why=GIVEN_UP, ledger=ledger, terms=terms, now=now
        )
    if guard.member_id != member_id:
        raise JifenError(Code.KEY_REUSED)
    if guard.taken:
        # Whoever was first has decided: if that was another call, or the hold's end, the guard is read again.
        guard = _resolved(guard, succeeded, ledger, terms, now) or ledger.guards([key])[key]
    return _outcome(guard, succeeded)


def _resolved(guard: Guard, succeeded: bool, ledger: LedgerTable, terms: LedgerTerms, now: datetime) -> Guard | None:
    """The guard after its points were captured or released here; None when it was too late for that."""
    member_id, id, points = guard.member_id, guard.cause_id, sum(guard.taken.values())
    try:
        if succeeded:
            return capture(member_id, id, points, actor=ACTIVITY, ledger=ledger, terms=terms, now=now).guard
        return release(member_id, id, actor=ACTIVITY, ledger=ledger, terms=terms, now=now).guard
    except JifenError as error:
        if error.code is not Code.HOLD_CLOSED:
            raise
        return None


def _outcome(guard: Guard, succeeded: bool) -> Settled:
    """What stands, held against the result that was told."""
    if "barred" in guard.state:
        return Settled.CONTRADICTED if succeeded else Settled.BARRED
    if guard.taken or succeeded != ("captured_at" in guard.state):
        return Settled.CONTRADICTED
    return Settled.CAPTURED if succeeded else Settled.RELEASED


def _as_answered(member_id: str, guard: Guard, points: int, ledger: LedgerTable) -> Deducted:
    """The answer that a known order got the first time."""
    if guard.member_id != member_id:
        raise JifenError(Code.KEY_REUSED)
    if "barred" in guard.state:
        return Deducted(guard.state["available"], guard.state["barred"])
    at = datetime.fromisoformat(guard.state["held_at"])
    entry = ledger.entry(member_id, hold_cause(Kind.HOLD, guard, guard.cause_id, at, ACTIVITY, ACTIVITY).key)
    if entry is None or entry.held_points != points:
        raise JifenError(Code.KEY_REUSED)
    return Deducted(entry.available_after)


def _held(receipt: Receipt) -> Entry:
    return next(entry for entry in receipt.entries if entry.kind is Kind.HOLD)
