"""Breakage (沉睡率): how much of what is outstanding will never be spent, estimated by age from what has ended. Pure.

The method is a run-off by age to expiry. Of each class and of each number of months k before the end:

    share(k) = points that expired at last / points that stood k months before their end

over the cohorts (points of one class that end in one month) that ended in the last twelve months. Outstanding points
with k months to go are taken times share(k). Whole numbers, basis points, rounded down. Ages are counted from month end
to month end, so within a month from the end before it: that makes the estimate smaller, never larger. Without enough
that has ended at that age there is no estimate for it, and the answer says for how many points.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import NamedTuple

from chalicelib.insight.model import LETTERS, Closing, expiry_month, month_of

METHOD = "run_off_by_age"
COHORTS = 12
"""So many ended months are looked at."""
LEAST_COHORTS = 3
LEAST_POINTS = 1_000
"""With fewer ended months, or fewer points in them, chance would speak."""
WHOLE_BP = 10_000


class Estimate(NamedTuple):
    """Of one class: how many available points are expected to expire, and how many nothing can be said about."""

    letter: str
    available_points: int
    breakage_points: int
    unestimated_points: int

    @property
    def share_bp(self) -> int | None:
        """Of what can be estimated; None when nothing can."""
        known = self.available_points - self.unestimated_points
        return self.breakage_points * WHOLE_BP // known if known else None


Shares = Mapping[tuple[str, int], int]
"""Basis points by class and months before the end."""


def shares_of(month_ends: Mapping[str, Closing], last: str, expired: Mapping[str, int]) -> Shares:
    """The shares that ended cohorts show.

    `month_ends` are closings of month ends by month, `last` is the last month whose points have all ended and been
    booked, `expired` says how many did, as a closing does.
    """
    found: dict[tuple[str, int], int] = {}
    standing = {month: _by_month(closing) for month, closing in month_ends.items()}
    for letter in LETTERS:
        for ahead in range(COHORTS + 1):
            ended, stood, cohorts = 0, 0, 0
            for back in range(COHORTS):
                cohort = months_on(last, -back)
                points = standing.get(months_on(cohort, -ahead), {}).get((letter, cohort), 0)
                if points > 0:
                    stood += points
                    ended += expired.get(letter + cohort, 0)
                    cohorts += 1
            if cohorts >= LEAST_COHORTS and stood >= LEAST_POINTS:
                found[letter, ahead] = min(WHOLE_BP, ended * WHOLE_BP // stood)
    return found


def estimates(closing: Closing, on: date, shares: Shares) -> list[Estimate]:
    """What each class's available points are expected to lose, at the end of a day."""
    is_month_end = (on + timedelta(days=1)).day == 1
    counted_from = months_on(month_of(on), 0 if is_month_end else -1)
    found = []
    for letter in LETTERS:
        available, breakage, unknown = 0, 0, 0
        for (of, month), points in _by_month(closing).items():
            if of != letter:
                continue
            available += points
            share = shares.get((letter, months_between(counted_from, month))) if month[:1].isdigit() else None
            if share is None:
                unknown += points
            else:
                breakage += points * share // WHOLE_BP
        found.append(Estimate(letter, available, breakage, unknown))
    return found


def needed_months(last: str) -> list[str]:
    """The months whose ends `shares_of` looks at, earliest first."""
    return [months_on(last, -back) for back in range(2 * COHORTS - 1, -1, -1)]


def months_on(month: str, months: int) -> str:
    """So many months later, or earlier."""
    number = int(month[:4]) * 12 + int(month[5:]) - 1 + months
    return f"{number // 12:04d}-{number % 12 + 1:02d}"


def months_between(earlier: str, later: str) -> int:
    """Months from one to another."""
    return (int(later[:4]) - int(earlier[:4])) * 12 + int(later[5:]) - int(earlier[5:])


def _by_month(closing: Closing) -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    for key, points in closing.buckets.items():
        cell = (key[3], expiry_month(key))
        found[cell] = found.get(cell, 0) + points
    return found
