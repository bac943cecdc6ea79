"""What a brand should hear before it publishes: terms that are valid, and still probably not what was meant. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date

from chalicelib.programme.activity import CHECK_IN
from chalicelib.programme.figures import largest_points, smallest_points
from chalicelib.programme.misfits import misfits
from chalicelib.programme.model import Programme, Rule
from chalicelib.programme.never import never_fires
from chalicelib.programme.periods import THIS
from chalicelib.programme.rules.multiplier import Multiplier
from chalicelib.programme.rules.streak import Streak
from chalicelib.programme.warning import Forecast, Placed, Warning

__all__ = ["Forecast", "Warning", "warnings"]

_DAYS = {"day": 1, "week": 7, "month": 30, "quarter": 91, "year": 365}
_INVITE = ("invite", "referral", "邀请", "拉新")
_MESSAGE = ("message", "speak", "post_text", "发言")
_FORBIDDEN = {
    "分享": ("share", "forward", "repost", "moments", "分享", "转发", "朋友圈"),
    "关注": ("follow", "subscribe_account", "关注"),
    "点赞": ("like", "thumb", "点赞", "集赞"),
    "下载": ("download", "install", "下载"),
}
"""What WeChat forbids to reward (诱导行为), by words an indicator may be called by."""


def warnings(
    programme: Programme, forecast: Forecast | None = None, *, today_on: date | None = None
) -> tuple[Warning, ...]:
    """Everything worth a second look; dates that are over only with `today_on`, budgets only with a forecast."""
    shown = [(f"rules.{place}", rule) for place, rule in enumerate(programme.rules) if rule.enabled]
    return (
        *_too_many(programme, shown),
        *never_fires(programme, shown, today_on),
        *_invite_too_low(programme, shown),
        *_forbidden(programme, shown),
        *misfits(programme, shown),
        *_over_budget(programme, forecast),
    )


def _too_many(programme: Programme, shown: Placed) -> Iterator[Warning]:
    visible = sum(rule.trial is None and not isinstance(rule.amount, Multiplier) for _path, rule in shown)
    if visible > programme.max_shown_rules:
        text = f"会员能看到{visible}条规则,超过{programme.max_shown_rules}条就难以记住"
        yield Warning("rules", "too_many_rules", text)


def _invite_too_low(programme: Programme, shown: Placed) -> Iterator[Warning]:
    """An invite is worth more than a check-in and a message, or nobody takes the trouble."""
    names = {indicator.id: indicator.name for indicator in programme.indicators}
    messages = [rule for _path, rule in shown if _is_called(rule, names, _MESSAGE)]
    check_ins = [rule for _path, rule in shown if rule.activity == CHECK_IN and isinstance(rule.amount, Streak)]
    for path, rule in shown:
        if not _is_called(rule, names, _INVITE):
            continue
        least = smallest_points(rule.amount)
        for other, what in [*((one, "一次签到") for one in check_ins), *((one, "一次发言") for one in messages)]:
            points = other.amount.points if isinstance(other.amount, Streak) else largest_points(other.amount)
            if points is not None and least <= points:
                text = f"{rule.name}{least}分,不高于{what}的{points}分,会员没有动力邀请"
                yield Warning(f"{path}.amount", "invite_too_low", text)


def _forbidden(programme: Programme, shown: Placed) -> Iterator[Warning]:
    names = {indicator.id: indicator.name for indicator in programme.indicators}
    for path, rule in shown:
        for what, words in _FORBIDDEN.items():
            if _is_called(rule, names, words):
                text = f"微信不允许以积分奖励{what},{rule.name}可能导致小程序或公众号被处罚"
                yield Warning(f"{path}.activity", "forbidden_by_wechat", text)


def _is_called(rule: Rule, names: Mapping[str, str], words: Iterable[str]) -> bool:
    """Whether the rule's indicator goes by one of these words: a Latin one as a whole part of its id."""
    parts = rule.activity.lower().replace("-", "_").split("_")
    name = names.get(rule.activity, "")
    return any(word in name or word == rule.activity or word in parts for word in words) and rule.activity in names


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
