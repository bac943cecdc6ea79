"""What the rule of a penalty may not state: people decide who is penalised and when, the rule only says what it costs.
Pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from chalicelib.programme.conditions import EVERYTHING
from chalicelib.programme.model import Programme, Rule

Fault = tuple[str, str]


def faults_of_penalties(programme: Programme) -> Iterator[Fault]:
    """(path in the document, reason in Chinese) of what a penalty would not heed, and of a second enabled rule."""
    penalties = {one.id for one in programme.indicators if one.penalty}
    costing: set[str] = set()
    for place, rule in enumerate(programme.rules):
        if rule.activity not in penalties:
            continue
        for name in _unheeded(rule):
            yield f"rules.{place}.{name}", "不适用于扣分项,扣分由人工决定"
        if rule.amount.kind != "fixed":
            yield f"rules.{place}.amount.kind", "应为fixed:扣分项只写明扣多少分"
        if rule.enabled and rule.activity in costing:
            yield f"rules.{place}.activity", "已有一条扣分规则"
        costing |= {rule.activity} if rule.enabled else set()
    yield from _in_lists(programme, {rule.id for rule in programme.rules if rule.activity in penalties})


def _unheeded(rule: Rule) -> Iterator[str]:
    if rule.when != EVERYTHING:
        yield "when"
    if rule.caps:
        yield "caps"
    if rule.pending:
        yield "pending"
    if rule.trial:
        yield "trial"


def _in_lists(programme: Programme, costing: set[str]) -> Iterator[Fault]:
    lists = [(f"caps.{place}", cap.rules) for place, cap in enumerate(programme.caps)]
    lists += [(f"budgets.{place}", budget.rules) for place, budget in enumerate(programme.budgets)]
    for path, listed in lists:
        for place, rule_id in enumerate(listed):
            if rule_id in costing:
                yield f"{path}.rules.{place}", "是扣分项,不占上限和预算"
