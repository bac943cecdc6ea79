"""The check-in calendar: a month's days, how the run stands, what the next reward needs, what can be made up."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from chalicelib.earning.check_in import (
    ACTIVITY,
    Coming,
    NextReward,
    cause_of_today,
    coming_rewards,
    next_reward,
    paid_points,
    reason_of,
    run_of_today,
    streak_of,
)
from chalicelib.earning.make_up import MAKE_UP, made_up_this_month
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.check_in_days import KEPT_DAYS
from chalicelib.ledger.model import Account, Entry, business_on, end_of, start_of
from chalicelib.ledger.table import LedgerTable
from chalicelib.programme.activity import CheckedIn
from chalicelib.programme.award import Award, claim, decide
from chalicelib.programme.model import Terms
from chalicelib.programme.periods import THIS, again
from chalicelib.programme.rules.cumulative import Cumulative
from chalicelib.programme.standing import standing_of


class MakeUpShown(NamedTuple):
    """What a make-up card costs today, and the days it can repair."""

    price_points: int
    left_this_month: int
    days: tuple[date, ...]
    text: str


class ByHand(NamedTuple):
    """A cumulative reward that is claimed by hand; `state` is `open`, `claimed`, `not_reached`, or `closed` while its
    conditions, caps or a pause stand in the way; `text` says it to the member.
    """

    rule: str
    days: int
    points: int
    state: str
    text: str


class Calendar(NamedTuple):
    """A month of check-ins and what comes next."""

    days: tuple[date, ...]
    checked_in_today: bool
    today_points: int
    """What today's check-in paid or would pay."""
    today_reason: str
    """Why so many, or why none."""
    streak_days: int
    next_reward: NextReward | None
    coming: tuple[Coming, ...]
    """The next reward of each rule, soonest first."""
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
    # A make-up's entry stands at the day it repairs, whenever it was booked.
    found = {
        date.fromisoformat(str(entry.facts["checked_in_on"]))
        for member_id in account.member_ids
        for entry in ledger.entries_between(member_id, start_of(first_on, zone), end_of(month[-1], zone))
        if entry.activity in (ACTIVITY, MAKE_UP) and "checked_in_on" in entry.facts
    }
    return tuple(on for on in month if on in found)


def todays_entry(account: Account, *, ledger: LedgerTable, terms: Terms, now: datetime) -> Entry | None:
    """Today's check-in as it was booked: one strong read, none before it is done."""
    if not account.check_ins.has(business_on(now, terms.zone)):
        return None
    return ledger.own_entry(account, cause_of_today(account.member_id, zone=terms.zone, now=now).key)


def month_calendar(
    account: Account, days: tuple[date, ...], *, terms: Terms, now: datetime, today: Entry | None = None
) -> Calendar:
    """The shown days of a month, what today paid (by its entry `today`) or would pay, and how the run stands;
    ACTIVITY_OFF without a check-in rule.
    """
    if not terms.answer(ACTIVITY):
        raise JifenError(Code.ACTIVITY_OFF)
    local = now.astimezone(ZoneInfo(terms.zone))
    today_on = local.date()
    check_ins = account.check_ins
    done = check_ins.has(today_on)
    if done:
        paid = (paid_points(today), reason_of(today)) if today else (0, "")
    else:
        paid = _would_pay(account, terms, today_on, local.hour)
    coming = coming_rewards(terms, check_ins, standing_of(account, terms, today_on), today_on)
    return Calendar(
        days=days,
        checked_in_today=done,
        today_points=paid[0],
        today_reason=paid[1],
        streak_days=run_of_today(terms, check_ins, today_on),
        next_reward=next_reward(coming),
        coming=tuple(coming),
        make_up=_make_up(account, terms, today_on),
        by_hand=_by_hand(account, terms, today_on, local.hour),
    )


def _would_pay(account: Account, terms: Terms, today_on: date, hour: int) -> tuple[int, str]:
    """What a check-in would pay now, and why; budgets are asked only when it is made."""
    activity = CheckedIn(today_on, account.check_ins.with_day(today_on))
    decision = decide(terms, activity, standing_of(account, terms, today_on), on=today_on, hour=hour)
    if decision.awards:
        return sum(award.points for award in decision.awards), " · ".join(award.text for award in decision.awards)
    return 0, ";".join(one.text for one in decision.refused)


def _make_up(account: Account, terms: Terms, today_on: date) -> MakeUpShown | None:
    streak = streak_of(terms)
    card = streak.make_up if streak else None
    if streak is None or card is None:
        return None
    used = made_up_this_month(account, today_on)
    back = [today_on - timedelta(days=ago) for ago in range(card.look_back_days, 0, -1)]
    problems = {on: streak.can_make_up(account.check_ins, on, today_on, used, account.joined_on) for on in back}
    left = max(0, card.per_month - used)
    text = f"补签一天{card.price_points}分,本月还可补签{left}次" if left else f"本月补签{card.per_month}次已用完"
    return MakeUpShown(card.price_points, left, tuple(on for on in back if problems[on] is None), text)


def _by_hand(account: Account, terms: Terms, today_on: date, hour: int) -> tuple[ByHand, ...]:
    standing = standing_of(account, terms, today_on)
    shown: list[ByHand] = []
    for one in terms.answers[ACTIVITY].rules:
        amount = one.rule.amount
        if not isinstance(amount, Cumulative) or amount.claim != "by_hand":
            continue
        for reward in amount.rewards:
            outcome = claim(terms, one.rule.id, reward.days, account.check_ins, standing, on=today_on, hour=hour)
            if isinstance(outcome, Award):
                text = f"累计签到{reward.days}天,可领取{outcome.points}分"
                shown.append(ByHand(one.rule.id, reward.days, outcome.points, "open", text))
            elif outcome.code != "trial_only":
                state = outcome.code if outcome.code in ("claimed", "not_reached") else "closed"
                is_late = state == "not_reached" and not amount.can_reach(reward, account.check_ins, today_on)
                text = f"{THIS[amount.cycle]}天数已不够,{again(amount.cycle)}重新累计" if is_late else outcome.text
                shown.append(ByHand(one.rule.id, reward.days, reward.points, state, text))
    return tuple(shown)
