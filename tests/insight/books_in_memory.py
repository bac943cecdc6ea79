"""The daybook without its table: lines of a replay, summed and chained day by day, closed month by month."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from chalicelib.insight.line import Line, line_of
from chalicelib.insight.model import Closing, Day, followed, problems_of
from chalicelib.insight.month import Statement, first_of, last_of, month_after, statement_of
from chalicelib.insight.totals import Sequences, Sum
from chalicelib.insight.value import Value
from chalicelib.ledger.model import Entry

A_DAY = timedelta(days=1)
YUAN = Value(100, 100, 1)


def lines_by_day(entries: Iterable[Entry], zone: str) -> dict[date, list[Line]]:
    """Lines of entries that neither wait nor are held, by day, each member's by rising number."""
    found: dict[date, list[Line]] = defaultdict(list)
    for entry in entries:
        line = line_of(entry, zone=zone, pending={}, held={})
        found[line.posted_on].append(line)
    return found


def chain(lines: dict[date, list[Line]], until: date) -> list[Day]:
    """Totals of every day from the first with lines through `until`; none of them has a problem."""
    days: list[Day] = []
    before, sequences = Closing(), Sequences()
    on = min(lines)
    while on <= until:
        total = Sum()
        for line in sorted(lines.get(on, ()), key=lambda one: (one.member_id, one.sequence)):
            total.add(line)
            sequences.add(line)
        changes = total.changes()
        day = Day(on, changes, followed(before, on, changes))
        assert problems_of(before, day) == ()
        days.append(day)
        before, on = day.closing, on + A_DAY
    assert sequences.gaps == set()
    return days


def statements(days: list[Day], value: Value = YUAN) -> list[Statement]:
    """Every month that the days fill, one after another."""
    by_month: dict[str, list[Day]] = defaultdict(list)
    for day in days:
        by_month[day.on.isoformat()[:7]].append(day)
    found: list[Statement] = []
    opening, month = Closing(), days[0].on.isoformat()[:7]
    while last_of(month) <= days[-1].on:
        of_month = by_month[month]
        assert of_month[-1].on == last_of(month)
        assert of_month[0].on == max(first_of(month), days[0].on)
        found.append(statement_of(month, opening, of_month, value=value, opening_value=value))
        opening, month = found[-1].closing, month_after(month)
    return found


def month_ends(days: list[Day]) -> dict[str, Closing]:
    """Closings of the last day of each month."""
    return {day.on.isoformat()[:7]: day.closing for day in days if (day.on + A_DAY).day == 1}


def noon(on: date) -> datetime:
    """Noon in Shanghai."""
    return datetime(on.year, on.month, on.day, 4, tzinfo=UTC)
