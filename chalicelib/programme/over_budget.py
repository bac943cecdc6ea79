"""Warnings of budgets that a forecast exceeds, or that it says nothing of. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from chalicelib.programme.caps import Budget
from chalicelib.programme.model import Programme, Rule
from chalicelib.programme.periods import THIS
from chalicelib.programme.warning import Forecast, Warning

_DAYS = {"day": 1, "week": 7, "month": 30, "quarter": 91, "year": 365}


def over_budget(programme: Programme, forecast: Forecast | None, today_on: date | None) -> Iterator[Warning]:
    """Each rule is expected to pay through the budget's period, or through its own dates where they are fewer days."""
    if forecast is None or forecast.days <= 0:
        return
    enabled = {rule.id: rule for rule in programme.rules if rule.enabled}
    for place, budget in enumerate(programme.budgets):
        rules = [enabled[rule_id] for rule_id in dict.fromkeys(budget.rules) if rule_id in enabled]
        expected, endless = 0, []
        for rule in rules:
            days = _days(budget, rule, today_on)
            if days is None:
                endless.append(rule.name)
            else:
                expected += forecast.points_by_rule.get(rule.id, 0) * days
        expected //= forecast.days
        unseen = [rule.name for rule in rules if rule.id in forecast.unseen]
        if expected > budget.points:
            text = f"预计{THIS[budget.period]}发放{expected}分,超出预算{budget.points}分"
            yield Warning(f"budgets.{place}.points", "over_budget", text)
        elif endless:
            text = f"预算不按周期重置,而{'、'.join(endless)}没有写明起止日期,预测无法与预算比较"
            yield Warning(f"budgets.{place}.period", "not_comparable", text)
        elif unseen:
            text = f"{'、'.join(unseen)}在模拟的日期内没有生效,预测无法与预算比较"
            yield Warning(f"budgets.{place}.rules", "not_comparable", text)


def _days(budget: Budget, rule: Rule, today_on: date | None) -> int | None:
    """For how many days of one period the rule may pay; None when nothing ends it."""
    begins_on, until_on = rule.when.from_on or today_on, rule.when.until_on
    stated = max(0, (until_on - begins_on).days + 1) if begins_on and until_on else None
    return min((days for days in (stated, _DAYS.get(budget.period)) if days is not None), default=None)
