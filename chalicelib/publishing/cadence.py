"""The rhythm that issues are planned in, as data, and the days it plans. Pure; days are days of the cadence's zone."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from chalicelib.publishing.model import ZONE, day_of, month_of


@dataclass(frozen=True, slots=True)
class Cadence:
    """On which weekdays and at which hour an issue is planned, and how early its absence is alarmed."""

    weekdays: frozenset[int]
    """ISO: 1 is Monday, 7 is Sunday."""
    hour: int
    zone: str
    ahead_days: int
    """An issue must be approved this many calendar days before its planned day."""
    most_pushes: int = 4
    """How often a natural month WeChat lets a service account send to all; a fifth week is published without push."""

    def is_planned(self, day: date) -> bool:
        """Whether an issue is planned on this day."""
        return day.isoweekday() in self.weekdays

    def planned_at(self, day: date) -> datetime:
        """The planned instant of a day, UTC."""
        return datetime.combine(day, time(self.hour), ZoneInfo(self.zone)).astimezone(UTC)

    def planned_days(self, month: str) -> tuple[date, ...]:
        """The planned days of a month `YYYY-MM`."""
        first, after = month_bounds(month)
        days = (first + timedelta(days=offset) for offset in range((after - first).days))
        return tuple(day for day in days if self.is_planned(day))

    def next_planned_days(self, now: datetime) -> tuple[date, ...]:
        """The planned days from today on within the lookahead whose hour has not struck yet."""
        today = day_of(now)
        ahead = (today + timedelta(days=offset) for offset in range(self.ahead_days + 1))
        return tuple(day for day in ahead if self.is_planned(day) and self.planned_at(day) > now)


CADENCE = Cadence(weekdays=frozenset({3}), hour=20, zone=ZONE, ahead_days=2)
"""The rhythm out of the box: every Wednesday at 20:00, alarmed from Monday on."""


def month_bounds(month: str) -> tuple[date, date]:
    """The first day of a month `YYYY-MM` and the first day after it."""
    year, number = int(month[:4]), int(month[5:7])
    first = date(year, number, 1)
    return first, first + timedelta(days=monthrange(year, number)[1])


def month_before(month: str) -> str:
    """The month before a month."""
    return month_of(month_bounds(month)[0] - timedelta(days=1))


def day_start(day: date) -> datetime:
    """The instant a day of the programme begins, UTC."""
    return datetime.combine(day, time(), ZoneInfo(ZONE)).astimezone(UTC)
