"""A campaign's life and its draws. Pure.

    draft ──publish──> published ──pause──> paused ──resume──> published
                           └── ended, by its own end

A published campaign is changed by publishing its next version, which only ever favours members.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Any, NamedTuple

from chalicelib.spending.lottery.campaign import Campaign

READ_AGAIN = timedelta(seconds=30)
"""How long a function goes on with what it read of a campaign. A changed version begins so much later than it is
published: no draw is ever made by one that another function knows to be over.
"""


class State(StrEnum):
    """What staff have made of a campaign; that its time is over is no state of its own."""

    DRAFT = "draft"
    PUBLISHED = "published"
    PAUSED = "paused"


class Head(NamedTuple):
    """What stands of a campaign, at the version at which it is changed next."""

    id: str
    state: State
    version: int
    """Rises by one with each change."""
    name: str
    author: str
    created_at: datetime
    editors: tuple[str, ...]
    """Who wrote the draft as it stands; none of them publishes it."""
    published: int = 0
    """The number of the newest published version."""
    from_at: datetime | None = None
    until_at: datetime | None = None
    has_draft: bool = True
    """Whether something was written since the last publication."""
    reason: str = ""
    """Why it is paused."""


class Version(NamedTuple):
    """One published version, frozen."""

    number: int
    document: Mapping[str, Any]
    campaign: Campaign
    checksum: str
    begins_at: datetime
    published_by: str
    published_at: datetime
    why: str
    shards: Mapping[str, int]
    """Places in which each limited prize is counted; the first version fixed them."""


class Step(NamedTuple):
    """One line of a campaign's history."""

    version: int
    action: str
    by: str
    at: datetime
    reason: str = ""


class Book(NamedTuple):
    """All that draws and pages need of a campaign."""

    head: Head
    versions: tuple[Version, ...]
    """Oldest first; at least one."""

    def at(self, now: datetime) -> Version:
        """The version in force; the first one before that has begun."""
        return next((one for one in reversed(self.versions) if one.begins_at <= now), self.versions[0])

    @property
    def claim_until_at(self) -> datetime | None:
        """Until when what is sent is claimed, by whichever version it was won: the newest only gives more time."""
        return self.versions[-1].campaign.claim_until_at


class Drawn(NamedTuple):
    """One draw, as it was made; never changed."""

    id: str
    campaign_id: str
    version: int
    member_id: str
    at: datetime
    ticket: int
    total: int
    wheel_prize: str
    """What the ticket won on the wheel."""
    prize: str
    """What was given: the wheel's prize, or its fallback where none was left."""
    name: str
    kind: str
    value_fen: int
    points_spent: int
    """0 where a chance paid."""
    points_won: int
    codes: tuple[str, ...]
    """Of coupons; of virtual goods their ids in `pool`."""
    balance_after_points: int
    pool: str = ""
    place: int = 0
    """The slice whose pieces it came from."""
    is_shown: bool = False
    """Whether everybody may see it among the winners."""
    is_adult: bool = True
    """The member's own word."""
    claim_until_at: datetime | None = None
    """Until when, as it was drawn, what is sent is claimed; a later version may give more time."""

    @property
    def is_owned(self) -> bool:
        """Whether the member has something of it beside points."""
        return self.kind not in ("points", "thanks")

    @property
    def is_fallback(self) -> bool:
        """Whether the wheel's prize had run out."""
        return self.prize != self.wheel_prize


def claimed_as(drawn_id: str) -> str:
    """The redemption that a won parcel becomes, when it is claimed or lapses: one for each draw."""
    return drawn_id[:24]


def draw_id(campaign_id: str, member_id: str, key: str) -> str:
    """What the draw is called that a member asks for under a key of his own."""
    return sha256(json.dumps([campaign_id, member_id, key]).encode()).hexdigest()[:32]
