"""What a brand should hear before it publishes: terms that are valid, and still probably not what was meant. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from chalicelib.programme.forbidden import forbidden_by_wechat
from chalicelib.programme.invites import invites_too_low
from chalicelib.programme.misfits import misfits
from chalicelib.programme.model import Programme
from chalicelib.programme.never import never_fires
from chalicelib.programme.periods import THIS
from chalicelib.programme.rules.multiplier import Multiplier
from chalicelib.programme.warning import Forecast, Placed, Warning

__all__ = ["Forecast", "Warning", "warnings"]

_DAYS = {"day": 1, "week": 7, "month": 30, "quarter": 91, "year": 365}


def warnings(
    programme: Programme, forecast: Forecast | None = None, *, today_on: date | None = None
) -> tuple[Warning, ...]:
    """Everything worth a second look; dates that are over only with `today_on`, budgets only with a forecast."""
    shown = [(f"rules.{place}", rule) for place, rule in enumerate(programme.rules) if rule.enabled]
    return (
        *_too_many(programme, shown),
        *never_fires(programme, shown, today_on),
        *invites_too_low(programme, shown),
        *forbidden_by_wechat(programme),
        *misfits(programme, shown),
        *_over_budget(programme, forecast),
    )


def _too_many(programme: Programme, shown: Placed) -> Iterator[Warning]:
    visible = sum(rule.trial is None and not isinstance(rule.amount, Multiplier) for _path, rule in shown)
    if visible > programme.max_shown_rules:
        text = f"会员能看到{visible}条规则,超过{programme.max_shown_rules}条就难以记住"
        yield Warning("rules", "too_many_rules", text)


def _over_budget(programme: Programme, forecast: Forecast | None) -> Iterator[Warning]:
    if forecast is None or forecast.days <= 0:
        return
    for place, budget in enumerate(programme.budgets):
        expected = sum(forecast.points_by_rule.get(rule_id, 0) for rule_id in set(budget.rules))
        days = _DAYS.get(budget.period)
        if days is not None:
            expected = expected * days // forecast.days
        if expected > budget.points:
            text = f"预计{THIS[budget.period]}发放{expected}分,超出预算{budget.points}分"
            yield Warning(f"budgets.{place}.points", "over_budget", text)
