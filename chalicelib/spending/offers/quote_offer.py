"""Offers as one member sees them, and a quote for one: good only while the offer runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.due import account_now
from chalicelib.ledger.model import Account, business_on, stamp
from chalicelib.programme.periods import Period
from chalicelib.runtime.lists import Place as ListPlace
from chalicelib.runtime.lists import page_of
from chalicelib.spending.documents import ON
from chalicelib.spending.mall.gates import Past, gates, past_of, tags_for
from chalicelib.spending.mall.model import ACTIVITY, ItemState
from chalicelib.spending.mall.quote_item import Offer as Quoted
from chalicelib.spending.mall.quote_item import good_digest, obstacles, used_of_each
from chalicelib.spending.mall.sale import Sale, whos, why_not_you
from chalicelib.spending.mall.shelf import WhyNot, is_on_sale
from chalicelib.spending.offers.group import QUOTE, Group, Place
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


def browse_offers(
    member_id: str, *, after: ListPlace | None, limit: int, room: Room, now: datetime
) -> tuple[list[Shown], ListPlace | None]:
    """A page of the offers that run or are to come, the next to begin first, behind a place; the last one's place where
    more follow.

    Offers and items are as held, the account is read once. Of the page's offers one call for each hundred shards of
    their stocks and limits of the member's, one for his tags where an offer asks for some, one for their items'
    honours, one for each item that a task opens, in all five pages of the journal of each of his ids; where there are
    group buys a query for each of his ids and one call.
    """
    desk = room.desk
    items = desk.mall.catalogue(now)
    found = [one for one in room.offers.held(now).values() if one.kept.state == ON and now < one.offer.until_at]
    found = [one for one in found if one.offer.item in items and items[one.offer.item].state is ItemState.ON]
    page, following = page_of(found, _place_of, after=after, limit=limit)
    sales = [(one, sale_of(one, room=room, now=now)) for one in page]
    account = account_now(member_id, ledger=desk.ledger, terms=desk.terms.ledger, now=now)
    shelves = room.offers.shelves([sale.stock for _, sale in sales])
    known = _known_of([sale for _, sale in sales], account, room, now)
    has_groups = any(isinstance(one.offer.template, GroupBuy) for one in page)
    places = room.groups.joined_by(account.member_ids) if has_groups else []
    return [
        Shown(
            one,
            sale,
            shelves[sale.stock.id].left,
            _why_not(sale, account, shelves[sale.stock.id].left, 1, known, room, now),
            tuple((group, place) for group, place in places if group.offer_id == one.id),
        )
        for one, sale in sales
    ], following


def _place_of(standing: Standing) -> ListPlace:
    return stamp(standing.offer.from_at), standing.id


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
    why_not = _why_not(sale, account, left, quantity, _known_of([sale], account, room, now), room, now)
    return Quoted(Quote(kind, quote_id, member_id, now, facts), price, quantity, why_not)


class _Known(NamedTuple):
    """What was read once for all sales that are shown together."""

    used: Mapping[str, Mapping[Period, int]]
    tags: frozenset[str]
    past: Past


def _known_of(sales: Sequence[Sale], account: Account, room: Room, now: datetime) -> _Known:
    listed, on = [sale.listed for sale in sales], business_on(now, room.desk.terms.zone)
    return _Known(
        used_of_each(listed, account, room.desk.mall, on),
        tags_for(whos(sales), account, room.desk),
        past_of(listed, account, room.desk),
    )


def _why_not(
    sale: Sale, account: Account, left: int, quantity: int, known: _Known, room: Room, now: datetime
) -> tuple[WhyNot, ...]:
    on = business_on(now, room.desk.terms.zone)
    found = obstacles(
        sale.listed,
        account,
        known.tags,
        room.desk.terms,
        known.used[sale.listed.id],
        left,
        on=on,
        now=now,
        quantity=quantity,
        price=sale.listed.item.prices[0],
    )
    yours = (
        why_not_you(sale, account, known.tags, desk=room.desk, on=on, journal=known.past.journal),
        *gates(sale.listed._replace(id=sale.item_id), account, room.desk, known.past),
    )
    told = dict[str, WhyNot]()
    for one in (*found, *yours):
        if one:
            told.setdefault(one.reason, one)
    return tuple(told.values())
