"""Growth, levels and privileges in words for a member, from the plain form of a document; and what of them changed.
Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from chalicelib.programme.words import less_words, yuan

Plain = Mapping[str, Any]


def growth_words(growth: Plain | None) -> list[str]:
    """How growth comes, goes, and for how long it counts."""
    if growth is None:
        return []
    return [*_order(growth), *_behaviour(growth), _window(growth), "成长值只用于评定等级,不能兑换,也不因使用积分而减少"]


def _order(growth: Plain) -> list[str]:
    order = growth["order"]
    if order is None:
        return []
    less = [f"{less_words(order['less'])}不计成长值"] if order["less"] else []
    return [f"每消费{yuan(order['fen'])}得{order['growth']}成长值(不足部分不计)", *less, "退款时收回该订单相应的成长值"]


def _behaviour(growth: Plain) -> list[str]:
    behaviour = growth["behaviour"]
    if behaviour is None:
        return []
    percent = f"{behaviour['bp'] / 100:g}%"
    return [f"行为类积分的{percent}计为成长值,每年最多{behaviour['most_per_year']}成长值"]


def _window(growth: Plain) -> str:
    months = growth["window_months"]
    return f"评定等级只看最近{months}个自然月(含当月)的成长值" if months > 1 else "评定等级只看当月的成长值"


def level_words(levels: Plain | None) -> list[str]:
    """Each level with its thresholds, then how levels last, fall, are told of and tried."""
    if levels is None:
        return []
    each = [f"{level['name']}:{_thresholds(level)}" for level in levels["levels"]]
    return [*each, *(line for say in _TERMS.values() if (line := say[1](levels)))]


def _thresholds(level: Plain) -> str:
    if not level["from_growth"]:
        return "人人都有"
    keep = f"期满时满{level['keep_growth']}可保级" if level["keep_growth"] else "期满自动保级"
    return f"成长值满{level['from_growth']}立即升级,{keep}"


def _validity(levels: Plain) -> str:
    months = levels["valid_months"]
    return f"等级自升级起{months}个月有效,期满时成长值够保级线的续期{months}个月"


def _fall(levels: Plain) -> str:
    lower = {"one_step": "下降一级", "by_growth": "降至成长值够得上保级线的等级"}[levels["fall"]]
    grace = levels["grace_days"]
    return (
        f"期满不够保级线的,等级再保留{grace}天,其间补足即可保级,仍不足的{lower}"
        if grace
        else f"期满不够保级线的{lower}"
    )


_REFUNDS = {
    "keep": "退款会收回成长值,但当前等级保留到有效期满再评定",
    "recheck": "退款会收回成长值,因此不够保级线的,等级立即降至够得上保级线的等级",
}


def _warning(levels: Plain) -> str:
    days = "、".join(f"{days}天" for days in sorted(levels["warn_days"], reverse=True))
    return f"期满前{days},成长值还不够保级的会收到提醒" if days else ""


def _trial(levels: Plain) -> str:
    trial = levels["trial"]
    if not trial:
        return ""
    names = {level["id"]: level["name"] for level in levels["levels"]}
    tried = "、".join(names.get(level, level) for level in trial["levels"])
    return f"{tried}可体验{trial['days']}天,每人每年一次"


_TERMS: Mapping[str, tuple[str, Callable[[Plain], str]]] = {
    "valid_months": ("等级有效期", _validity),
    "grace_days": ("等级下降", _fall),
    "refunds": ("退款与等级", lambda levels: _REFUNDS[levels["refunds"]]),
    "warn_days": ("等级到期提醒", _warning),
    "trial": ("等级体验", _trial),
}
"""Each term of levels by the field it is of: what it is called, and what it says."""


def privilege_words(levels: Plain | None) -> list[str]:
    """What each level that is good for anything is good for."""
    shown = levels["levels"] if levels else ()
    return [f"{level['name']}:{told}" for level in shown if (told := _privileges(level))]


def _privileges(level: Plain) -> str:
    had = level["privileges"]
    bp = had["price_bp"]
    price = [f"购物{bp / 1000:g}折"] if bp < 10_000 else []
    freight = ["免运费"] if had["free_freight"] else []
    gates = ["可购买或参加专享内容"] if had["gates"] else []  # their names are the brand's own words
    return "、".join([*price, *freight, *gates, *had["texts"]])


def changed_level_words(way: Sequence[str], before: Plain, after: Plain) -> tuple[str, str, str]:
    """(what it is, its words before, its words after) of a changed part of `growth` or `levels` in two documents; empty
    words where a member's terms are not touched.
    """
    kind, *rest = way
    old, new = before[kind], after[kind]
    if old is None or new is None:
        say = growth_words if kind == "growth" else level_words
        return _TITLES[kind], ";".join(say(old)), ";".join(say(new))
    if kind == "growth":
        label, part = _GROWTH[rest[0]]
        return label, ";".join(part(old)), ";".join(part(new))
    if rest[0] != "levels":
        label, term = _TERMS["grace_days" if rest[0] == "fall" else rest[0]]
        return label, term(old), term(new)
    return _of_a_level(rest[1:], old, new)


def _of_a_level(rest: Sequence[str], old: Plain, new: Plain) -> tuple[str, str, str]:
    """The same of one of the levels; their order alone is nothing by itself."""
    if not rest:
        return "", "", ""
    one, other = (next((level for level in all["levels"] if level["id"] == rest[0]), None) for all in (old, new))
    name = (other or one or {"name": rest[0]})["name"]
    field = rest[1] if len(rest) > 1 else ""
    say = {"name": lambda level: str(level["name"]), "privileges": _privileges}.get(field, _thresholds)
    label = {"name": "名称", "privileges": "权益"}.get(field, "")
    return f"等级「{name}」{label}", say(one) if one else "", say(other) if other else ""


_TITLES = {"growth": "成长值", "levels": "会员等级"}
_GROWTH: Mapping[str, tuple[str, Callable[[Plain], list[str]]]] = {
    "order": ("消费成长值", _order),
    "behaviour": ("行为成长值", _behaviour),
    "window_months": ("成长值周期", lambda growth: [_window(growth)]),
}
