"""A member's daily check-in (签到): one credit a business date, however often, from however many phones."""

from __future__ import annotations

from datetime import date, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from chalicelib.earning.reward import refused_parts, reward, standing_of
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.apply import apply
from chalicelib.ledger.check_in_days import CheckInDays
from chalicelib.ledger.commands import Earn
from chalicelib.ledger.model import Cause, Kind, Posting, Receipt, Refusal, start_of
from chalicelib.ledger.table import LedgerTable, Seen
from chalicelib.programme.activity import CheckedIn
from chalicelib.programme.award import Decision, decide
from chalicelib.programme.model import Terms
from chalicelib.programme.rules.streak import Streak

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
    cause = Cause(
        kind=Kind.EARN,
        activity=ACTIVITY,
        id=today_on.isoformat(),
        at=start_of(today_on, terms.zone),
        occurred_at=now,
        source=source,
        actor=member_id,
    )

    def credit(seen: Seen) -> Posting:
        account = seen.account
        if account.check_ins.has(today_on):
            raise Refusal(Code.ALREADY_CHECKED_IN, cause)
        days = account.check_ins.with_day(today_on)
        activity = CheckedIn(today_on, days)
        standing = standing_of(account)
        decision = decide(terms, activity, standing, on=today_on, hour=local.hour, spent_budgets=seen.spent_budgets)
        rewarded = reward(decision, activity, cause, terms=terms, credited_on=today_on)
        commands = _together(rewarded.commands) or [_unpaid(cause, decision, terms)]
        facts = _reward_facts(terms, days, activity)
        if len(commands) > 1:
            facts["all_points"] = sum(command.points for command in commands)
        first = commands[0]._replace(facts=facts, checked_in_on=today_on)
        posting = apply(account, [first, *commands[1:]], terms.ledger, now)
        return posting._replace(budgets=rewarded.budgets)

    return ledger.post(member_id, credit)


def streak_of(terms: Terms) -> Streak | None:
    """The programme's table for days in a row, None when it has none."""
    return next((one for one in amounts_of(terms) if isinstance(one, Streak)), None)


def days_in_a_row(terms: Terms, days: CheckInDays, on: date) -> int:
    """The run that ends with `on`, as the programme's table counts it; 0 when `on` was missed."""
    streak = streak_of(terms)
    return streak.streak_days(days, on) if streak else days.run_ending(on)


def amounts_of(terms: Terms) -> list[object]:
    """The tables that a check-in looks at."""
    answers = terms.answers.get(ACTIVITY)
    return [one.rule.amount for one in answers.rules] if answers else []


class NextReward(NamedTuple):
    """The nearest reward of any table: check-ins until then, today's among them when it is not done; its points."""

    days: int
    points: int


def next_reward(terms: Terms, days: CheckInDays, activity: CheckedIn) -> NextReward | None:
    """The nearest reward when no day is missed."""
    found = [
        NextReward(*following)
        for amount in amounts_of(terms)
        if (following := getattr(amount, "next_reward", lambda *_: None)(days, activity.on))
    ]
    return min(found, default=None)


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


def _reward_facts(terms: Terms, days: CheckInDays, activity: CheckedIn) -> dict[str, str | int]:
    """What the receipt says beside the points; kept in the entry, so that a repeat says the same."""
    facts: dict[str, str | int] = {"streak_days": days_in_a_row(terms, days, activity.on)}
    following = next_reward(terms, days, activity)
    if following:
        facts["next_reward_days"], facts["next_reward_points"] = following
    return facts
