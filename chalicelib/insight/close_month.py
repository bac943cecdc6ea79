"""Closing a month (月结) and reopening it: once, by one person; undone only by another, with a reason.

A closed month is an item that is put once and never changed. A reopening is an item beside it; closing again makes the
next number. So everything that was ever stated stays to be seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from chalicelib.errors import Code, JifenError
from chalicelib.insight import items
from chalicelib.insight.model import Closing, Day, problems_of
from chalicelib.insight.month import (
    SETTLING_DAYS,
    Closed,
    Reopened,
    first_of,
    is_exact,
    last_of,
    month_after,
    month_before,
    statement_of,
)
from chalicelib.insight.table import InsightTable
from chalicelib.insight.value import value_on
from chalicelib.ledger.model import business_on
from chalicelib.programme.model import TermsBook

A_DAY = timedelta(days=1)


class Done(NamedTuple):
    """A month as it stands closed; `replayed` when it did before."""

    closed: Closed
    replayed: bool = False


def close_month(table: InsightTable, month: str, *, by: str, book: TermsBook, now: datetime, zone: str) -> Done:
    """Close a month; a month that stands closed is answered as it is.

    Raises MONTH_OPEN while it runs, TOTALS_NOT_FOUND when nothing was booked until its end, PREVIOUS_MONTH_OPEN,
    TOTALS_INCOMPLETE while days are missing, unsettled or wrong, TERMS_MISSING.
    """
    known = table.closes(month)
    if known and known[0].reopened is None:
        return Done(known[0], replayed=True)
    first_on, last_on = first_of(month), last_of(month)
    if business_on(now, zone) <= last_on:
        raise JifenError(Code.MONTH_OPEN, field="month")
    days = table.days(first_on - A_DAY, last_on + SETTLING_DAYS * A_DAY)
    before = _closed_before(table, month, days)
    opening = _opening(days, first_on, before)
    of_month = _settled(table, days, first_on, last_on, opening)
    value = value_on(book, last_on, zone)
    if value is None:
        raise JifenError(Code.TERMS_MISSING, retry_after_seconds=60)
    opening_value = before.statement.value if before else value
    statement = statement_of(month, opening, of_month, value=value, opening_value=opening_value)
    if not is_exact(statement):
        raise JifenError(Code.TOTALS_INCOMPLETE, "各项变动与期末余额不一致,请重建汇总数据")
    closed = Closed(statement, known[0].number + 1 if known else 1, by, now)
    if not table.put_closed(closed, before):
        standing = table.closes(month)
        if standing and standing[0].reopened is None:
            return Done(standing[0], replayed=True)
        raise JifenError(Code.PREVIOUS_MONTH_OPEN)
    return Done(closed)


def reopen_month(table: InsightTable, month: str, *, by: str, reason: str, now: datetime) -> Done:
    """Reopen the newest closed month; the same person and reason again is answered as it stands.

    Raises MONTH_NOT_FOUND for a month that is not closed, NOT_ALLOWED for who closed it, MONTH_NOT_LAST while a later
    month is closed.
    """
    known = table.closes(month)
    if not known:
        raise JifenError(Code.MONTH_NOT_FOUND)
    closed = known[0]
    if closed.reopened is not None:
        if (closed.reopened.by, closed.reopened.reason) == (by, reason):
            return Done(closed, replayed=True)
        raise JifenError(Code.MONTH_NOT_FOUND, "这个月已经重新打开")
    if closed.by == by:
        raise JifenError(Code.NOT_ALLOWED, "月结须由另一位员工重新打开")
    following = table.closes(month_after(month))
    if following and following[0].reopened is None:
        raise JifenError(Code.MONTH_NOT_LAST)
    next_number = following[0].number + 1 if following else 1
    reopened = Reopened(by, now, reason)
    if not table.put_reopened(closed, reopened, following_sk=items.closed_sk(month_after(month), next_number)):
        raise JifenError(Code.BUSY, retry_after_seconds=1)
    return Done(closed._replace(reopened=reopened))


def standing_close(table: InsightTable, month: str) -> Closed:
    """A month's newest closing; raises MONTH_NOT_FOUND when it has none."""
    known = table.closes(month)
    if not known:
        raise JifenError(Code.MONTH_NOT_FOUND)
    return known[0]


def _closed_before(table: InsightTable, month: str, days: Sequence[Day]) -> Closed | None:
    """The closing of the month before, None when nothing was booked until then; raises PREVIOUS_MONTH_OPEN."""
    known = table.closes(month_before(month))
    if known and known[0].reopened is None:
        return known[0]
    if known or any(day.on < first_of(month) for day in days):
        raise JifenError(Code.PREVIOUS_MONTH_OPEN)
    return None


def _opening(days: Sequence[Day], first_on: date, before: Closed | None) -> Closing:
    """What stood before the month's first day: as the month before was closed; raises TOTALS_INCOMPLETE."""
    day_before = next((day for day in days if day.on < first_on), None)
    stood = day_before.closing if day_before else Closing()
    if before is not None and before.statement.closing != stood:
        raise JifenError(Code.TOTALS_INCOMPLETE, "上月汇总在月结后有变化,请先重新打开上月再月结")
    return stood


def _settled(table: InsightTable, days: Sequence[Day], first_on: date, last_on: date, opening: Closing) -> list[Day]:
    """The month's days, all of them summed and believed; raises TOTALS_NOT_FOUND, TOTALS_INCOMPLETE.

    A programme's first month may begin in its midst.
    """
    of_month = [day for day in days if first_on <= day.on <= last_on]
    if not of_month:
        raise JifenError(Code.TOTALS_NOT_FOUND, field="month")
    has_past = any(day.on < first_on for day in days)
    begun_on = first_on if has_past else of_month[0].on
    settled_on = last_on + SETTLING_DAYS * A_DAY
    present = {day.on for day in days}
    missing = [
        on for ahead in range((settled_on - begun_on).days + 1) if (on := begun_on + ahead * A_DAY) not in present
    ]
    if missing:
        raise JifenError(Code.TOTALS_INCOMPLETE, f"{missing[0]}还没有汇总,本月数据在{settled_on + A_DAY}汇总后才完整")
    marks = {mark.on: mark for mark in table.marks(first_on, last_on)}
    before = opening
    for day in of_month:
        mark = marks.get(day.on)
        if mark is None or mark.is_late:
            raise JifenError(Code.TOTALS_INCOMPLETE, f"{day.on}有新的记录还没有汇总,请在下次汇总后再试")
        if mark.problems or problems_of(before, day):
            raise JifenError(Code.TOTALS_INCOMPLETE, f"{day.on}的汇总与流水不一致,请重建汇总数据")
        before = day.closing
    return of_month
