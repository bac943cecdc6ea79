"""How far members have come (会员阶段): when each stage was passed, and what all of them come to. Pure.

A stage is passed on the earliest date on which it or a later one was reached, and is never lost again: neither by a
refund nor by a level that falls. Of those who entered a stage each has moved on, is lost, or is staying; the three are
all of them, always.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime
from typing import NamedTuple

from chalicelib.insight.breakage import months_on
from chalicelib.insight.milestones import Milestones
from chalicelib.insight.model import month_of
from chalicelib.programme.model import Programme
from chalicelib.programme.stages import ActivityReach, LevelReach, SpentReach, Stage, Stages

INTAKE_MONTHS = 12
"""How many months of entering are told apart; those before them are one."""
EARLIER = ""


class Counts(NamedTuple):
    """Of those who entered a stage."""

    entered: int = 0
    moved_on: int = 0
    lost: int = 0

    @property
    def staying(self) -> int:
        """Neither moved on nor lost."""
        return self.entered - self.moved_on - self.lost

    def share_bp(self, part: int) -> int | None:
        """A part of the entered in basis points, rounded down; None when nobody entered."""
        return part * 10_000 // self.entered if self.entered else None


class StageCount(NamedTuple):
    """One stage: all who ever entered it, and by month of entering (`EARLIER` for what lies further back)."""

    id: str
    counts: Counts
    median_days: int | None
    """The lower median of days until they moved on; None when nobody has."""
    intakes: Mapping[str, Counts]


class StageReport(NamedTuple):
    """All stages through a business day, by one version of the terms."""

    on: date
    counted_at: datetime
    terms_version: int
    stages: tuple[StageCount, ...]
    members: int
    """Who has passed the stage at which membership begins."""
    strangers: int


def passed_on(row: Milestones, programme: Programme, until: date = date.max) -> tuple[date | None, ...]:
    """When each stage was passed, None for what lies ahead, by what was reached through `until`."""
    stages = programme.stages.stages if programme.stages else ()
    found: list[date | None] = []
    later: date | None = None
    for stage in reversed(stages):
        on = reached_on(row, stage, programme)
        if on is not None and on <= until and (later is None or on < later):
            later = on
        found.append(later)
    return tuple(reversed(found))


def reached_on(row: Milestones, stage: Stage, programme: Programme) -> date | None:
    """When the stage's own condition was met first; None while it is not."""
    reach = stage.reach
    if isinstance(reach, ActivityReach):
        done = row.activities.get(reach.activity, ())
        return done[reach.times - 1].on if len(done) >= reach.times else None
    if isinstance(reach, LevelReach):
        levels = [level.id for level in programme.levels.levels] if programme.levels else []
        enough = levels[levels.index(reach.level) :] if reach.level in levels else []
        return min((row.levels[level] for level in enough if level in row.levels), default=None)
    return row.spent_on if isinstance(reach, SpentReach) else row.first_on


def is_lost(row: Milestones, stage: Stage, on: date) -> bool:
    """Whether so many whole days without an act of the member's own lie behind him at the end of `on`."""
    last_on = row.active_on or row.first_on
    return last_on is not None and (on - last_on).days >= stage.lost_after_days


class Tally:
    """Adds up the rows of all members, one after another; its size does not depend on how many they are."""

    def __init__(self, programme: Programme, stages: Stages, on: date) -> None:
        self.programme, self.stages, self.on = programme, stages.stages, on
        ids = [stage.id for stage in self.stages]
        self.threshold = ids.index(stages.membership_from)
        self.intakes: list[dict[str, list[int]]] = [{} for _ in self.stages]
        self.days: list[Counter[int]] = [Counter() for _ in self.stages]
        self.known = 0
        self.members = 0
        self._since = months_on(month_of(on), 1 - INTAKE_MONTHS)

    def add(self, row: Milestones) -> None:
        """One more member; the row of one who was merged into another is no longer one."""
        if row.merged_into:
            return
        passed = passed_on(row, self.programme, self.on)
        self.known += passed[0] is not None
        self.members += passed[self.threshold] is not None
        for place, entered_on in enumerate(passed):
            if entered_on is None:
                return
            month = month_of(entered_on)
            counts = self.intakes[place].setdefault(month if month >= self._since else EARLIER, [0, 0, 0])
            next_on = passed[place + 1] if place + 1 < len(passed) else None
            counts[0] += 1
            if next_on is not None:
                counts[1] += 1
                self.days[place][(next_on - entered_on).days] += 1
            elif is_lost(row, self.stages[place], self.on):
                counts[2] += 1

    def report(self, counted_at: datetime, terms_version: int) -> StageReport:
        """What all of them come to."""
        return StageReport(
            on=self.on,
            counted_at=counted_at,
            terms_version=terms_version,
            stages=tuple(self._stage(place) for place in range(len(self.stages))),
            members=self.members,
            strangers=self.known - self.members,
        )

    def _stage(self, place: int) -> StageCount:
        intakes = {month: Counts(*counts) for month, counts in sorted(self.intakes[place].items())}
        return StageCount(
            id=self.stages[place].id,
            counts=Counts(*(sum(column) for column in zip(Counts(), *intakes.values(), strict=True))),
            median_days=lower_median(self.days[place]),
            intakes=intakes,
        )


def lower_median(times: Mapping[int, int]) -> int | None:
    """The lower median of values that stand so many times each; None of nothing."""
    left = (sum(times.values()) + 1) // 2
    for value in sorted(times):
        left -= times[value]
        if left <= 0:
            return value
    return None
