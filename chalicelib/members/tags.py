"""Tags of members (标签): words that staff give a member, by which items, offers and lotteries are for him. Pure.

Each id of a member keeps tags of its own, and all of them are his: who was merged loses none. A change of his set is
decided on all of his ids at once, at the versions that were read.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

MOST_TAGS = 50
"""Tags that staff may give one member."""


class Held(NamedTuple):
    """The tags of one id; version 0 of who never had any."""

    member_id: str
    tags: frozenset[str] = frozenset()
    version: int = 0


class Line(NamedTuple):
    """One change of one id's tags: who did it, when and why."""

    at: datetime
    by: str
    given: tuple[str, ...]
    taken: tuple[str, ...]
    reason: str


class Change(NamedTuple):
    """An id's tags as they are from now on, one version on, with the line that says so."""

    after: Held
    line: Line


def all_tags(held: Collection[Held]) -> frozenset[str]:
    """What a member has under all of his ids."""
    return frozenset().union(*(one.tags for one in held))


def version_of(held: Collection[Held]) -> int:
    """The version of a member's whole set: it grows with each change of any of his ids."""
    return sum(one.version for one in held)


def changes(held: Sequence[Held], wanted: frozenset[str], *, by: str, reason: str, at: datetime) -> list[Change]:
    """What gives a member exactly the tags `wanted`: new ones go to the first of his ids, others leave wherever they
    are. Empty when he has just these.
    """
    new = wanted - all_tags(held)
    made = []
    for place, one in enumerate(held):
        after = (one.tags & wanted) | (new if place == 0 else frozenset())
        if after != one.tags:
            line = Line(at, by, tuple(sorted(after - one.tags)), tuple(sorted(one.tags - after)), reason)
            made.append(Change(Held(one.member_id, after, one.version + 1), line))
    return made
