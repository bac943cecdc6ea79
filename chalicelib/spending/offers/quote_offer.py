"""Offers as one member sees them, and a quote for one: good only while the offer runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.due import account_now
from chalicelib.ledger.model import Account, business_on
from chalicelib.spending.documents import ON
from chalicelib.spending.mall.gates import gates, tags_for
from chalicelib.spending.mall.model import ACTIVITY, ItemState
from chalicelib.spending.mall.quote_item import Offer as Quoted
from chalicelib.spending.mall.quote_item import good_digest, obstacles, used_of
from chalicelib.spending.mall.sale import Sale, whos, why_not_you
from chalicelib.spending.mall.shelf import WhyNot, is_on_sale
from chalicelib.spending.offers.group import QUOTE, Group, Place, PlaceState
from chalicelib.spending.offers.offer import GroupBuy
from chalicelib.spending.offers.room import Room, known_offer, sale_of
from chalicelib.spending.offers.table import Standing
from chalicelib.spending.quotes import Quote


class Shown(NamedTuple):
    """An offer as a member sees it; `why_not` is empty when he may have it."""

    standing: Standing
    sale: Sale
    left: int
    why_not: tuple[WhyNot, ...]
    places: tuple[tuple[Group, Place], ...]
    """His places in groups of it that are not over, the newest first."""


def browse_offers(member_id: str, *, room: Room, now: datetime) -> list[Shown]:
    """Every offer that runs or is to come, the next to begin first."""
    found = [one for one in room.offers.held(now).values() if one.kept.state == ON and now < one.offer.until_at]
    sales = [(one, sale_of(one, room=room, now=now)) for one in found]
    sales = [(one, sale) for one, sale in sales if sale.listed.state is ItemState.ON]
    desk = room.desk
    account = account_now(member_id, ledger=desk.ledger, terms=desk.terms.ledger, now=now)
    shelves = room.offers.shelves([sale.stock for _, sale in sales])
    tags = tags_for(whos(sale for _, sale in sales), account, desk)
    places = _own_places(account, room) if any(isinstance(one.offer.template, GroupBuy) for one, _ in sales) else []
    shown = [
        Shown(
            one,
            sale,
            shelves[sale.stock.id].left,
            _why_not(sale, account, tags, shelves[sale.stock.id].left, 1, room, now),
            tuple((group, place) for group, place in places if group.offer_id == one.id),
        )
        for one, sale in sales
    ]
    return sorted(shown, key=lambda one: (one.standing.offer.from_at, one.standing.id))


def quote_offer(member_id: str, offer_id: str, quantity: int, *, quote_id: str, room: Room, now: datetime) -> Quoted:
    """What `quantity` pieces by an offer come to; of a group buy a quote for a place.

    Raises OFFER_NOT_FOUND, INVALID_REQUEST, and NOT_ON_SALE outside its span: nothing that could be used is quoted
    before it opens.
    """
    standing = known_offer(offer_id, room=room, now=now)
    sale = sale_of(standing, room=room, now=now)
    item = sale.listed.item
    if sale.listed.state is not ItemState.ON or not is_on_sale(item, room.desk.terms, now):
        raise JifenError(Code.NOT_ON_SALE, "活动还未开始" if now < standing.offer.from_at else "活动已结束")
    if not 1 <= quantity <= item.per_order:
        raise JifenError(Code.INVALID_REQUEST, f"每单可兑1至{item.per_order}件", field="quantity")
    price = item.prices[0]
    facts = {
        "item": sale.item_id,
        "offer": offer_id,
        "price": [price.id, price.points, price.cash_fen],
        "quantity": quantity,
        "good": good_digest(sale.listed),
    }
    desk = room.desk
    account = account_now(member_id, ledger=desk.ledger, terms=desk.terms.ledger, now=now)
    left = room.offers.shelves([sale.stock])[sale.stock.id].left
    kind = QUOTE if isinstance(standing.offer.template, GroupBuy) else ACTIVITY
    tags = tags_for(whos([sale]), account, desk)
    why_not = _why_not(sale, account, tags, left, quantity, room, now)
    return Quoted(Quote(kind, quote_id, member_id, now, facts), price, quantity, why_not)


def _why_not(
    sale: Sale, account: Account, tags: frozenset[str], left: int, quantity: int, room: Room, now: datetime
) -> tuple[WhyNot, ...]:
    on = business_on(now, room.desk.terms.zone)
    used = used_of(sale.listed, account, room.desk.mall, on)
    found = obstacles(
        sale.listed,
        account,
        tags,
        room.desk.terms,
        used,
        left,
        on=on,
        now=now,
        quantity=quantity,
        price=sale.listed.item.prices[0],
    )
    yours = (
        why_not_you(sale, account, tags, desk=room.desk, on=on),
        *gates(sale.listed._replace(id=sale.item_id), account, room.desk),
    )
    told = {one.reason for one in found}
    return (*found, *(one for one in yours if one and one.reason not in told))


def _own_places(account: Account, room: Room) -> Sequence[tuple[Group, Place]]:
    """The member's places that are joined, with their groups."""
    found = []
    for whole in map(room.groups.whole, room.groups.of_members(account.member_ids)):
        found += [
            (whole.group, place)
            for place in whole.places
            if place.state is PlaceState.JOINED and account.is_of(place.member_id)
        ]
    return found
