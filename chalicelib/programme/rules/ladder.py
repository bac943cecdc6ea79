"""Points by how often a rule counted for the member: first order, second order; friends 1 to 3, 4 and 5, from 6."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from chalicelib.ledger.document import Ge, Le, Len, document
from chalicelib.ledger.model import Part
from chalicelib.programme.periods import THIS, Period, again


@document(kw_only=False, named={"from_time": "from"})
class Step:
    """`points` for each time from the n-th on; the document calls it `from`."""

    from_time: Annotated[int, Ge(1), Le(100_000)]
    points: Annotated[int, Ge(0), Le(1_000_000)]


@document
class Ladder:
    """The n-th time in a period pays its step's points; nothing before the first step, and times count from there on.

    Each time counts, also one that pays nothing, for as long as a later step pays something.
    """

    ANSWERS: ClassVar = frozenset({"check_in", "order", "indicator"})
    """The activities this kind can answer."""

    kind: Literal["ladder"]
    steps: Annotated[tuple[Step, ...], Len(1, 31)]
    period: Period

    def problem(self) -> tuple[str, str] | None:
        """(path, reason in Chinese) when the steps do not rise."""
        for place in range(1, len(self.steps)):
            if self.steps[place].from_time <= self.steps[place - 1].from_time:
                return f"steps.{place}.from", "应大于前一级"
        return None

    def counter(self, rule: str) -> str:
        """The name of the counter of a rule's times in its period."""
        return f"{rule}:l{self.period[0]}"

    def points_of(self, time: int) -> int:
        """What the `time`-th time pays, counted from 1."""
        points = 0
        for step in self.steps:
            if step.from_time > time:
                break
            points = step.points
        return points

    def is_over(self, time: int) -> bool:
        """Whether neither the `time`-th time nor any later one pays anything."""
        return time >= self.steps[-1].from_time and not self.steps[-1].points

    def over_in_words(self, name: str) -> str:
        """That a rule of this name has paid for the last time, and when it begins anew, fit to show a member."""
        opens = again(self.period)
        return f"{name}{THIS[self.period]}奖励次数已用完,{opens}可再得" if opens else f"{name}奖励次数已用完"

    def ladder_parts(self, done: int, times: int, rule: str, name: str) -> tuple[Part, ...]:
        """A line for each time after the `done` before it that pays."""
        parts: list[Part] = []
        for time in range(done + 1, done + times + 1):
            points = self.points_of(time)
            if points:
                parts.append(Part(rule, points, f"{name}第{time}次"))
        return tuple(parts)
