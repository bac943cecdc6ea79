"""What no single field of a programme shows: references that lead nowhere, ids that stand twice, terms that cannot
work together. Each fault is (path in the document, reason in Chinese). Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from chalicelib.ledger.model import MAX_POINTS
from chalicelib.ledger.validity import FixedDay, Idle, Validity
from chalicelib.programme import texts
from chalicelib.programme.activity import CHECK_IN, MAX_ORDER_FEN, ORDER
from chalicelib.programme.campaigns import faults_of_campaigns
from chalicelib.programme.caps import Cap
from chalicelib.programme.claims import faults_of_claims
from chalicelib.programme.conditions import Trial, When
from chalicelib.programme.deduction import faults_of_deduction
from chalicelib.programme.figures import largest_points
from chalicelib.programme.levels import level_faults
from chalicelib.programme.model import Programme, Rule
from chalicelib.programme.penalties import faults_of_penalties
from chalicelib.programme.privileges import gates_of
from chalicelib.programme.rules.multiplier import ONE_BP, Multiplier
from chalicelib.programme.rules.pending import AfterReceipt
from chalicelib.programme.rules.per_amount import PerAmount
from chalicelib.programme.stages import stage_faults
from chalicelib.programme.tasks import DatesWindow, Task

Fault = tuple[str, str]


def faults_of(programme: Programme) -> Iterator[Fault]:
    """Every fault, in the order of the document's parts."""
    yield from _of_the_whole(programme)
    yield from _of_ids(programme)
    for place, rule in enumerate(programme.rules):
        for path, reason in _of_rule(programme, rule):
            yield f"rules.{place}.{path}", reason
    for place, _task in enumerate(programme.tasks):
        for path, reason in _of_task(programme, place):
            yield f"tasks.{place}.{path}", reason
    yield from _of_levels(programme)
    yield from _of_stages(programme)
    yield from _of_lists(programme)
    yield from faults_of_penalties(programme)
    yield from faults_of_claims(programme.claims)
    yield from faults_of_campaigns(programme.campaigns)
    yield from _of_deduction(programme)
    yield from _of_shares(programme)
    yield from _too_many_at_once(programme)


def money_activities(programme: Programme) -> frozenset[str]:
    """The activities that come with an amount of money."""
    return frozenset({ORDER} | {one.id for one in programme.indicators if one.dimension == "transaction"})


