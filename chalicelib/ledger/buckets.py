"""Expiry buckets (批次): points of one class that end on one business date share one bucket.

A bucket key has four characters: three base-36 digits count the days from 1970-01-01 to the last valid day, one letter
names the class. Keys sort by date, and 39 of them fit an account of one kilobyte. `zzz` stands for "never expires",
`zzy` for "as long as the member stays active" (how long that is, is a term; the account knows the last activity).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache

EPOCH_ON = date(1970, 1, 1)
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
NEVER = "zzz"
IDLE = "zzy"
LAST_ON = EPOCH_ON + timedelta(days=36**3 - 3)
"""The latest expiry date a key can hold: 2097-09-24."""

Buckets = Mapping[str, int]


class PointsClass(StrEnum):
    """What a point was earned by; the spend order within one date is a term of the programme."""

    CONSUMPTION = "consumption"
    BEHAVIOUR = "behaviour"
    ACTIVITY = "activity"

    @property
    def letter(self) -> str:
        return self.value[0]


@lru_cache(maxsize=4096)
def bucket_key(expires_on: date | None, points_class: PointsClass) -> str:
    """The key of the bucket whose last valid day is `expires_on` (None: never); ValueError outside 1970..2097."""
    if expires_on is None:
        return NEVER + points_class.letter
    days = (expires_on - EPOCH_ON).days
    if not 0 <= days <= (LAST_ON - EPOCH_ON).days:
        raise ValueError(f"no bucket for {expires_on}")
    return DIGITS[days // 1296] + DIGITS[days // 36 % 36] + DIGITS[days % 36] + points_class.letter


def idle_bucket_key(points_class: PointsClass) -> str:
    """The key of the bucket whose points last as long as the member stays active."""
    return IDLE + points_class.letter


@lru_cache(maxsize=4096)
def bucket_expires_on(key: str) -> date | None:
    """The last valid day of a bucket, None when its key names none (never, or while the member is active)."""
    return None if key >= IDLE else EPOCH_ON + timedelta(days=int(key[:3], 36))


def first_valid_key(business_on: date) -> str:
    """What sorts before the key of every bucket that is still valid on `business_on`, and after all that have ended."""
    return bucket_key(business_on, PointsClass.CONSUMPTION)[:3]


def class_of(key: str) -> PointsClass:
    """The class of a bucket's points."""
    return _CLASSES[key[3]]


_CLASSES = {points_class.letter: points_class for points_class in PointsClass}


def due_through(buckets: Buckets, business_on: date) -> dict[str, int]:
    """The buckets whose last valid day lies before `business_on`: they expire in its first instant."""
    first_valid = first_valid_key(business_on)
    return {key: points for key, points in buckets.items() if key < first_valid}


def earliest_due_on(buckets: Buckets) -> date | None:
    """The first business date on which something in `buckets` has expired, None when nothing ever will."""
    return _due_on(min(buckets)) if buckets else None


@lru_cache(maxsize=4096)
def _due_on(key: str) -> date | None:
    last_on = bucket_expires_on(key)
    return last_on + timedelta(days=1) if last_on else None


def spend_order(buckets: Buckets, class_order: Iterable[PointsClass]) -> list[str]:
    """Keys as they are spent: earliest expiry first, never-expiring last, classes of one date in the programme's
    order.
    """
    rank = {points_class.letter: place for place, points_class in enumerate(class_order)}
    return sorted(buckets, key=lambda key: (key[:3], rank[key[3]]))


def take(buckets: Buckets, points: int, keys_in_order: Iterable[str]) -> dict[str, int]:
    """What to take from each bucket so that it sums to `points`, or to all there is when that is less."""
    taken: dict[str, int] = {}
    for key in keys_in_order:
        part = min(points, buckets.get(key, 0))
        if part:
            taken[key] = part
            points -= part
    return taken


def moved(buckets: Buckets, changes: Buckets) -> dict[str, int]:
    """`buckets` with signed `changes` booked; empty buckets disappear, a negative one is a defect."""
    result = dict(buckets)
    for key, change in changes.items():
        left = result.get(key, 0) + change
        if left < 0:
            raise AssertionError(f"bucket {key} would hold {left}")
        if left:
            result[key] = left
        else:
            result.pop(key, None)
    return result
