"""Member tasks (会员任务): so many times, days or fen within a window pay a lump, once per window. Pure.

A task's counter has the task's id as its name; a paid lump leaves a mark of its points beside it, so that a goal that
changes within a window pays neither twice nor never. What an order had counted falls again when it is refunded; once
that brings a task whose lump was paid below its goal, the lump is taken back and may be earned again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

from chalicelib.ledger.buckets import PointsClass
from chalicelib.ledger.counters import Counted, Counters
from chalicelib.ledger.document import Discriminator, Ge, Le, Len, document
from chalicelib.ledger.validity import Validity
from chalicelib.programme.activity import Activity, Behaved, CheckedIn, Ordered, Standing
from chalicelib.programme.caps import Id
from chalicelib.programme.conditions import EVERYTHING, Check, When, earning_money_fen, of_the_member, unmet
from chalicelib.programme.periods import through_on

if TYPE_CHECKING:
    from chalicelib.programme.model import Terms


@document
class PeriodWindow:
    """Each calendar week, month, quarter or year anew."""

    kind: Literal["week", "month", "quarter", "year"]

    def ends_on(self, on: date) -> date | None:
        """The window's last day when `on` lies in one."""
        return through_on(self.kind, on)


@document
class DatesWindow:
    """From one date through another."""

    kind: Literal["dates"]
    from_on: date
    until_on: date

    def ends_on(self, on: date) -> date | None:
        """The window's last day when `on` lies in it, else None."""
        return self.until_on if self.from_on <= on <= self.until_on else None


@document
class Task:
    """`goal` times, days or fen of an activity within a window pay `points`."""

    id: Id
    name: Annotated[str, Len(1, 40)]
    enabled: bool = True
    activity: Id
    counts: Literal["times", "days", "fen"]
    goal: Annotated[int, Ge(1), Le(10**9)]
    window: Annotated[PeriodWindow | DatesWindow, Discriminator("kind")]
    points: Annotated[int, Ge(1), Le(1_000_000)]
    points_class: PointsClass
    validity: Annotated[Validity, Discriminator("kind")]
    text: Annotated[str, Len(0, 60)] = ""
    when: When = EVERYTHING


class TaskShown(NamedTuple):
    """A task as a member sees it; `done` never exceeds `goal`, both are times, days or fen as `counts` says."""

    id: str
    name: str
    counts: str
    done: int
    goal: int
    points: int
    text: str
    ends_on: date | None


class Regress(NamedTuple):
    """What a refund takes back: changes of counters (below zero), and the lumps that fall, {task: points as paid}."""

    progress: tuple[Counted, ...]
    lumps: Mapping[str, int]


def lump_mark(task: Task, on: date) -> Counted:
    """What a lump paid on a date of the task's window leaves on the account until the window ends: its points."""
    return Counted(_mark_name(task.id), task.window.ends_on(on), task.points)


def _mark_name(task_id: str) -> str:
    """No other counter is called so: ids hold no colon, and no limit, ladder or first award uses the letter."""
    return f"{task_id}:x"


def _marked_points(counters: Counters, task_id: str, ends_on: date | None) -> int:
    """The points of the lump that was paid in the window of that end and stands; 0 when none does."""
    mark = counters.get(_mark_name(task_id))
    return mark.used if mark is not None and mark.through_on == ends_on else 0


def progress(
    tasks: Iterable[tuple[Task, tuple[Check, ...]]],
    activity: Activity,
    standing: Standing,
    on: date,
    judged_at: tuple[date, int],
) -> tuple[tuple[Counted, ...], tuple[Task, ...]]:
    """What an activity counts for `tasks` in the windows of `on`, and those now at their goal whose lump is unpaid."""
    counts: list[Counted] = []
    reached: list[Task] = []
    for task, checks in tasks:
        ends_on = task.window.ends_on(on)
        if ends_on is None or (checks and unmet(checks, task.when, activity, standing, *judged_at)):
            continue
        known = standing.counters.get(task.id)
        if known is not None and (known.through_on is None or known.through_on > ends_on):
            continue  # heard of after its window: that counter is gone
        is_running = known is not None and known.through_on == ends_on
        done = known.used if known is not None and is_running else 0
        add = _counts(task, activity)
        if task.counts == "days":
            last_on = known.last_on if known is not None and is_running else None
            add = 1 if add and (last_on is None or last_on < on) else 0
        if add:
            counts.append(Counted(task.id, ends_on, add, on if task.counts == "days" else None))
            if done + add >= task.goal and not _marked_points(standing.counters, task.id, ends_on):
                reached.append(task)
    return tuple(counts), tuple(reached)


def _counts(task: Task, activity: Activity) -> int:
    """Times, or fen; for days 1 when the activity is worth a day."""
    if isinstance(activity, CheckedIn):
        return 1
    if isinstance(activity, Behaved):
        return {"times": activity.quantity, "days": 1, "fen": activity.fen}[task.counts]
    if task.when.min_fen and task.counts != "fen":
        return 1  # its condition has just held
    fen = earning_money_fen(task.when, activity)
    return fen if task.counts == "fen" else min(1, fen)


def tasks_shown(terms: Terms, standing: Standing, on: date) -> tuple[TaskShown, ...]:
    """The tasks a member can work on, in the programme's order."""
    shown: list[TaskShown] = []
    for task in terms.programme.tasks:
        ends_on = task.window.ends_on(on)
        if not task.enabled or ends_on is None or of_the_member(task.when, frozenset(), standing, on):
            continue
        known = standing.counters.get(task.id)
        done = known.used if known is not None and known.through_on == ends_on else 0
        shown.append(
            TaskShown(task.id, task.name, task.counts, min(done, task.goal), task.goal, task.points, task.text, ends_on)
        )
    return tuple(shown)


def task_regress(
    terms: Terms,
    ordered: Ordered,
    counted: Iterable[Counted],
    counters: Counters,
) -> Regress:
    """What a refund of an order takes back of tasks.

    `ordered` is the order after the refund, `terms` are those of its payment; `counted` is what the order
    has counted until now (its decision's progress, less earlier regresses), `counters` the member's as they stand now.
    A lump falls only where its mark says that it was paid and not taken back yet, by the points it was paid with. Once
    its window is over nobody knows that any more: the lump stays, the brand bears it. A day that the order counted is
    lost only with the whole order.
    """
    by_id = {task.id: task for task in terms.programme.tasks}
    changes: list[Counted] = []
    lumps: dict[str, int] = {}
    for one in counted:
        task = by_id.get(one.name)
        if task is None:
            continue
        fewer = one.add - min(one.add, _still_counts(task, ordered))
        if not fewer:
            continue
        changes.append(Counted(one.name, one.through_on, -fewer))
        known = counters.get(one.name)
        if known is None or known.through_on != one.through_on or known.used - fewer >= task.goal:
            continue
        if marked := _marked_points(counters, task.id, one.through_on):
            lumps[task.id] = marked
            changes.append(Counted(_mark_name(task.id), one.through_on, -marked))
    return Regress(tuple(changes), lumps)


def _still_counts(task: Task, ordered: Ordered) -> int:
    fen = earning_money_fen(task.when, ordered)
    if fen < task.when.min_fen:
        return 0
    return fen if task.counts == "fen" else min(1, fen)
