"""Rewards for a number of check-ins in a week or month, in a row or not (累计签到)."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cached_property
from typing import Annotated, ClassVar, Literal

from chalicelib.ledger.check_in_days import CheckInDays
from chalicelib.ledger.document import Ge, Le, Len, document
from chalicelib.ledger.model import Part
from chalicelib.programme.activity import CheckedIn
from chalicelib.programme.periods import starts_on, through_on


@document(kw_only=False)
class DaysReward:
    """`points` once `days` days of the cycle are checked in."""

    days: Annotated[int, Ge(1), Le(31)]
    points: Annotated[int, Ge(1), Le(1_000_000)]


@document
class Cumulative:
    """`rewards` by how many days of a `cycle` are checked in; the week starts on Monday.

    claim `auto` pays with the check-in that reaches the days, `by_hand` when the member asks for it within the cycle.
    """

    ANSWERS: ClassVar = frozenset({"check_in"})
    """The activities this kind can answer."""

    kind: Literal["cumulative"]
    cycle: Literal["week", "month"]
    rewards: Annotated[tuple[DaysReward, ...], Len(1, 31)]
    claim: Literal["auto", "by_hand"] = "auto"

    def problem(self) -> tuple[str, str] | None:
        """(path, reason in Chinese) when a reward is out of its cycle's reach or the days do not rise."""
        longest = {"week": 7, "month": 31}[self.cycle]
        for place, reward in enumerate(self.rewards):
            if reward.days > longest:
                return f"rewards.{place}.days", "超出周期,永远拿不到"
            if place and reward.days <= self.rewards[place - 1].days:
                return f"rewards.{place}.days", "应大于前一级"
        return None

    def parts(self, activity: CheckedIn, rule: str, name: str = "") -> tuple[Part, ...]:
        """One line on the check-in that reaches a reward, none on any other; also what is claimed by hand."""
        reached = self.days_in_cycle(activity.days, activity.on)
        points = self._points.get(reached)
        return (Part(rule, points, f"{_CYCLES[self.cycle]}累计签到{reached}天"),) if points else ()

    def days_in_cycle(self, days: CheckInDays, on: date) -> int:
        """How many days of the cycle of `on` are checked in, from its first day to `on` itself."""
        return days.count(starts_on(self.cycle, on), on)

    def next_reward(self, days: CheckInDays, on: date) -> tuple[int, int] | None:
        """(check-ins until the next reward when none is missed, its points), counted from `on`.

        When `on` itself is not checked in yet, it counts as one of the days to go. What this cycle's days no longer
        suffice for waits for the next one that is long enough.
        """
        done = self.days_in_cycle(days, on)
        to_come = self._to_come(days, on)
        for reward in self.rewards:
            if done < reward.days <= done + to_come:
                return reward.days - done, reward.points
        first, next_on = self.rewards[0], on
        while True:  # a February has no 29 days to check in every year
            next_on = (through_on(self.cycle, next_on) or next_on) + timedelta(days=1)
            length = ((through_on(self.cycle, next_on) or next_on) - next_on).days + 1
            if first.days <= length:
                return to_come + first.days, first.points
            to_come += length

    def can_reach(self, reward: DaysReward, days: CheckInDays, on: date) -> bool:
        """Whether the days of the cycle of `on`, those to come included, suffice for a reward."""
        return reward.days <= self.days_in_cycle(days, on) + self._to_come(days, on)

    def _to_come(self, days: CheckInDays, on: date) -> int:
        """How many days of the cycle can still be checked in, `on` itself among them until it is."""
        return ((through_on(self.cycle, on) or on) - on).days + (not days.has(on))

    def reached(self, days: CheckInDays, on: date) -> tuple[DaysReward, ...]:
        """The rewards that the days of the cycle of `on` suffice for: what can be claimed by hand."""
        done = self.days_in_cycle(days, on)
        return tuple(reward for reward in self.rewards if reward.days <= done)

    def rewards_of_make_up(self, days_before: CheckInDays, on: date, today_on: date) -> tuple[DaysReward, ...]:
        """The rewards of the cycle of `on` that are newly reached when `on` is made up."""
        end_on = min(through_on(self.cycle, on) or on, today_on)
        before = self.days_in_cycle(days_before, end_on)
        after = self.days_in_cycle(days_before.with_day(on), end_on)
        return tuple(reward for reward in self.rewards if before < reward.days <= after)

    @cached_property
    def _points(self) -> dict[int, int]:
        return {reward.days: reward.points for reward in self.rewards}


_CYCLES = {"week": "本周", "month": "本月"}
