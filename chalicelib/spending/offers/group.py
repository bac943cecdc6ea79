"""A group (团) and its members' places. Pure."""

from __future__ import annotations

import json
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from chalicelib.programme.stored import read_stored
from chalicelib.spending.mall.item import MallItem
from chalicelib.spending.mall.model import Delivery

QUOTE = "group"
"""The kind of a quote for a place: it buys nothing by itself."""


class GroupState(StrEnum):
    """What has become of a group; decided once."""

    OPEN = "open"
    FORMED = "formed"
    FAILED = "failed"
    """Not full in time, left by all, or its offer was ended."""


class PlaceState(StrEnum):
    """What has become of a member's place."""

    JOINED = "joined"
    """His points are held, a piece is reserved."""
    LEFT = "left"
    GIVEN = "given"
    """The group formed: his points were captured, his redemption stands."""
    RELEASED = "released"
    """Points and piece went back: the group failed, or his hold had ended before it was captured."""


class Place(NamedTuple):
    """One member's place in a group; its redemption's id names its hold."""

    member_id: str
    redemption_id: str
    points: int
    quoted_at: datetime
    joined_at: datetime
    state: PlaceState = PlaceState.JOINED
    delivery: Delivery | None = None
    pick_up_digest: str = ""
    lump: str = ""
    """The entry of the task's lump that it used up, where one opens the item."""


class Group(NamedTuple):
    """A group: so many members by a deadline, or none gets anything."""

    id: str
    """The id of the quote that its leader opened it with."""
    offer_id: str
    item_id: str
    size: int
    taken: int
    """Places that are taken; of a group that is decided, that were."""
    leader_id: str
    opened_at: datetime
    deadline_at: datetime
    """From then on nobody joins."""
    stock_id: str
    state: GroupState = GroupState.OPEN
    closed_at: datetime | None = None
    is_settled: bool = False
    """Whether each of its places has come to its end."""
    version: int = 1

    @property
    def is_full(self) -> bool:
        """Whether no place is free."""
        return self.taken >= self.size


class Whole(NamedTuple):
    """A group with the item as it was promised and all places that were ever taken."""

    group: Group
    document: str
    """The item's document as JSON text, as it stood when the group was opened."""
    places: tuple[Place, ...]

    @property
    def item(self) -> MallItem:
        """The item as it was promised."""
        return promised(self.document)

    @property
    def joined(self) -> list[Place]:
        """Places that are not resolved, in the order they were taken."""
        found = [place for place in self.places if place.state is PlaceState.JOINED]
        return sorted(found, key=lambda place: (place.joined_at, place.member_id))


def promised(document: str) -> MallItem:
    """The item of a document that was checked when it was written."""
    item: MallItem = read_stored(MallItem, json.loads(document))
    return item


def with_one_more(group: Group, now: datetime) -> Group:
    """The group once one more place is taken: the last one forms it."""
    after = group._replace(taken=group.taken + 1, version=group.version + 1)
    return after._replace(state=GroupState.FORMED, closed_at=now) if after.is_full else after


def with_one_less(group: Group, now: datetime) -> Group:
    """The group once somebody left; nobody being left ends it."""
    after = group._replace(taken=group.taken - 1, version=group.version + 1)
    if after.taken:
        return after
    return after._replace(state=GroupState.FAILED, closed_at=now, is_settled=True)


def failed(group: Group, now: datetime) -> Group:
    """The group once it can form no more."""
    return group._replace(state=GroupState.FAILED, closed_at=now, version=group.version + 1)
