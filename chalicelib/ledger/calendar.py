"""Dates a number of calendar months apart. Pure."""

from __future__ import annotations

from calendar import monthrange
from datetime import date


def month_end(on: date, months_later: int = 0) -> date:
    """The last day of the month so many months after that of `on`."""
    month = on.year * 12 + on.month - 1 + months_later
    year, month = month // 12, month % 12 + 1
    return date(year, month, monthrange(year, month)[1])


def months_after(on: date, months: int) -> date:
    """The same day so many months later, the last of a month that has no such day: a year after 29 February is the
    28th.
    """
    end_on = month_end(on, months)
    return end_on.replace(day=min(on.day, end_on.day))
