"""The pure totals: what lines of a day come to, what stands after it, what is missing between lines."""

from __future__ import annotations

import random
from datetime import date, timedelta

import pytest

from chalicelib.insight.line import Movement
from chalicelib.insight.model import Closing, Day, followed, problems_of
from chalicelib.insight.totals import Sequences, sum_lines
from tests.insight.builders import ON, A, B, C, a_day, a_line

A_DAY = timedelta(days=1)


def a_busy_day() -> list:
    return [
        a_line(100),
        a_line(30, buckets={}, pending={"c": 30}, sequence=2, rule="slow"),
        a_line(0, Movement.SETTLED, buckets={C: 10}, pending={"c": -10}, sequence=3, rule="slow"),
        a_line(0, Movement.SETTLED, buckets={C: -40}, held={"c": 40}, sequence=4, rule=""),
        a_line(-25, Movement.SPENT, held={"c": -25}, sequence=5, rule=""),
        a_line(0, Movement.SETTLED, buckets={C: 15}, held={"c": -15}, sequence=6, rule=""),
        a_line(50, member_id="m2", buckets={B: 20}, deficit_points=-30, rule="review"),
        a_line(-60, Movement.TAKEN_BACK, member_id="m2", buckets={B: -20}, deficit_points=40, sequence=2),
        a_line(-5, Movement.EXPIRED, member_id="m3", buckets={"fzzc": -5}, occurred_on=ON - A_DAY, rule=""),
    ]


def test_every_part_is_counted_by_movement_and_class() -> None:
    changes = sum_lines(a_busy_day())

    assert changes.flows == {
        "issued": {"ac": 100, "pc": 30, "ab": 20, "d": -30},
        "settled": {"ac": -15, "pc": -10, "hc": 25},
        "spent": {"hc": -25},
        "taken_back": {"ab": -20, "d": 40},
        "expired": {"ac": -5},
    }
    assert changes.points == 100 + 30 - 25 + 50 - 60 - 5
    assert changes.rules == {
        "order": {"issued": 100, "taken_back": -60},
        "slow": {"issued": 30},
        "review": {"issued": 50},
    }
    assert (changes.entries, changes.members, changes.problems) == (9, 3, frozenset())


@pytest.mark.parametrize("seed", range(5))
def test_lines_in_any_order_come_to_the_same(seed: int) -> None:
    lines = a_busy_day()
    expected = sum_lines(lines)
    random.Random(seed).shuffle(lines)

    assert sum_lines(lines) == expected


def test_what_a_campaign_gave_and_what_was_spent_on_it_stand_side_by_side() -> None:
    lines = [
        a_line(30, campaign="double_11"),
        a_line(-200, Movement.SPENT, campaign="double_11", rule=""),
        a_line(200, Movement.RETURNED, campaign="double_11", rule=""),
        a_line(-300, Movement.SPENT, campaign="double_11", rule=""),
        a_line(-50, Movement.SPENT, rule=""),
    ]

    changes = sum_lines(lines)

    assert changes.campaigns == {"double_11": {"issued": 30, "spent": -500, "returned": 200}}
    assert changes.rules == {"order": {"issued": 30}}


def test_a_closing_is_the_one_before_and_the_days_changes() -> None:
    first = a_day(ON, a_line(100), a_line(20, sequence=2, buckets={}, pending={"b": 20}))
    second = a_day(
        ON + A_DAY,
        a_line(-100, Movement.SPENT, sequence=3),
        a_line(7, sequence=4, buckets={A: 7}),
        before=first.closing,
    )

    assert first.closing == Closing({C: 100}, {"b": 20})
    assert second.closing == Closing({A: 7}, {"b": 20})
    assert second.closing.points == first.closing.points - 93


def test_a_day_without_lines_closes_as_the_day_before() -> None:
    first = a_day(ON, a_line(100))

    assert a_day(ON + A_DAY, before=first.closing).closing == first.closing


def test_what_ended_is_remembered_by_class_and_month_for_two_years() -> None:
    ended = a_line(-100, Movement.EXPIRED, buckets={C: -100}, posted_on=date(2027, 4, 1), rule="")
    after = a_day(date(2027, 4, 1), ended, before=Closing({C: 100}))

    assert after.closing.expired == {"c2027-03": 100}
    assert followed(after.closing, date(2029, 4, 30), sum_lines([])).expired == {"c2027-03": 100}
    assert followed(after.closing, date(2029, 5, 1), sum_lines([])).expired == {}


def test_a_line_whose_parts_are_not_its_points_is_a_problem() -> None:
    day = a_day(ON, a_line(100, buckets={C: 90}))

    assert "unequal" in problems_of(Closing(), day)


def test_a_total_below_zero_is_a_problem_for_a_line_before_it_is_missing() -> None:
    day = a_day(ON, a_line(-5, Movement.SPENT, sequence=2))

    assert problems_of(Closing(), day) == ("negative",)


def test_a_closing_that_does_not_follow_is_a_problem() -> None:
    day = Day(ON, sum_lines([a_line(5)]), Closing({B: 5}))

    assert problems_of(Closing(), day) == ("broken_chain",)
    assert problems_of(Closing({C: 1}), a_day(ON, a_line(5))) == ("broken_chain", "unequal")


def test_a_missing_line_is_seen_between_its_neighbours_days() -> None:
    sequences = Sequences()
    for line in (a_line(), a_line(sequence=2), a_line(sequence=4, posted_on=ON + 2 * A_DAY), a_line(member_id="m2")):
        sequences.add(line)

    assert sequences.gaps == {ON, ON + A_DAY, ON + 2 * A_DAY}


def test_transfers_must_come_to_nothing_over_the_days_that_are_summed_together() -> None:
    sequences = Sequences()
    sequences.add(a_line(-20, Movement.TRANSFERRED_OUT))
    assert sequences.unbalanced() == {ON}

    sequences.add(a_line(20, Movement.TRANSFERRED_IN, member_id="m2", posted_on=ON + A_DAY))
    assert sequences.unbalanced() == set()


def test_an_entry_of_an_earlier_month_is_late_and_counts_where_it_was_posted() -> None:
    on = date(2026, 12, 1)
    changes = sum_lines(
        [
            a_line(100, posted_on=on, occurred_on=date(2026, 11, 30)),
            a_line(50, posted_on=on, sequence=2, occurred_on=date(2026, 9, 1)),
            a_line(7, posted_on=on, sequence=3),
            a_line(3, posted_on=date(2026, 12, 2), occurred_on=on, sequence=4),
        ]
    )

    assert changes.late == {"2026-11": {"issued": 100}, "2026-09": {"issued": 50}}
    assert changes.flows["issued"] == {"ac": 160}
