"""Points per amount of money: so many per step of fen, the rest rounded by a named rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Le, Len

from chalicelib.ledger.model import MAX_POINTS, Part
from chalicelib.programme.activity import MAX_ORDER_FEN, Ordered


@dataclass(frozen=True, slots=True, kw_only=True)
class PerAmount:
    """`points` for each `fen` of what was paid less the parts named in `less` and less refunds."""

    __pydantic_config__: ClassVar = {"extra": "forbid", "strict": True}

    ANSWERS: ClassVar = frozenset({"order"})
    """The activities this kind can answer."""

    kind: Literal["per_amount"]
    fen: Annotated[int, Ge(1), Le(10**7)]
    points: Annotated[int, Ge(1), Le(10_000)]
    rounding: Literal["floor", "half_up", "ceiling"]
    less: Annotated[tuple[Literal["freight", "coupon", "points", "stored_value"], ...], Len(0, 4)]

    def problem(self) -> tuple[str, str] | None:
        """What no single field shows: (path, reason in Chinese), a part taken off twice or a rate beyond the ledger."""
        if MAX_ORDER_FEN * self.points > MAX_POINTS * self.fen:
            return "points", "过大,一笔大额订单的积分会超出上限"
        if len(set(self.less)) < len(self.less):
            return "less", "有重复项"
        return None

    def base_fen(self, activity: Ordered) -> int:
        """The fen that earn, never below 0."""
        taken_off: int = sum(getattr(activity, f"{part}_fen") for part in self.less)
        return max(0, activity.paid_fen - taken_off - activity.refunded_fen)

    def parts(self, activity: Ordered, rule: str) -> tuple[Part, ...]:
        """One line: the whole order's points."""
        base_fen = self.base_fen(activity)
        whole, rest = divmod(base_fen * self.points, self.fen)
        up = {"floor": False, "half_up": 2 * rest >= self.fen, "ceiling": rest > 0}[self.rounding]
        return (Part(rule, whole + up, f"消费{base_fen // 100}.{base_fen % 100:02d}元"),)
