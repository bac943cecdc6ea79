"""At what members of another programme come over: the ratio of points, the instant, the ends of what has no date. Pure.

Points change at a ratio. Of each member the exact sum is rounded down once; each batch is rounded down by itself, and
what the batches miss of that sum goes to the largest of them. What is lost by rounding is counted, never estimated.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from hashlib import sha256
from typing import NamedTuple

from chalicelib.ledger.buckets import PointsClass, bucket_expires_on
from chalicelib.ledger.model import business_on
from chalicelib.members.migration_sheet import MIGRATED
from chalicelib.programme.model import Terms
from chalicelib.programme.rules.multiplier import Multiplier

HUNDREDTHS = 100
_RATIO = re.compile(r"([1-9][0-9]{0,5}):([1-9][0-9]{0,5})")


class Ratio(NamedTuple):
    """So many points of the old programme are so many of the new one."""

    old: int
    new: int

    @property
    def unit(self) -> int:
        """What is cut off is counted in parts of a new point: so many make one."""
        return self.old * HUNDREDTHS


class Basis(NamedTuple):
    """What members are judged by."""

    stage: str
    ratio: Ratio
    opened_at: datetime
    terms: Terms
    """Those in force at `opened_at`."""
    never: bool = False
    """Whether points without a last day have no end, or end as the programme says."""

    @property
    def opened_on(self) -> date:
        return business_on(self.opened_at, self.terms.zone)


def ratio_of(text: str) -> Ratio:
    """`10:1` is ten old points for a new one; ValueError for any other form."""
    matched = _RATIO.fullmatch(text)
    if not matched:
        raise ValueError("two whole numbers from 1 to 999999, such as 10:1")
    return Ratio(int(matched[1]), int(matched[2]))


def converted(lots: Mapping[str, int], ratio: Ratio) -> tuple[dict[str, int], int]:
    """New points by bucket for hundredths of old ones, and what was cut off of their sum, in parts of a new point.

    Every bucket is rounded down; what is then missing of the whole sum, rounded down, goes to the largest bucket, of
    equal ones to the one that lasts longest.
    """
    points = {key: hundredths * ratio.new // ratio.unit for key, hundredths in lots.items()}
    whole, away = divmod(sum(lots.values()) * ratio.new, ratio.unit)
    if missing := whole - sum(points.values()):
        points[max(lots, key=lambda key: (lots[key], key))] += missing
    return {key: part for key, part in points.items() if part}, away


def member_id_of(stage: str, old_id: str) -> str:
    """The one member that a number of the old programme becomes in a stage."""
    return f"m{_digest(stage, old_id)[:24]}"


def cause_id_of(stage: str, old_id: str) -> str:
    """What names the member's opening for ever, without telling the number."""
    return _digest(stage, old_id)[:32]


def validities(terms: Terms, opened_on: date) -> dict[PointsClass, str]:
    """The bucket of points without a last day, by class: as the first enabled rule of the class gives them on the day
    of the opening. A class without such a rule is left out.
    """
    penalties = {indicator.id for indicator in terms.programme.indicators if indicator.penalty}
    found: dict[PointsClass, str] = {}
    for rule in terms.programme.rules:
        if not rule.enabled or rule.activity in penalties or isinstance(rule.amount, Multiplier):
            continue
        key = rule.validity.bucket(rule.points_class, opened_on)
        ends_on = bucket_expires_on(key)
        if ends_on is None or ends_on >= opened_on:
            found.setdefault(rule.points_class, key)
    return found


def _digest(stage: str, old_id: str) -> str:
    return sha256(f"{MIGRATED}\0{stage}\0{old_id}".encode()).hexdigest()
