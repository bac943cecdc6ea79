from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.programme.periods import Period, period_key, starts_on, through_on

PERIODS: list[Period] = ["day", "week", "month", "quarter", "year"]


@pytest.mark.parametrize(
    ("period", "key", "end_on"),
    [
        ("day", "2027-01-01", date(2027, 1, 1)),
        ("week", "2026-W53", date(2027, 1, 3)),
        ("month", "2027-01", date(2027, 1, 31)),
        ("quarter", "2027-Q1", date(2027, 3, 31)),
        ("year", "2027", date(2027, 12, 31)),
        ("ever", "ever", None),
    ],
)
def test_new_years_day_lies_in_these_periods(period: Period, key: str, end_on: date | None) -> None:
    assert (period_key(period, date(2027, 1, 1)), through_on(period, date(2027, 1, 1))) == (key, end_on)


@given(st.sampled_from(PERIODS), st.dates(date(2000, 1, 1), date(2090, 1, 1)))
def test_a_period_is_one_from_its_first_day_through_its_last_and_another_after(period: Period, on: date) -> None:
    first_on, end_on = starts_on(period, on), through_on(period, on)

    assert end_on is not None
    assert first_on <= on <= end_on
    assert through_on(period, first_on) == end_on
    assert period_key(period, first_on) == period_key(period, end_on)
    assert period_key(period, end_on + timedelta(days=1)) > period_key(period, end_on)
