"""Stages (会员阶段) as a brand writes them: from stranger to super member, with an emotional and a benefit plan each.

A stage is reached once and never lost again: it says how far a member has come, not how he stands today. Which rights a
member has now is a matter of levels.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Annotated, Literal

from chalicelib.ledger.document import Discriminator, Ge, Le, Len, document
from chalicelib.programme.caps import Id

MOST_TIMES = 10
"""How many times of an activity a stage may ask for; so many are remembered of each member."""
REGISTER = "register"
"""The indicator of a registration; like an order it is booked whatever the rules are."""

Line = Annotated[str, Len(1, 60)]


@document
class ActivityReach:
    """So many `times` of an activity: `check_in`, `order`, or the id of an indicator."""

    kind: Literal["activity"]
    activity: Id
    times: Annotated[int, Ge(1), Le(MOST_TIMES)] = 1


@document
class LevelReach:
    """A level won, or any higher one; a level on trial is not won."""

    kind: Literal["level"]
    level: Id


@document
class SpentReach:
    """Points were spent for the first time."""

    kind: Literal["spent"]


Reach = ActivityReach | LevelReach | SpentReach


@document
class Stage:
    """A stage; whoever reaches it has passed all those before it."""

    id: Id
    name: Annotated[str, Len(1, 40)]
    reach: Annotated[Reach, Discriminator("kind")] | None = None
    """None for the first stage alone: it holds everybody the programme knows."""
    lost_after_days: Annotated[int, Ge(1), Le(3660)] = 90
    """After so many days without an act of his own a member who has not moved on counts as lost."""
    emotion: Annotated[tuple[Line, ...], Len(0, 20)] = ()
    """The emotional plan (情感设计), for staff."""
    benefits: Annotated[tuple[Line, ...], Len(0, 20)] = ()
    """The benefit plan (权益设计), said to members as it is."""


@document
class Stages:
    """The stages, first to last."""

    stages: Annotated[tuple[Stage, ...], Len(2, 10)]
    membership_from: Id
    """The stage at which membership begins; who is below it is a stranger."""


def stage_faults(stages: Stages, activities: Collection[str], levels: Sequence[str]) -> Iterator[tuple[str, str]]:
    """(path within `stages`, reason in Chinese) of what no single field shows; `levels` are ids, lowest first."""
    ids = [stage.id for stage in stages.stages]
    for place, stage in enumerate(stages.stages):
        path = f"stages.{place}"
        if stage.id in ids[:place]:
            yield f"{path}.id", "与前面的重复"
        if (stage.reach is None) != (place == 0):
            yield f"{path}.reach", "缺失:只有首个阶段没有条件" if place else "不适用于首个阶段,人人都在其中"
        for name, reason in _unknown(stage.reach, activities, levels):
            yield f"{path}.reach{name}", reason
        if any(_is_as_far(before.reach, stage.reach, levels) for before in stages.stages[:place]):
            yield f"{path}.reach", "应高于前面的阶段"
    if stages.membership_from not in ids:
        yield "membership_from", "不是已有的阶段"
    elif stages.membership_from == ids[0]:
        yield "membership_from", "不能是首个阶段:人人都在其中,谈不上门槛"


def _unknown(reach: Reach | None, activities: Collection[str], levels: Sequence[str]) -> Iterator[tuple[str, str]]:
    if isinstance(reach, ActivityReach) and reach.activity not in activities:
        yield ".activity", "不是签到、消费或已登记的指标"
    if isinstance(reach, LevelReach):
        if reach.level not in levels:
            yield ".level", "不是已有的等级"
        elif reach.level == levels[0]:
            yield ".level", "是首个等级,人人都有"


def _is_as_far(before: Reach | None, after: Reach | None, levels: Sequence[str]) -> bool:
    """Whether an earlier stage asks for what a later one does, or for more of it."""
    if isinstance(before, ActivityReach) and isinstance(after, ActivityReach):
        return before.activity == after.activity and before.times >= after.times
    if isinstance(before, LevelReach) and isinstance(after, LevelReach):
        known = before.level in levels and after.level in levels
        return known and levels.index(before.level) >= levels.index(after.level)
    return isinstance(before, SpentReach) and isinstance(after, SpentReach)
