"""Warnings of rules and tasks that are enabled and can never pay, or not as long as they say. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from chalicelib.ledger.validity import OnDate
from chalicelib.programme.figures import largest_points, most_deeds
from chalicelib.programme.model import Programme, Rule
from chalicelib.programme.periods import THIS
from chalicelib.programme.rules.ladder import Ladder
from chalicelib.programme.rules.multiplier import Multiplier
from chalicelib.programme.warning import Placed, Warning


def never_fires(programme: Programme, shown: Placed, today_on: date | None) -> Iterator[Warning]:
    """Rules first, then tasks; what is over is known only with `today_on`."""
    penalties = {indicator.id for indicator in programme.indicators if indicator.penalty}
    for path, rule in shown:
        when = rule.when
        if today_on and when.until_on and when.until_on < today_on:
            yield Warning(f"{path}.when.until_on", "dates_over", f"{rule.name}的活动日期已过,不会再发积分")
        if isinstance(rule.validity, OnDate):
            yield from _ends_too_soon(path, rule, rule.validity.on, today_on)
        if rule.trial is not None and not rule.trial.members:
            yield Warning(f"{path}.trial.members", "nobody_on_trial", f"{rule.name}的试用名单为空,没有会员能得到积分")
        if rule.activity in penalties:
            yield Warning(path, "penalty_by_people", f"{rule.name}是扣分项,不会自动执行,须人工复核")
        if _never_on_a_weekday(rule):
            yield Warning(f"{path}.when.weekdays", "never", f"{rule.name}的日期范围内没有所选的星期,永远不会发放")
        if when.tags:
            yield Warning(f"{path}.when.tags", "nobody_tagged", _NOBODY_TAGGED.format(rule.name))
        yield from _pays_nothing(path, rule)
    yield from _shadowed(programme, shown)
    yield from _of_tasks(programme, today_on)


_NOBODY_TAGGED = "{}只限带指定标签的会员,但会员标签只用于商城和抽奖,不用于得分:行为本身不带标签就不会发放"


def _ends_too_soon(path: str, rule: Rule, ends_on: date, today_on: date | None) -> Iterator[Warning]:
    """A stated last day that comes before the points do, for all of them or for the late ones."""
    pending, when = rule.pending, rule.when
    last_on = ends_on - timedelta(days=pending.least_days if pending else 0)
    sure_on = ends_on - timedelta(days=pending.most_days if pending else 0)
    if last_on < max(when.from_on or date.min, today_on or date.min):
        too_late = "早于最早的到账日" if pending else "已过期"
        text = f"{rule.name}的积分{ends_on}到期,发放时{too_late},不会发放"
        yield Warning(f"{path}.validity.on", "validity_over", text)
    elif pending and (when.until_on is None or when.until_on > sure_on):
        late = f"{sure_on}之后付款而未确认收货的,到账时已过期;" if sure_on < last_on else ""
        text = f"{rule.name}的积分{ends_on}到期:{late}{last_on}之后的等不到到账,不再发放"
        yield Warning(f"{path}.validity.on", "validity_before_activation", text)


def _pays_nothing(path: str, rule: Rule) -> Iterator[Warning]:
    if largest_points(rule.amount) == 0:
        yield Warning(f"{path}.amount", "never", f"{rule.name}的积分都是0,永远不会发放")
    elif isinstance(rule.amount, Ladder):
        period = rule.amount.period
        first = next(step.from_time for step in rule.amount.steps if step.points)
        most = most_deeds(rule, period)
        if most is not None and first > most:
            text = f"{rule.name}第{first}次才有积分,{THIS[period]}最多{most}次,永远不会发放"
            yield Warning(f"{path}.amount", "never", text)


def _never_on_a_weekday(rule: Rule) -> bool:
    when = rule.when
    if not when.weekdays or not when.from_on or not when.until_on:
        return False
    days = (when.until_on - when.from_on).days + 1
    first = when.from_on.isoweekday()
    return not any((first - 1 + ahead) % 7 + 1 in when.weekdays for ahead in range(min(days, 7)))


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


def _of_tasks(programme: Programme, today_on: date | None) -> Iterator[Warning]:
    for place, task in enumerate(programme.tasks):
        path = f"tasks.{place}"
        if not task.enabled:
            continue
        until_on = task.window.until_on if task.window.kind == "dates" else None
        if today_on and until_on and until_on < today_on:
            yield Warning(f"{path}.window.until_on", "dates_over", f"任务{task.name}的日期已过")
        if isinstance(task.validity, OnDate) and until_on and task.validity.on < until_on:
            text = f"任务{task.name}结束前积分就已过期,晚完成的会员拿不到"
            yield Warning(f"{path}.validity.on", "validity_over", text)
        if task.when.tags:
            yield Warning(f"{path}.when.tags", "nobody_tagged", _NOBODY_TAGGED.format(f"任务{task.name}"))
