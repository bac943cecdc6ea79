"""The nouns of a business day's totals (日汇总): what changed, what stood after it. Pure.

    Changes   what the lines of one day come to, in any order of the lines
    Closing   what stood after a day: the closing before it and the day's changes
    Day       both, in the chain of days

Columns of a flow are `a`, `p` or `h` (available, pending, held) and the letter of a class, and `d` (deficit).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from types import MappingProxyType
from typing import Any, NamedTuple

from chalicelib.insight.line import ByClass, by_class
from chalicelib.ledger.buckets import IDLE, NEVER, Buckets, PointsClass, bucket_expires_on

LETTERS = tuple(points_class.letter for points_class in PointsClass)
AVAILABLE, PENDING, HELD, DEFICIT = "a", "p", "h", "d"
NO_RULE = "-"
"""What moved without a rule."""
COHORT_MONTHS = 25
"""How long a closing remembers what has expired: two years of cohorts for the estimate of breakage, and this month."""

_NONE: Mapping[str, Any] = MappingProxyType({})

Flow = Mapping[str, int]
"""Signed points by column."""
Cells = Mapping[str, Mapping[str, int]]


class Changes(NamedTuple):
    """What the lines of one business day come to; zeros are left out."""

    entries: int = 0
    members: int = 0
    points: int = 0
    growth: int = 0
    waived_points: int = 0
    charged_points: int = 0
    flows: Mapping[str, Flow] = _NONE
    """By movement."""
    buckets: Buckets = _NONE
    expired: Mapping[str, int] = _NONE
    """Points that ended, by class and month of their last day: `c2026-11`."""
    rules: Cells = _NONE
    """Points issued and taken back by each rule."""
    campaigns: Cells = _NONE
    late: Cells = _NONE
    """Points by movement whose cause lies in an earlier month than their posting, by that month."""
    problems: frozenset[str] = frozenset()


class Closing(NamedTuple):
    """What stood after a business day."""

    buckets: Buckets = _NONE
    pending: ByClass = _NONE
    held: ByClass = _NONE
    deficit_points: int = 0
    expired: Mapping[str, int] = _NONE
    """What has ended so far of each class and month."""

    @property
    def available(self) -> ByClass:
        return by_class(self.buckets.items())

    @property
    def points(self) -> int:
        """Available + pending + held - deficit."""
        parts = (*self.buckets.values(), *self.pending.values(), *self.held.values())
        return sum(parts) - self.deficit_points

    def of_class(self, letter: str) -> int:
        """Available, pending and held points of a class."""
        return self.available.get(letter, 0) + self.pending.get(letter, 0) + self.held.get(letter, 0)


class Day(NamedTuple):
    """One business day: what changed, what stood after it, and which of the recorder's marks it has seen."""

    on: date
    changes: Changes
    closing: Closing
    seen: str = ""


class Mark(NamedTuple):
    """What is known of a day apart from its totals."""

    on: date
    token: str = ""
    """Changed by whoever writes lines of the day; empty while there are none."""
    seen: str | None = None
    """The token that its totals were summed under; None before they were."""
    problems: tuple[str, ...] = ()

    @property
    def is_late(self) -> bool:
        """Whether lines came in since it was summed."""
        return self.token != (self.seen or "") or self.seen is None


def followed(before: Closing, on: date, changes: Changes) -> Closing:
    """What stands after a day."""
    forget_before = _month_before(on, COHORT_MONTHS)
    expired = _plus(before.expired, changes.expired)
    return Closing(
        buckets=_plus(before.buckets, changes.buckets),
        pending=_plus(before.pending, part_of(changes.flows, PENDING)),
        held=_plus(before.held, part_of(changes.flows, HELD)),
        deficit_points=before.deficit_points + sum(flow.get(DEFICIT, 0) for flow in changes.flows.values()),
        expired={cohort: points for cohort, points in expired.items() if cohort[1:] >= forget_before},
    )


def problems_of(before: Closing, day: Day) -> tuple[str, ...]:
    """What is wrong with a day's totals, by name; nothing when they can be believed."""
    found = set(day.changes.problems)
    parts = (day.closing.buckets, day.closing.pending, day.closing.held)
    if any(points < 0 for part in parts for points in part.values()) or day.closing.deficit_points < 0:
        found.add("negative")
    if day.closing.points != before.points + day.changes.points:
        found.add("unequal")
    if day.closing != followed(before, day.on, day.changes):
        found.add("broken_chain")
    return tuple(sorted(found))


def part_of(flows: Mapping[str, Flow], part: str) -> dict[str, int]:
    """What all movements together change of one part, by class."""
    found: dict[str, int] = {}
    for flow in flows.values():
        for column, change in flow.items():
            if column[0] == part and len(column) == 2:
                add_to(found, column[1], change)
    return nonzero(found)


def cohort_of(key: str, ended_on: date) -> str:
    """The month in which a bucket's points end: of its last day, or of their end where no day is known before."""
    last_on = bucket_expires_on(key)
    return month_of(last_on or ended_on)


def expiry_month(key: str) -> str:
    """`2027-03`, or `never` and `idle` for points without a last day."""
    last_on = bucket_expires_on(key)
    if last_on is not None:
        return month_of(last_on)
    return {NEVER: "never", IDLE: "idle"}[key[:3]]


def merged(several: Iterable[Cells]) -> dict[str, dict[str, int]]:
    """Cells of several days added up."""
    found: dict[str, dict[str, int]] = {}
    for cells in several:
        for name, cell in cells.items():
            kept = found.setdefault(name, {})
            for column, change in cell.items():
                add_to(kept, column, change)
    return cells_of(found)


def month_of(on: date) -> str:
    """`2026-11`."""
    return on.isoformat()[:7]


def _month_before(on: date, months: int) -> str:
    number = on.year * 12 + on.month - 1 - months
    return f"{number // 12:04d}-{number % 12 + 1:02d}"


def add_to(to: dict[str, int], name: str, points: int) -> None:
    """Book points under a name."""
    to[name] = to.get(name, 0) + points


def _plus(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    found = dict(one)
    for name, points in other.items():
        add_to(found, name, points)
    return nonzero(found)


def nonzero(parts: Mapping[str, int]) -> dict[str, int]:
    """The parts that are not 0."""
    return {name: points for name, points in parts.items() if points}


def cells_of(cells: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int]]:
    """The cells that are not 0, and the rows that have any."""
    kept = {name: nonzero(cell) for name, cell in cells.items()}
    return {name: cell for name, cell in kept.items() if cell}
