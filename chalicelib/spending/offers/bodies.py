"""What members and staff may send about offers."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from chalicelib.runtime.bodies import Body
from chalicelib.spending.mall.bodies import Id, Reason, RedemptionIn


class OfferIn(Body):
    """A new offer: its id for ever, and its document."""

    id: Id
    offer: dict[str, Any]


class OfferEditIn(Body):
    """An offer's document as it shall be, at the version that was seen."""

    version: Annotated[int, Field(ge=1)]
    offer: dict[str, Any]


class OfferStateIn(Body):
    """Switch an offer on, or end it."""

    version: Annotated[int, Field(ge=1)]
    state: Literal["on", "off"]
    reason: Reason


class OfferQuoteIn(Body):
    """So many pieces by an offer."""

    quantity: Annotated[int, Field(ge=1, le=99)] = 1


class PlaceIn(RedemptionIn):
    """A quote for a place in a group, and for a parcel where it goes."""
