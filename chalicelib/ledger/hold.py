"""Holds (预扣): points set aside for a purchase that is not settled yet, then captured or released, once.

A hold is a guard of its own. What nobody resolves by its deadline goes back (release.py); from then on it cannot be
captured any more, whether or not that has been booked.
"""

from __future__ import annotations

from datetime import datetime

from chalicelib.errors import Code
from chalicelib.ledger.apply import apply
from chalicelib.ledger.buckets import moved, spend_order, take
from chalicelib.ledger.commands import Capture, Command, Hold
from chalicelib.ledger.due import spend
from chalicelib.ledger.model import Also, Guard, Kind, LedgerTerms, Posting, Receipt, Refusal, digest, stamp
from chalicelib.ledger.redeem import Buy, judged, nothing_else
from chalicelib.ledger.release import giving_back, held_by, hold_cause, hold_key, is_overdue, resolved
from chalicelib.ledger.table import LedgerTable, Seen


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
    campaign: str = "",
    buy: Buy = nothing_else,
) -> Receipt:
    """Set `points` aside until `release_at`, with what that reserves; a repeat of the same id returns its receipt. All
    that becomes of them is said to be of `campaign`.

    Raises INSUFFICIENT_POINTS, MEMBER_FROZEN, INVALID_REQUEST when the deadline is not ahead, SOLD_OUT where a stock
    has too few pieces left, KEY_REUSED when the id was another hold, and the refusals of `buy` and its writes.
    """

    def decide(seen: Seen) -> Posting:
        known = seen.guard
        cause = hold_cause(Kind.HOLD, known, hold_id, now, activity, actor)._replace(
            campaign=campaign,
            input_hash=digest({"points": points, "release_at": stamp(release_at), "member": member_id}),
        )
        if known is not None:
            raise Refusal(Code.KEY_REUSED, cause)
        if release_at <= now:
            raise Refusal(Code.INVALID_REQUEST, cause, "预扣的截止时间应晚于现在", field="release_at")
        bought = judged(buy, seen, cause)
        posting = apply(seen.account, [Hold(cause, points, terms.version, text or "预扣积分")], terms, now)
        taken = {key: -part for key, part in posting.entries[-1].buckets.items()}
        state = {"held_at": stamp(now), **({"campaign": campaign} if campaign else {})}
        return posting._replace(
            guard=Guard(
                hold_key(hold_id), member_id, activity, hold_id, taken=taken, release_at=release_at, state=state
            ),
            also=bought.also,
            stocks=bought.stocks,
        )

    return spend(member_id, decide, guard_key=hold_key(hold_id), ledger=ledger, terms=terms, now=now)


def capture(
    member_id: str,
    hold_id: str,
    points: int,
    *,
    actor: str,
    ledger: LedgerTable,
    terms: LedgerTerms,
    now: datetime,
    text: str = "积分抵扣",
    also: tuple[Also, ...] = (),
) -> Receipt:
    """Spend `points` of a hold with the writes of what that settles, and release the rest; a repeat returns the first
    receipt.

    Raises HOLD_CLOSED when the hold is unknown, another's, was released, or its deadline has passed: then its points
    are left to whoever books what is due. Raises the refusal of a write in `also`, too.
    """

    def decide(seen: Seen) -> Posting:
        known = seen.guard
        cause = hold_cause(Kind.CAPTURE, known, hold_id, now, "", actor)
        cause = cause._replace(input_hash=digest({"points": points}))
        if known is None or not seen.account.is_of(known.member_id) or not known.taken:
            raise Refusal(Code.HOLD_CLOSED, cause)
        if is_overdue(known, now):
            raise Refusal(Code.HOLD_CLOSED, cause, "预扣已超过截止时间,积分退回会员")
        held = sum(known.taken.values())
        if points > held:
            raise Refusal(Code.INSUFFICIENT_POINTS, cause, f"预扣只有{held}分")
        spent = take(known.taken, points, spend_order(known.taken, terms.class_order))
        rest = moved(known.taken, {key: -part for key, part in spent.items()})
        facts = held_by(seen.account, known)
        commands: list[Command] = [Capture(cause, points, terms.version, text, facts)]
        if rest:
            back = giving_back(seen.account, known, rest, now, actor, terms)
            # What a capture leaves over is no release of the hold: asking for one later must still be refused.
            commands.append(back._replace(cause=back.cause._replace(id=f"{hold_id}:rest")))
        posting = apply(seen.account, commands, terms, now)
        state = {**known.state, "spent": spent, "captured_at": stamp(now)}
        return posting._replace(guard=resolved(known, state), also=also)

    return ledger.post(member_id, decide, guard_key=hold_key(hold_id))
