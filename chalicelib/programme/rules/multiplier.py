"""Multipliers (倍率): they pay nothing themselves, they add to what an activity's rules by amount pay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal, NamedTuple

from chalicelib.ledger.document import Ge, Le, document
from chalicelib.ledger.model import Part
from chalicelib.programme.activity import split

ONE_BP = 10_000
Rounding = Literal["floor", "half_up", "ceiling"]


@document
class Multiplier:
    """Times `bp` basis points: 12000 pays a fifth more. A level's always counts, those of activities stack by the
    programme's term.
    """

    ANSWERS: ClassVar = frozenset({"order", "indicator"})
    """The activities this kind can answer."""

    kind: Literal["multiplier"]
    bp: Annotated[int, Ge(ONE_BP), Le(100_000)]
    group: Literal["level", "activity"]
    rounding: Rounding = "floor"

    def problem(self) -> tuple[str, str] | None:
        """Nothing that no single field shows."""
        return None


@document
class Stacking:
    """How multipliers of activities go together, and what the product with the level's never exceeds."""

    activities: Literal["best_one", "add", "multiply"] = "best_one"
    ceiling_bp: Annotated[int, Ge(ONE_BP), Le(1_000_000)] = 30_000


BEST_ONE = Stacking()


class Applied(NamedTuple):
    """A multiplier whose conditions hold, with the lines it covers (None: all that earn)."""

    rule: str
    name: str
    bp: int
    rounding: Rounding
    is_level: bool
    earning: tuple[bool, ...] | None


def shares_of(base_points: int, earned_fen: Sequence[int], applied: Sequence[Applied]) -> tuple[int, ...]:
    """A rule's points by the order's lines, as far as `applied` tell lines apart; else one share of all."""
    is_whole = all(one.earning is None for one in applied)
    return (base_points,) if is_whole else split(base_points, earned_fen)


def shares_left(
    shares: Sequence[int], base_points: int, before_fen: Sequence[int], after_fen: Sequence[int]
) -> tuple[int, ...]:
    """The shares of a payment after a refund that left `base_points`: each less by its own line's money alone.

    Splitting what is left anew would move points between lines, and what a refund takes would depend on what came back
    before it.
    """
    if len(shares) == 1:
        return (base_points,)
    lines = zip(shares, before_fen, after_fen, strict=True)
    return tuple(share * after // before if before else 0 for share, before, after in lines)


def multiplied(shares: Sequence[int], applied: Sequence[Applied], stacking: Stacking) -> tuple[Part, ...]:
    """The lines that `applied` adds to a rule's points, given as the `shares` of the order's lines.

    Each line of the order has a running multiple: levels first, then activities, never beyond the ceiling; a multiplier
    adds its rise of that multiple times the line's own share of the base. Of activities only the one that adds most
    counts under `best_one`.
    """
    if not applied or not any(shares):
        return ()
    levels = [one for one in applied if one.is_level]
    activities = [one for one in applied if not one.is_level]
    start, level_parts = _climb(shares, levels, stacking, [ONE_BP * _SCALE] * len(shares))
    if stacking.activities != "best_one":
        return (*level_parts, *_climb(shares, activities, stacking, start)[1])
    best: tuple[Part, ...] = ()
    for one in activities:
        parts = _climb(shares, [one], stacking, start)[1]
        if sum(part.points for part in parts) > sum(part.points for part in best):
            best = parts
    return (*level_parts, *best)


_SCALE = 10**8
"""A running multiple is kept in basis points times this, so that products of multiples keep their fractions."""


def _climb(
    shares: Sequence[int], applied: Sequence[Applied], stacking: Stacking, start: Sequence[int]
) -> tuple[list[int], tuple[Part, ...]]:
    """The running multiple of each line after `applied`, and a line of the breakdown for each that added points.

    One that added no whole point raises nothing: a refund knows only those of the breakdown, and must come to the same.
    """
    ceiling, multiples, parts = stacking.ceiling_bp * _SCALE, list(start), []
    for one in applied:
        added, raised = 0, list(multiples)
        for place, share in enumerate(shares):
            if one.earning is not None and not (place < len(one.earning) and one.earning[place]):
                continue
            before = multiples[place]
            if stacking.activities == "add" and not one.is_level:
                after = before + start[place] * (one.bp - ONE_BP) // ONE_BP
            else:
                after = before * one.bp // ONE_BP
            raised[place] = min(after, max(ceiling, before))
            added += share * (raised[place] - before)
        points = _rounded(added, ONE_BP * _SCALE, one.rounding)
        if points:
            multiples = raised
            parts.append(Part(one.rule, points, f"{one.name}×{times_of(one.bp)}"))
    return multiples, tuple(parts)


def _rounded(value: int, unit: int, rounding: Rounding) -> int:
    whole, rest = divmod(value, unit)
    return whole + {"floor": False, "half_up": 2 * rest >= unit, "ceiling": rest > 0}[rounding]


def times_of(bp: int) -> str:
    """Basis points as a plain multiple: 12000 is `1.2`."""
    whole, rest = divmod(bp, ONE_BP)
    return f"{whole}.{rest:04d}".rstrip("0") if rest else str(whole)
