"""A rule's terms in words for a member, from the plain form of a document (all defaults filled in). Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

Plain = Mapping[str, Any]

EACH = {"day": "每天", "week": "每周", "month": "每月", "quarter": "每季度", "year": "每年", "ever": "累计"}
_WEEKDAYS = "一二三四五六日"
_LESS = {"freight": "运费", "coupon": "优惠券", "points": "积分抵扣", "stored_value": "储值支付"}
_ROUNDING = {"floor": "不足部分不计", "half_up": "四舍五入", "ceiling": "不足部分按一份计"}
_WINDOW = {"week": "每周", "month": "每月", "quarter": "每季度", "year": "每年"}
_COUNTS = {"times": "次", "days": "天", "fen": "元"}


def yuan(fen: int) -> str:
    """Fen as yuan: 100 is `1元`, 1990 is `19.9元`."""
    whole, rest = divmod(fen, 100)
    return f"{whole}.{rest:02d}".rstrip("0") + "元" if rest else f"{whole}元"


def times(bp: int) -> str:
    """Basis points as a multiple: 12000 is `1.2倍`."""
    return f"{bp // 10_000}.{bp % 10_000:04d}".rstrip("0").rstrip(".") + "倍"


def value_words(value: Plain) -> str:
    return f"{value['points']}积分相当于{yuan(value['fen'])}"


def earning_words(amount: Plain) -> list[str]:
    """What a rule pays; a kind without words of its own is named by its points alone."""
    words = _EARNING.get(amount["kind"])
    return words(amount) if words else [f"得{amount['points']}分"] if "points" in amount else []


def _streak(amount: Plain) -> list[str]:
    cycle = {"week": "每周一", "month": "每月1日", "run": ""}[amount["cycle"]]
    rewards = [f"连续签到第{one['day']}天另得{one['points']}分" for one in amount["rewards"]]
    again = ["发完后重新累计"] if amount["repeats"] and rewards else []
    anew = [f"{cycle}重新计算连续天数"] if cycle and rewards else []
    daily = [f"每天签到得{amount['points']}分"] if amount["points"] else []
    make_up = amount.get("make_up")
    if make_up:
        look_back = f"可补签最近{make_up['look_back_days']}天"
        anew.append(f"{look_back},每次{make_up['price_points']}分,每月最多{make_up['per_month']}次")
    return [*daily, *rewards, *again, *anew]


def _per_amount(amount: Plain) -> list[str]:
    lines = [f"每消费{yuan(amount['fen'])}得{amount['points']}分({_ROUNDING[amount['rounding']]})"]
    return [*lines, f"{less_words(amount['less'])}不计积分"] if amount["less"] else lines


def less_words(parts: Sequence[str]) -> str:
    """The parts of a payment that do not count."""
    return "、".join(_LESS[part] for part in parts)


def _ladder(amount: Plain) -> list[str]:
    period = "" if amount["period"] == "ever" else EACH[amount["period"]]
    steps = amount["steps"]
    ends = [*(step["from"] - 1 for step in steps[1:]), None]
    return [period + _step(step["from"], end, step["points"]) for step, end in zip(steps, ends, strict=True)]


def _step(first: int, last: int | None, points: int) -> str:
    """One step of a ladder; the last one goes on for ever."""
    paid = f"每次得{points}分" if points else "不再得分"
    if last is None:
        return f"第{first}次起{paid}"
    return f"第{first}次得{points}分" if first == last else f"第{first}至{last}次{paid}"


def _cumulative(amount: Plain) -> list[str]:
    by_hand = ",需手动领取" if amount["claim"] == "by_hand" else ""
    return [f"{EACH[amount['cycle']]}累计签到{one['days']}天得{one['points']}分{by_hand}" for one in amount["rewards"]]


def _by_length(amount: Plain) -> list[str]:
    return [
        f"超过{step['over']}字得{step['points']}分" if step["over"] else f"每次得{step['points']}分"
        for step in amount["steps"]
    ]


_EARNING: Mapping[str, Callable[[Plain], list[str]]] = {
    "fixed": lambda amount: [f"每次得{amount['points']}分"],
    "streak": _streak,
    "per_amount": _per_amount,
    "ladder": _ladder,
    "cumulative": _cumulative,
    "multiplier": lambda amount: [f"积分{times(amount['bp'])}"],
    "by_length": _by_length,
}


class LevelNames(NamedTuple):
    """What members call the levels."""

    names: Mapping[str, str]
    """The name of each level by its id."""
    gates: Mapping[str, Sequence[str]]
    """The names of the levels that may enter a gate."""


def level_names(levels: Iterable[tuple[str, str, Iterable[str]]]) -> LevelNames:
    """The names of levels told as (id, name, gates), lowest first."""
    names, gates = {}, defaultdict(list)
    for level_id, name, opened in levels:
        names[level_id] = name
        for gate in opened:
            gates[gate].append(name)
    return LevelNames(names, gates)


def names_of_levels(document: Plain) -> LevelNames:
    """The same of a document."""
    levels = document.get("levels") or {"levels": ()}
    return level_names((one["id"], one["name"], one["privileges"]["gates"]) for one in levels["levels"])


def condition_words(when: Plain | None, levels: LevelNames) -> list[str]:
    """The conditions that are stated. Tags, articles and the like are the brand's own words and are only hinted at."""
    when = dict(when or {})
    when["levels"] = [levels.names.get(level, level) for level in when.get("levels", ())]
    when["gate"] = levels.gates.get(when.get("gate") or "", ())
    lines = [words(when[name]) for name, words in _CONDITIONS.items() if when.get(name)]
    since, until = when.get("from_on"), when.get("until_on")
    if since or until:
        lines.append(f"{since or ''}至{until}" if until else f"{since}起")
    return lines


