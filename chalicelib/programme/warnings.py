"""What a brand should hear before it publishes: terms that are valid, and still probably not what was meant. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import NamedTuple

from chalicelib.ledger.validity import OnDate
from chalicelib.programme.activity import CHECK_IN
from chalicelib.programme.figures import largest_points, most_times, smallest_points
from chalicelib.programme.model import Programme, Rule
from chalicelib.programme.periods import THIS
from chalicelib.programme.rules.multiplier import Multiplier
from chalicelib.programme.rules.streak import Streak


class Warning(NamedTuple):
    """Something to think about at a path of the document: a stable code, and the reason in Chinese."""

    path: str
    code: str
    text: str


class Forecast(NamedTuple):
    """What a simulation expects: points each rule would pay all members together within `days`."""

    days: int
    points_by_rule: Mapping[str, int]


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
        *_never_fires(programme, shown, today_on),
        *_invite_too_low(programme, shown),
        *_forbidden(programme, shown),
        *_caps_too_high(programme, shown),
        *_over_budget(programme, forecast),
    )


Placed = list[tuple[str, Rule]]


def _too_many(programme: Programme, shown: Placed) -> Iterator[Warning]:
    visible = sum(rule.trial is None and not isinstance(rule.amount, Multiplier) for _path, rule in shown)
    if visible > programme.max_shown_rules:
        text = f"会员能看到{visible}条规则,超过{programme.max_shown_rules}条就难以记住"
        yield Warning("rules", "too_many_rules", text)


def _never_fires(programme: Programme, shown: Placed, today_on: date | None) -> Iterator[Warning]:
    penalties = {indicator.id for indicator in programme.indicators if indicator.penalty}
    for path, rule in shown:
        when = rule.when
        if today_on and when.until_on and when.until_on < today_on:
            yield Warning(f"{path}.when.until_on", "dates_over", f"{rule.name}的活动日期已过,不会再发积分")
        if today_on and isinstance(rule.validity, OnDate) and rule.validity.on < today_on:
            yield Warning(f"{path}.validity.on", "validity_over", f"{rule.name}的积分有效期已过,不会再发积分")
        if when.from_on and isinstance(rule.validity, OnDate) and rule.validity.on < when.from_on:
            yield Warning(f"{path}.validity.on", "validity_over", f"{rule.name}开始前积分就已过期,永远不会发放")
        if rule.trial is not None and not rule.trial.members:
            yield Warning(f"{path}.trial.members", "nobody_on_trial", f"{rule.name}的试用名单为空,没有会员能得到积分")
        if rule.activity in penalties:
            yield Warning(path, "penalty_by_people", f"{rule.name}是扣分项,不会自动执行,须人工复核")
        if _never_on_a_weekday(rule):
            yield Warning(f"{path}.when.weekdays", "never", f"{rule.name}的日期范围内没有所选的星期,永远不会发放")
        yield from _too_small(programme, path, rule)
    yield from _shadowed(programme, shown)
    yield from _tasks_over(programme, today_on)


def _never_on_a_weekday(rule: Rule) -> bool:
    when = rule.when
    if not when.weekdays or not when.from_on or not when.until_on:
        return False
    days = (when.until_on - when.from_on).days + 1
    first = when.from_on.isoweekday()
    return not any((first - 1 + ahead) % 7 + 1 in when.weekdays for ahead in range(min(days, 7)))


def _too_small(programme: Programme, path: str, rule: Rule) -> Iterator[Warning]:
    """Caps and budgets below the smallest amount the rule pays at once."""
    least = smallest_points(rule.amount)
    for place, cap in enumerate(rule.caps):
        if cap.points is not None and cap.points < least:
            text = f"{rule.name}一次{least}分,{THIS[cap.period]}上限{cap.points}分发不满一次"
            yield Warning(f"{path}.caps.{place}.points", "cap_too_small", text)
    for place, shared in enumerate(programme.caps):
        if rule.id in shared.rules and shared.points < least:
            text = f"{rule.name}一次{least}分,超过共用上限{shared.points}分"
            yield Warning(f"caps.{place}.points", "cap_too_small", text)
    for place, budget in enumerate(programme.budgets):
        if rule.id in budget.rules and budget.points < least:
            text = f"{rule.name}一次{least}分,预算{budget.points}分发不出一次"
            yield Warning(f"budgets.{place}.points", "budget_too_small", text)


def _shadowed(programme: Programme, shown: Placed) -> Iterator[Warning]:
    """Of activities' multipliers with the same conditions only the highest ever counts under `best_one`."""
    if programme.stacking.activities != "best_one":
        return
    alike = [(path, rule, rule.amount) for path, rule in shown if isinstance(rule.amount, Multiplier)]
    for path, rule, amount in alike:
        for other_path, other, higher in alike:
            is_same = other.activity == rule.activity and other.when == rule.when and other.trial == rule.trial
            if path == other_path or not is_same or (amount.group, higher.group) != ("activity", "activity"):
                continue
            if higher.bp > amount.bp or (higher.bp == amount.bp and other_path < path):
                yield Warning(path, "shadowed", f"{rule.name}总是被{other.name}盖过,永远不会生效")
                break


def _tasks_over(programme: Programme, today_on: date | None) -> Iterator[Warning]:
    for place, task in enumerate(programme.tasks):
        until_on = task.window.until_on if task.window.kind == "dates" else None
        if task.enabled and today_on and until_on and until_on < today_on:
            yield Warning(f"tasks.{place}.window.until_on", "dates_over", f"任务{task.name}的日期已过")
        if task.enabled and isinstance(task.validity, OnDate) and until_on and task.validity.on < until_on:
            text = f"任务{task.name}结束前积分就已过期,晚完成的会员拿不到"
            yield Warning(f"tasks.{place}.validity.on", "validity_over", text)


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


def _caps_too_high(programme: Programme, shown: Placed) -> Iterator[Warning]:
    """Caps that nothing comes near: a digit too many."""
    reach: dict[str, tuple[Rule, str]] = {rule.id: (rule, path) for path, rule in shown}
    for path, rule in shown:
        for place, cap in enumerate(rule.caps):
            most = _most(rule, cap.period) if cap.points is not None else most_times(rule, cap.period)
            figure = cap.points or cap.times or 0
            if most is not None and figure > FAR * most:
                text = f"{rule.name}{THIS[cap.period]}最多{most},上限{figure}不起作用"
                yield Warning(f"{path}.caps.{place}", "cap_too_high", text)
    for place, shared in enumerate(programme.caps):
        figures = [_most(reach[one][0], shared.period) for one in shared.rules if one in reach]
        known = [one for one in figures if one is not None]
        if len(known) == len(figures) and shared.points > FAR * sum(known):
            text = f"这些规则{THIS[shared.period]}合计最多{sum(known)}分,上限{shared.points}不起作用"
            yield Warning(f"caps.{place}.points", "cap_too_high", text)


FAR = 10
"""A cap of more than this many times what can be reached is far above anything."""


def _most(rule: Rule, period: str) -> int | None:
    """The most points a rule can pay a member in a period, None when nothing bounds it."""
    times, points = most_times(rule, period), largest_points(rule.amount)
    return times * points if times is not None and points is not None else None


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
