"""Growth value (成长值) and levels (等级) as a brand writes them: how growth comes, what it takes to rise and stay."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from chalicelib.ledger.document import Ge, Le, Len, document
from chalicelib.ledger.levels import Level as LedgerLevel
from chalicelib.ledger.levels import LevelTerms
from chalicelib.programme.caps import Id

Text = Annotated[str, Len(0, 60)]


@document
class OrderGrowth:
    """`growth` for each whole `fen` of what was paid less the parts named in `less` and less refunds."""

    fen: Annotated[int, Ge(1), Le(10**7)]
    growth: Annotated[int, Ge(1), Le(10_000)]
    less: Annotated[tuple[Literal["freight", "coupon", "points", "stored_value"], ...], Len(0, 4)] = ()


@document
class BehaviourGrowth:
    """A share, in basis points, of the year's running sum of behaviour points, less what was granted of it already."""

    bp: Annotated[int, Ge(1), Le(100_000)]
    most_per_year: Annotated[int, Ge(1), Le(10**9)]


@document
class Growth:
    """Where growth comes from, and of how many calendar months it counts, the running one among them."""

    order: OrderGrowth | None = None
    behaviour: BehaviourGrowth | None = None
    window_months: Annotated[int, Ge(1), Le(12)] = 12


@document
class Privileges:
    """What a level is good for beside its multiplier, which is a rule of the kind `multiplier`."""

    price_bp: Annotated[int, Ge(1), Le(10_000)] = 10_000
    """What a member of the level pays of the price: 9500 is 95 %."""
    free_freight: bool = False
    gates: Annotated[tuple[Id, ...], Len(0, 50)] = ()
    """Names of what only this level may buy or enter."""
    texts: Annotated[tuple[Text, ...], Len(0, 20)] = ()
    """Said to members as they are, for what no machine looks at."""


@document
class Level:
    """A level; the first one has 0 and 0, everybody has it and nobody loses it."""

    id: Id
    name: Annotated[str, Len(1, 40)]
    from_growth: Annotated[int, Ge(0), Le(10**9)]
    keep_growth: Annotated[int, Ge(0), Le(10**9)]
    privileges: Privileges = Privileges()


@document
class LevelTrial:
    """A level that a member may try once a year, for some days."""

    days: Annotated[int, Ge(1), Le(90)]
    levels: Annotated[tuple[Id, ...], Len(1, 20)]


@document
class Levels:
    """The levels, lowest first."""

    levels: Annotated[tuple[Level, ...], Len(1, 20)]
    valid_months: Annotated[int, Ge(1), Le(60)] = 12
    grace_days: Annotated[int, Ge(0), Le(366)] = 30
    fall: Literal["one_step", "by_growth"] = "one_step"
    """After validity and grace: one level lower, or the highest whose keep threshold is met."""
    refunds: Literal["keep", "recheck"] = "keep"
    """Whether a level outlives a refund that brings growth below its keep threshold, or falls with it."""
    warn_days: Annotated[tuple[Annotated[int, Ge(1), Le(366)], ...], Len(0, 6)] = (30, 7)
    trial: LevelTrial | None = None


def ledger_levels(levels: Levels, window_months: int) -> LevelTerms:
    """What the ledger needs of the levels."""
    return LevelTerms(
        tuple(LedgerLevel(one.id, one.from_growth, one.keep_growth) for one in levels.levels),
        window_months,
        levels.valid_months,
        levels.grace_days,
        levels.fall == "one_step",
        levels.refunds == "recheck",
        levels.warn_days,
    )


def level_faults(levels: Levels) -> Iterator[tuple[str, str]]:
    """(path within `levels`, reason in Chinese) of what no single field shows."""
    if levels.levels[0].from_growth:
        yield "levels.0.from_growth", "应为0:人人都有第一个等级"
    for place, level in enumerate(levels.levels):
        before = levels.levels[place - 1] if place else None
        for name, reason in _thresholds(level, before):
            yield f"levels.{place}.{name}", reason
        if level.id in {one.id for one in levels.levels[:place]}:
            yield f"levels.{place}.id", "与前面的重复"
    if len(set(levels.warn_days)) < len(levels.warn_days):
        yield "warn_days", "有重复项"
    higher = {level.id for level in levels.levels[1:]}
    for place, level_id in enumerate(levels.trial.levels if levels.trial else ()):
        if level_id not in higher:
            yield f"trial.levels.{place}", "不是可以体验的等级"


def _thresholds(level: Level, before: Level | None) -> Iterator[tuple[str, str]]:
    if level.keep_growth > level.from_growth:
        yield "keep_growth", "高于升级线"
    if before is not None and level.from_growth <= before.from_growth:
        yield "from_growth", "应高于前一等级"
    if before is not None and level.keep_growth < before.keep_growth:
        yield "keep_growth", "低于前一等级的保级线"
