"""A member's daily check-in (签到): one credit a business date, however often, from however many phones."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from chalicelib.earning.reward import refused_parts, reward, with_balance
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.apply import apply
from chalicelib.ledger.check_in_days import CheckInDays
from chalicelib.ledger.commands import Earn
from chalicelib.ledger.model import Cause, Entry, Kind, Posting, Receipt, Refusal, business_on, start_of
from chalicelib.ledger.table import LedgerTable, Seen
from chalicelib.programme import caps
from chalicelib.programme.activity import CheckedIn, Standing
from chalicelib.programme.award import Decision, decide
from chalicelib.programme.model import Prepared, Rule, Terms
from chalicelib.programme.pay import Ask, is_visible, obstacle
from chalicelib.programme.rules.cumulative import Cumulative
from chalicelib.programme.rules.streak import Streak
from chalicelib.programme.standing import standing_of

ACTIVITY = "check_in"


def check_in(member_id: str, *, ledger: LedgerTable, terms: Terms, now: datetime, source: str) -> Receipt:
    """Credit today's check-in, once; a repeat returns the first receipt with `replayed`.

    Raises ACTIVITY_OFF when these terms have no check-in, BUSY when writers of the same account would not let it
    through.
    """
    if not terms.answer(ACTIVITY):
        raise JifenError(Code.ACTIVITY_OFF)
    local = now.astimezone(ZoneInfo(terms.zone))
    today_on = local.date()
    cause = cause_of_today(member_id, zone=terms.zone, now=now, source=source)

    def credit(seen: Seen) -> Posting:
        account = seen.account
        if account.check_ins.has(today_on):
            raise Refusal(Code.ALREADY_CHECKED_IN, cause)
        days = account.check_ins.with_day(today_on)
        activity = CheckedIn(today_on, days)
        standing = standing_of(account, terms, today_on)
        decision = decide(terms, activity, standing, on=today_on, hour=local.hour, spent_budgets=seen.spent)
        rewarded = reward(decision, activity, cause, terms=terms, credited_on=today_on)
        commands = _together(rewarded.commands) or [_unpaid(cause, decision, terms)]
        facts = run_facts(terms, days, standing, today_on)
        if len(commands) > 1:
            facts["all_points"] = sum(command.points for command in commands)
            facts["all_reason"] = " · ".join(command.text for command in commands if command.text)
        first = commands[0]._replace(facts=facts, checked_in_on=today_on)
        posting = apply(account, [first, *commands[1:]], terms.ledger, now)
        return with_balance(posting, cause)._replace(budgets=rewarded.budgets)

    return ledger.post(member_id, credit)


def cause_of_today(member_id: str, *, zone: str, now: datetime, source: str = "") -> Cause:
    """The one check-in of the business day of `now`; its key finds the day's entry, from wherever it came."""
    today_on = business_on(now, zone)
    return Cause(
        kind=Kind.EARN,
        activity=ACTIVITY,
        id=today_on.isoformat(),
        at=start_of(today_on, zone),
        occurred_at=now,
        source=source,
        actor=member_id,
    )


def paid_points(entry: Entry) -> int:
    """What a check-in paid in all, told by its own entry, the first of several."""
    return int(entry.facts.get("all_points", entry.points))


def reason_of(entry: Entry) -> str:
    """Why a check-in paid so many or none, told by its own entry."""
    return str(entry.facts.get("all_reason", entry.text))


def streak_of(terms: Terms) -> Streak | None:
    """The programme's table for days in a row, None when it has none."""
    answers = terms.answers.get(ACTIVITY)
    amounts = (one.rule.amount for one in answers.rules) if answers else ()
    return next((amount for amount in amounts if isinstance(amount, Streak)), None)


def days_in_a_row(terms: Terms, days: CheckInDays, on: date) -> int:
    """The run that ends with `on`, as the programme's table counts it; 0 when `on` was missed."""
    streak = streak_of(terms)
    return streak.streak_days(days, on) if streak else days.run_ending(on)


