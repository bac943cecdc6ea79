"""What a refund lowers: the progress of tasks, with the lumps that lose their ground, and ladders. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from chalicelib.ledger.counters import Counted, Counters
from chalicelib.programme.activity import Ordered, unrefunded
from chalicelib.programme.conditions import earning_money_fen, still_holds
from chalicelib.programme.decision import Decision
from chalicelib.programme.model import Terms
from chalicelib.programme.rules.ladder import Ladder
from chalicelib.programme.tasks import LUMP_UNIT, Task, done_and_lump, task_of


class Regress(NamedTuple):
    """Changes of counters, all below zero, and the lumps that fall, {task: points as paid}."""

    progress: tuple[Counted, ...]
    """What the order no longer counts."""
    marks: tuple[Counted, ...]
    """What the counters of tasks said of the lumps that fall."""
    lumps: Mapping[str, int]

    @property
    def counts(self) -> tuple[Counted, ...]:
        """All that changes on the account."""
        return self.progress + self.marks


def lowerable(decision: Decision) -> tuple[Counted, ...]:
    """What of a decision's counters a refund of its order lowers: tasks and ladders, no caps and no first times."""
    paid = (one for award in decision.awards for one in award.counts)
    return (*decision.progress, *(one for one in paid if one.name.partition(":")[2].startswith("l")))


def regress(terms: Terms, ordered: Ordered, counted: Iterable[Counted], counters: Counters) -> Regress:
    """What a refund of an order takes back of tasks and ladders.

    `ordered` is the order after the refund, `terms` are those of its payment; `counted` is what the order has counted
    until now (`lowerable`, less earlier regresses), `counters` the member's that still run. A lump falls only where its
    window's counter is still there and says that it was paid and not taken back yet, by the points it was paid with. A
    day that the order counted is lost only with the whole order, its time on a ladder when nothing is left of what the
    ladder's rule asks of it.
    """
    by_id = {task.id: task for task in terms.programme.tasks}
    changes: list[Counted] = []
    marks: list[Counted] = []
    lumps: dict[str, int] = {}
    for one in counted:
        task = by_id.get(task_of(one.name))
        if task is None:
            if _leaves_its_ladder(terms, one.name, ordered):
                changes.append(one._replace(add=-one.add))
            continue
        counted_until_now, _points = done_and_lump(one.add)
        fewer = counted_until_now - min(counted_until_now, _still_counts(task, ordered))
        if not fewer:
            continue
        changes.append(Counted(one.name, one.through_on, -fewer * LUMP_UNIT))
        known = counters.get(one.name)
        done, lump = done_and_lump(known.used) if known else (0, 0)
        if lump and done - fewer < task.goal:
            lumps[task.id] = lump
            marks.append(Counted(one.name, one.through_on, -lump))
    return Regress(tuple(changes), tuple(marks), lumps)


def _leaves_its_ladder(terms: Terms, counter: str, ordered: Ordered) -> bool:
    rule = terms.rule(counter.partition(":")[0])
    if rule is None or not isinstance(rule.amount, Ladder):
        return False
    return not still_holds(rule.when, unrefunded(ordered), ordered)


def _still_counts(task: Task, ordered: Ordered) -> int:
    fen = earning_money_fen(task.when, ordered)
    if fen < task.when.min_fen:
        return 0
    return fen if task.counts == "fen" else min(1, fen)
