"""Points by the length of a text, counted as a reader counts."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from chalicelib.ledger.document import Ge, Le, Len, document
from chalicelib.ledger.model import Part
from chalicelib.programme.activity import Behaved


@document(kw_only=False)
class LengthStep:
    """`points` for a text of more than `over` characters."""

    over: Annotated[int, Ge(0), Le(100_000)]
    points: Annotated[int, Ge(1), Le(1_000_000)]


@document
class ByLength:
    """The points of the last step that the text is over; steps do not add."""

    ANSWERS: ClassVar = frozenset({"indicator"})
    """The activities this kind can answer."""

    kind: Literal["by_length"]
    steps: Annotated[tuple[LengthStep, ...], Len(1, 20)]

    def problem(self) -> tuple[str, str] | None:
        """(path, reason in Chinese) when the steps do not rise."""
        for place in range(1, len(self.steps)):
            before, step = self.steps[place - 1], self.steps[place]
            if step.over <= before.over:
                return f"steps.{place}.over", "应大于前一级"
            if step.points <= before.points:
                return f"steps.{place}.points", "应大于前一级"
        return None

    def parts(self, activity: Behaved, rule: str, name: str = "") -> tuple[Part, ...]:
        """One line; none for a text that is over no step."""
        reached = [step for step in self.steps if activity.length > step.over]
        return (Part(rule, reached[-1].points, f"{name}超过{reached[-1].over}字"),) if reached else ()

    def missing(self, length: int) -> tuple[int, int] | None:
        """(characters still to write, points then) to the next step; None when the last is reached."""
        return next(((step.over + 1 - length, step.points) for step in self.steps if length <= step.over), None)
