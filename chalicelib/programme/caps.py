"""Caps hold what one member gets in a period, budgets what all members get together. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Annotated, NamedTuple

from chalicelib.ledger.counters import Counted, Counters
from chalicelib.ledger.document import Ge, Le, Len, Pattern, document
from chalicelib.programme.periods import THIS, Period, again, through_on

MAX_CAP = 10**9
Id = Annotated[str, Pattern(r"^[a-z][a-z0-9_]{0,39}$")]
"""Names a rule, an indicator, a budget in documents, counters and the keys of entries: no sign that divides a key."""


@document
class Cap:
    """Most `points`, or most `times`, one rule gives a member in a period."""

    points: Annotated[int, Ge(1), Le(MAX_CAP)] | None = None
    times: Annotated[int, Ge(1), Le(MAX_CAP)] | None = None
    period: Period


@document
class SharedCap:
    """Most points several rules and tasks give a member together in a period."""

    id: Id
    points: Annotated[int, Ge(1), Le(MAX_CAP)]
    period: Period
    rules: Annotated[tuple[Id, ...], Len(1, 100)]


@document
class Budget:
    """Most points some rules and tasks give all members together in a period; counted in `shards` places at once."""

    id: Id
    points: Annotated[int, Ge(1), Le(10**12)]
    period: Period
    rules: Annotated[tuple[Id, ...], Len(1, 100)]
    shards: Annotated[int, Ge(1), Le(64)] = 4


class BudgetUse(NamedTuple):
    """What an award takes from a budget; it stands only when the budget still holds it."""

    id: str
    period_key: str
    limit_points: int
    shards: int
    points: int


class Limit(NamedTuple):
    """A cap as it is asked: its counter, what it counts, how much of it."""

    name: str
    in_times: bool
    most: int
    period: Period


def limits_of(rule_id: str, caps: Iterable[Cap], shared: Iterable[SharedCap]) -> tuple[Limit, ...]:
    """The limits of one rule, its own first.

    Counters: `<rule>:pm` counts a rule's points of a month, `<rule>:td` its times of a day, `<shared cap>:m` the points
    of several. The period is part of the name: another period is another counter.
    """
    own = [
        Limit(
            f"{rule_id}:{'p' if cap.points else 't'}{cap.period[0]}",
            not cap.points,
            cap.points or cap.times or 0,
            cap.period,
        )
        for cap in caps
    ]
    together = [
        Limit(f"{cap.id}:{cap.period[0]}", False, cap.points, cap.period) for cap in shared if rule_id in cap.rules
    ]
    return (*own, *together)


def left(limit: Limit, counters: Counters, counted: dict[str, int], on: date) -> int:
    """What a limit still lets through on `on`, with what this very decision `counted` already; never below 0.

    Once a later period was counted the earlier one is forgotten: what happened in it and is heard of late is held
    against the later one, so that no cap opens twice.
    """
    known = counters.get(limit.name)
    spent = counted.get(limit.name, 0)
    if known is not None:
        ends_on = known.through_on
        if ends_on is None or ends_on >= on:
            spent += known.used
    return max(0, limit.most - spent)


def use(limit: Limit, points: int, times: int, on: date) -> Counted:
    """What an award of `points`, for something done `times`, adds to a limit's counter."""
    return Counted(limit.name, through_on(limit.period, on), times if limit.in_times else points)


def in_words(limit: Limit, name: str) -> str:
    """That a limit is used up, and when it opens again, fit to show a member."""
    opens = again(limit.period)
    what = f"{limit.most}次" if limit.in_times else f"{limit.most}分"
    return f"{name}{THIS[limit.period]}已达上限{what}" + (f",{opens}可再得" if opens else "")


def budget_in_words(budget: Budget, name: str) -> str:
    """That a budget is spent, and when there is a new one, fit to show a member."""
    opens = again(budget.period)
    this = THIS[budget.period] if opens else ""
    return f"{name}{this}名额已满" + (f",{opens}恢复" if opens else ",活动已结束")
