"""Redemptions (消耗): points spent at once for something outside the ledger, and their way back.

A redemption keeps a guard with what it took of each bucket, a captured hold likewise. So what is cancelled or returned
later goes back where it came from, part by part, and never more than was spent.
"""

from __future__ import annotations

from datetime import datetime

from chalicelib.errors import Code
from chalicelib.ledger.apply import apply
from chalicelib.ledger.buckets import Buckets, moved, spend_order, take
from chalicelib.ledger.commands import GiveBack, Redeem
from chalicelib.ledger.due import spend
from chalicelib.ledger.model import Also, Cause, Guard, Kind, LedgerTerms, Posting, Receipt, Refusal, digest, stamp
from chalicelib.ledger.table import LedgerTable, Seen


def redemption_key(redemption_id: str) -> str:
    """The guard of a redemption."""
    return f"R#{redemption_id}"


def redeem(
    member_id: str,
    redemption_id: str,
    points: int,
    *,
    activity: str,
    source: str,
    actor: str,
    ledger: LedgerTable,
    terms: LedgerTerms,
    now: datetime,
    text: str = "",
    also: tuple[Also, ...] = (),
) -> Receipt:
    """Spend `points`, with the writes of what they are spent on (a stock), all or nothing.

    `redemption_id` names it for ever: a repeat returns the first receipt. Raises INSUFFICIENT_POINTS, MEMBER_FROZEN,
    INVALID_REQUEST for no points, KEY_REUSED when the id was another redemption, and the refusal of a write in `also`.
    """

    def decide(seen: Seen) -> Posting:
        known = seen.guard
        cause = Cause(
            kind=Kind.REDEEM,
            activity=activity,
            id=redemption_id,
            at=datetime.fromisoformat(known.state["redeemed_at"]) if known else now,
            occurred_at=now,
            source=source,
            actor=actor,
            input_hash=digest({"points": points, "member": member_id}),
        )
        if known is not None:
            raise Refusal(Code.KEY_REUSED, cause)
        if points <= 0:
            raise Refusal(Code.INVALID_REQUEST, cause, "消耗积分应大于0", field="points")
        posting = apply(seen.account, [Redeem(cause, points, terms.version, text or "积分兑换")], terms, now)
        (own,) = [entry for entry in posting.entries if entry.cause is cause]
        state = {"redeemed_at": stamp(now), "spent": {key: -part for key, part in own.buckets.items()}}
        guard = Guard(redemption_key(redemption_id), member_id, activity, redemption_id, state=state)
        return posting._replace(guard=guard, also=also)

    return spend(member_id, decide, guard_key=redemption_key(redemption_id), ledger=ledger, terms=terms, now=now)


def restore(
    member_id: str,
    guard_key: str,
    restore_id: str,
    points: int,
    *,
    actor: str,
    ledger: LedgerTable,
    terms: LedgerTerms,
    now: datetime,
    text: str = "",
    also: tuple[Also, ...] = (),
) -> Receipt:
    """Give back `points` of what a redemption or a captured hold spent (`guard_key`), to the buckets they came from.

    The latest-ending points come back first; those whose date has passed get the programme's grace. `restore_id` names
    it: a repeat returns its receipt. Raises NOTHING_TO_RESTORE when nothing is left of it or it is another's,
    INSUFFICIENT_POINTS when less is left, INVALID_REQUEST for no points, and the refusal of a write in `also`.
    """

    def decide(seen: Seen) -> Posting:
        known = seen.guard
        spent: Buckets = known.state.get("spent", {}) if known else {}
        restored = known.state.get("restored", {}) if known else {}
        cause = Cause(
            kind=Kind.REVERSE,
            activity=known.activity if known else "redemption",
            id=f"{guard_key}:{restore_id}",
            at=datetime.fromisoformat(restored.get(restore_id, stamp(now))),
            occurred_at=now,
            source="ledger",
            actor=actor,
            input_hash=digest({"points": points}),
        )
        if known is None or restore_id in restored or not seen.account.is_of(known.member_id) or not spent:
            raise Refusal(Code.NOTHING_TO_RESTORE, cause)
        if points <= 0:
            raise Refusal(Code.INVALID_REQUEST, cause, "退回积分应大于0", field="points")
        if points > sum(spent.values()):
            raise Refusal(Code.INSUFFICIENT_POINTS, cause, f"最多可退回{sum(spent.values())}分")
        given = take(spent, points, reversed(spend_order(spent, terms.class_order)))
        command = GiveBack(cause, given, False, terms.version, text or "退回积分")
        posting = apply(seen.account, [command], terms, now)
        kept = moved(spent, {key: -part for key, part in given.items()})
        state = {**known.state, "spent": kept, "restored": {**restored, restore_id: stamp(now)}}
        return posting._replace(guard=known._replace(state=state, version=known.version + 1), also=also)

    return ledger.post(member_id, decide, guard_key=guard_key)
