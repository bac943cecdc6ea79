from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.ledger.buckets import (
    LAST_ON,
    PointsClass,
    bucket_expires_on,
    bucket_key,
    due_through,
    earliest_due_on,
    moved,
    spend_order,
    take,
)
from tests.ledger.builders import CLASS_ORDER, bucket

dates = st.dates(min_value=date(1970, 1, 1), max_value=LAST_ON)
classes = st.sampled_from(PointsClass)


@given(on=dates | st.none(), points_class=classes)
def test_a_key_holds_its_date_and_class_in_four_characters(on: date | None, points_class: PointsClass) -> None:
    key = bucket_key(on, points_class)

    assert len(key) == 4
    assert (bucket_expires_on(key), key[3]) == (on, points_class.letter)


@given(one=dates, other=dates)
def test_keys_sort_by_date_and_never_comes_last(one: date, other: date) -> None:
    assert (bucket(one) < bucket(other)) == (one < other)
    assert bucket(one) < bucket(None)


def test_a_date_beyond_the_last_key_is_refused() -> None:
    with pytest.raises(ValueError, match="no bucket"):
        bucket(LAST_ON + timedelta(days=1))


def test_a_bucket_is_due_the_day_after_its_last_valid_day_and_not_before() -> None:
    buckets = {bucket(date(2026, 11, 30)): 5, bucket(None): 7}

    assert due_through(buckets, date(2026, 11, 30)) == {}
    assert due_through(buckets, date(2026, 12, 1)) == {bucket(date(2026, 11, 30)): 5}
    assert earliest_due_on(buckets) == date(2026, 12, 1)
    assert earliest_due_on({bucket(None): 7}) is None


def test_spending_goes_by_date_then_by_the_programmes_class_order_and_never_expiring_last() -> None:
    keys = [
        bucket(None, PointsClass.ACTIVITY),
        bucket(date(2027, 1, 31), PointsClass.CONSUMPTION),
        bucket(date(2027, 1, 31), PointsClass.ACTIVITY),
        bucket(date(2026, 12, 31), PointsClass.CONSUMPTION),
    ]

    order = spend_order(dict.fromkeys(keys, 1), CLASS_ORDER)

    assert order == [keys[3], keys[2], keys[1], keys[0]]


def test_taking_more_than_there_is_takes_all_there_is() -> None:
    assert take({"a": 3, "b": 4}, 5, ["a", "b"]) == {"a": 3, "b": 2}
    assert take({"a": 3, "b": 4}, 99, ["a", "b"]) == {"a": 3, "b": 4}


def test_an_emptied_bucket_disappears_and_a_negative_one_is_a_defect() -> None:
    assert moved({"a": 3}, {"a": -3, "b": 2}) == {"b": 2}
    with pytest.raises(AssertionError, match="would hold -1"):
        moved({"a": 3}, {"a": -4})
