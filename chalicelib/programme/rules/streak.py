"""Points for a daily check-in: so many a day, more on certain days of an unbroken run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Le, Len

from chalicelib.ledger.check_in_days import CheckInDays
from chalicelib.ledger.model import Part
from chalicelib.programme.activity import CheckedIn


@dataclass(frozen=True, slots=True)
class StreakReward:
    """Extra points on the `day`-th day of a run."""

    __pydantic_config__: ClassVar = {"extra": "forbid", "strict": True}

    day: Annotated[int, Ge(2), Le(366)]
    points: Annotated[int, Ge(1), Le(1_000_000)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Streak:
    """`points` for each day; `rewards` on days of the run; the run starts anew with each `cycle`.

    cycle `week` starts on Monday, `month` on the first, `run` never; with `repeats` the table starts again after its
    last day, so `[{day: 7}]` means each seventh day in a row.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid", "strict": True}

    ANSWERS: ClassVar = frozenset({"check_in"})
    """The activities this kind can answer."""

    kind: Literal["streak"]
    points: Annotated[int, Ge(0), Le(1_000_000)]
    cycle: Literal["week", "month", "run"]
    repeats: bool
    rewards: Annotated[tuple[StreakReward, ...], Len(0, 31)]

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

    def parts(self, activity: CheckedIn, rule: str) -> tuple[Part, ...]:
        """The day's points and, on a rewarded day, the extra ones."""
        streak_days = self.streak_days(activity.days, activity.on)
        daily = Part(rule, self.points, "每日签到")
        extra = self._rewards_by_place().get(self._place(streak_days), 0)
        return (daily, Part(rule, extra, f"连续签到{streak_days}天")) if extra else (daily,)

    def streak_days(self, days: CheckInDays, on: date) -> int:
        """Days in a row ending with `on`, within the cycle of `on`."""
        return min(days.run_ending(on), (on - self._cycle_start(on)).days + 1)

    def next_reward(self, days: CheckInDays, on: date) -> tuple[int, int] | None:
        """(days until the next reward if none is missed, its points), counted from `on`; None when none can come.

        When `on` itself is not checked in yet, it counts as one of the days to go.
        """
        rewards = self._rewards_by_place()
        run_days = days.run_ending(on) or days.run_ending(on - timedelta(days=1))
        first = 1 if days.has(on) else 0
        for ahead in range(first, 2 * 366):
            then = on + timedelta(days=ahead)
            streak_days = run_days + ahead + (0 if days.has(on) else 1)
            streak_days = min(streak_days, (then - self._cycle_start(then)).days + 1)
            if points := rewards.get(self._place(streak_days)):
                return ahead + (0 if days.has(on) else 1), points
        return None

    def _rewards_by_place(self) -> dict[int, int]:
        return {reward.day: reward.points for reward in self.rewards}

    def _place(self, streak_days: int) -> int:
        last = max((reward.day for reward in self.rewards), default=1)
        return (streak_days - 1) % last + 1 if self.repeats else streak_days

    def _cycle_start(self, on: date) -> date:
        if self.cycle == "week":
            return on - timedelta(days=on.weekday())
        if self.cycle == "month":
            return on.replace(day=1)
        return date.min
