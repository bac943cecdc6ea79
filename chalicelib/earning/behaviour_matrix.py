"""The behaviour matrix (行为维度) as a member sees it: dimension, indicator, rule, and what each still gives him.

Only what members may know: rules that are enabled, and on trial only for those who try them. Pure.
"""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from chalicelib.ledger.check_in_days import CheckInDays
from chalicelib.ledger.counters import used
from chalicelib.programme import caps, conditions
from chalicelib.programme.activity import CHECK_IN, ORDER, Standing
from chalicelib.programme.caps import Limit
from chalicelib.programme.figures import largest_points, smallest_points
from chalicelib.programme.model import Answers, Indicator, Prepared, Rule, Terms
from chalicelib.programme.periods import THIS
from chalicelib.programme.rules.ladder import Ladder
from chalicelib.programme.texts import NO_DAYS, rule_text

DIMENSIONS = ("login", "activity", "transaction")
_BUILT_IN = (
    Indicator(id=CHECK_IN, name="签到", dimension="login"),
    Indicator(id=ORDER, name="消费", dimension="transaction"),
)


class Way(NamedTuple):
    """One rule; `state` is open, capped, done, paused, not_yet, over or not_for_you, and `told` says what is left."""

    rule: Rule
    points: int | None
    """What it pays at once, None where that depends on money, length or count."""
    state: str
    told: str
    limits: tuple[tuple[Limit, int], ...]
    """Each cap with what it still lets through, in points or times."""
    text: str
    """The rule's text with its figures filled in."""


class Ways(NamedTuple):
    """An indicator with the rules that answer it."""

    indicator: Indicator
    rules: tuple[Way, ...]


def ways_to_earn(terms: Terms, standing: Standing, on: date, days: CheckInDays = NO_DAYS) -> dict[str, list[Ways]]:
    """{dimension: indicators with at least one rule this member may see}, in the document's order; `days` are those
    the member has checked in.
    """
    found: dict[str, list[Ways]] = {name: [] for name in DIMENSIONS}
    for indicator in (*_BUILT_IN, *terms.programme.indicators):
        answers = terms.answers.get(indicator.id)
        if answers is None or answers.is_penalty:
            continue
        rules = tuple(_way(one, terms, standing, on, days) for one in _visible(answers, standing))
        if rules:
            found[indicator.dimension].append(Ways(indicator, rules))
    return found


def deductions(terms: Terms) -> list[tuple[Indicator, Rule, int]]:
    """What costs points, once people have found it so: indicator, rule, points."""
    found = []
    for indicator in terms.programme.indicators:
        rule = penalty_rule(terms, indicator.id)
        if rule is not None:
            found.append((indicator, rule, largest_points(rule.amount) or 0))
    return found


def penalty_rule(terms: Terms, indicator: str) -> Rule | None:
    """The rule that says what a penalty indicator costs, None when it costs nothing (the rule is off or paused)."""
    answers = terms.answers.get(indicator)
    if answers is None or not answers.is_penalty:
        return None
    fixed = (one.rule for one in answers.rules if one.rule.amount.kind == "fixed" and one.rule.id not in terms.paused)
    return next(fixed, None)


def _visible(answers: Answers, standing: Standing) -> list[Prepared]:
    return [one for one in answers.rules if one.trial is None or standing.member_id in one.trial]


def _way(one: Prepared, terms: Terms, standing: Standing, on: date, days: CheckInDays) -> Way:
    rule = one.rule
    most = largest_points(rule.amount)
    points = most if most is not None and smallest_points(rule.amount) == most else None
    limits = tuple((limit, caps.left(limit, standing.counters, {}, on)) for limit in one.limits)
    state, told = _state(one, terms, standing, on)
    if state == "open":
        state, told = _room(rule, points, limits)
    return Way(rule, points, state, told, limits, rule_text(rule, standing, days, on))


def _state(one: Prepared, terms: Terms, standing: Standing, on: date) -> tuple[str, str]:
    """What stands in a rule's way before its caps are asked."""
    rule = one.rule
    when = rule.when
    if rule.id in terms.paused:
        return "paused", "暂停中,恢复后可再得"
    if one.first and used(standing.counters, one.first, on):
        return "done", "仅限首次,您已得过"
    if isinstance(rule.amount, Ladder) and rule.amount.is_over(
        used(standing.counters, rule.amount.counter(rule.id), on) + 1
    ):
        return "done", rule.amount.over_in_words(rule.name)
    if when.from_on is not None and on < when.from_on:
        return "not_yet", conditions.in_words(when, "from_on")
    if when.until_on is not None and on > when.until_on:
        return "over", conditions.in_words(when, "until_on")
    unmet = conditions.of_the_member(when, frozenset(), standing, on)
    return ("not_for_you", conditions.in_words(when, unmet)) if unmet else ("open", "")


def _room(rule: Rule, points: int | None, limits: tuple[tuple[Limit, int], ...]) -> tuple[str, str]:
    """What the tightest cap leaves: `今日还可得5分`, or times where one time's points are not known beforehand."""
    in_points: list[tuple[int, str]] = []
    in_times: list[tuple[int, str]] = []
    for limit, left in limits:
        if not left:
            return "capped", caps.in_words(limit, rule.name)
        if limit.in_times and points is None:
            in_times.append((left, limit.period))
        else:
            in_points.append((left * (points or 1) if limit.in_times else left, limit.period))
    told = [f"{THIS[period]}还可得{left}分" for left, period in sorted(in_points)[:1]]
    told += [f"{THIS[period]}还可得{left}次" for left, period in sorted(in_times)[:1]]
    return "open", ",".join(told)
