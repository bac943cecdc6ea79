"""The estimate of breakage: what ended cohorts show, taken on what stands, and silence where nothing is known."""

from __future__ import annotations

from datetime import date

import pytest

from chalicelib.insight.breakage import Estimate, estimates, months_between, months_on, needed_months, shares_of
from chalicelib.insight.model import Closing
from chalicelib.insight.month import last_of
from chalicelib.ledger.buckets import PointsClass, bucket_key

LAST = "2026-10"


def of_month(month: str, points_class: PointsClass = PointsClass.CONSUMPTION) -> str:
    return bucket_key(last_of(month), points_class)


def history(cohorts: int = 12, stood: int = 1000) -> tuple[dict[str, Closing], dict[str, int]]:
    """Cohorts that ended: half of what stood two months before was left one month before, a quarter expired."""
    ended = [months_on(LAST, -back) for back in range(cohorts)]
    ends: dict[str, dict[str, int]] = {}
    for cohort in ended:
        for ahead, points in ((2, stood), (1, stood // 2), (0, stood // 4)):
            ends.setdefault(months_on(cohort, -ahead), {})[of_month(cohort)] = points
    return {month: Closing(buckets) for month, buckets in ends.items()}, {f"c{one}": stood // 4 for one in ended}


def test_a_share_is_what_expired_of_what_stood_at_that_age() -> None:
    ends, expired = history()

    assert shares_of(ends, LAST, expired) == {("c", 0): 10_000, ("c", 1): 5_000, ("c", 2): 2_500}


def test_outstanding_points_are_taken_by_their_age_and_class() -> None:
    shares = shares_of(*(history()[0], LAST, history()[1]))
    standing = {of_month("2027-01"): 1001, of_month("2026-12"): 101, of_month("2026-12", PointsClass.ACTIVITY): 9}

    consumption, behaviour, activity = estimates(Closing(standing), date(2026, 11, 30), shares)

    assert consumption == Estimate("c", 1102, 1001 // 4 + 101 // 2, 0)
    assert consumption.share_bp == 300 * 10_000 // 1102
    assert behaviour == Estimate("b", 0, 0, 0)
    assert (activity.unestimated_points, activity.share_bp) == (9, None)


def test_within_a_month_the_age_of_the_month_end_before_is_taken() -> None:
    shares = shares_of(*(history()[0], LAST, history()[1]))
    standing = Closing({of_month("2026-12"): 1000})

    assert [estimates(standing, on, shares)[0].breakage_points for on in (date(2026, 11, 29), date(2026, 11, 30))] == [
        250,
        500,
    ]


@pytest.mark.parametrize(("cohorts", "stood"), [(2, 10_000), (12, 80), (0, 0)])
def test_too_little_history_is_no_estimate(cohorts: int, stood: int) -> None:
    ends, expired = history(cohorts, stood)
    shares = shares_of(ends, LAST, expired)

    (consumption, *_) = estimates(Closing({of_month("2027-01"): 100}), date(2026, 11, 30), shares)
    assert (consumption.unestimated_points, consumption.share_bp) == (100, None)


def test_points_without_a_last_day_have_no_estimate() -> None:
    shares = shares_of(*(history()[0], LAST, history()[1]))

    (consumption, *_) = estimates(Closing({"zzzc": 70, "zzyc": 5}), date(2026, 11, 30), shares)
    assert (consumption.available_points, consumption.unestimated_points) == (75, 75)


def test_a_share_is_never_more_than_all() -> None:
    ends, expired = history()

    doubled = {cohort: points * 8 for cohort, points in expired.items()}
    assert set(shares_of(ends, LAST, doubled).values()) == {10_000}


def test_months_are_counted_over_years() -> None:
    assert (months_on("2026-01", -1), months_on("2026-12", 2)) == ("2025-12", "2027-02")
    assert months_between("2025-11", "2026-02") == 3
    assert needed_months("2026-10")[0] == "2024-11"
    assert len(needed_months("2026-10")) == 24
