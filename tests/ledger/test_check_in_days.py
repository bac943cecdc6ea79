from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.ledger.check_in_days import KEPT_DAYS, CheckInDays

START_ON = date(2028, 2, 27)
"""Two days before a leap day."""


def of(*days: date) -> CheckInDays:
    kept = CheckInDays()
    for on in days:
        kept = kept.with_day(on)
    return kept


def test_a_run_goes_through_a_leap_day_and_a_month_end() -> None:
    kept = of(*(START_ON + timedelta(days=ahead) for ahead in range(5)))

    assert kept.has(date(2028, 2, 29))
    assert kept.run_ending(date(2028, 3, 2)) == 5
    assert kept.run_ending(date(2028, 2, 29)) == 3


def test_a_missed_day_starts_a_new_run() -> None:
    kept = of(START_ON, START_ON + timedelta(days=2))

    assert kept.run_days == 1
    assert not kept.has(START_ON + timedelta(days=1))


def test_filling_a_gap_joins_the_runs() -> None:
    kept = of(START_ON, START_ON + timedelta(days=2), START_ON + timedelta(days=1))

    assert kept.last_on == START_ON + timedelta(days=2)
    assert kept.run_days == 3


def test_a_run_longer_than_the_bitmap_is_still_counted() -> None:
    kept = of(*(START_ON + timedelta(days=ahead) for ahead in range(100)))

    assert kept.run_days == 100
    assert not kept.has(START_ON)


def test_every_day_of_a_run_longer_than_the_bitmap_knows_its_own_place() -> None:
    kept = of(*(START_ON + timedelta(days=ahead) for ahead in range(100)))

    assert kept.run_ending(START_ON + timedelta(days=96)) == 97
    assert kept.run_ending(START_ON + timedelta(days=40)) == 41


def test_joining_a_run_older_than_the_bitmap_counts_too_few_and_never_too_many() -> None:
    days = [START_ON + timedelta(days=ahead) for ahead in range(102)]

    kept = of(*days[:100], days[101], days[100])

    assert kept.run_days == KEPT_DAYS


@given(st.sets(st.integers(0, 70), min_size=1), st.integers(-5, 80), st.integers(-5, 80))
def test_days_between_two_dates_are_counted(offsets: set[int], first: int, end: int) -> None:
    days = sorted(START_ON + timedelta(days=offset) for offset in offsets)
    first_on, end_on = START_ON + timedelta(days=first), START_ON + timedelta(days=end)

    in_reach = [on for on in days if (days[-1] - on).days < KEPT_DAYS]
    assert of(*days).count(first_on, end_on) == sum(first_on <= on <= end_on for on in in_reach)


@given(st.sets(st.integers(0, 70), min_size=1))
def test_the_bitmap_agrees_with_a_plain_set_of_days(offsets: set[int]) -> None:
    days = sorted(START_ON + timedelta(days=offset) for offset in offsets)

    kept = of(*days)

    for offset in range(80):
        on = START_ON + timedelta(days=offset)
        in_reach = (days[-1] - on).days < KEPT_DAYS
        assert kept.has(on) == (on in days and in_reach)
    run = 0
    while days[-1] - timedelta(days=run) in days:
        run += 1
    assert kept.run_days == run
