"""One adjustment: proposed by one member of the staff, approved or declined by another; and changes of pending points.

The approval is one transaction: the member's account and entry, the proposal's state, and the day's count of whoever
proposed it. So it happens once, whole, and never beyond that person's daily limit.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from typing import NamedTuple

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.adjustment_items import stored_change
from chalicelib.ledger.adjustments import Change, Proposal, Review, State, adjustment, cause_of
from chalicelib.ledger.adjustments_table import AdjustmentsTable
from chalicelib.ledger.model import Also, Entry, LedgerTerms, Posting, Receipt, business_on, digest
from chalicelib.ledger.pending import change_pending
from chalicelib.ledger.table import Seen

FindUnknown = Callable[[Collection[str]], set[str]]


class Decided(NamedTuple):
    """A proposal after a decision, the entry an approval left, and whether this was decided before."""

    proposal: Proposal
    entry: Entry | None
    replayed: bool


def propose(
    table: AdjustmentsTable,
    change: Change,
    *,
    evidence: str,
    id: str,
    key: str,
    by: str,
    terms: LedgerTerms,
    daily_points: int,
    find_unknown: FindUnknown,
    now: datetime,
) -> tuple[Proposal, bool]:
    """Store a proposal, once per client key; answers it as it stands and whether it was there.

    Raises KEY_REUSED when the key came with another change, INVALID_REQUEST naming a field, MEMBER_NOT_FOUND,
    ADJUSTMENT_LIMIT when the points alone are more than a day allows.
    """
    input_hash = digest({**stored_change(change), "evidence": evidence})
    claim = table.claim(key)
    if claim is None:
        today_on = business_on(now, terms.zone)
        problem = change.problem(today_on)
        if problem:
            raise JifenError(Code.INVALID_REQUEST, "".join(problem), field=problem[0])
        require_within(abs(change.points), daily_points)
        if find_unknown({change.member_id}):
            raise JifenError(Code.MEMBER_NOT_FOUND, field="member_id")
        proposal = Proposal(id, change, Review(by, now, today_on), evidence)
        claim = table.create(proposal, key=key, input_hash=input_hash)
        if claim.id == id:
            return proposal, False
    if claim.input_hash != input_hash:
        raise JifenError(Code.KEY_REUSED)
    return table.proposal(claim.id), True


def approve(
    table: AdjustmentsTable, id: str, *, by: str, terms: LedgerTerms, daily_points: int, now: datetime
) -> Decided:
    """Post a proposal. Who approves again what he approved gets the first entry.

    Raises NOT_ALLOWED for one's own proposal, ADJUSTMENT_STATE once it is decided, ADJUSTMENT_LAPSED, ADJUSTMENT_LIMIT,
    VALIDITY_OVER, INSUFFICIENT_POINTS when the member has fewer than are taken.
    """
    proposal = table.proposal(id)
    if proposal.review.state is not State.PROPOSED:
        return _standing(table, proposal, State.APPROVED, by)
    require_second(proposal.review, by)
    require_fresh(proposal.review, now)
    change, points = proposal.change, abs(proposal.change.points)
    require_within(points, daily_points)
    cause = cause_of(id, approved_by=by, at=now, source="staff")
    facts = {"adjustment": id, "proposed_by": proposal.review.proposed_by, "approved_by": by}
    approved = proposal._replace(review=proposal.review.decided(State.APPROVED, by, now))
    day = table.counted(proposal.review.proposed_by, proposal.review.proposed_on, points, daily_points)
    also = (
        Also(table.decided(approved), JifenError(Code.ADJUSTMENT_STATE)),
        Also(day, JifenError(Code.ADJUSTMENT_LIMIT)),
    )

    def decide(seen: Seen) -> Posting:
        return adjustment(seen.account, change, cause, facts, terms, now)._replace(also=also)

    try:
        receipt = table.ledger.post(change.member_id, decide)
    except JifenError:
        # Somebody else, or this very person's first try, may have decided meanwhile: then that is the answer.
        standing = table.proposal(id)
        if standing.review.state is State.PROPOSED:
            raise
        return _standing(table, standing, State.APPROVED, by)
    if receipt.replayed:
        # Posted before, perhaps by another in this very millisecond: the proposal says by whom.
        return _standing(table, table.proposal(id), State.APPROVED, by)
    return Decided(approved, next(entry for entry in receipt.entries if entry.key == cause.key), False)


def decline(table: AdjustmentsTable, id: str, *, by: str, note: str, now: datetime) -> Decided:
    """Refuse a proposal, for a reason; also one's own, which withdraws it. Who declines again gets it as it stands.

    Raises ADJUSTMENT_STATE once it is approved, or declined by another.
    """
    proposal = table.proposal(id)
    if proposal.review.state is State.PROPOSED:
        declined = proposal._replace(review=proposal.review.decided(State.DECLINED, by, now, note))
        try:
            table.write([table.decided(declined)], [JifenError(Code.ADJUSTMENT_STATE)])
        except JifenError as refused:
            if refused.code is not Code.ADJUSTMENT_STATE:
                raise
            proposal = table.proposal(id)
        else:
            return Decided(declined, None, False)
    return _standing(table, proposal, State.DECLINED, by)


def change_credit(
    table: AdjustmentsTable,
    member_id: str,
    cause: str,
    rule: str,
    *,
    change: str,
    points: int | None,
    change_id: str,
    reason: str,
    by: str,
    terms: LedgerTerms,
    daily_points: int,
    now: datetime,
) -> Receipt:
    """Activate, lower (to `points`) or cancel one pending credit, once per `change_id`.

    One person may only lower it: more points than a rule gave are an adjustment, which takes two. What is activated,
    taken off or cancelled counts against that person's day, together with the adjustments proposed on it. Raises
    INVALID_REQUEST, PENDING_NOT_RAISED, ADJUSTMENT_LIMIT, PENDING_CLOSED when it is unknown, another member's, or no
    longer pending.
    """
    ledger, today_on = table.ledger, business_on(now, terms.zone)

    def count(changed: int) -> tuple[Also, ...]:
        over = JifenError(Code.ADJUSTMENT_LIMIT, f"超过每人每日{daily_points}分的积分调整上限,更改待入账积分也计入其中")
        if changed > daily_points:
            raise over
        return (Also(table.counted(by, today_on, changed, daily_points), over),) if changed else ()

    if (change == "adjust") != (points is not None):
        raise JifenError(Code.INVALID_REQUEST, "points只在change为adjust时填写", field="points")
    if points is not None:
        guard = ledger.guards([cause]).get(cause)
        is_own = guard and (guard.member_id == member_id or ledger.read(member_id).is_of(guard.member_id))
        credits = guard.credits if guard and is_own else ()
        is_done = guard is not None and change_id in guard.state.get("changes", {})
        pending = next((credit.pending_points for credit in credits if credit.rule == rule), 0)
        if not is_done and 0 < pending < points:
            raise JifenError(Code.PENDING_NOT_RAISED, field="points")
    return change_pending(
        member_id,
        cause,
        rule,
        change=change,
        points=points or 0,
        change_id=change_id,
        reason=reason,
        actor=by,
        count=count,
        ledger=ledger,
        terms=terms,
        now=now,
    )


def require_second(review: Review, by: str) -> None:
    """Nobody approves what he asked for himself, an admin neither; raises NOT_ALLOWED."""
    if review.proposed_by == by:
        raise JifenError(Code.NOT_ALLOWED, "自己提交的积分调整需由他人审批")


def require_fresh(review: Review, now: datetime) -> None:
    """What waited too long is asked for anew; raises ADJUSTMENT_LAPSED."""
    if review.has_lapsed(now):
        raise JifenError(Code.ADJUSTMENT_LAPSED)


def require_within(points: int, daily_points: int) -> None:
    """Raises ADJUSTMENT_LIMIT for more than one person's day allows in all."""
    if points > daily_points:
        raise JifenError(Code.ADJUSTMENT_LIMIT, f"超过每人每日{daily_points}分的积分调整上限")


def _standing(table: AdjustmentsTable, proposal: Proposal, wanted: State, by: str) -> Decided:
    """The answer to who asks again for what he decided; everybody else is told that it is decided."""
    review = proposal.review
    if review.state is not wanted or review.decided_by != by or review.decided_at is None:
        raise JifenError(Code.ADJUSTMENT_STATE)
    if wanted is State.DECLINED:
        return Decided(proposal, None, True)
    cause = cause_of(proposal.id, approved_by=by, at=review.decided_at, source="staff")
    ledger, member_id = table.ledger, proposal.change.member_id
    entry = ledger.entry(member_id, cause.key) or ledger.own_entry(ledger.read(member_id), cause.key)
    return Decided(proposal, entry, True)
