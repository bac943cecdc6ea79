"""How far one member has come, and what is missing for the next stage. Pure."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from chalicelib.insight.milestones import Milestones
from chalicelib.insight.stages import passed_on
from chalicelib.programme.activity import CHECK_IN, ORDER
from chalicelib.programme.model import Programme
from chalicelib.programme.stages import ActivityReach, LevelReach, Stage


class Following(NamedTuple):
    """The next stage: its benefits can be seen, not used."""

    stage: Stage
    needed: int
    """How often something must be done or won, 1 for a level or a redemption."""
    done: int
    text: str
    """What is missing, in Chinese, to be read on by what it leads to."""


class Progress(NamedTuple):
    """A member's stage."""

    stage: Stage
    since_on: date | None
    """None while nothing is known of him."""
    is_member: bool
    """Whether he has passed the stage at which membership begins."""
    following: Following | None


def progress_of(row: Milestones, programme: Programme) -> Progress | None:
    """Where a member stands by all that is known of him; None where the programme has no stages."""
    if programme.stages is None:
        return None
    stages = programme.stages.stages
    passed = passed_on(row, programme)
    place = max((at for at, on in enumerate(passed) if on), default=0)
    threshold = [stage.id for stage in stages].index(programme.stages.membership_from)
    return Progress(
        stage=stages[place],
        since_on=passed[place],
        is_member=place >= threshold,
        following=_following(row, stages[place + 1], programme) if place + 1 < len(stages) else None,
    )


def _following(row: Milestones, stage: Stage, programme: Programme) -> Following:
    reach = stage.reach
    if isinstance(reach, ActivityReach):
        done = len(row.activities.get(reach.activity, ()))
        return Following(stage, reach.times, done, _again(reach.activity, reach.times - done, programme))
    if isinstance(reach, LevelReach):
        levels = programme.levels.levels if programme.levels else ()
        name = next((level.name for level in levels if level.id == reach.level), "")
        return Following(stage, 1, 0, f"升到{name}等级")
    return Following(stage, 1, 0, "首次使用积分")


def _again(activity: str, left: int, programme: Programme) -> str:
    if activity == ORDER:
        return f"再下{left}单"
    if activity == CHECK_IN:
        return f"再签到{left}次"
    name = next(one.name for one in programme.indicators if one.id == activity)
    return f"再完成{left}次{name}"