def _of_the_whole(programme: Programme) -> Iterator[Fault]:
    try:
        ZoneInfo(programme.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        yield "zone", "不是已知时区"
    if len(set(programme.class_order)) < len(programme.class_order):
        yield "class_order", "有重复项"
    validities = [rule.validity for rule in programme.rules] + [task.validity for task in programme.tasks]
    if any(isinstance(one, Idle) for one in validities) and not programme.idle_months:
        yield "idle_months", "应至少为1:有规则的积分随活跃有效"
    if programme.transfer and programme.transfer.min_points > programme.transfer.max_points_per_day:
        yield "transfer.min_points", "大于每日上限"


def _of_ids(programme: Programme) -> Iterator[Fault]:
    """Rules, tasks and shared caps name counters and awards, so their ids are one family; budgets, indicators apart."""
    known: set[str] = set()
    for name, ids in (
        ("rules", [rule.id for rule in programme.rules]),
        ("tasks", [task.id for task in programme.tasks]),
        ("caps", [cap.id for cap in programme.caps]),
    ):
        yield from _twins(name, ids, known)
    yield from _twins("budgets", [budget.id for budget in programme.budgets], set())
    yield from _twins("campaigns", [campaign.id for campaign in programme.campaigns], set())
    yield from _twins("indicators", [indicator.id for indicator in programme.indicators], {CHECK_IN, ORDER})


def _of_levels(programme: Programme) -> Iterator[Fault]:
    """Levels by themselves, and rules that ask for a level which is none."""
    levels = programme.levels
    yield from _of_gates(programme)
    if levels is None:
        return
    for path, reason in level_faults(levels):
        yield f"levels.{path}", reason
    if len(levels.levels) > 1 and programme.growth is None:
        yield "growth", "缺失:等级由成长值决定"
    known = {level.id for level in levels.levels}
    for path, when in _whens(programme):
        for place, level_id in enumerate(when.levels):
            if level_id not in known:
                yield f"{path}.when.levels.{place}", "不是已有的等级"


def _of_deduction(programme: Programme) -> Iterator[Fault]:
    if programme.deduction is None:
        return
    value = programme.point_value
    for path, reason in faults_of_deduction(programme.deduction, value.points, value.fen):
        yield f"deduction.{path}", reason


def _of_stages(programme: Programme) -> Iterator[Fault]:
    if programme.stages is None:
        return
    activities = {CHECK_IN, ORDER} | {one.id for one in programme.indicators if not one.penalty}
    levels = [level.id for level in programme.levels.levels] if programme.levels else []
    for path, reason in stage_faults(programme.stages, activities, levels):
        yield f"stages.{path}", reason


def _of_gates(programme: Programme) -> Iterator[Fault]:
    """Rules that ask for a gate which no level opens."""
    opened = {gate for gates in gates_of(programme.levels).values() for gate in gates}
    for path, when in _whens(programme):
        if when.gate is not None and when.gate not in opened:
            yield f"{path}.when.gate", "不是任何等级的权益"


def _whens(programme: Programme) -> Iterator[tuple[str, When]]:
    earners: tuple[tuple[str, tuple[Rule | Task, ...]], ...] = (("rules", programme.rules), ("tasks", programme.tasks))
    for name, listed in earners:
        for place, one in enumerate(listed):
            yield f"{name}.{place}", one.when


def _twins(name: str, ids: Iterable[str], known: set[str]) -> Iterator[Fault]:
    for place, one in enumerate(ids):
        path = f"{name}.{place}.id"
        if ":" in one or "#" in one or one != one.strip():
            yield path, "不能含有冒号、井号或首尾空格"
        if one in known:
            yield path, "与前面的重复"
        known.add(one)


def _of_rule(programme: Programme, rule: Rule) -> Iterator[Fault]:
    yield from _of_activity(programme, rule)
    if problem := rule.amount.problem():
        yield f"amount.{problem[0]}", problem[1]
    if isinstance(rule.amount, Multiplier):
        yield from _of_multiplier(programme, rule)
    elif isinstance(rule.amount, PerAmount) and _beyond_the_ledger(programme, rule, rule.amount):
        yield "amount.points", "过大,加上倍率后一笔大额订单的积分会超出上限"
    yield from _of_when(programme, rule.activity, rule.when)
    yield from _of_caps(rule.caps)
    yield from _of_validity(rule.validity)
    if rule.pending and rule.activity == CHECK_IN:
        yield "pending", "不适用于签到,签到积分即时到账"
    elif isinstance(rule.pending, AfterReceipt) and rule.activity != ORDER:
        yield "pending.kind", "只适用于消费"
    if wrong := texts.problem(rule.text, texts.OF_A_RULE):
        yield "text", wrong
    yield from _of_trial(rule.trial)


def _of_trial(trial: Trial | None) -> Iterator[Fault]:
    if trial and len(set(trial.members)) < len(trial.members):
        yield "trial.members", "有重复项"


def _of_activity(programme: Programme, rule: Rule) -> Iterator[Fault]:
    indicators = {one.id for one in programme.indicators}
    if rule.activity not in {CHECK_IN, ORDER} | indicators:
        yield "activity", "不是签到、消费或已登记的指标"
        return
    kind = rule.activity if rule.activity in (CHECK_IN, ORDER) else "indicator"
    if kind not in rule.amount.ANSWERS:
        yield "amount.kind", "不适用于这种行为"
    elif isinstance(rule.amount, (PerAmount, Multiplier)) and rule.activity not in money_activities(programme):
        yield "amount.kind", "只适用于有金额的行为"


def _of_multiplier(programme: Programme, rule: Rule) -> Iterator[Fault]:
    by_amount = [one for one in programme.rules if isinstance(one.amount, PerAmount)]
    if rule.activity not in {one.activity for one in by_amount}:
        yield "activity", "没有按金额计分的规则,倍率无处可乘"
    if rule.caps:
        yield "caps", "不适用于倍率,上限写在被乘的规则上"
    if rule.pending:
        yield "pending", "不适用于倍率,随被乘的规则待入账"
    if isinstance(rule.amount, Multiplier) and rule.amount.bp > programme.stacking.ceiling_bp:
        yield "amount.bp", "超过倍率总上限"


def _beyond_the_ledger(programme: Programme, rule: Rule, amount: PerAmount) -> bool:
    """Whether the largest order could come to more points than one operation may move."""
    multipliers = any(isinstance(one.amount, Multiplier) and one.activity == rule.activity for one in programme.rules)
    ceiling_bp = programme.stacking.ceiling_bp if multipliers else ONE_BP
    return MAX_ORDER_FEN * amount.points * ceiling_bp > MAX_POINTS * amount.fen * ONE_BP


def _of_when(programme: Programme, activity: str, when: When) -> Iterator[Fault]:
    if problem := when.problem():
        yield f"when.{problem[0]}", problem[1]
    for name in ("skus", "categories"):
        if getattr(when, name) and activity != ORDER:
            yield f"when.{name}", "只适用于消费"
    if when.platforms and activity == CHECK_IN:
        yield "when.platforms", "不适用于签到"
    if when.min_fen and activity not in money_activities(programme):
        yield "when.min_fen", "只适用于有金额的行为"


def _of_caps(caps: tuple[Cap, ...]) -> Iterator[Fault]:
    known: set[tuple[bool, str]] = set()
    for place, cap in enumerate(caps):
        if (cap.points is None) == (cap.times is None):
            yield f"caps.{place}", "应写明积分或次数其中一项"
        one = (cap.points is not None, cap.period)
        if one in known:
            yield f"caps.{place}", "与前面的上限重复"
        known.add(one)


def _of_validity(validity: Validity) -> Iterator[Fault]:
    if isinstance(validity, FixedDay) and (problem := validity.problem()):
        yield f"validity.{problem[0]}", problem[1]


def _of_task(programme: Programme, place: int) -> Iterator[Fault]:
    task = programme.tasks[place]
    indicators = {one.id for one in programme.indicators if not one.penalty}
    if task.activity not in {CHECK_IN, ORDER} | indicators:
        yield "activity", "不是签到、消费或已登记的指标"
    elif task.counts == "fen" and task.activity not in money_activities(programme):
        yield "counts", "为金额,但这种行为没有金额"
    if isinstance(task.window, DatesWindow) and task.window.from_on > task.window.until_on:
        yield "window.until_on", "早于开始日期"
    if task.counts == "days" and task.goal > _days_in(task.window):
        yield "goal", "超过期间的天数,永远完不成"
    if wrong := texts.problem(task.text, texts.OF_A_TASK):
        yield "text", wrong
    if task.when.first:
        yield "when.first", "不适用于任务"
    yield from _of_when(programme, task.activity, task.when)
    yield from _of_validity(task.validity)
    yield from _of_trial(task.trial)


def _days_in(window: object) -> int:
    if isinstance(window, DatesWindow):
        return (window.until_on - window.from_on).days + 1
    return {"week": 7, "month": 31, "quarter": 92, "year": 366}[getattr(window, "kind", "year")]


def _of_lists(programme: Programme) -> Iterator[Fault]:
    """Shared caps and budgets list rules and tasks that exist, each once; a multiplier is capped with the rule it
    multiplies.
    """
    multipliers = {rule.id for rule in programme.rules if isinstance(rule.amount, Multiplier)}
    known = {rule.id for rule in programme.rules} | {task.id for task in programme.tasks}
    lists = [(f"caps.{place}", cap.rules) for place, cap in enumerate(programme.caps)]
    lists += [(f"budgets.{place}", budget.rules) for place, budget in enumerate(programme.budgets)]
    for path, listed in lists:
        for place, rule_id in enumerate(listed):
            if rule_id not in known:
                yield f"{path}.rules.{place}", "不是这个方案的规则或任务"
            elif path.startswith("caps") and rule_id in multipliers:
                yield f"{path}.rules.{place}", "是倍率,上限写在被乘的规则上"
            if rule_id in listed[:place]:
                yield f"{path}.rules.{place}", "与前面的重复"


def _of_shares(programme: Programme) -> Iterator[Fault]:
    """A budget is drawn from one of its shards at a time: each holds the largest award at once."""
    for place, budget in enumerate(programme.budgets):
        awards = [_largest_award(rule) for rule in programme.rules if rule.id in budget.rules]
        largest = max(awards + [task.points for task in programme.tasks if task.id in budget.rules], default=0)
        if budget.shards > 1 and budget.points // budget.shards < largest:
            yield f"budgets.{place}.shards", "每份名额装不下一次奖励,请减少shards"


def _largest_award(rule: Rule) -> int:
    """The most a rule pays at once by its table and its own caps; 0 where that is a matter of money."""
    caps = [cap.points for cap in rule.caps if cap.points]
    return min([largest_points(rule.amount) or 0, *caps])


MAX_AT_ONCE = 20
"""Each award of an activity is an entry, and one transaction holds a hundred items."""


def _too_many_at_once(programme: Programme) -> Iterator[Fault]:
    """Rules and tasks that answer one activity beyond what one posting can hold; multipliers leave no entry."""
    paying = [
        (f"rules.{place}", rule.activity)
        for place, rule in enumerate(programme.rules)
        if rule.enabled and not isinstance(rule.amount, Multiplier)
    ]
    paying += [(f"tasks.{place}", task.activity) for place, task in enumerate(programme.tasks) if task.enabled]
    answering: Counter[str] = Counter()
    for path, activity in paying:
        answering[activity] += 1
        if answering[activity] > MAX_AT_ONCE:
            yield f"{path}.activity", f"同一行为最多{MAX_AT_ONCE}条启用的规则和任务"
