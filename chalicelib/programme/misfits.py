"""Warnings of caps and budgets that nothing fits into, or that nothing comes near. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from chalicelib.programme.deduction import least_payable_fen, out_of_reach_words
from chalicelib.programme.figures import largest_points, most_times, smallest_points
from chalicelib.programme.model import Programme, Rule
from chalicelib.programme.periods import THIS
from chalicelib.programme.rules import Amount
from chalicelib.programme.rules.multiplier import ONE_BP, Multiplier
from chalicelib.programme.rules.per_amount import PerAmount
from chalicelib.programme.warning import Placed, Warning


def misfits(programme: Programme, shown: Placed) -> Iterator[Warning]:
    """Limits too small for one award, then caps far too high."""
    for path, rule in shown:
        yield from _too_small(programme, path, rule)
    yield from _too_high(programme, shown)
    yield from _beyond_a_share(programme, shown)
    yield from _deduction_out_of_reach(programme)


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


def _too_high(programme: Programme, shown: Placed) -> Iterator[Warning]:
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


LARGE_ORDER_FEN = 10**7
"""A hundred thousand yuan: an order that a shop may well see."""


def _beyond_a_share(programme: Programme, shown: Placed) -> Iterator[Warning]:
    """An award draws from one shard: points by amount may ask for more than one holds while the budget has plenty."""
    by_amount = {rule.id: rule for _path, rule in shown if isinstance(rule.amount, PerAmount)}
    for place, budget in enumerate(programme.budgets):
        share = budget.points // budget.shards
        listed = [by_amount[rule_id] for rule_id in budget.rules if rule_id in by_amount]
        large = [rule.name for rule in listed if share < _of_a_large_order(programme, rule, rule.amount)]
        if large and budget.shards > 1:
            text = f"{'、'.join(large)}一次超过{share}分的发不出,即使预算还有余额,请减少shards或为其设积分上限"
            yield Warning(f"budgets.{place}.shards", "share_too_small", text)


def _deduction_out_of_reach(programme: Programme) -> Iterator[Warning]:
    """Terms of deduction that hardly any order could meet."""
    if programme.deduction is None:
        return
    least_fen = least_payable_fen(programme.deduction, programme.point_value.points, programme.point_value.fen)
    if least_fen > LARGE_ORDER_FEN:
        yield Warning("deduction.min_points", "deduction_out_of_reach", out_of_reach_words(least_fen))


def _of_a_large_order(programme: Programme, rule: Rule, amount: Amount) -> int:
    """What a rule by amount pays for it, multiplied as far as the programme allows and caps let through."""
    if not isinstance(amount, PerAmount):
        return 0
    multiplied = any(isinstance(one.amount, Multiplier) and one.activity == rule.activity for one in programme.rules)
    bp = programme.stacking.ceiling_bp if multiplied else ONE_BP
    caps = [cap.points for cap in rule.caps if cap.points]
    caps += [cap.points for cap in programme.caps if rule.id in cap.rules]
    return min([LARGE_ORDER_FEN * amount.points * bp // (amount.fen * ONE_BP), *caps])
