"""What `apply` does for a merge: one account gives everything away and is closed, the other takes all of it in."""

from __future__ import annotations

from datetime import date, datetime

from chalicelib.ledger.buckets import Buckets, spend_order, take
from chalicelib.ledger.carried import summed
from chalicelib.ledger.check_in_days import CheckInDays
from chalicelib.ledger.commands import Close, TakeIn
from chalicelib.ledger.counters import Count, Counted, Counters, running
from chalicelib.ledger.growth import packed as growth_packed
from chalicelib.ledger.growth import recent
from chalicelib.ledger.levels import FIRST, LevelTerms, Tenure, kept, raised
from chalicelib.ledger.model import stamp
from chalicelib.ledger.packing import check_ins_packed
from chalicelib.ledger.work import Work


def close(work: Work, command: Close) -> None:
    """Take out all that there is; what is owed leaves as well."""
    work.book(
        command.cause,
        {key: -points for key, points in work.buckets.items()},
        pending=-work.pending_points,
        held=-work.held_points,
        deficit=-work.deficit_points,
        debit="member",
        credit="other_member",
        terms_version=command.terms_version,
        text=command.text,
        facts=command.facts,
        tenure=FIRST,
    )
    work.growth, work.counters, work.check_ins, work.tenure = {}, {}, CheckInDays(), FIRST
    work.joined_on, work.frozen, work.active_at, work.idle_ended_at = None, False, None, None
    work.merged_into, work.merged = command.to, ()


def take_in(work: Work, command: TakeIn) -> None:
    """Bring in all that the closed account had: what comes pays what is owed here, a debt that comes is paid from what
    is here, earliest end first.
    """
    left = command.left
    changes: Buckets
    if left.deficit_points:
        paid = take(work.buckets, left.deficit_points, spend_order(work.buckets, work.terms.class_order))
        changes, repaid = {key: -part for key, part in paid.items()}, sum(paid.values())
        deficit = left.deficit_points - repaid
    else:
        changes, repaid = work.credited(left.buckets)
        deficit = -repaid
    growth = recent(left.growth, work.today_on)
    facts = {**command.facts, **_facts(work, command, repaid)}
    if growth:
        facts["growth_by_month"] = growth_packed(growth)
        work.growth = summed(work.growth, growth)
    tenure = _together(work.tenure, left.tenure, work.terms.levels)
    if work.terms.levels is not None:
        tenure = raised(tenure, work.growth, work.terms.levels, work.today_on)
        tenure = kept(tenure, work.growth, work.terms.levels, work.today_on)
    work.book(
        command.cause,
        changes,
        pending=left.pending_points,
        held=left.held_points,
        deficit=deficit,
        debit="other_member",
        credit="member",
        terms_version=command.terms_version,
        text=command.text,
        facts=facts,
        counts=_counts(work.counters, running(left.counters, work.today_on)),
        tenure=tenure,
    )
    work.check_ins = work.check_ins.with_days(left.check_ins)
    work.merged = (*work.merged, left.member_id, *left.merged)


def _facts(work: Work, command: TakeIn, repaid: int) -> dict[str, str | int]:
    """What a rebuild needs beside points, counters, growth and level; the four values are on `work` after it."""
    left = command.left
    facts: dict[str, str | int] = {"repaid_points": repaid} if repaid else {}
    if left.merged:
        facts["merged"] = " ".join(left.merged)
    if left.check_ins.last_on:
        facts["check_ins"] = check_ins_packed(left.check_ins)
    joined_on = min((on for on in (work.joined_on, left.joined_on) if on), default=None)
    if joined_on and joined_on != work.joined_on:
        facts["joined_on"] = joined_on.isoformat()
    if left.frozen and not work.frozen:
        facts["frozen"] = 1
    active_at = _later(work.active_at, left.active_at)
    if active_at and active_at != work.active_at:
        facts["active_at"] = stamp(active_at)
    idle_ended_at = _later(work.idle_ended_at, left.idle_ended_at)
    if idle_ended_at and idle_ended_at != work.idle_ended_at:
        facts["idle_ended_at"] = stamp(idle_ended_at)
    work.joined_on, work.frozen = joined_on, work.frozen or left.frozen
    work.active_at, work.idle_ended_at = active_at, idle_ended_at
    return facts


def _together(own: Tenure, other: Tenure, levels: LevelTerms | None) -> Tenure:
    """The higher level, of one level the later end; and the trial that is worth more."""
    if levels is None:
        return own if own.level or own.trial else other
    rank, other_rank = levels.rank(own.level), levels.rank(other.level)
    tenure = own
    if other_rank > rank:
        tenure = own._replace(level=other.level, since_on=other.since_on, until_on=other.until_on)
    elif rank and other_rank == rank and own.until_on and (not other.until_on or other.until_on > own.until_on):
        tenure = own._replace(until_on=other.until_on)
    if not other.trial or other.trial_until_on is None:
        return tenure
    its_worth = (levels.rank(other.trial), other.trial_until_on)
    if own.trial and own.trial_until_on and (levels.rank(own.trial), own.trial_until_on) >= its_worth:
        return tenure
    return tenure._replace(trial=other.trial, trial_until_on=other.trial_until_on)


def _counts(own: Counters, other: Counters) -> tuple[Counted, ...]:
    """The changes that add the closed account's counters: within one period summed, of two periods the later one."""
    return tuple(
        Counted(name, count.through_on, count.used, _last_on(own.get(name), count))
        for name, count in sorted(other.items())
        if count.used or count.last_on
    )


def _last_on(own: Count | None, other: Count) -> date | None:
    if own is None or own.through_on != other.through_on:
        return other.last_on
    return max((on for on in (own.last_on, other.last_on) if on), default=None)


def _later(own: datetime | None, other: datetime | None) -> datetime | None:
    return max((at for at in (own, other) if at), default=None)
