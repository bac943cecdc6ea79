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
from zlib import crc32

from chalicelib.insight.line import Line, Movement
from chalicelib.ledger.model import Kind
from chalicelib.programme.stages import MOST_TIMES, REGISTER

_NONE: Mapping[str, Any] = MappingProxyType({})
_OWN_ACTS = frozenset({Kind.EARN.value, Kind.REDEEM.value, Kind.HOLD.value})
"""What a member does himself; points that end, a level's review or an adjustment happen to him."""
FURTHER_AWARD = "~"
"""In the key of an entry that a further rule made of the same cause; no cause's own id holds it."""
OTHERS = 10**9
"""Above every number of an entry: what it multiplies tells whose journal a time is of."""


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
    merged_into: str = ""
    """Whose row all of this went into, once the member's account was closed: he is no longer one of those counted."""


NOTHING = Milestones()


def joined(row: Milestones, lines: Iterable[Line]) -> Milestones:
    """The row with some more of its member's lines; what it holds already changes nothing."""
    first_on, active_on, spent_on = row.first_on, row.active_on, row.spent_on
    levels, merged_into = dict(row.levels), row.merged_into
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
        merged_into = merged_into or line.merged_into
        if activity := _activity_of(line):
            done.setdefault(activity, set()).add(Done(on, line.sequence))
    activities = _with_times(row.activities, done)
    return Milestones(first_on, active_on, spent_on, levels, activities, merged_into)


def taken_in(row: Milestones, member_id: str, other: Milestones) -> Milestones:
    """A survivor's row with that of a member whose account was closed into his; twice, or in parts, makes the same."""
    levels = dict(row.levels)
    for level, on in other.levels.items():
        levels[level] = min(levels.get(level, on), on)
    return Milestones(
        first_on=min((on for on in (row.first_on, other.first_on) if on), default=None),
        active_on=max((on for on in (row.active_on, other.active_on) if on), default=None),
        spent_on=min((on for on in (row.spent_on, other.spent_on) if on), default=None),
        levels=levels,
        activities=_with_times(
            row.activities,
            {activity: {_of(member_id, one) for one in times} for activity, times in other.activities.items()},
        ),
        merged_into=row.merged_into,
    )


def _of(member_id: str, one: Done) -> Done:
    """A time of another member's journal, told from the survivor's own of the same number."""
    return one if one.sequence >= OTHERS else one._replace(sequence=one.sequence + OTHERS * crc32(member_id.encode()))


def _with_times(
    known: Mapping[str, tuple[Done, ...]], more: Mapping[str, Iterable[Done]]
) -> dict[str, tuple[Done, ...]]:
    """The first times of each activity of both."""
    return {
        **known,
        **{
            activity: tuple(sorted({*times, *known.get(activity, ())})[:MOST_TIMES]) for activity, times in more.items()
        },
    }


def _activity_of(line: Line) -> str:
    """The activity that a line counts once for, empty when it does for none.

    Who was brought over from another programme has registered there.
    """
    if line.movement is Movement.BROUGHT:
        return REGISTER
    if line.kind == Kind.EARN.value and FURTHER_AWARD not in line.entry:
        return line.activity
    return ""
