"""Points per amount of money: so many per step of fen, the rest rounded by a named rule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

from chalicelib.ledger.document import Ge, Le, Len, document
from chalicelib.ledger.model import MAX_POINTS, Part
from chalicelib.programme.activity import MAX_ORDER_FEN, Behaved, Ordered, earning_fen


@document
class PerAmount:
    """`points` for each `fen` of what was paid less the parts named in `less` and less refunds."""

    ANSWERS: ClassVar = frozenset({"order", "indicator"})
    """The activities this kind can answer; of indicators only those of money."""

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

    def earned_fen(self, activity: Ordered | Behaved) -> tuple[int, ...]:
        """The fen that earn, of each line and then of the freight; never below 0."""
        return earning_fen(activity, self.less) if isinstance(activity, Ordered) else (activity.fen,)

    def base_fen(self, activity: Ordered) -> int:
        """The fen of the whole order that earn, never below 0."""
        return sum(self.earned_fen(activity))

    def points_of(self, base_fen: int) -> int:
        """Points for so much money, rounded once."""
        whole, rest = divmod(base_fen * self.points, self.fen)
        if not rest or self.rounding == "floor":
            return whole
        return whole + (self.rounding == "ceiling" or 2 * rest >= self.fen)

    def parts(self, activity: Ordered | Behaved, rule: str, name: str = "") -> tuple[Part, ...]:
        """One line: the whole order's points."""
        return self.parts_of(self.earned_fen(activity), rule)

    def parts_of(self, earned_fen: Sequence[int], rule: str) -> tuple[Part, ...]:
        """One line: the points for these amounts together."""
        base_fen = sum(earned_fen)
        return (Part(rule, self.points_of(base_fen), f"消费{base_fen // 100}.{base_fen % 100:02d}元"),)
