"""What members and staff may send about lotteries: the request bodies and their limits."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from chalicelib.runtime.edge import Body
from chalicelib.spending.lottery.standing import Cost
from chalicelib.spending.mall.bodies import PickUpIn, ShipIn

_ONE_LINE = r"^[^\x00-\x1f\x7f-\x9f]*$"
Reason = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=_ONE_LINE)]
Version = Annotated[int, Field(ge=1, le=1_000_000)]


class DrawIn(Body):
    """The member's own word that he is at least 18, without which nobody draws, and what he was told that the draw
    costs: where that is stated, it is paid so or not made.
    """

    is_adult: bool
    cost: Cost | None = None


class ClaimIn(Body):
    """Where a won parcel goes."""

    delivery: Annotated[ShipIn | PickUpIn, Field(discriminator="way")]


class CampaignIn(Body):
    """A draft; the document may still be anything."""

    document: dict[str, Any]


class CampaignEditIn(CampaignIn):
    """A whole new draft for the version that its author saw."""

    version: Version


class PublicationIn(Body):
    """The version that was read, and why it is published."""

    version: Version
    reason: Reason


class ReasonIn(Body):
    """Why: for the history; that of a pause is shown to members."""

    reason: Reason
