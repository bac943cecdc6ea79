"""So many points each time, whatever it was."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from chalicelib.ledger.document import Ge, Le, document
from chalicelib.ledger.model import Part
from chalicelib.programme.activity import Activity, Behaved


@document
class Fixed:
    """`points` for each time."""

    ANSWERS: ClassVar = frozenset({"check_in", "order", "indicator"})
    """The activities this kind can answer."""

    kind: Literal["fixed"]
    points: Annotated[int, Ge(1), Le(1_000_000)]

    def problem(self) -> tuple[str, str] | None:
        """Nothing that no single field shows."""
        return None

    def parts(self, activity: Activity, rule: str, name: str = "") -> tuple[Part, ...]:
        """One line."""
        times = activity.quantity if isinstance(activity, Behaved) else 1
        return (Part(rule, self.points * times, name if times == 1 else f"{name}×{times}"),)
