from datetime import date, timedelta
from typing import Any

import pytest

from chalicelib.ledger.check_in_days import CheckInDays
from chalicelib.programme.activity import CheckedIn
from chalicelib.programme.rules.streak import Streak, StreakReward

MONDAY = date(2026, 11, 16)


def a_streak(**given: Any) -> Streak:
    values: dict[str, Any] = {"cycle": "run", "repeats": True, "rewards": (StreakReward(7, 10),)}
    return Streak(kind="streak", points=2, **{**values, **given})


def points_of_each_day(streak: Streak, start: date, count: int) -> list[int]:
    days, paid = CheckInDays(), []
    for ahead in range(count):
        on = start + timedelta(days=ahead)
        days = days.with_day(on)
        paid.append(sum(part.points for part in streak.parts(CheckedIn(on, days), "check_in")))
    return paid


def test_every_seventh_day_in_a_row_pays_extra() -> None:
    paid = points_of_each_day(a_streak(), MONDAY, 15)

    assert [day for day, points in enumerate(paid, 1) if points == 12] == [7, 14]


def test_without_repeats_the_table_is_walked_once() -> None:
    paid = points_of_each_day(a_streak(repeats=False), MONDAY, 15)

    assert [day for day, points in enumerate(paid, 1) if points == 12] == [7]


def test_a_weekly_cycle_starts_anew_on_monday() -> None:
    thursday = MONDAY + timedelta(days=3)

    paid = points_of_each_day(a_streak(cycle="week", rewards=(StreakReward(3, 10),)), thursday, 8)

    assert [ahead for ahead, points in enumerate(paid) if points == 12] == [2, 6]


def test_a_monthly_cycle_starts_anew_on_the_first_also_after_a_leap_day() -> None:
    streak = a_streak(cycle="month", repeats=False, rewards=(StreakReward(2, 10),))

    paid = points_of_each_day(streak, date(2028, 2, 27), 6)

    assert [ahead for ahead, points in enumerate(paid) if points == 12] == [1, 4]


@pytest.mark.parametrize(("checked_in", "expected"), [(3, (4, 10)), (7, (7, 10)), (6, (1, 10))])
def test_the_days_to_the_next_reward_are_counted_after_todays_check_in(
    checked_in: int, expected: tuple[int, int]
) -> None:
    days = CheckInDays()
    for ahead in range(checked_in):
        days = days.with_day(MONDAY + timedelta(days=ahead))

    assert a_streak().next_reward(days, MONDAY + timedelta(days=checked_in - 1)) == expected


def test_before_todays_check_in_today_counts_as_one_to_go() -> None:
    days = CheckInDays().with_day(MONDAY).with_day(MONDAY + timedelta(days=1))

    assert a_streak().next_reward(days, MONDAY + timedelta(days=2)) == (5, 10)
    assert a_streak().next_reward(days, MONDAY + timedelta(days=5)) == (7, 10)
    assert a_streak().next_reward(CheckInDays(), MONDAY) == (7, 10)


def test_a_reward_out_of_reach_in_this_cycle_waits_for_the_next_one() -> None:
    streak = a_streak(cycle="week", rewards=(StreakReward(3, 10),))
    saturday = CheckInDays().with_day(MONDAY + timedelta(days=5))

    assert streak.next_reward(saturday, MONDAY + timedelta(days=5)) == (4, 10)


def test_no_rewards_means_no_next_one() -> None:
    assert a_streak(rewards=()).next_reward(CheckInDays(), MONDAY) is None


def test_a_reward_beyond_its_cycle_or_standing_twice_is_named() -> None:
    assert a_streak(cycle="week", rewards=(StreakReward(8, 1),)).problem() == ("rewards.0.day", "超出周期,永远拿不到")
    assert a_streak(rewards=(StreakReward(7, 1), StreakReward(7, 2))).problem() == ("rewards.1.day", "与前面的天数重复")
