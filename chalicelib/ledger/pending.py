"""Pending points (待入账): credited, not spendable yet. Each credit is activated, changed or taken back on its own.

They wait on the guard of their cause; the account keeps the total. Validity counts from the activation.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.apply import apply
from chalicelib.ledger.buckets import IDLE
from chalicelib.ledger.commands import Activate, AdjustPending, Command, Reverse
from chalicelib.ledger.model import (
    Account,
    Also,
    Cause,
    Credit,
    Guard,
    Kind,
    LedgerTerms,
    Posting,
    Receipt,
    Refusal,
    business_on,
    digest,
    stamp,
    start_of,
)
from chalicelib.ledger.table import LedgerTable, Seen
from chalicelib.ledger.validity import validity_of


def activate_due(member_id: str, guard_key: str, *, ledger: LedgerTable, terms: LedgerTerms, now: datetime) -> Receipt:
    """Make every pending credit of a guard available whose day has come; nothing when none has."""

    def decide(seen: Seen) -> Posting:
        guard = seen.guard
        if guard is None or not is_activation_due(guard, terms, now):
            return Posting(seen.account, seen.account, ())
        return activation(seen.account, guard, [], terms, now)

    return ledger.post(member_id, decide, guard_key=guard_key)


def is_activation_due(guard: Guard, terms: LedgerTerms, now: datetime) -> bool:
    """Whether the day of one of its pending credits has come: these points are the member's by right."""
    return guard.activate_on is not None and guard.activate_on <= business_on(now, terms.zone)


def activation(
    account: Account,
    guard: Guard,
    commands: list[Command],
    terms: LedgerTerms,
    now: datetime,
    *,
    source: str = "ledger",
) -> Posting:
    """The posting of `commands` and of every credit of `guard` whose day has come, with the guard after it."""
    today_on = business_on(now, terms.zone)
    credits: list[Credit] = []
    for credit in guard.credits:
        on = credit.activate_on
        if credit.pending_points and on is not None and on <= today_on:
            cause = Cause(
                kind=Kind.ACTIVATE,
                activity=guard.activity,
                id=f"{guard.cause_id}:{credit.rule}",
                at=start_of(on, terms.zone),
                occurred_at=start_of(on, terms.zone),
                source=source,
                actor="ledger",
            )
            # Its own day counts, however late it is booked: correctness never waits for the night.
            command, credit = activated(credit, cause, on)
            command = command._replace(facts=guard.state.get("facts", {}))
            commands.append(command)
        credits.append(credit)
    posting = apply(account, commands, terms, now)
    return posting._replace(guard=guard._replace(credits=tuple(credits), version=guard.version + 1))


def activated(credit: Credit, cause: Cause, on: date) -> tuple[Activate, Credit]:
    """All that is pending of a credit becomes available, valid from `on`; what has a last day before `on` expires in
    the same posting.
    """
    validity = validity_of(credit.validity)
    bucket, ends_on = validity.bucket(credit.points_class, on), validity.expires_on(on)
    has_ended = ends_on is not None and ends_on < on
    command = Activate(
        cause=cause,
        points=credit.pending_points,
        bucket=bucket,
        rule=credit.rule,
        terms_version=credit.terms_version,
        text=f"待入账{credit.pending_points}分" + (f"到账,有效期已于{ends_on}结束" if has_ended else "已到账"),
    )
    credited_on = on if bucket[:3] == IDLE else None
    return command, credit._replace(pending_points=0, bucket=bucket, activate_on=None, credited_on=credited_on)


def taken_back(
    credit: Credit, points: int, cause: Cause, text: str, *, charged_points: int = 0
) -> tuple[Reverse, Credit]:
    """`points` of a credit (no more than is left of it) go back: what is pending first, then by its policy."""
    points = min(points, credit.points - credit.reversed_points)
    pending = min(points, credit.pending_points)
    command = Reverse(
        cause=cause,
        points=points,
        policy=credit.policy,
        terms_version=credit.terms_version,
        bucket=credit.bucket,
        credited_on=credit.credited_on,
        pending_points=pending,
        charged_points=charged_points,
        rule=credit.rule,
        text=text,
    )
    left = credit._replace(
        pending_points=credit.pending_points - pending, reversed_points=credit.reversed_points + points
    )
    return command, left if left.pending_points else left._replace(activate_on=None)


def adjusted(credit: Credit, points: int, cause: Cause) -> tuple[AdjustPending, Credit]:
    """What is pending of a credit becomes `points`; 0 closes it."""
    more = points - credit.pending_points
    command = AdjustPending(cause=cause, points=more, rule=credit.rule, terms_version=credit.terms_version)
    changed = credit._replace(
        points=credit.points + more, pending_points=points, adjusted_points=credit.adjusted_points + more
    )
    return command, changed if points else changed._replace(activate_on=None)


def change_pending(
    member_id: str,
    guard_key: str,
    rule: str,
    *,
    change: str,
    points: int,
    change_id: str,
    reason: str,
    actor: str,
    count: Callable[[int], tuple[Also, ...]],
    ledger: LedgerTable,
    terms: LedgerTerms,
    now: datetime,
) -> Receipt:
    """An operator activates, lowers (to `points`) or cancels one pending credit, for a reason.

    `count` gives the writes that hold so many changed points against the operator's day, or raises. `change_id` (the
    client's key) names the change: a repeat returns its receipt. Raises PENDING_CLOSED when nothing of it is pending
    any more.
    """

    def decide(seen: Seen) -> Posting:
        guard = seen.guard or Guard(guard_key, member_id)
        done_at, done_rule = guard.state.get("changes", {}).get(change_id, (None, rule))
        if done_rule != rule:
            raise JifenError(Code.KEY_REUSED)
        cause = Cause(
            kind=_KINDS[change],
            activity=guard.activity,
            id=f"{guard.cause_id}:{rule}:{change_id}",
            at=datetime.fromisoformat(done_at) if done_at else now,
            occurred_at=now,
            source="staff",
            actor=actor,
            input_hash=digest({"change": change, "points": points, "reason": reason}),
        )
        credit = next((one for one in guard.credits if one.rule == rule), None)
        if done_at or credit is None or not seen.account.is_of(guard.member_id) or not credit.pending_points:
            raise Refusal(Code.PENDING_CLOSED, cause)
        command: Command
        if change == "activate":
            command, changed = activated(credit, cause, business_on(now, terms.zone))
        elif change == "cancel":
            command, changed = taken_back(credit, credit.pending_points, cause, reason)
        elif points > credit.pending_points:
            # More than the rule gave is an adjustment of its own, with its second person and its daily cap.
            raise Refusal(Code.INVALID_REQUEST, cause, f"只能调低,现有待入账{credit.pending_points}分")
        else:
            command, changed = adjusted(credit, points, cause)
        posting = apply(seen.account, [command._replace(text=reason)], terms, now)
        return posting._replace(
            also=count(credit.pending_points - (points if change == "adjust" else 0)),
            guard=guard._replace(
                credits=tuple(changed if one.rule == rule else one for one in guard.credits),
                version=guard.version + 1,
                state={**guard.state, "changes": {**guard.state.get("changes", {}), change_id: [stamp(now), rule]}},
            ),
        )

    return ledger.post(member_id, decide, guard_key=guard_key)


_KINDS = {"activate": Kind.ACTIVATE, "adjust": Kind.ADJUST, "cancel": Kind.REVERSE}
