"""The days a member checked in, as an account keeps them: the last day, a 62-day bitmap, the length of the current
run.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

KEPT_DAYS = 62
"""Two months: enough for a monthly calendar and for a later repair of a gap."""
_MASK = (1 << KEPT_DAYS) - 1


@dataclass(frozen=True, slots=True)
class CheckInDays:
    """Bit 0 of `bitmap` is `last_on`, bit n the n-th day before it.

    `run_days` counts the current run however long it is. How long an older run was is known only within the bitmap:
    when a gap is filled that parts the current run from one that began before the bitmap does, the joined run counts
    from the bitmap's first day on, too short and never too long.
    """

    last_on: date | None = None
    bitmap: int = 0
    run_days: int = 0

    def has(self, on: date) -> bool:
        """Whether `on` is a checked-in day (days older than the bitmap count as not)."""
        if self.last_on is None or on > self.last_on:
            return False
        return bool(self.bitmap >> (self.last_on - on).days & 1)

    def count(self, first_on: date, end_on: date) -> int:
        """How many days from `first_on` through `end_on` are checked in, as far as the bitmap reaches back."""
        if self.last_on is None or first_on > end_on:
            return 0
        bits = self.bitmap & (1 << max(0, (self.last_on - first_on).days + 1)) - 1
        return (bits >> max(0, (self.last_on - end_on).days)).bit_count()

    def with_day(self, on: date) -> CheckInDays:
        """The same days and `on`; a day before the last one fills its gap."""
        if self.last_on is None:
            return CheckInDays(on, 1, 1)
        gap_days = (on - self.last_on).days
        if gap_days > 0:
            run_days = self.run_days + 1 if gap_days == 1 else 1
            return CheckInDays(on, (self.bitmap << gap_days | 1) & _MASK, run_days)
        bitmap = (self.bitmap | 1 << -gap_days) & _MASK
        return CheckInDays(self.last_on, bitmap, max(self.run_days, _ones(bitmap)))

    def with_run(self, on: date, run_days: int) -> CheckInDays:
        """What a run of `run_days` that ends with `on` makes, brought from elsewhere: it stands for all days before."""
        return CheckInDays(on, (1 << min(run_days, KEPT_DAYS)) - 1, run_days)

    def with_days(self, other: CheckInDays) -> CheckInDays:
        """All days of both; the run goes back as far as either's own run or the days of both together do."""
        if self.last_on is None or other.last_on is None:
            return other if self.last_on is None else self
        last_on = max(self.last_on, other.last_on)
        bitmap = self._bitmap_on(last_on) | other._bitmap_on(last_on)
        run_days = _ones(bitmap)
        for _ in range(2):  # the second look is for a run that begins where the other's has led to
            for days in (self, other):
                gap_days = (last_on - days.last_on).days if days.last_on else run_days
                if gap_days <= run_days:
                    run_days = max(run_days, gap_days + days.run_days)
        return CheckInDays(last_on, bitmap, run_days)

    def _bitmap_on(self, on: date) -> int:
        """The bitmap as seen from a day not before the last one."""
        return self.bitmap << (on - (self.last_on or on)).days & _MASK

    def run_ending(self, on: date) -> int:
        """How many days in a row end with `on`, counting `on` itself; 0 when it is no checked-in day.

        Exact for every day of the current run; for a day of an older run as far as the bitmap reaches back.
        """
        if self.last_on is None or not self.has(on):
            return 0
        days_ago = (self.last_on - on).days
        if days_ago < self.run_days:
            return self.run_days - days_ago
        return _ones(self.bitmap >> days_ago)


def _ones(bitmap: int) -> int:
    """How many lowest bits in a row are set."""
    return (~bitmap & bitmap + 1).bit_length() - 1
