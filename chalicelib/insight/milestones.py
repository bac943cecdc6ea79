"""Milestones (里程碑) of a member: the facts from which any programme can tell how far he has come. Pure.

They do not depend on how stages are defined, so another definition looks at the same facts over all history. Rows grow
by `joined` alone, which takes the earliest or the latest of each fact: lines that come twice, late or in any order make
the same row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from types import MappingProxyType
from typing import Any, NamedTuple

from chalicelib.insight.line import Line, Movement
from chalicelib.ledger.model import Kind
from chalicelib.programme.stages import MOST_TIMES, REGISTER

_NONE: Mapping[str, Any] = MappingProxyType({})
_OWN_ACTS = frozenset({Kind.EARN.value, Kind.REDEEM.value, Kind.HOLD.value})
"""What a member does himself; points that end, a level's review or an adjustment happen to him."""
FURTHER_AWARD = "~"
"""In the key of an entry that a further rule made of the same cause; no cause's own id holds it."""


class Done(NamedTuple):
    """One time of an activity: when it occurred, and the number of its entry, which tells it from others."""

    on: date
    sequence: int


class Milestones(NamedTuple):
    """What is kept of one member; dates are business dates."""

    first_on: date | None = None
    """The first thing that occurred."""
    active_on: date | None = None
    """The last act of his own."""
    spent_on: date | None = None
    """The first time that points were spent."""
    levels: Mapping[str, date] = _NONE
    """When each level was first reached, from whichever side."""
    activities: Mapping[str, tuple[Done, ...]] = _NONE
    """The first times of each activity, at most MOST_TIMES, earliest first."""


NOTHING = Milestones()


def joined(row: Milestones, lines: Iterable[Line]) -> Milestones:
    """The row with some more of its member's lines; what it holds already changes nothing."""
    first_on, active_on, spent_on = row.first_on, row.active_on, row.spent_on
    levels = dict(row.levels)
    done: dict[str, set[Done]] = {}
    for line in lines:
        on = line.occurred_on
        first_on = min(first_on or on, on)
        if line.kind in _OWN_ACTS:
            active_on = max(active_on or on, on)
        if line.movement is Movement.SPENT and line.points < 0:
            spent_on = min(spent_on or on, on)
        if line.level:
            levels[line.level] = min(levels.get(line.level, line.posted_on), line.posted_on)
        if activity := _activity_of(line):
            done.setdefault(activity, set()).add(Done(on, line.sequence))
    activities = {
        **row.activities,
        **{
            activity: tuple(sorted(times.union(row.activities.get(activity, ())))[:MOST_TIMES])
            for activity, times in done.items()
        },
    }
    return Milestones(first_on, active_on, spent_on, levels, activities)


def _activity_of(line: Line) -> str:
    """The activity that a line counts once for, empty when it does for none.

    Who was brought over from another programme has registered there.
    """
    if line.movement is Movement.BROUGHT:
        return REGISTER
    if line.kind == Kind.EARN.value and FURTHER_AWARD not in line.entry:
        return line.activity
    return ""
