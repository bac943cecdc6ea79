"""What the brand owes its members in points (积分负债) at the end of a day, by class and by the month it ends."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import NamedTuple

from chalicelib.errors import Code, JifenError
from chalicelib.insight.breakage import Estimate, estimates, months_on, needed_months, shares_of
from chalicelib.insight.model import Closing, Day, expiry_month
from chalicelib.insight.month import last_of
from chalicelib.insight.table import InsightTable
from chalicelib.insight.value import Value, value_on
from chalicelib.ledger.buckets import bucket_expires_on
from chalicelib.programme.model import TermsBook

LATEST_DAYS = 40
"""How far back the newest totals are looked for."""


class Liability(NamedTuple):
    """What stood at the end of `on`."""

    on: date
    value: Value
    closing: Closing
    by_month: Mapping[str, Mapping[str, int]]
    """Available points by the month of their end (`never`, `idle`) and class letter."""
    ending_points: int
    """Of the available points: those whose last day was `on` or before; the next night books their end."""
    estimates: tuple[Estimate, ...]
    problems: tuple[str, ...]


def liability(table: InsightTable, on: date | None, *, book: TermsBook, today_on: date, zone: str) -> Liability:
    """The liability at the end of a day, by default of the last one that was summed.

    At most 3 requests: the totals of that day, the mark of it, month ends of two years. Raises TOTALS_NOT_FOUND for a
    day without totals, TERMS_MISSING.
    """
    day = table.day(on) if on else _latest(table, today_on)
    value = value_on(book, day.on, zone) if day else None
    if day is None:
        raise JifenError(Code.TOTALS_NOT_FOUND, field="on" if on else None)
    if value is None:
        raise JifenError(Code.TERMS_MISSING, retry_after_seconds=60)
    # The points of a month end in the first night of the next one: until that was summed, the month before is the last.
    last = months_on(day.on.isoformat()[:7], -1)
    ends = {last_of(month): month for month in needed_months(last)}
    month_ends = {ends[at]: found.closing for at, found in table.days_at(list(ends)).items()}
    shares = shares_of(month_ends, last, day.closing.expired)
    marks = table.marks(day.on, day.on)
    return Liability(
        on=day.on,
        value=value,
        closing=day.closing,
        by_month=by_expiry_month(day.closing),
        ending_points=sum(points for key, points in day.closing.buckets.items() if _has_ended(key, day.on)),
        estimates=tuple(estimates(day.closing, day.on, shares)),
        problems=marks[0].problems if marks else (),
    )


def by_expiry_month(closing: Closing) -> dict[str, dict[str, int]]:
    """Available points by the month of their end, earliest first, and by class."""
    found: dict[str, dict[str, int]] = {}
    for key, points in sorted(closing.buckets.items()):
        cell = found.setdefault(expiry_month(key), {})
        cell[key[3]] = cell.get(key[3], 0) + points
    return found


def _latest(table: InsightTable, today_on: date) -> Day | None:
    days = table.days(today_on - timedelta(days=LATEST_DAYS), today_on)
    return days[-1] if days else None


def _has_ended(key: str, on: date) -> bool:
    last_on = bucket_expires_on(key)
    return last_on is not None and last_on <= on
