"""Member tasks (会员任务): so many times, days or fen within a window pay a lump, once per window. Pure.

Each window has a counter of its own, named by the task's id and the window's end. It holds what is done and the points
of the lump that stands, so that a goal that changes within a window pays neither twice nor never. It stays for
`refund_days` after its window: until then a refund that brings the task below its goal takes the lump back
(regress.py), and within the window it may be earned again.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

from chalicelib.ledger.buckets import PointsClass, bucket_key
from chalicelib.ledger.counters import Counted
from chalicelib.ledger.document import Discriminator, Ge, Le, Len, document
from chalicelib.ledger.validity import Validity
from chalicelib.programme.activity import Activity, Behaved, CheckedIn, Standing
from chalicelib.programme.caps import Id
from chalicelib.programme.conditions import EVERYTHING, Trial, When, earning_money_fen, of_the_member, unmet
from chalicelib.programme.periods import through_on
from chalicelib.programme.words import condition_words

if TYPE_CHECKING:
    from chalicelib.programme.model import Prepared, Terms


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
    until_on: Annotated[date, Le(date(2097, 6, 25))]

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
    trial: Trial | None = None
    refund_days: Annotated[int, Ge(0), Le(90)] = 45
    """So many days after its window a refund still takes the lump back; the brand bears what comes later."""


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
    conditions: tuple[str, ...] = ()
    """What must hold for anything to count, in words."""
    is_paused: bool = False


LUMP_UNIT = 10**7
"""What one time, day or fen adds to a task's counter; below that stand the points of its lump, at most a million."""


def counter_name(task_id: str, ends_on: date) -> str:
    """The counter of a task's window by its last day. Ids hold no `@`, so no other counter is called so."""
    return f"{task_id}@{bucket_key(ends_on, PointsClass.CONSUMPTION)[:3]}"


def task_of(counter: str) -> str:
    """The id of the task whose counter it is; the name itself for any other counter."""
    return counter.partition("@")[0]


def done_and_lump(used: int) -> tuple[int, int]:
    """What of a task's counter is done (times, days, fen), and the points of the lump that stands; 0 when none does."""
    return divmod(used, LUMP_UNIT)


def progress(
    tasks: Iterable[tuple[Task, Prepared]],
    activity: Activity,
    standing: Standing,
    on: date,
    judged_at: tuple[date, int],
) -> tuple[tuple[Counted, ...], tuple[tuple[Prepared, Counted], ...]]:
    """What an activity counts for `tasks` in the windows of `on`, and those now at their goal whose lump is unpaid,
    each with the counter that is to hold its lump's points.
    """
    counts: list[Counted] = []
    reached: list[tuple[Prepared, Counted]] = []
    for task, one in tasks:
        ends_on = task.window.ends_on(on)
        if ends_on is None or (one.checks and unmet(one.checks, task.when, activity, standing, *judged_at)):
            continue
        name = counter_name(task.id, ends_on)
        known = standing.counters.get(name)
        done, lump = done_and_lump(known.used) if known else (0, 0)
        # Who counted first in a window said how long its counter stays: one name, one end.
        through_on = known.through_on if known else ends_on + timedelta(days=task.refund_days)
        add = _counts(task, activity)
        if task.counts == "days":
            last_on = known.last_on if known else None
            add = 1 if add and (last_on is None or last_on < on) else 0
        if add:
            counts.append(Counted(name, through_on, add * LUMP_UNIT, on if task.counts == "days" else None))
            if done + add >= task.goal and not lump:
                reached.append((one, Counted(name, through_on, 0)))
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
        if task.trial is not None and standing.member_id not in task.trial.members:
            continue
        known = standing.counters.get(counter_name(task.id, ends_on))
        done, _lump = done_and_lump(known.used) if known else (0, 0)
        shown.append(
            TaskShown(
                id=task.id,
                name=task.name,
                counts=task.counts,
                done=min(done, task.goal),
                goal=task.goal,
                points=task.points,
                text=task.text,
                ends_on=ends_on,
                conditions=tuple(condition_words(vars(task.when), terms.level_names)),
                is_paused=task.id in terms.paused,
            )
        )
    return tuple(shown)
