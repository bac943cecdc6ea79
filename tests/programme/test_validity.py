from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.ledger.buckets import PointsClass, bucket_expires_on, idle_bucket_key
from chalicelib.ledger.validity import (
    Days,
    FixedDay,
    Idle,
    Months,
    Never,
    OnDate,
    Quarter,
    Validity,
    YearEnd,
    stored,
    validity_of,
)


@pytest.mark.parametrize(
    ("credited_on", "expected"),
    [
        (date(1997, 1, 1), date(1998, 1, 31)),
        (date(1997, 1, 31), date(1998, 1, 31)),
        (date(1997, 12, 31), date(1998, 12, 31)),
        (date(2027, 2, 28), date(2028, 2, 29)),
        (date(2028, 2, 29), date(2029, 2, 28)),
    ],
)
def test_twelve_months_end_with_the_twelfth_month_after_the_credits_own(credited_on: date, expected: date) -> None:
    assert Months(kind="months", months=12).expires_on(credited_on) == expected


def test_days_round_up_to_the_months_end_unless_the_term_says_day() -> None:
    assert Days(kind="days", days=30).expires_on(date(2028, 1, 30)) == date(2028, 2, 29)
    assert Days(kind="days", days=30, until="day").expires_on(date(2028, 1, 30)) == date(2028, 2, 29)
    assert Days(kind="days", days=29, until="day").expires_on(date(2028, 1, 30)) == date(2028, 2, 28)
    assert Days(kind="days", days=0, until="day").expires_on(date(2028, 1, 30)) == date(2028, 1, 30)


def test_never_has_no_last_day() -> None:
    assert Never(kind="never").expires_on(date(2028, 1, 30)) is None


def test_a_year_ends_on_its_last_day_this_year_or_the_kth_after() -> None:
    assert YearEnd(kind="year_end", years=0).expires_on(date(2027, 12, 31)) == date(2027, 12, 31)
    assert YearEnd(kind="year_end", years=2).expires_on(date(2028, 1, 1)) == date(2030, 12, 31)


@pytest.mark.parametrize(
    ("credited_on", "quarters", "expected"),
    [
        (date(2027, 1, 1), 0, date(2027, 3, 31)),
        (date(2027, 3, 31), 0, date(2027, 3, 31)),
        (date(2027, 4, 1), 0, date(2027, 6, 30)),
        (date(2027, 11, 30), 1, date(2028, 3, 31)),
        (date(2027, 12, 31), 8, date(2029, 12, 31)),
    ],
)
def test_quarters_end_with_the_kth_quarter_after_the_credits_own(
    credited_on: date, quarters: int, expected: date
) -> None:
    assert Quarter(kind="quarter", quarters=quarters).expires_on(credited_on) == expected


def test_a_fixed_day_is_the_next_one_that_leaves_the_least_days() -> None:
    birthday = FixedDay(kind="fixed_day", month=6, day=18, min_days=30)

    assert birthday.expires_on(date(2027, 5, 19)) == date(2027, 6, 18)
    assert birthday.expires_on(date(2027, 5, 20)) == date(2028, 6, 18)
    assert FixedDay(kind="fixed_day", month=6, day=18).expires_on(date(2027, 6, 18)) == date(2027, 6, 18)


def test_the_29th_of_february_is_the_28th_in_other_years() -> None:
    leap_day = FixedDay(kind="fixed_day", month=2, day=29)

    assert leap_day.expires_on(date(2027, 2, 28)) == date(2027, 2, 28)
    assert leap_day.expires_on(date(2027, 3, 1)) == date(2028, 2, 29)


def test_a_day_that_no_year_has_is_named() -> None:
    assert FixedDay(kind="fixed_day", month=4, day=31).problem() == ("day", "不是这个月的日期")
    assert FixedDay(kind="fixed_day", month=2, day=29).problem() is None


def test_points_of_an_active_member_wait_in_a_bucket_of_their_own() -> None:
    assert Idle(kind="idle").bucket(PointsClass.BEHAVIOUR, date(2027, 1, 1)) == idle_bucket_key(PointsClass.BEHAVIOUR)
    assert Idle(kind="idle").expires_on(date(2027, 1, 1)) is None


EVERY_KIND: list[Validity] = [
    Months(kind="months", months=12),
    Days(kind="days", days=30),
    Days(kind="days", days=30, until="day"),
    YearEnd(kind="year_end", years=1),
    FixedDay(kind="fixed_day", month=2, day=29, min_days=10),
    OnDate(kind="on_date", on=date(2027, 6, 18)),
    Quarter(kind="quarter", quarters=4),
    Idle(kind="idle"),
    Never(kind="never"),
]


@pytest.mark.parametrize("validity", EVERY_KIND)
def test_what_is_kept_with_pending_points_comes_back_the_same(validity: Validity) -> None:
    plain: dict[str, Any] = stored(validity)

    assert all(isinstance(value, (str, int)) for value in plain.values())
    assert validity_of(plain) == validity


@given(st.sampled_from(EVERY_KIND), st.dates(date(2000, 1, 1), date(2080, 12, 31)), st.sampled_from(list(PointsClass)))
def test_the_bucket_holds_the_last_valid_day_and_it_is_never_before_the_credit(
    validity: Validity, credited_on: date, points_class: PointsClass
) -> None:
    key = validity.bucket(points_class, credited_on)

    assert bucket_expires_on(key) == validity.expires_on(credited_on)
    assert key[3] == points_class.letter
    if not isinstance(validity, OnDate):
        assert (validity.expires_on(credited_on) or date.max) >= credited_on
