"""The mall's own nouns: an item as it stands in the catalogue, a redemption and where it is to go. Pure."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from chalicelib.spending.mall.item import MallItem, Price

ACTIVITY = "mall"


class ItemState(StrEnum):
    """Whether an item is offered at all."""

    DRAFT = "draft"
    ON = "on"
    OFF = "off"


class Listed(NamedTuple):
    """An item of the catalogue."""

    id: str
    item: MallItem
    state: ItemState
    version: int
    changed_by: str
    changed_at: datetime


class RedemptionState(StrEnum):
    """How far a redemption has come."""

    UNPAID = "unpaid"
    """Its points are held, its pieces reserved; the money is awaited."""
    TO_SHIP = "to_ship"
    TO_PICK_UP = "to_pick_up"
    SHIPPED = "shipped"
    DONE = "done"
    """Given at once, received or picked up."""
    LAPSED = "lapsed"
    """Not paid in time, or given up before: its points and pieces went back."""
    CANCELLED = "cancelled"
    """Its points, and what money there was, went back."""


class Delivery(NamedTuple):
    """Where a parcel goes: a way, and the address or the store."""

    way: str
    name: str = ""
    phone: str = ""
    address: str = ""
    store: str = ""


class Money(StrEnum):
    """How the money of a redemption stands; none where its price has none."""

    NONE = ""
    AWAITED = "awaited"
    PAID = "paid"
    REFUNDING = "refunding"
    """To go back, until WeChat Pay says that it did."""
    REFUNDED = "refunded"
    STUCK = "stuck"
    """WeChat Pay could not give it back: people must see to it."""


class Redemption(NamedTuple):
    """What a member got, or is getting, for points."""

    id: str
    member_id: str
    item_id: str
    name: str
    good: str
    """Its kind: `coupon`, `bundle`, `virtual`, `badge` or `parcel`."""
    price: Price
    quantity: int
    quoted_at: datetime
    """Names its entry, with the id."""
    made_at: datetime
    state: RedemptionState
    stock_id: str
    limits: tuple[tuple[str, str], ...] = ()
    """Keys of the rows that count it against the member's limits."""
    codes: tuple[str, ...] = ()
    pool: str = ""
    delivery: Delivery | None = None
    pay_until_at: datetime | None = None
    tracking: tuple[str, str] | None = None
    """(carrier, number)."""
    pick_up_digest: str = ""
    changed_at: datetime | None = None
    reason: str = ""
    """Why it was cancelled, or sent again."""
    revealed_at: datetime | None = None
    """When its code was first shown: from then on it cannot be given back."""
    money: Money = Money.NONE
    transaction_id: str = ""
    """WeChat Pay's own number of the payment."""
    offer_id: str = ""
    """The offer by which it was sold, if one was."""
    group_id: str = ""
    """The group that formed for it: then its points were held before, under `hold_id_of` its id."""
    version: int = 1

    @property
    def points(self) -> int:
        """All points of it."""
        return self.price.points * self.quantity

    @property
    def cash_fen(self) -> int:
        """All money of it."""
        return self.price.cash_fen * self.quantity


def state_once_paid(delivery: Delivery | None) -> RedemptionState:
    """Where a redemption goes from when all of its price is there."""
    if delivery is None:
        return RedemptionState.DONE
    return RedemptionState.TO_SHIP if delivery.way == "ship" else RedemptionState.TO_PICK_UP
