"""What members and staff may send about offers."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from chalicelib.runtime.bodies import Body
from chalicelib.spending.bodies import Id, Version
from chalicelib.spending.mall.bodies import RedemptionIn


class OfferIn(Body):
    """A new offer: its id for ever, and its document."""

    id: Id
    offer: dict[str, Any]


class OfferEditIn(Body):
    """An offer's document as it shall be, at the version that was seen."""

    version: Version
    offer: dict[str, Any]


class OfferQuoteIn(Body):
    """So many pieces by an offer."""

    quantity: Annotated[int, Field(ge=1, le=99)] = 1


class PlaceIn(RedemptionIn):
    """A quote for a place in a group, and for a parcel where it goes."""
