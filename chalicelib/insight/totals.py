"""Adding up the lines of a day, and finding what is missing between them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from chalicelib.insight.line import Line, Movement
from chalicelib.insight.model import (
    AVAILABLE,
    DEFICIT,
    HELD,
    NO_RULE,
    PENDING,
    Changes,
    add_to,
    cells_of,
    cohort_of,
    month_of,
    nonzero,
)

_OF_RULES = {Movement.ISSUED.value, Movement.TAKEN_BACK.value}
_OF_CAMPAIGNS = _OF_RULES | {Movement.SPENT.value, Movement.RETURNED.value}


def sum_lines(lines: Iterable[Line]) -> Changes:
    """What the lines of one day come to."""
    total = Sum()
    for line in lines:
        total.add(line)
    return total.changes()


@dataclass
class Sum:
    """Adds up the lines of one day."""

    entries: int = 0
    points: int = 0
    growth: int = 0
    waived_points: int = 0
    charged_points: int = 0
    members: set[str] = field(default_factory=set)
    flows: dict[str, dict[str, int]] = field(default_factory=dict)
    buckets: dict[str, int] = field(default_factory=dict)
    expired: dict[str, int] = field(default_factory=dict)
    rules: dict[str, dict[str, int]] = field(default_factory=dict)
    campaigns: dict[str, dict[str, int]] = field(default_factory=dict)
    late: dict[str, dict[str, int]] = field(default_factory=dict)
    problems: set[str] = field(default_factory=set)

    def add(self, line: Line) -> None:
        """One more line of the day."""
        movement, points = line.movement.value, line.points
        self.entries += 1
        self.points += points
        self.growth += line.growth
        self.waived_points += line.waived_points
        self.charged_points += line.charged_points
        self.members.add(line.member_id)
        moved = self._flow(line, self.flows.setdefault(movement, {}))
        if moved != points:
            self.problems.add("unequal")
        if points and movement in _OF_RULES:
            add_to(self.rules.setdefault(line.rule or NO_RULE, {}), movement, points)
        if points and line.campaign and movement in _OF_CAMPAIGNS:
            add_to(self.campaigns.setdefault(line.campaign, {}), movement, points)
        if points and line.occurred_on < line.posted_on and month_of(line.occurred_on) < month_of(line.posted_on):
            add_to(self.late.setdefault(month_of(line.occurred_on), {}), movement, points)

    def _flow(self, line: Line, flow: dict[str, int]) -> int:
        """Book the parts of a line; what they come to."""
        moved = -line.deficit_points
        has_ended = line.movement is Movement.EXPIRED
        for key, change in line.buckets.items():
            moved += change
            add_to(self.buckets, key, change)
            add_to(flow, AVAILABLE + key[3], change)
            if has_ended:
                add_to(self.expired, key[3] + cohort_of(key, line.occurred_on), -change)
        for part, changes in ((PENDING, line.pending), (HELD, line.held)):
            for letter, change in changes.items():
                moved += change
                add_to(flow, part + letter, change)
        if line.deficit_points:
            add_to(flow, DEFICIT, line.deficit_points)
        return moved

    def changes(self) -> Changes:
        """What all of them come to."""
        return Changes(
            entries=self.entries,
            members=len(self.members),
            points=self.points,
            growth=self.growth,
            waived_points=self.waived_points,
            charged_points=self.charged_points,
            flows=cells_of(self.flows),
            buckets=nonzero(self.buckets),
            expired=nonzero(self.expired),
            rules=cells_of(self.rules),
            campaigns=cells_of(self.campaigns),
            late=cells_of(self.late),
            problems=frozenset(self.problems),
        )


class Sequences:
    """Looks at lines in the order of days and, within a day, of their keys: whether any is missing between two."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[int, date]] = {}
        self._transferred: dict[date, int] = {}
        self.gaps: set[date] = set()
        """Days of the lines on both sides of a gap, and those between them."""

    def add(self, line: Line) -> None:
        """The next line."""
        last = self._last.get(line.member_id)
        if last is not None and line.sequence != last[0] + 1:
            first, until = min(last[1], line.posted_on), max(last[1], line.posted_on)
            self.gaps.update(date.fromordinal(day) for day in range(first.toordinal(), until.toordinal() + 1))
        self._last[line.member_id] = (line.sequence, line.posted_on)
        if line.movement in (Movement.TRANSFERRED_IN, Movement.TRANSFERRED_OUT):
            self._transferred[line.posted_on] = self._transferred.get(line.posted_on, 0) + line.points

    def unbalanced(self) -> set[date]:
        """Days with transfers, when all that was transferred does not come to nothing."""
        if not sum(self._transferred.values()):
            return set()
        return {on for on, points in self._transferred.items() if points}
