"""What members and staff may send to the mall."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from chalicelib.runtime.bodies import Body
from chalicelib.spending.bodies import ONE_LINE, Id, Reason, Version

StoreId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,40}$")]


class QuoteIn(Body):
    """An item at one of its prices."""

    item_id: Id
    price: Id
    quantity: Annotated[int, Field(ge=1, le=99)] = 1


class ShipIn(Body):
    """Where a parcel is sent."""

    way: Literal["ship"]
    name: Annotated[str, StringConstraints(min_length=1, max_length=20, pattern=ONE_LINE)]
    phone: Annotated[str, StringConstraints(pattern=r"^[0-9+-]{6,20}$")]
    address: Annotated[str, StringConstraints(min_length=5, max_length=120, pattern=ONE_LINE)]


class PickUpIn(Body):
    """The store where a parcel is picked up, by its id; one that is on."""

    way: Literal["pick_up"]
    store: StoreId


class RedemptionIn(Body):
    """A quote that is taken, and for a parcel where it goes."""

    quote: Annotated[str, StringConstraints(min_length=1, max_length=4096, pattern=r"^[A-Za-z0-9_.-]+$")]
    delivery: Annotated[ShipIn | PickUpIn, Field(discriminator="way")] | None = None


class TrackingIn(Body):
    """Who carries a parcel, under which number."""

    carrier: Annotated[str, StringConstraints(min_length=1, max_length=20, pattern=ONE_LINE)]
    number: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z-]{4,40}$")]


class CorrectionIn(TrackingIn):
    """The right number, and why it was another."""

    reason: Reason


class ReissueIn(TrackingIn):
    """A lost parcel that is sent again; `takes_stock`: its pieces come from the item's stock once more."""

    reason: Reason
    takes_stock: bool


class TrackingFileIn(Body):
    """A CSV file as it is, in base64: 兑换编号, 快递公司, 快递单号; up to 300 rows in UTF-8 or GBK."""

    file: Annotated[str, StringConstraints(min_length=1, max_length=600_000, pattern=r"^[A-Za-z0-9+/]+={0,2}$")]


class PickUpCodeIn(Body):
    """The redemption that is picked up, the code its member shows, and the store where that is."""

    redemption_id: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{24}$")]
    code: Annotated[str, StringConstraints(pattern=r"^[0-9]{8}$")]
    store: StoreId | None = None


class CancelIn(Body):
    """Why a redemption is undone."""

    reason: Reason


class StaffCancelIn(CancelIn):
    """`stock_back`: its pieces can be sold again; of what is no parcel they always can."""

    stock_back: bool = True


class ItemIn(Body):
    """A new item: its id for ever, and its document."""

    id: Id
    item: dict[str, Any]


class ItemEditIn(Body):
    """An item's document as it shall be, at the version that was seen."""

    version: Version
    item: dict[str, Any]


class StockIn(Body):
    """Pieces to add to an item's stock, or unsold ones to take off it."""

    pieces: Annotated[int, Field(ge=-(10**9), le=10**9)]
    reason: Reason


class CodesIn(Body):
    """Codes for a pool; those it has are passed over."""

    codes: Annotated[
        list[Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=ONE_LINE)]],
        Field(min_length=1, max_length=1000),
    ]


class StoreIn(Body):
    """A new store: its id for ever, best the one that orders name, and its document."""

    id: StoreId
    store: dict[str, Any]


class StoreEditIn(Body):
    """A store's document as it shall be, at the version that was seen."""

    version: Version
    store: dict[str, Any]
