"""Warnings of an invite that is worth no more than a day's check-in or a message: nobody would trouble. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from chalicelib.ledger.check_in_days import CheckInDays
from chalicelib.programme.activity import CHECK_IN, CheckedIn
from chalicelib.programme.figures import largest_points, smallest_points
from chalicelib.programme.forbidden import is_called
from chalicelib.programme.model import Programme, Rule
from chalicelib.programme.rules.cumulative import Cumulative
from chalicelib.programme.rules.fixed import Fixed
from chalicelib.programme.rules.ladder import Ladder
from chalicelib.programme.rules.streak import Streak
from chalicelib.programme.warning import Placed, Warning

_INVITE = ("invite", "referral", "邀请", "拉新")
_MESSAGE = ("message", "speak", "post_text", "发言")
FIRST_DAYS = 7
_MONDAY_THE_FIRST = date(2027, 3, 1)
"""A day on which runs, weeks and months begin alike."""


def invites_too_low(programme: Programme, shown: Placed) -> Iterator[Warning]:
    """Held against the smallest award of each invite: the largest of a message, and what a check-in brings a newcomer a
    day, averaged over the first days, one to seven, that make it most. A reward of the seventh day is the pay of seven
    days.
    """
    names = {indicator.id: indicator.name for indicator in programme.indicators}
    messages = [rule for _, rule in shown if is_called(rule.activity, names.get(rule.activity, ""), _MESSAGE)]
    worth = [(largest_points(rule.amount) or 0, 1, "一次发言") for rule in messages]
    days, points = _best_days([rule for _, rule in shown])
    worth.append((points, days, f"前{days}天签到的日均" if days > 1 else "第1天签到"))
    for path, rule in shown:
        is_invite = is_called(rule.activity, names.get(rule.activity, ""), _INVITE)
        if not is_invite or largest_points(rule.amount) is None:
            continue
        least = smallest_points(rule.amount)
        for points, times, what in worth:
            if points and least * times <= points:
                text = f"{rule.name}{least}分,不高于{what}{points // times}分,会员没有动力邀请"
                yield Warning(f"{path}.amount", "invite_too_low", text)


def _best_days(rules: list[Rule]) -> tuple[int, int]:
    """(days, points of all of them) of the first days that bring most a day; the earlier of equals."""
    reached = [rule for rule in rules if rule.activity == CHECK_IN and _is_for_newcomers(rule)]
    days, points, best = CheckInDays(), 0, (1, 0)
    for place in range(FIRST_DAYS):
        on = _MONDAY_THE_FIRST + timedelta(days=place)
        days = days.with_day(on)
        points += sum(_points_on(rule, CheckedIn(on, days), place + 1) for rule in reached)
        if points * best[0] > best[1] * (place + 1):
            best = place + 1, points
    return best


def _is_for_newcomers(rule: Rule) -> bool:
    when = rule.when
    return rule.trial is None and not (when.first or when.levels or when.gate or when.tags or when.buyers)


def _points_on(rule: Rule, checked_in: CheckedIn, time: int) -> int:
    """What a rule pays for the `time`-th of the first check-ins in a row, within a cap on points of its own."""
    amount, points = rule.amount, 0
    if isinstance(amount, Ladder):
        points = amount.points_of(1 if amount.period == "day" else time)
    elif isinstance(amount, (Streak, Cumulative, Fixed)):
        points = sum(part.points for part in amount.parts(checked_in, rule.id))
    return min([points, *(cap.points for cap in rule.caps if cap.points)])