def _hours(hours: Sequence[Sequence[int]]) -> str:
    return "限" + "、".join(f"{first}点至{end}点" for first, end in hours)


_CONDITIONS: Mapping[str, Callable[[Any], str]] = {
    "levels": lambda names: f"限{'、'.join(names)}会员",
    "gate": lambda names: f"{'、'.join(names)}会员专享",
    "tags": lambda _tags: "限指定会员",
    "platforms": lambda _platforms: "限指定平台",
    "skus": lambda _skus: "限指定商品",
    "categories": lambda _categories: "限指定品类",
    "weekdays": lambda days: "限每周" + "、".join(_WEEKDAYS[day - 1] for day in days),
    "hours": _hours,
    "first": lambda _first: "每位会员仅第一次",
    "min_fen": lambda fen: f"满{yuan(fen)}" if fen > 1 else "需有实付金额",
    "within_days_of_joining": lambda days: f"入会{days}天内",
    "buyers": lambda _buyers: "限有过消费的会员",
}


def cap_words(caps: Sequence[Plain]) -> list[str]:
    """Per member: `每月最多172分`."""
    return [
        EACH[cap["period"]] + (f"最多{cap['points']}分" if cap.get("points") else f"最多{cap['times']}次")
        for cap in caps
    ]


def names_of_earners(document: Plain) -> dict[str, str]:
    """What a member calls each rule and task."""
    return {one["id"]: one["name"] for one in (*document["rules"], *document["tasks"])}


def shared_cap_words(cap: Plain, names: Mapping[str, str]) -> str:
    """A cap of several rules and tasks; `names` of those a member knows."""
    rules = "、".join(names[rule] for rule in cap["rules"] if rule in names)
    return f"{rules}合计{EACH[cap['period']]}最多{cap['points']}分"


def pending_words(pending: Plain | None) -> list[str]:
    """When points can be used; nothing said means at once."""
    if not pending:
        return []
    if pending["kind"] == "days":
        return [f"{pending['days']}天后到账"]
    line = f"确认收货{pending['days']}天后到账,一直未确认的付款{pending['fallback_days']}天后到账"
    return [line, f"门店消费{pending['pos_fallback_days']}天后到账"]


def validity_words(validity: Plain, idle_months: int = 0) -> str:
    """Until when points can be used; `idle_months` is the programme's own term."""
    kind = validity["kind"]
    if kind == "idle":
        return f"连续{idle_months}个月没有积分变动才到期" if idle_months else "长期有效"
    return _VALIDITY[kind](validity)


def _fixed_day(validity: Plain) -> str:
    least = f",至少可用{validity['min_days']}天" if validity["min_days"] else ""
    return f"每年{validity['month']}月{validity['day']}日到期{least}"


_VALIDITY: Mapping[str, Callable[[Plain], str]] = {
    "months": lambda one: f"有效期至获得后第{one['months']}个月的月底" if one["months"] else "当月月底到期",
    "days": lambda one: f"获得后{one['days']}天内有效" + ("" if one["until"] == "day" else ",延至当月月底"),
    "never": lambda _one: "长期有效",
    "year_end": lambda one: f"有效期至获得后第{one['years']}年年底" if one["years"] else "当年年底到期",
    "fixed_day": _fixed_day,
    "on_date": lambda one: f"{one['on']}到期",
    "quarter": lambda one: f"有效期至获得后第{one['quarters']}个季度末" if one["quarters"] else "当季末到期",
}


def task_words(task: Plain, activity_names: Mapping[str, str]) -> str:
    """What a task asks and pays."""
    window = task["window"]
    when = _WINDOW.get(window["kind"]) or f"{window['from_on']}至{window['until_on']}"
    name = activity_names.get(task["activity"], task["activity"])
    goal = yuan(task["goal"]) if task["counts"] == "fen" else f"{task['goal']}{_COUNTS[task['counts']]}"
    return f"{when}{name}满{goal}得{task['points']}分"


def refund_words(reversal: str, grace_days: int) -> list[str]:
    """What a refund does to the points of its order, and to points that were spent on it."""
    line = {
        "deficit": "退款时收回该订单的积分,余额不足的部分从以后获得的积分中补足",
        "waive": "退款时收回该订单的积分,已经用掉的部分不再追回",
        "pending_only": "待入账期间退款的,积分不再入账;已入账的积分不收回",
        "charge_refund": "退款时收回该订单的积分,已经用掉的部分按积分价值从退款中扣除",
    }[reversal]
    return [line, f"退回的积分如已过期,自退回之日起{grace_days}天内有效"] if grace_days else [line]


def transfer_words(transfer: Plain | None) -> list[str]:
    """Whether and how members may give points away."""
    if not transfer:
        return []
    least, most = transfer["min_points"], transfer["max_points_per_day"]
    return [f"积分可转赠,每次至少{least}分,每天最多{most}分、{transfer['times_per_day']}次"]


def notice_words(days: int) -> list[str]:
    """The promise that worse terms are announced."""
    return [f"对会员不利的调整提前{days}天公布"] if days else []


def names_of_activities(document: Plain) -> dict[str, str]:
    """What a member calls each activity."""
    indicators = {one["id"]: one["name"] for one in document.get("indicators", ())}
    return {"check_in": "签到", "order": "消费", **indicators}
