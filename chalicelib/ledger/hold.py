"""Holds (预扣): points set aside for a purchase that is not settled yet, then captured or released, once.

A hold is a guard of its own. What nobody resolves by its deadline is released by a sweep; released points go back to
the buckets they came from.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from chalicelib.errors import Code
from chalicelib.ledger.apply import apply
from chalicelib.ledger.buckets import Buckets, spend_order
from chalicelib.ledger.commands import Capture, GiveBack, Hold
from chalicelib.ledger.model import Cause, Guard, Kind, LedgerTerms, Posting, Receipt, Refusal, digest, stamp
from chalicelib.ledger.table import LedgerTable, Seen


def hold_key(hold_id: str) -> str:
    """The guard of a hold."""
    return f"H#{hold_id}"


def hold(
    member_id: str,
    hold_id: str,
    points: int,
    *,
    release_at: datetime,
    activity: str,
    actor: str,
    ledger: LedgerTable,
    terms: LedgerTerms,
    now: datetime,
    text: str = "",
) -> Receipt:
    """Set `points` aside until `release_at`; a repeat of the same id returns the first receipt.

    Raises INSUFFICIENT_POINTS, MEMBER_FROZEN, or KEY_REUSED when the id was another hold.
    """

    def decide(seen: Seen) -> Posting:
        known = seen.guard
        cause = _cause(Kind.HOLD, known, hold_id, now, activity, actor)._replace(
            input_hash=digest({"points": points, "release_at": stamp(release_at), "member": member_id})
        )
        if known is not None:
            raise Refusal(Code.KEY_REUSED, cause)
        posting = apply(seen.account, [Hold(cause, points, terms.version, text or "预扣积分")], terms, now)
        taken = {key: -part for key, part in posting.entries[-1].buckets.items()}
        state = {"held_at": stamp(now)}
        return posting._replace(
            guard=Guard(
                hold_key(hold_id), member_id, activity, hold_id, taken=taken, release_at=release_at, state=state
            )
        )

    return ledger.post(member_id, decide, guard_key=hold_key(hold_id))


def capture(
    member_id: str, hold_id: str, points: int, *, actor: str, ledger: LedgerTable, terms: LedgerTerms, now: datetime
) -> Receipt:
    """Spend `points` of a hold, and release the rest of it; a repeat returns the first receipt.

    Raises HOLD_CLOSED when the hold is unknown, another's, or was released.
    """

    def decide(seen: Seen) -> Posting:
        known = seen.guard
        cause = _cause(Kind.CAPTURE, known, hold_id, now, "", actor)._replace(input_hash=digest({"points": points}))
        if known is None or known.member_id != member_id or not known.taken:
            raise Refusal(Code.HOLD_CLOSED, cause)
        held = sum(known.taken.values())
        if points > held:
            raise Refusal(Code.INSUFFICIENT_POINTS, cause, f"预扣只有{held}分")
        spent, rest = _split(known.taken, points, terms)
        commands = [Capture(cause, points, terms.version, "积分抵扣")]
        posting = apply(
            seen.account,
            [*commands, _release(known, rest, now, actor, terms, of_capture=True)] if rest else commands,
            terms,
            now,
        )
        state = {**known.state, "captured": spent, "captured_at": stamp(now)}
        return posting._replace(guard=_closed(known, state))

    return ledger.post(member_id, decide, guard_key=hold_key(hold_id))


def release(
    member_id: str, hold_id: str, *, actor: str, ledger: LedgerTable, terms: LedgerTerms, now: datetime
) -> Receipt:
    """Give a hold's points back to their buckets; a repeat returns the first receipt.

    Raises HOLD_CLOSED when the hold is unknown, another's, or was captured.
    """

    def decide(seen: Seen) -> Posting:
        known = seen.guard
        if known is None or known.member_id != member_id or not known.taken:
            raise Refusal(Code.HOLD_CLOSED, _cause(Kind.RELEASE, known, hold_id, now, "", actor))
        posting = apply(seen.account, [_release(known, known.taken, now, actor, terms)], terms, now)
        return posting._replace(guard=_closed(known, known.state))

    return ledger.post(member_id, decide, guard_key=hold_key(hold_id))


def release_overdue(
    member_id: str, guard_key: str, *, ledger: LedgerTable, terms: LedgerTerms, now: datetime
) -> Receipt:
    """Release a hold whose deadline has passed; nothing when it was resolved meanwhile."""

    def decide(seen: Seen) -> Posting:
        known = seen.guard
        if known is None or not known.taken or known.release_at is None or known.release_at > now:
            return Posting(seen.account, seen.account, ())
        posting = apply(seen.account, [_release(known, known.taken, now, "ledger", terms)], terms, now)
        return posting._replace(guard=_closed(known, known.state))

    return ledger.post(member_id, decide, guard_key=guard_key)


def restore(
    member_id: str,
    hold_id: str,
    restore_id: str,
    points: int,
    *,
    actor: str,
    ledger: LedgerTable,
    terms: LedgerTerms,
    now: datetime,
    text: str = "",
) -> Receipt:
    """Give back `points` of what a hold captured (a cancelled or refunded redemption), to the buckets they came from.

    The latest-ending points come back first. `restore_id` names it: a repeat returns its receipt. Raises HOLD_CLOSED
    when nothing was captured, INSUFFICIENT_POINTS when less is left of it.
    """

    def decide(seen: Seen) -> Posting:
        known = seen.guard
        captured: Buckets = known.state.get("captured", {}) if known else {}
        done_at = known.state.get("restored", {}).get(restore_id) if known else None
        cause = Cause(
            kind=Kind.REVERSE,
            activity=known.activity if known else "redemption",
            id=f"{hold_id}:{restore_id}",
            at=datetime.fromisoformat(done_at) if done_at else now,
            occurred_at=now,
            source="ledger",
            actor=actor,
            input_hash=digest({"points": points}),
        )
        if known is None or done_at or known.member_id != member_id or not captured:
            raise Refusal(Code.HOLD_CLOSED, cause)
        if points > sum(captured.values()):
            raise Refusal(Code.INSUFFICIENT_POINTS, cause, f"最多可退回{sum(captured.values())}分")
        kept, given = _split(captured, sum(captured.values()) - points, terms)
        command = GiveBack(cause, given, False, terms.version, text or "退回积分")
        posting = apply(seen.account, [command], terms, now)
        restored = {**known.state.get("restored", {}), restore_id: stamp(now)}
        state = {**known.state, "captured": kept, "restored": restored}
        return posting._replace(guard=_closed(known, state))

    return ledger.post(member_id, decide, guard_key=hold_key(hold_id))


def _cause(kind: Kind, known: Guard | None, hold_id: str, now: datetime, activity: str, actor: str) -> Cause:
    """Every entry of a hold carries the instant it was made at, so that each happens once."""
    at = datetime.fromisoformat(known.state["held_at"]) if known else now
    return Cause(kind, known.activity if known else activity or "hold", hold_id, at, now, "ledger", actor)


def _release(
    known: Guard, buckets: Buckets, now: datetime, actor: str, terms: LedgerTerms, *, of_capture: bool = False
) -> GiveBack:
    cause = _cause(Kind.RELEASE, known, known.cause_id, now, known.activity, actor)
    if of_capture:
        # What a capture leaves over is no release of the hold: asking for one later must still be refused.
        cause = cause._replace(id=f"{known.cause_id}:rest")
    return GiveBack(cause, buckets, True, terms.version, "预扣积分已退回")


def _closed(known: Guard, state: Mapping[str, Any]) -> Guard:
    return known._replace(taken={}, release_at=None, state=state, version=known.version + 1)


def _split(taken: Buckets, points: int, terms: LedgerTerms) -> tuple[dict[str, int], dict[str, int]]:
    """`points` of what was taken, in the order in which they are spent, and the rest."""
    first: dict[str, int] = {}
    rest: dict[str, int] = {}
    for key in spend_order(taken, terms.class_order):
        part = min(points, taken[key])
        points -= part
        if part:
            first[key] = part
        if taken[key] > part:
            rest[key] = taken[key] - part
    return first, rest
