"""A member's daily check-in (签到): one credit a business date, however often, from however many phones."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.apply import Earn, apply
from chalicelib.ledger.check_in_days import KEPT_DAYS, CheckInDays
from chalicelib.ledger.model import (
    Account,
    Cause,
    Guard,
    Kind,
    Posting,
    Receipt,
    Refusal,
    business_on,
    end_of,
    start_of,
)
from chalicelib.ledger.table import LedgerTable
from chalicelib.programme.activity import CheckedIn
from chalicelib.programme.award import award
from chalicelib.programme.model import Rule, Terms
from chalicelib.programme.rules.streak import Streak

ACTIVITY = "check_in"


@dataclass(frozen=True, slots=True)
class Calendar:
    """A month of check-ins and what comes next."""

    days: tuple[date, ...]
    checked_in_today: bool
    today_points: int
    """What today's check-in paid or would pay."""
    streak_days: int
    next_reward_days: int | None
    """Check-ins still to go, today's among them when it is not done."""
    next_reward_points: int | None


def check_in(member_id: str, *, ledger: LedgerTable, terms: Terms, now: datetime, source: str) -> Receipt:
    """Credit today's check-in, once; a repeat returns the first receipt with `replayed`.

    Raises BUSY when writers of the same account would not let it through.
    """
    rule = _rule(terms)
    today_on = business_on(now, terms.zone)
    cause = Cause(
        kind=Kind.EARN,
        activity=ACTIVITY,
        id=today_on.isoformat(),
        at=start_of(today_on, terms.zone),
        occurred_at=now,
        source=source,
        actor=member_id,
    )

    def decide(account: Account, _guard: Guard | None) -> Posting:
        if account.check_ins.has(today_on):
            raise Refusal(Code.ALREADY_CHECKED_IN, cause)
        days = account.check_ins.with_day(today_on)
        decided = award(rule, CheckedIn(today_on, days), today_on)
        command = Earn(
            cause=cause,
            points=decided.points,
            points_class=decided.points_class,
            expires_on=decided.expires_on,
            rule=decided.rule,
            terms_version=terms.version,
            breakdown=decided.breakdown,
            text=decided.text,
            facts=_reward_facts(rule, days, today_on),
            checked_in_on=today_on,
        )
        return apply(account, [command], terms.ledger, now)

    return ledger.post(member_id, decide)


def check_in_days(account: Account, *, first_on: date, ledger: LedgerTable, zone: str) -> tuple[date, ...]:
    """The checked-in days of the month of `first_on`: from the account while its bitmap reaches back, else from the
    journal.
    """
    days = account.check_ins
    if days.last_on is None:
        return ()
    month = [on for ahead in range(31) if (on := first_on + timedelta(days=ahead)).month == first_on.month]
    if days.last_on - first_on < timedelta(days=KEPT_DAYS):
        return tuple(on for on in month if days.has(on))
    entries = ledger.entries_between(account.member_id, start_of(first_on, zone), end_of(month[-1], zone))
    return tuple(date.fromisoformat(entry.cause_id) for entry in entries if entry.activity == ACTIVITY)


def month_calendar(account: Account, days: tuple[date, ...], *, terms: Terms, now: datetime) -> Calendar:
    """The shown days of a month, what today pays, and how the run stands."""
    today_on = business_on(now, terms.zone)
    rule = _rule(terms)
    streak = _streak(rule)
    done = account.check_ins.has(today_on)
    with_today = account.check_ins if done else account.check_ins.with_day(today_on)
    following = streak.next_reward(account.check_ins, today_on)
    return Calendar(
        days=days,
        checked_in_today=done,
        today_points=award(rule, CheckedIn(today_on, with_today), today_on).points,
        streak_days=streak.streak_days(account.check_ins, today_on if done else today_on - timedelta(days=1)),
        next_reward_days=following[0] if following else None,
        next_reward_points=following[1] if following else None,
    )


def _reward_facts(rule: Rule, days: CheckInDays, today_on: date) -> dict[str, str | int]:
    """What the receipt says beside the points; kept in the entry, so that a repeat says the same."""
    streak = _streak(rule)
    facts: dict[str, str | int] = {"streak_days": streak.streak_days(days, today_on)}
    following = streak.next_reward(days, today_on)
    if following:
        facts["next_reward_days"], facts["next_reward_points"] = following
    return facts


def _rule(terms: Terms) -> Rule:
    rule = terms.rule_for(ACTIVITY)
    if rule is None:
        raise JifenError(Code.ACTIVITY_OFF)
    return rule


def _streak(rule: Rule) -> Streak:
    if not isinstance(rule.amount, Streak):
        raise TypeError(f"check-in is answered by {rule.amount.kind}")
    return rule.amount
