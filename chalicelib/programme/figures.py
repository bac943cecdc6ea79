"""The figures of a rule at a glance: least and most it pays at once, and how often it can pay. Pure."""

from __future__ import annotations

from chalicelib.programme.activity import CHECK_IN
from chalicelib.programme.model import Rule
from chalicelib.programme.rules import Amount
from chalicelib.programme.rules.by_length import ByLength
from chalicelib.programme.rules.cumulative import Cumulative
from chalicelib.programme.rules.fixed import Fixed
from chalicelib.programme.rules.ladder import Ladder
from chalicelib.programme.rules.streak import Streak

_DAYS = {"day": 1, "week": 7, "month": 31, "quarter": 92, "year": 366}


def smallest_points(amount: Amount) -> int:
    """The least a kind pays at once when it pays; 0 where that is a matter of money."""
    if isinstance(amount, Fixed):
        return amount.points
    if isinstance(amount, Ladder):
        return min((step.points for step in amount.steps if step.points), default=0)
    if isinstance(amount, ByLength):
        return amount.steps[0].points
    if isinstance(amount, Cumulative):
        return min(reward.points for reward in amount.rewards)
    return amount.points if isinstance(amount, Streak) else 0


def largest_points(amount: Amount) -> int | None:
    """The most a kind pays at once; None where that is a matter of money."""
    if isinstance(amount, Fixed):
        return amount.points
    if isinstance(amount, Ladder):
        return max(step.points for step in amount.steps)
    if isinstance(amount, ByLength):
        return amount.steps[-1].points
    if isinstance(amount, Cumulative):
        return max(reward.points for reward in amount.rewards)
    if isinstance(amount, Streak):
        return amount.points + max((reward.points for reward in amount.rewards), default=0)
    return None


def most_times(rule: Rule, period: str) -> int | None:
    """How often a rule can pay a member in a period: by its nature or by caps of its own; None when nothing says."""
    days, deeds = _DAYS.get(period), most_deeds(rule, period)
    bounds: list[int] = [] if deeds is None else [deeds]
    if rule.when.first:
        bounds.append(1)
    for cap in rule.caps:
        if cap.times is None:
            continue
        if cap.period in (period, "ever"):
            bounds.append(cap.times)
        elif cap.period in _DAYS and days is not None:
            bounds.append(cap.times * -(-days // _DAYS[cap.period]))
    return min(bounds) if bounds else None


def most_deeds(rule: Rule, period: str) -> int | None:
    """How often a member can do in a period what the rule answers, paid or not; None when nothing says."""
    return _DAYS.get(period) if rule.activity == CHECK_IN else None
