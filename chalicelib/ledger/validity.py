"""How long points stay valid: the last valid day, counted from the business date of the credit. Pure.

A pending credit counts from its activation, so the ledger keeps its validity with it, as a plain mapping.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated, Any, Literal

from chalicelib.ledger.buckets import PointsClass, bucket_key, idle_bucket_key
from chalicelib.ledger.calendar import month_end
from chalicelib.ledger.document import Ge, Le, document


@document
class Months:
    """To the end of the n-th month after the month of the credit (滚动): 12 months from January 1997 end 1998-01-31."""

    kind: Literal["months"]
    months: Annotated[int, Ge(0), Le(120)]

    def expires_on(self, credited_on: date) -> date | None:
        """The last valid day."""
        return month_end(credited_on, self.months)

    def bucket(self, points_class: PointsClass, credited_on: date) -> str:
        """The key of the bucket the points fall into."""
        return bucket_key(month_end(credited_on, self.months), points_class)


@document
class Days:
    """For n days after the day of the credit, rounded up to the month's end unless `until` says `day`."""

    kind: Literal["days"]
    days: Annotated[int, Ge(0), Le(3660)]
    until: Literal["month_end", "day"] = "month_end"

    def expires_on(self, credited_on: date) -> date | None:
        """The last valid day."""
        last_on = credited_on + timedelta(days=self.days)
        return last_on if self.until == "day" else month_end(last_on)

    def bucket(self, points_class: PointsClass, credited_on: date) -> str:
        """The key of the bucket the points fall into."""
        return bucket_key(self.expires_on(credited_on), points_class)


@document
class YearEnd:
    """To the last day of the k-th calendar year after the credit's own (年底清零); 0 is this year's end."""

    kind: Literal["year_end"]
    years: Annotated[int, Ge(0), Le(10)]

    def expires_on(self, credited_on: date) -> date | None:
        """The last valid day."""
        return date(credited_on.year + self.years, 12, 31)

    def bucket(self, points_class: PointsClass, credited_on: date) -> str:
        """The key of the bucket the points fall into."""
        return bucket_key(self.expires_on(credited_on), points_class)


@document
class FixedDay:
    """To the next such calendar day that lies at least `min_days` after the credit; 29 February is the 28th in other
    years.
    """

    kind: Literal["fixed_day"]
    month: Annotated[int, Ge(1), Le(12)]
    day: Annotated[int, Ge(1), Le(31)]
    min_days: Annotated[int, Ge(0), Le(3660)] = 0

    def expires_on(self, credited_on: date) -> date | None:
        """The last valid day."""
        earliest_on = credited_on + timedelta(days=self.min_days)
        this_year = self._in_year(earliest_on.year)
        return this_year if this_year >= earliest_on else self._in_year(earliest_on.year + 1)

    def bucket(self, points_class: PointsClass, credited_on: date) -> str:
        """The key of the bucket the points fall into."""
        return bucket_key(self.expires_on(credited_on), points_class)

    def problem(self) -> tuple[str, str] | None:
        """(path, reason in Chinese) when no year has such a day."""
        return ("day", "不是这个月的日期") if self.day > monthrange(2028, self.month)[1] else None

    def _in_year(self, year: int) -> date:
        return date(year, self.month, min(self.day, monthrange(year, self.month)[1]))


@document
class OnDate:
    """To one stated date (activity points). A credit after it could never be spent: the programme does not pay it."""

    kind: Literal["on_date"]
    on: Annotated[date, Ge(date(2000, 1, 1)), Le(date(2097, 9, 24))]

    def expires_on(self, credited_on: date) -> date | None:
        """The last valid day, also for a credit after it."""
        return self.on

    def bucket(self, points_class: PointsClass, credited_on: date) -> str:
        """The key of the bucket the points fall into."""
        return bucket_key(self.on, points_class)


@document
class Quarter:
    """To the end of the k-th quarter after the credit's own; 0 is this quarter's end."""

    kind: Literal["quarter"]
    quarters: Annotated[int, Ge(0), Le(8)]

    def expires_on(self, credited_on: date) -> date | None:
        """The last valid day."""
        return month_end(credited_on, 2 - (credited_on.month - 1) % 3 + 3 * self.quarters)

    def bucket(self, points_class: PointsClass, credited_on: date) -> str:
        """The key of the bucket the points fall into."""
        return bucket_key(self.expires_on(credited_on), points_class)


@document
class Idle:
    """As long as the member is active; after how many idle months it ends is a term of the ledger."""

    kind: Literal["idle"]

    def expires_on(self, credited_on: date) -> date | None:
        """No last day of its own."""
        return None

    def bucket(self, points_class: PointsClass, credited_on: date) -> str:
        """The key of the bucket the points fall into."""
        return idle_bucket_key(points_class)


@document
class Never:
    """For ever."""

    kind: Literal["never"]

    def expires_on(self, credited_on: date) -> date | None:
        """No last day."""
        return None

    def bucket(self, points_class: PointsClass, credited_on: date) -> str:
        """The key of the bucket the points fall into."""
        return bucket_key(None, points_class)


Validity = Months | Days | YearEnd | FixedDay | OnDate | Quarter | Idle | Never

_KINDS: Mapping[str, Any] = {
    "months": Months,
    "days": Days,
    "year_end": YearEnd,
    "fixed_day": FixedDay,
    "on_date": OnDate,
    "quarter": Quarter,
    "idle": Idle,
    "never": Never,
}


def stored(validity: Validity) -> dict[str, str | int]:
    """The plain form kept with pending points: texts and integers only."""
    plain: dict[str, str | int] = {}
    for name, value in vars(validity).items():
        plain[name] = value.isoformat() if isinstance(value, date) else value
    return plain


def validity_of(plain: Mapping[str, Any]) -> Validity:
    """The validity that `stored` wrote; KeyError for a kind that was never one."""
    values = dict(plain)
    if isinstance(values.get("on"), str):
        values["on"] = date.fromisoformat(values["on"])
    validity: Validity = _KINDS[plain["kind"]](**values)
    return validity
