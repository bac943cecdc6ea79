"""Redemptions (消耗): points spent at once for something outside the ledger, and their way back.

A redemption is named by the instant of what asked for it (a quote's issue) and an id: its entry alone says that it
happened. What is cancelled or returned later goes back where it came from, part by part, and never more than was spent;
a guard remembers how much that is. A captured hold has one from the start, a redemption from its first restoring on.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.apply import apply
from chalicelib.ledger.buckets import Buckets, moved, spend_order, take
from chalicelib.ledger.commands import GiveBack, Redeem
from chalicelib.ledger.due import spend
from chalicelib.ledger.model import (
    Account,
    Also,
    Cause,
    Entry,
    Guard,
    Kind,
    LedgerTerms,
    Posting,
    Receipt,
    Refusal,
    Stock,
    digest,
    stamp,
)
from chalicelib.ledger.table import LedgerTable, Seen

RESTORABLE = "R#"


class Purchase(NamedTuple):
    """What points are spent on: written with them, or they are not spent."""

    also: tuple[Also, ...] = ()
    stocks: tuple[Stock, ...] = ()


Buy = Callable[[Account], Purchase]
"""Judges the member as he is read (a JifenError refuses) and says what is written beside his points. Pure; may run
again after a lost race.
"""


def nothing_else(_account: Account) -> Purchase:
    """Points alone."""
    return Purchase()


def redemption_cause(redemption_id: str, *, activity: str, at: datetime) -> Cause:
    """What names a redemption; its other fields are the redeemer's."""
    return Cause(Kind.REDEEM, activity, redemption_id, at, at, "", "")


def redemption_key(redemption_id: str, *, activity: str, at: datetime) -> str:
    """The guard of a redemption's restorings: its entry's key, marked."""
    return RESTORABLE + redemption_cause(redemption_id, activity=activity, at=at).key


def redeem(
    member_id: str,
    redemption_id: str,
    points: int,
    *,
    activity: str,
    at: datetime,
    source: str,
    actor: str,
    ledger: LedgerTable,
    terms: LedgerTerms,
    now: datetime,
    text: str = "",
    campaign: str = "",
    buy: Buy = nothing_else,
) -> Receipt:
    """Spend `points` together with what they are spent on, all or nothing.

    `activity`, `at` and the id name it for ever, for this member: a repeat returns the first receipt. Raises
    INSUFFICIENT_POINTS, MEMBER_FROZEN, INVALID_REQUEST for no points, SOLD_OUT where a stock has too few pieces left,
    KEY_REUSED when it was another redemption, and the refusals of `buy` and its writes.
    """
    cause = redemption_cause(redemption_id, activity=activity, at=at)._replace(
        occurred_at=now, source=source, actor=actor, campaign=campaign, input_hash=digest({"points": points})
    )

    def decide(seen: Seen) -> Posting:
        if points <= 0:
            raise Refusal(Code.INVALID_REQUEST, cause, "消耗积分应大于0", field="points")
        bought = judged(buy, seen, cause)
        posting = apply(seen.account, [Redeem(cause, points, terms.version, text or "积分兑换")], terms, now)
        return posting._replace(also=bought.also, stocks=bought.stocks)

    return spend(member_id, decide, ledger=ledger, terms=terms, now=now)


def judged(buy: Buy, seen: Seen, cause: Cause) -> Purchase:
    """What is bought, unless the member may not or a stock was found empty: then a Refusal of `cause`."""
    try:
        bought = buy(seen.account)
    except JifenError as error:
        raise Refusal(error.code, cause, error.msg, field=error.field) from None
    if any(stock.id in seen.spent for stock in bought.stocks):
        raise Refusal(Code.SOLD_OUT, cause)
    return bought


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
    entry_key = guard_key.removeprefix(RESTORABLE)
    redeemed = _redeemed(member_id, entry_key, ledger) if entry_key != guard_key else None

    def decide(seen: Seen) -> Posting:
        known = seen.guard or (_fresh_guard(guard_key, redeemed) if redeemed else None)
        spent: Buckets = known.state.get("spent", {}) if known else {}
        restored = known.state.get("restored", {}) if known else {}
        name = RESTORABLE + redeemed.cause.id if redeemed else guard_key
        cause = _restoring(known, f"{name}:{restore_id}", restored.get(restore_id), points, actor, now)
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
        version = known.version + 1 if seen.guard else 1
        return posting._replace(guard=known._replace(state=state, version=version), also=also)

    return ledger.post(member_id, decide, guard_key=guard_key)


def _restoring(
    known: Guard | None, cause_id: str, restored_at: str | None, points: int, actor: str, now: datetime
) -> Cause:
    """The cause of a restoring; of one that was done already it is that of the first time."""
    return Cause(
        kind=Kind.REVERSE,
        activity=known.activity if known else "redemption",
        id=cause_id,
        at=datetime.fromisoformat(restored_at) if restored_at else now,
        occurred_at=now,
        source="ledger",
        actor=actor,
        campaign=known.state.get("campaign", "") if known else "",
        input_hash=digest({"points": points}),
    )


def _redeemed(member_id: str, entry_key: str, ledger: LedgerTable) -> Entry | None:
    """A redemption's entry, in whichever of the member's journals it stands."""
    return ledger.entry(member_id, entry_key) or ledger.own_entry(ledger.read(member_id), entry_key)


def _fresh_guard(guard_key: str, redeemed: Entry) -> Guard:
    """The guard of a redemption of which nothing was restored yet."""
    state: dict[str, Any] = {"spent": {key: -part for key, part in redeemed.buckets.items()}}
    if redeemed.cause.campaign:
        state["campaign"] = redeemed.cause.campaign
    return Guard(guard_key, redeemed.member_id, redeemed.activity, redeemed.cause.id, state=state)
