"""What every act on an offer works with, and the sale that an offer makes of its item."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from chalicelib.errors import Code, JifenError
from chalicelib.spending.documents import DRAFT, ON
from chalicelib.spending.mall.desk import Desk
from chalicelib.spending.mall.model import ItemState, Listed
from chalicelib.spending.mall.sale import Sale
from chalicelib.spending.offers.groups_table import GroupsTable
from chalicelib.spending.offers.offer import as_sold, hour_of, offer_stock, scope
from chalicelib.spending.offers.table import OffersTable, Standing
from chalicelib.spending.quotes import Quote


class Room(NamedTuple):
    """The tables of offers and groups, and the mall's desk."""

    offers: OffersTable
    groups: GroupsTable
    desk: Desk


def known_offer(offer_id: str, *, room: Room, now: datetime) -> Standing:
    """An offer that members may know of, read anew where it was not on as held; raises OFFER_NOT_FOUND for unknown
    ones and drafts.
    """
    found = room.offers.held(now).get(offer_id)
    if found is None or found.kept.state != ON:
        found = room.offers.offer(offer_id)
    if found.kept.state == DRAFT:
        raise JifenError(Code.OFFER_NOT_FOUND)
    return found


def sale_of(standing: Standing, *, room: Room, now: datetime) -> Sale:
    """An offer's item under the offer's conditions; off where either is. Raises ITEM_NOT_FOUND."""
    offer = standing.offer
    listed = room.desk.mall.listed(offer.item, now)
    is_on = standing.kept.state == ON and listed.state is ItemState.ON
    return Sale(
        listed=Listed(
            id=scope(standing.id),
            item=as_sold(offer, listed.item),
            state=ItemState.ON if is_on else ItemState.OFF,
            version=listed.version,
            changed_by=listed.changed_by,
            changed_at=listed.changed_at,
        ),
        item_id=offer.item,
        stock=offer_stock(standing.id, offer),
        offer_id=standing.id,
        usual=listed.item,
        opens_at=offer.from_at,
        tally=hour_of(offer, now),
    )


def quoted_sale(quote: Quote, *, room: Room, now: datetime) -> Sale | None:
    """The sale of the offer that a quote names; None of a quote of the catalogue's own prices."""
    if "offer" not in quote.facts:
        return None
    return sale_of(known_offer(quote.facts["offer"], room=room, now=now), room=room, now=now)
