"""The report after: how a month kept its rhythm. Pure but for `month_report`, which reads the two months it needs.

Days and intervals go by the planned publish time; `late_minutes` says how much later an issue really went out.
Only live issues count (approved or further, not failed, not cancelled): a draft fills no day.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import pairwise
from statistics import median_low

from chalicelib.publishing.cadence import CADENCE, Cadence, day_start, month_before, month_bounds
from chalicelib.publishing.model import LIVE, PAGE, PUSHED, Alert, Heading, State, day_of, whole_minutes
from chalicelib.publishing.table import PublishingTable


@dataclass(frozen=True, slots=True)
class PlannedDay:
    """One planned day and the first live issue on it, if there is one."""

    day: date
    planned_at: datetime
    issue: Heading | None
    drafts: int
    """Issues of that day that still wait for approval."""
    is_past: bool
    suggested_channel: str | None = None
    """Of a gap that can still be filled: sent to all while the month allows it, else published without push."""

    @property
    def is_gap(self) -> bool:
        return self.issue is None

    @property
    def minutes_from_plan(self) -> int | None:
        return whole_minutes(self.issue.publish_at - self.planned_at) if self.issue else None


@dataclass(frozen=True, slots=True)
class Stray:
    """A live issue outside the rhythm: `day_not_planned` or `second_on_day`."""

    issue: Heading
    reason: str


@dataclass(frozen=True, slots=True)
class Intervals:
    """Whole hours between neighbouring issues, of those intervals that end in the month; None where there is none."""

    count: int
    shortest_hours: int | None
    median_hours: int | None
    longest_hours: int | None


@dataclass(frozen=True, slots=True)
class Silence:
    """The longest stretch without an issue that reaches into the month."""

    since: datetime
    until: datetime
    hours: int


@dataclass(frozen=True, slots=True)
class Pushes:
    """A month's sendings to all followers; those `over` what WeChat allows it will refuse."""

    most: int
    planned: int
    over: tuple[Heading, ...]

    @property
    def left(self) -> int:
        return max(0, self.most - self.planned)


@dataclass(frozen=True, slots=True)
class Report:
    """A month against its cadence."""

    month: str
    cadence: Cadence
    planned: tuple[PlannedDay, ...]
    strays: tuple[Stray, ...]
    pushes: Pushes
    intervals: Intervals
    longest_gap: Silence | None
    alerts: tuple[Alert, ...]


def month_report(table: PublishingTable, month: str, *, now: datetime, cadence: Cadence = CADENCE) -> Report:
    """The report of a month `YYYY-MM` as of `now`; the month before is read for the interval that crosses over."""
    before = [heading for heading in table.all_headings(month_before(month)) if heading.state in LIVE]
    last_before = before[-1].publish_at if before else None
    return report(month, table.all_headings(month), table.alerts(month), last_before, now=now, cadence=cadence)


def report(
    month: str,
    headings: Sequence[Heading],
    alerts: Sequence[Alert],
    last_before: datetime | None,
    *,
    now: datetime,
    cadence: Cadence,
) -> Report:
    """The report of a month from its issues in time order and the last live issue before it."""
    live = [heading for heading in headings if heading.state in LIVE]
    pushes = _pushes(live, cadence)
    days = (_planned_day(day, headings, cadence, now) for day in cadence.planned_days(month))
    planned = _with_suggestions(days, pushes.left)
    filling = {planned_day.issue.id for planned_day in planned if planned_day.issue}
    strays = tuple(_stray(heading, cadence) for heading in live if heading.id not in filling)
    instants = [last_before] if last_before else []
    instants += [heading.publish_at for heading in live]
    return Report(
        month=month,
        cadence=cadence,
        planned=planned,
        strays=strays,
        pushes=pushes,
        intervals=_intervals(instants),
        longest_gap=_longest_gap(instants, month, now),
        alerts=tuple(alerts),
    )


def _planned_day(day: date, headings: Sequence[Heading], cadence: Cadence, now: datetime) -> PlannedDay:
    on_day = [heading for heading in headings if day_of(heading.publish_at) == day]
    live = [heading for heading in on_day if heading.state in LIVE]
    planned_at = cadence.planned_at(day)
    nearest = min(live, key=lambda heading: abs(heading.publish_at - planned_at), default=None)
    drafts = sum(heading.state is State.DRAFT for heading in on_day)
    return PlannedDay(day, planned_at, nearest, drafts, is_past=planned_at <= now)


def _pushes(live: Sequence[Heading], cadence: Cadence) -> Pushes:
    pushed = [heading for heading in live if heading.channel == PUSHED]
    return Pushes(cadence.most_pushes, len(pushed), over=tuple(pushed[cadence.most_pushes :]))


def _with_suggestions(days: Iterable[PlannedDay], left: int) -> tuple[PlannedDay, ...]:
    """A channel for each gap ahead: what is left of the month's pushes goes to the earliest."""
    suggested = []
    for day in days:
        if not day.is_gap or day.is_past:
            suggested.append(day)
            continue
        suggested.append(replace(day, suggested_channel=PUSHED if left else PAGE))
        left = max(0, left - 1)
    return tuple(suggested)


def _stray(heading: Heading, cadence: Cadence) -> Stray:
    is_planned = cadence.is_planned(day_of(heading.publish_at))
    return Stray(heading, "second_on_day" if is_planned else "day_not_planned")


def _intervals(instants: Sequence[datetime]) -> Intervals:
    hours = [_whole_hours(earlier, later) for earlier, later in pairwise(instants)]
    if not hours:
        return Intervals(0, None, None, None)
    return Intervals(len(hours), min(hours), median_low(hours), max(hours))


def _longest_gap(instants: Sequence[datetime], month: str, now: datetime) -> Silence | None:
    """Also counted: the silence since the last issue, up to now or the month's end, whichever is earlier."""
    first, after = month_bounds(month)
    end = min(now, day_start(after))
    edges = [*(instants or [day_start(first)]), end]
    stretches = [(earlier, later) for earlier, later in pairwise(edges) if later > earlier]
    if not stretches:
        return None
    since, until = max(stretches, key=lambda stretch: stretch[1] - stretch[0])
    return Silence(since, until, _whole_hours(since, until))


def _whole_hours(earlier: datetime, later: datetime) -> int:
    return whole_minutes(later - earlier) // 60
