"""Points for a daily check-in: so many a day, more on certain days of an unbroken run, and what a missed day costs."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from functools import cached_property
from typing import Annotated, ClassVar, Literal, NamedTuple

from chalicelib.ledger.check_in_days import CheckInDays
from chalicelib.ledger.document import Ge, Le, Len, document
from chalicelib.ledger.model import Part
from chalicelib.programme.activity import CheckedIn


@document(kw_only=False)
class StreakReward:
    """Extra points on the `day`-th day of a run."""

    day: Annotated[int, Ge(2), Le(366)]
    points: Annotated[int, Ge(1), Le(1_000_000)]


MADE_UP = "~make_up"
"""The counter of days made up in a month; no rule, cap or task can be named so."""


@document
class MakeUp:
    """The make-up card (补签卡): what a missed day costs, how far back, how often in a calendar month."""

    price_points: Annotated[int, Ge(0), Le(1_000_000)]
    look_back_days: Annotated[int, Ge(1), Le(31)]
    per_month: Annotated[int, Ge(1), Le(31)]


class MadeUp(NamedTuple):
    """A reward that a repaired run newly reaches: the date it falls on and the days in a row by then."""

    on: date
    streak_days: int
    points: int


@document
class Streak:
    """`points` for each day; `rewards` on days of the run; the run starts anew with each `cycle`.

    cycle `week` starts on Monday, `month` on the first, `run` never; with `repeats` the table starts again after its
    last day, so `[{day: 7}]` means each seventh day in a row.
    """

    ANSWERS: ClassVar = frozenset({"check_in"})
    """The activities this kind can answer."""

    kind: Literal["streak"]
    points: Annotated[int, Ge(0), Le(1_000_000)]
    cycle: Literal["week", "month", "run"]
    repeats: bool
    rewards: Annotated[tuple[StreakReward, ...], Len(0, 31)]
    make_up: MakeUp | None = None

    def problem(self) -> tuple[str, str] | None:
        """What no single field shows: (path, reason in Chinese) when a reward can never be reached or stands twice."""
        longest = {"week": 7, "month": 31, "run": 366}[self.cycle]
        days = [reward.day for reward in self.rewards]
        for place, day in enumerate(days):
            if day > longest:
                return f"rewards.{place}.day", "超出周期,永远拿不到"
            if day in days[:place]:
                return f"rewards.{place}.day", "与前面的天数重复"
        return None

    def parts(self, activity: CheckedIn, rule: str, name: str = "") -> tuple[Part, ...]:
        """The day's points and, on a rewarded day, the extra ones."""
        streak_days = self.streak_days(activity.days, activity.on)
        daily = Part(rule, self.points, "每日签到")
        extra = self._points_on(streak_days)
        return (daily, Part(rule, extra, f"连续签到{streak_days}天")) if extra else (daily,)

    def streak_days(self, days: CheckInDays, on: date) -> int:
        """Days in a row ending with `on`, within the cycle of `on`."""
        run_days = days.run_ending(on)
        return run_days if self.cycle == "run" else min(run_days, (on - self._cycle_start(on)).days + 1)

    def next_reward(self, days: CheckInDays, on: date) -> tuple[int, int] | None:
        """(days until the next reward if none is missed, its points), counted from `on`; None when none can come.

        When `on` itself is not checked in yet, it counts as one of the days to go.
        """
        if not self.rewards:
            return None
        run_days = days.run_ending(on) or days.run_ending(on - timedelta(days=1))
        first = 1 if days.has(on) else 0
        for ahead in range(first, 2 * 366):
            then = on + timedelta(days=ahead)
            streak_days = run_days + ahead + (0 if days.has(on) else 1)
            if self.cycle != "run":
                streak_days = min(streak_days, (then - self._cycle_start(then)).days + 1)
            if points := self._points_on(streak_days):
                return ahead + (0 if days.has(on) else 1), points
        return None

    def can_make_up(
        self, days: CheckInDays, on: date, today_on: date, used_this_month: int = 0, joined_on: date | None = None
    ) -> str | None:
        """Why the missed day `on` cannot be made up on `today_on`, fit to show a member; None when it can.

        Nothing before `joined_on` was missed, where that is known.
        """
        terms = self.make_up
        if terms is None:
            return "本方案没有补签"
        if on >= today_on:
            return "只能补今天以前的签到"
        if days.has(on):
            return "这一天已经签到"
        if joined_on is not None and on < joined_on:
            return "只能补入会以后的签到"
        if (today_on - on).days > terms.look_back_days:
            return f"只能补最近{terms.look_back_days}天的签到"
        if on < self._cycle_start(today_on):
            return "只能补本周期内的签到"
        if used_this_month >= terms.per_month:
            return f"本月补签{terms.per_month}次已用完"
        return None

    def rewards_of_make_up(self, days_before: CheckInDays, on: date, today_on: date) -> tuple[MadeUp, ...]:
        """The rewards that the run newly reaches once `on` is made up, by `today_on`; the day's own points never.

        Each reward of a run comes once: those of the joined run, less those that its dates have given in the runs as
        they were. Only dates from `on` on can differ.
        """
        after = days_before.with_day(on)
        starts_on = self._cycle_start(on)
        reached: list[MadeUp] = []
        given: Counter[int] = Counter()
        then = on
        while then <= today_on and after.has(then) and self._cycle_start(then) == starts_on:
            before = self._in_table(self.streak_days(days_before, then))
            streak_days = self.streak_days(after, then)
            day = self._in_table(streak_days)
            if day != before:
                given[before] += before in self._points
                if day in self._points:
                    reached.append(MadeUp(then, streak_days, self._points[day]))
            then += timedelta(days=1)
        made_up: list[MadeUp] = []
        for one in reached:
            day = self._in_table(one.streak_days)
            if given[day]:
                given[day] -= 1
            else:
                made_up.append(one)
        return tuple(made_up)

    def _points_on(self, streak_days: int) -> int:
        """The reward of the n-th day in a row, 0 when it has none."""
        return self._points.get(self._in_table(streak_days), 0)

    def _in_table(self, streak_days: int) -> int:
        """The day of the table that the n-th day in a row is."""
        return (streak_days - 1) % self._last + 1 if self.repeats and streak_days else streak_days

    @cached_property
    def _points(self) -> dict[int, int]:
        return {reward.day: reward.points for reward in self.rewards}

    @cached_property
    def _last(self) -> int:
        return max(self._points, default=1)

    def _cycle_start(self, on: date) -> date:
        if self.cycle == "week":
            return on - timedelta(days=on.weekday())
        if self.cycle == "month":
            return on.replace(day=1)
        return date.min
