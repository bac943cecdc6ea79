"""The check-in calendar: a month's days, how the run stands, what the next reward needs, what can be made up."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import NamedTuple

from chalicelib.earning.check_in import ACTIVITY, NextReward, days_in_a_row, next_reward, streak_of
from chalicelib.earning.make_up import MAKE_UP, made_up_this_month
from chalicelib.earning.reward import standing_of
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.check_in_days import KEPT_DAYS
from chalicelib.ledger.model import Account, business_on, end_of, start_of
from chalicelib.ledger.table import LedgerTable
from chalicelib.programme.activity import CheckedIn
from chalicelib.programme.award import Award, claim, decide
from chalicelib.programme.model import Terms
from chalicelib.programme.rules.cumulative import Cumulative


class MakeUpShown(NamedTuple):
    """What a make-up card costs today, and the days it can repair."""

    price_points: int
    left_this_month: int
    days: tuple[date, ...]


class ByHand(NamedTuple):
    """A cumulative reward that is claimed by hand; `state` is `open`, `claimed` or `not_reached`."""

    rule: str
    days: int
    points: int
    state: str


class Calendar(NamedTuple):
    """A month of check-ins and what comes next."""

    days: tuple[date, ...]
    checked_in_today: bool
    today_points: int
    """What today's check-in paid or would pay."""
    streak_days: int
    next_reward: NextReward | None
    make_up: MakeUpShown | None
    by_hand: tuple[ByHand, ...]


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
    # A make-up is booked in the days after the day it repairs, at the latest at the end of the next month.
    until = end_of(month[-1] + timedelta(days=31), zone)
    entries = ledger.entries_between(account.member_id, start_of(first_on, zone), until)
    found = {
        date.fromisoformat(str(entry.facts["checked_in_on"]))
        for entry in entries
        if entry.activity in (ACTIVITY, MAKE_UP) and "checked_in_on" in entry.facts
    }
    return tuple(on for on in month if on in found)


def month_calendar(account: Account, days: tuple[date, ...], *, terms: Terms, now: datetime) -> Calendar:
    """The shown days of a month, what today pays, and how the run stands; ACTIVITY_OFF without a check-in rule."""
    if not terms.answer(ACTIVITY):
        raise JifenError(Code.ACTIVITY_OFF)
    today_on = business_on(now, terms.zone)
    check_ins = account.check_ins
    streak = streak_of(terms)
    done = check_ins.has(today_on)
    with_today = check_ins if done else check_ins.with_day(today_on)
    standing = standing_of(account._replace(counters={}) if done else account, terms.ledger, today_on)
    decision = decide(terms, CheckedIn(today_on, with_today), standing, on=today_on, hour=now.hour)
    last_on = today_on if done else today_on - timedelta(days=1)
    make_up = streak.make_up if streak else None
    shown = None
    if streak and make_up:
        used = made_up_this_month(account, today_on)
        shown = MakeUpShown(
            make_up.price_points,
            max(0, make_up.per_month - used),
            tuple(
                on
                for back in range(make_up.look_back_days, 0, -1)
                if streak.can_make_up(check_ins, on := today_on - timedelta(days=back), today_on, used) is None
            ),
        )
    return Calendar(
        days=days,
        checked_in_today=done,
        today_points=sum(award.points for award in decision.awards),
        streak_days=days_in_a_row(terms, check_ins, last_on),
        next_reward=next_reward(terms, check_ins, CheckedIn(today_on, check_ins)),
        make_up=shown,
        by_hand=_by_hand(account, terms, today_on),
    )


def _by_hand(account: Account, terms: Terms, today_on: date) -> tuple[ByHand, ...]:
    standing = standing_of(account, terms.ledger, today_on)
    shown: list[ByHand] = []
    for one in terms.answers[ACTIVITY].rules:
        amount = one.rule.amount
        if not isinstance(amount, Cumulative) or amount.claim != "by_hand":
            continue
        for reward in amount.rewards:
            outcome = claim(terms, one.rule.id, reward.days, account.check_ins, standing, on=today_on, hour=0)
            if isinstance(outcome, Award):
                shown.append(ByHand(one.rule.id, reward.days, reward.points, "open"))
            elif outcome.code in ("claimed", "not_reached"):
                shown.append(ByHand(one.rule.id, reward.days, reward.points, outcome.code))
    return tuple(shown)
