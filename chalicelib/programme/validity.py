"""How long points stay valid: the last valid day, counted from the business date of the credit. Pure."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Le


@dataclass(frozen=True, slots=True, kw_only=True)
class Months:
    """To the end of the n-th month after the month of the credit (滚动): 12 months from January 1997 end 1998-01-31."""

    __pydantic_config__: ClassVar = {"extra": "forbid", "strict": True}

    kind: Literal["months"]
    months: Annotated[int, Ge(0), Le(120)]

    def expires_on(self, credited_on: date) -> date | None:
        """The last valid day."""
        month = credited_on.year * 12 + credited_on.month - 1 + self.months
        return _month_end(date(month // 12, month % 12 + 1, 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Days:
    """For n days after the day of the credit, rounded up to the month's end unless `until` says `day`."""

    __pydantic_config__: ClassVar = {"extra": "forbid", "strict": True}

    kind: Literal["days"]
    days: Annotated[int, Ge(0), Le(3660)]
    until: Literal["month_end", "day"] = "month_end"

    def expires_on(self, credited_on: date) -> date | None:
        """The last valid day."""
        last_on = credited_on + timedelta(days=self.days)
        return last_on if self.until == "day" else _month_end(last_on)


@dataclass(frozen=True, slots=True, kw_only=True)
class Never:
    """For ever."""

    __pydantic_config__: ClassVar = {"extra": "forbid", "strict": True}

    kind: Literal["never"]

    def expires_on(self, credited_on: date) -> date | None:
        """No last day."""
        return None


Validity = Months | Days | Never


def _month_end(on: date) -> date:
    return on.replace(day=monthrange(on.year, on.month)[1])
