"""The mall's own nouns: an item as it stands in the catalogue, a redemption and where it is to go. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from chalicelib.spending.mall.item import MallItem, Price

ACTIVITY = "mall"
RECEIVED_AFTER = timedelta(days=10)
"""So long after it was sent, a parcel counts as received though nobody said so."""


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
    """Its id. Of redemptions from before stores had a list whatever the mini-program called it."""
    store_name: str = ""
    """As it was when the redemption was made, like the address."""
    store_address: str = ""


class Tracking(NamedTuple):
    """Who carries a parcel, under which number."""

    carrier: str
    number: str


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


class Report(StrEnum):
    """Whether WeChat was told of what went out for money: until then it holds that money."""

    NONE = ""
    DUE = "due"
    DONE = "done"
    REFUSED = "refused"
    """WeChat does not take it as it is: people must see to it."""


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
    promised: str = ""
    """While its money is awaited: what is handed then, as JSON text (promise.py); the item may be another by then."""
    delivery: Delivery | None = None
    pay_until_at: datetime | None = None
    tracking: Tracking | None = None
    """Of the last shipment."""
    shipped_at: datetime | None = None
    """When that left."""
    reissued: int = 0
    """How often it was sent again."""
    reissued_pieces: int = 0
    """Pieces that were taken from a stock for that, beside its own."""
    shelf_pieces: int = 0
    """Of these, pieces of its item's usual stock: its offer's own had none left."""
    kept_pieces: int = 0
    """Of a cancelled one: pieces that did not come back, those of the usual stock among them."""
    pick_up_digest: str = ""
    """Of the one code it can be picked up with."""
    picked_up_by: str = ""
    """Who handed it out."""
    changed_at: datetime | None = None
    reason: str = ""
    """Why it was cancelled, or sent again."""
    revealed_at: datetime | None = None
    """When its code was first shown: from then on it cannot be given back."""
    money: Money = Money.NONE
    transaction_id: str = ""
    """WeChat Pay's own number of the payment."""
    payer: str = ""
    """The openid that paid."""
    is_late: bool = False
    """Paid after it was closed, and made after all: its points were spent by an entry and not by its hold."""
    report: Report = Report.NONE
    draw: str = ""
    """`<campaign>#<draw>` of a prize that was won: it cost no points of its own."""
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
    def pieces_out(self) -> int:
        """Pieces that stocks count as taken for it: all but `shelf_pieces` its own."""
        if self.state in (RedemptionState.LAPSED, RedemptionState.CANCELLED):
            return self.kept_pieces
        return self.quantity + self.reissued_pieces

    @property
    def cash_fen(self) -> int:
        """All money of it."""
        return self.price.cash_fen * self.quantity


def gone_out(one: Redemption) -> Redemption:
    """A redemption of which something new has gone out: where it was paid with money, WeChat is to be told."""
    return one._replace(report=Report.DUE) if one.money is Money.PAID else one


def state_once_paid(delivery: Delivery | None) -> RedemptionState:
    """Where a redemption goes from when all of its price is there."""
    if delivery is None:
        return RedemptionState.DONE
    return RedemptionState.TO_SHIP if delivery.way == "ship" else RedemptionState.TO_PICK_UP
