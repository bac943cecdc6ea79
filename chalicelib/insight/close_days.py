"""The night sums the daybook (日结): the days before, again whatever came late, and the chain of closings after them.

Nothing is counted up: the totals of a day are set from its lines, so any night may run again. A day is summed when it
has no totals, when its mark has changed since they were made, when they were found wrong, and in each of the three
nights after it; with it the days beside it, so that what is missing between two days is seen.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import date, timedelta
from typing import NamedTuple

from chalicelib.insight.model import Closing, Day, Mark, followed, month_of, problems_of
from chalicelib.insight.table import InsightTable
from chalicelib.insight.totals import Sequences, Sum
from chalicelib.runtime import log

NIGHTS = 3
"""In how many nights a day is summed whether or not its mark has changed."""
MOST_AT_ONCE = 31
"""How many days are summed before the first of them is set."""
A_DAY = timedelta(days=1)


class Summed(NamedTuple):
    """What a night did: how many days it went over, whose totals became others, which cannot be believed."""

    days: int
    """Summed from their lines, or set anew after one that was."""
    changed: tuple[date, ...]
    wrong: tuple[date, ...]
    finished: bool = True


def close_days(
    table: InsightTable, today_on: date, *, has_time: Callable[[], bool] = lambda: True, everything: bool = False
) -> Summed:
    """Set the totals of every day before `today_on` that needs it, earliest first; of all days with `everything`.

    A day that is found wrong is logged as `totals_incomplete`, a change in a closed month as `closed_month_changed`.
    Stops between two days when `has_time` says no; the next run goes on there.
    """
    marks = {mark.on: mark for mark in table.marks(until=today_on - A_DAY)}
    first_on = min((on for on, mark in marks.items() if mark.token), default=None)
    if first_on is None:
        return Summed(0, (), ())
    wanted = _wanted(marks, first_on, today_on, everything)
    if not wanted:
        return Summed(0, (), ())
    closed = {one.statement.month for one in table.closes() if one.reopened is None}
    return _Run(table, marks, first_on, closed).chain(wanted, today_on, has_time)


def _wanted(marks: dict[date, Mark], first_on: date, today_on: date, everything: bool) -> set[date]:
    """The days to sum from their lines."""
    days = [first_on + A_DAY * ahead for ahead in range((today_on - first_on).days)]
    if everything:
        return set(days)
    wanted = set(days[-NIGHTS:])
    for on in days:
        mark = marks.get(on)
        if mark is None or mark.is_late or mark.problems:
            wanted |= {on - A_DAY, on, on + A_DAY}
    return wanted & set(days)


class _Run:
    """One night's work on the chain of days."""

    def __init__(self, table: InsightTable, marks: dict[date, Mark], first_on: date, closed: Collection[str]) -> None:
        self.table, self.marks, self.first_on, self.closed = table, marks, first_on, closed
        self.changed: list[date] = []
        self.wrong: list[date] = []
        self.summed: list[Mark] = []
        self.sequences = Sequences()

    def chain(self, wanted: set[date], today_on: date, has_time: Callable[[], bool]) -> Summed:
        """Sum what is wanted, and set closings anew from the first of them on.

        Marks are set last: whoever is cut off before finds the same days to do again.
        """
        since = min(wanted)
        standing = {day.on: day for day in self.table.days(since - A_DAY, today_on - A_DAY)}
        before_day = standing.get(since - A_DAY) if since > self.first_on else None
        before = before_day.closing if before_day else Closing()
        for stretch in _stretches(wanted, since, today_on):
            if not has_time():
                self.table.mark_summed(stretch[0], self._token(stretch[0]), ("broken_chain",))
                return self._done(finished=False)
            for day in self._days(stretch, standing) if stretch[0] in wanted else [standing[on] for on in stretch]:
                closing = followed(before, day.on, day.changes)
                self._set(day._replace(closing=closing), before, standing.get(day.on))
                before = closing
        return self._done(finished=True)

    def _days(self, stretch: list[date], standing: dict[date, Day]) -> list[Day]:
        """Days that follow each other, summed from their lines: together, to see what is missing between them."""
        if stretch[0] - A_DAY not in {mark.on for mark in self.summed}:
            self.sequences = Sequences()
        days = []
        for on in stretch:
            total = Sum()
            for line in self.table.lines(on) if self._token(on) else ():
                total.add(line)
                self.sequences.add(line)
            days.append(Day(on, total.changes(), Closing(), self._token(on)))
        unbalanced = self.sequences.unbalanced()
        return [
            day._replace(
                changes=day.changes._replace(
                    problems=day.changes.problems
                    | ({"gap"} if day.on in self.sequences.gaps else set())
                    | ({"transfers"} if day.on in unbalanced else set())
                )
            )
            for day in days
        ]

    def _token(self, on: date) -> str:
        """The mark that a day had before its lines were read; without one it never had any."""
        mark = self.marks.get(on)
        return mark.token if mark else ""

    def _set(self, day: Day, before: Closing, standing: Day | None) -> None:
        if standing != day:
            self.table.put_day(day)
            if standing is None or standing._replace(seen=day.seen) != day:
                self.changed.append(day.on)
                if month_of(day.on) in self.closed:
                    log.outcome("closed_month_changed", day=day.on.isoformat())
        problems = problems_of(before, day)
        if problems:
            self.wrong.append(day.on)
            log.outcome("totals_incomplete", day=day.on.isoformat(), problems=",".join(problems))
        self.summed.append(Mark(day.on, self._token(day.on), day.seen, problems))

    def _done(self, *, finished: bool) -> Summed:
        for mark in self.summed:
            if self.marks.get(mark.on) != mark:
                self.table.mark_summed(mark.on, mark.seen or "", mark.problems)
        return Summed(len(self.summed), tuple(self.changed), tuple(self.wrong), finished)


def _stretches(wanted: set[date], since: date, today_on: date) -> Iterable[list[date]]:
    """The days from `since` through yesterday, cut where wanted ones meet others and after a month's worth."""
    stretch: list[date] = []
    for ahead in range((today_on - since).days):
        on = since + A_DAY * ahead
        if stretch and ((on in wanted) != (stretch[0] in wanted) or len(stretch) == MOST_AT_ONCE):
            yield stretch
            stretch = []
        stretch.append(on)
    if stretch:
        yield stretch