def run_of_today(terms: Terms, days: CheckInDays, today_on: date) -> int:
    """The run as it stands: through today, or before today's check-in the days that it would go on with, none of them
    on the first day of a cycle.
    """
    return days_in_a_row(terms, days.with_day(today_on), today_on) - (not days.has(today_on))


class Coming(NamedTuple):
    """A rule's nearest reward: check-ins until then, today's among them when it is not done, and its points."""

    rule: Rule
    days: int
    points: int

    @property
    def text(self) -> str:
        """The reward in words for the member."""
        is_claimed = isinstance(self.rule.amount, Cumulative) and self.rule.amount.claim == "by_hand"
        return f"再签{self.days}天{'可领取' if is_claimed else '得'}{self.points}分"


def coming_rewards(terms: Terms, days: CheckInDays, standing: Standing, on: date) -> list[Coming]:
    """The nearest reward of each rule when no day is missed, soonest first; none that the member would not be paid:
    by a rule he does not see, that is paused, over by then, or capped as things stand.
    """
    found: list[Coming] = []
    for one in terms.answers[ACTIVITY].rules if ACTIVITY in terms.answers else ():
        amount = one.rule.amount
        following = amount.next_reward(days, on) if isinstance(amount, Streak | Cumulative) else None
        if following is None:
            continue
        then_on = on + timedelta(days=following[0] - (not days.has(on)))
        if _would_answer(one, terms, standing, CheckedIn(then_on, days)):
            found.append(Coming(one.rule, *following))
    return sorted(found, key=lambda coming: coming.days)


def _would_answer(one: Prepared, terms: Terms, standing: Standing, activity: CheckedIn) -> bool:
    """Whether a rule pays a check-in of a day to come, at an hour that it allows."""
    hours = one.rule.when.hours
    judged_at = (activity.on, hours[0][0] if hours else 0)
    ask = Ask(terms, terms.answers[ACTIVITY], activity, standing, activity.on, judged_at, frozenset(), {})
    capped = (not caps.left(limit, standing.counters, {}, activity.on) for limit in one.limits)
    return is_visible(one, standing) and obstacle(one, ask) is None and not any(capped)


class NextReward(NamedTuple):
    """The nearest rewards of all rules: check-ins until then, and what all that fall on that day pay together."""

    days: int
    points: int


def next_reward(coming: Sequence[Coming]) -> NextReward | None:
    """The nearest of what `coming_rewards` found."""
    if not coming:
        return None
    soonest = coming[0].days
    return NextReward(soonest, sum(one.points for one in coming if one.days == soonest))


def run_facts(terms: Terms, days: CheckInDays, standing: Standing, on: date) -> dict[str, str | int]:
    """What the receipt says beside the points; kept in the entry, so that a repeat says the same."""
    facts: dict[str, str | int] = {"streak_days": run_of_today(terms, days, on)}
    following = next_reward(coming_rewards(terms, days, standing, on))
    if following:
        facts["next_reward_days"], facts["next_reward_points"] = following
    return facts


def _together(commands: tuple[Earn, ...]) -> list[Earn]:
    """Awards that fall into the first one's bucket become one entry: the breakdown still tells them apart."""
    merged: list[Earn] = []
    for command in commands:
        if merged and command.bucket and command.bucket == merged[0].bucket:
            first = merged[0]
            merged[0] = first._replace(
                points=first.points + command.points,
                breakdown=first.breakdown + command.breakdown,
                text=" · ".join(text for text in (first.text, command.text) if text),
                counts=first.counts + command.counts,
            )
        else:
            merged.append(command)
    return merged


def _unpaid(cause: Cause, decision: Decision, terms: Terms) -> Earn:
    """A check-in that earned nothing still counts as a day, and says why it paid nothing."""
    return Earn(
        cause=cause,
        points=0,
        bucket="",
        rule="",
        terms_version=terms.version,
        breakdown=refused_parts(decision),
        text=";".join(one.text for one in decision.refused) or "签到成功",
        counts=decision.progress,
    )
