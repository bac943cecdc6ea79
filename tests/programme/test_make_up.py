"""The make-up card: which missed day can be repaired, and which rewards the repaired run reaches."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.ledger.check_in_days import CheckInDays
from chalicelib.programme.rules.cumulative import Cumulative, DaysReward
from chalicelib.programme.rules.streak import MadeUp, MakeUp, Streak, StreakReward

MONDAY = date(2026, 11, 16)
CARD = MakeUp(price_points=20, look_back_days=7, per_month=3)


def a_streak(cycle: str = "run", make_up: MakeUp | None = CARD) -> Streak:
    return Streak(
        kind="streak",
        points=2,
        cycle=cycle,  # type: ignore[arg-type]
        repeats=True,
        rewards=(StreakReward(7, 10),),
        make_up=make_up,
    )


def day(number: int) -> date:
    """The n-th day, counted from a Monday as 1."""
    return MONDAY + timedelta(days=number - 1)


def checked_in(*numbers: int) -> CheckInDays:
    days = CheckInDays()
    for number in sorted(numbers):
        days = days.with_day(day(number))
    return days


@pytest.mark.parametrize(
    ("missed", "today", "used", "problem"),
    [
        (3, 4, 0, None),
        (3, 10, 2, None),
        (3, 11, 0, "只能补最近7天的签到"),
        (3, 4, 3, "本月补签3次已用完"),
        (4, 4, 0, "只能补今天以前的签到"),
        (2, 4, 0, "这一天已经签到"),
    ],
)
def test_a_missed_day_can_be_made_up_within_its_terms(missed: int, today: int, used: int, problem: str | None) -> None:
    days = checked_in(1, 2)

    assert a_streak().can_make_up(days, day(missed), day(today), used) == problem


def test_a_new_cycle_closes_the_days_of_the_old_one_and_no_card_means_none() -> None:
    days = checked_in(1, 2)

    assert a_streak("week").can_make_up(days, day(3), day(7)) is None
    assert a_streak("week").can_make_up(days, day(3), day(8)) == "只能补本周期内的签到"
    assert a_streak(make_up=None).can_make_up(days, day(3), day(4)) == "本方案没有补签"


def test_no_day_before_joining_was_missed() -> None:
    days, joined_on = checked_in(5), day(3)

    assert a_streak().can_make_up(days, day(2), day(6), 0, joined_on) == "只能补入会以后的签到"
    assert a_streak().can_make_up(days, joined_on, day(6), 0, joined_on) is None
    assert a_streak().can_make_up(days, day(2), day(6), 0, None) is None


def test_the_repaired_run_pays_the_reward_it_newly_reaches() -> None:
    before = checked_in(1, 2, 4, 5, 6, 7, 8)

    assert a_streak().rewards_of_make_up(before, day(3), day(8)) == (MadeUp(day(7), 7, 10),)


def test_the_repaired_day_itself_may_be_the_rewarded_one() -> None:
    before = checked_in(1, 2, 3, 4, 5, 6, 8)

    assert a_streak().rewards_of_make_up(before, day(7), day(8)) == (MadeUp(day(7), 7, 10),)


def test_a_date_that_gave_its_reward_gives_none_again() -> None:
    before = checked_in(*range(1, 8), *range(9, 16))

    assert a_streak().rewards_of_make_up(before, day(8), day(15)) == ()
    seven_later = checked_in(*range(1, 7), *range(8, 15))
    assert a_streak().rewards_of_make_up(seven_later, day(7), day(14)) == (MadeUp(day(7), 7, 10),)


def test_a_joined_run_gives_a_reward_once_that_its_parts_have_given() -> None:
    once = Streak(
        kind="streak",
        points=2,
        cycle="run",
        repeats=False,
        rewards=(StreakReward(3, 100), StreakReward(6, 30)),
        make_up=CARD,
    )

    assert once.rewards_of_make_up(checked_in(1, 2, 4, 5), day(3), day(5)) == (MadeUp(day(3), 3, 100),)
    assert once.rewards_of_make_up(checked_in(1, 2, 4, 5, 6), day(3), day(6)) == (MadeUp(day(6), 6, 30),)
    assert once.rewards_of_make_up(checked_in(1, 2, 3, 5, 6, 7), day(4), day(7)) == (MadeUp(day(6), 6, 30),)


def test_a_repair_that_reaches_nothing_pays_nothing() -> None:
    assert a_streak().rewards_of_make_up(checked_in(1, 3), day(2), day(3)) == ()


@given(st.sets(st.integers(1, 30), min_size=1), st.integers(1, 29), st.sampled_from(["run", "week", "month"]))
def test_no_date_is_ever_rewarded_twice_and_none_that_is_not_checked_in(
    numbers: set[int], missed: int, cycle: str
) -> None:
    streak, today_on = a_streak(cycle), day(30)
    before = checked_in(*(numbers - {missed}))
    after = before.with_day(day(missed))

    made_up = streak.rewards_of_make_up(before, day(missed), today_on)

    assert len({one.on for one in made_up}) == len(made_up)
    for one in made_up:
        assert after.has(one.on)
        assert one.streak_days == streak.streak_days(after, one.on)
        assert streak.streak_days(before, one.on) % 7 != 0 or not before.has(one.on)


def of_the_month() -> Cumulative:
    rewards = (DaysReward(2, 5), DaysReward(4, 9))
    return Cumulative(kind="cumulative", cycle="month", rewards=rewards)


def test_days_of_the_cycle_count_in_a_row_or_not() -> None:
    days = checked_in(1, 3, 6)

    assert of_the_month().days_in_cycle(days, day(6)) == 3
    assert of_the_month().days_in_cycle(days, day(5)) == 2
    assert of_the_month().days_in_cycle(days, date(2026, 12, 1)) == 0


def test_a_reward_for_more_days_than_the_next_month_has_waits_for_a_longer_one() -> None:
    whole_month = Cumulative(kind="cumulative", cycle="month", rewards=(DaysReward(31, 9),))

    assert whole_month.next_reward(CheckInDays(), date(2027, 1, 31)) == (1 + 28 + 31, 9)
    assert whole_month.next_reward(CheckInDays(), date(2028, 1, 31)) == (1 + 29 + 31, 9)


def test_the_next_reward_is_this_cycles_while_its_days_suffice_else_the_next_ones() -> None:
    days = checked_in(1, 3)

    assert of_the_month().next_reward(days, day(3)) == (2, 9)
    assert of_the_month().next_reward(days, day(4)) == (2, 9)
    assert of_the_month().next_reward(checked_in(14), date(2026, 11, 29)) == (1, 5)
    assert of_the_month().next_reward(checked_in(15), date(2026, 11, 30)) == (2, 5)
    assert of_the_month().next_reward(CheckInDays(), date(2026, 11, 30)) == (3, 5)


def test_a_made_up_day_reaches_each_number_of_days_once() -> None:
    month = of_the_month()

    assert month.rewards_of_make_up(checked_in(1, 3, 4), day(2), day(4)) == (DaysReward(4, 9),)
    assert month.rewards_of_make_up(checked_in(1, 2, 3, 4), day(5), day(6)) == ()


def test_a_reward_that_no_cycle_reaches_or_that_does_not_rise_is_named() -> None:
    assert Cumulative(kind="cumulative", cycle="week", rewards=(DaysReward(8, 1),)).problem() == (
        "rewards.0.days",
        "超出周期,永远拿不到",
    )
    assert Cumulative(kind="cumulative", cycle="week", rewards=(DaysReward(3, 1), DaysReward(3, 2))).problem() == (
        "rewards.1.days",
        "应大于前一级",
    )
