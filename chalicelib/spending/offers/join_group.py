"""A member opens a group, or joins one.

His points are held and his piece is taken in the transaction that gives him the place, at the version of the group's
row: of two who want the last place one gets it, and with it the group is formed.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.hold import hold
from chalicelib.ledger.model import Account, Also, Stock, business_on
from chalicelib.ledger.redeem import Purchase
from chalicelib.spending.mall.deliver import delivered
from chalicelib.spending.mall.item import MallItem
from chalicelib.spending.mall.model import ACTIVITY, Delivery
from chalicelib.spending.mall.pick_up import code_digest, new_code
from chalicelib.spending.mall.redeem_item import hold_id_of
from chalicelib.spending.mall.sale import Sale, counted, opening_lump, require
from chalicelib.spending.offers.group import (
    Group,
    GroupState,
    Place,
    Whole,
    promised,
    with_one_more,
)
from chalicelib.spending.offers.offer import GroupBuy
from chalicelib.spending.offers.room import Room, known_offer, sale_of
from chalicelib.spending.quotes import Quote

ATTEMPTS = 8
BACKOFF_S = 0.03
HELD_AFTER = timedelta(days=2)
"""So long after a group's deadline the ledger would give held points back by itself: time for a sweep that was down."""


class Joined(NamedTuple):
    """A group after a member took a place, whether he had it before, and the code to pick his parcel up with."""

    whole: Whole
    replayed: bool
    pick_up_code: str = ""


class Wish(NamedTuple):
    """A place that a member wants: his quote, and where a parcel goes."""

    quote: Quote
    delivery: Delivery | None


def open_group(
    wish: Wish, offer_id: str, *, room: Room, now: datetime, pause: Callable[[float], None] = time.sleep
) -> Joined:
    """Open a group with oneself in its first place; the same quote again answers what stands.

    Raises OFFER_NOT_FOUND, QUOTE_INVALID, and what `join_group` raises of the member.
    """
    quote = wish.quote
    if quote.facts["offer"] != offer_id:
        raise JifenError(Code.QUOTE_INVALID, field="quote")
    if standing := _standing(quote.id, quote, room):
        return standing
    found = known_offer(offer_id, room=room, now=now)
    sale = sale_of(found, room=room, now=now)
    template = found.offer.template
    if not isinstance(template, GroupBuy):
        raise JifenError(Code.QUOTE_INVALID, field="quote")
    standing_item = room.desk.mall.standing(sale.item_id)
    document = json.dumps(standing_item.document, ensure_ascii=False, separators=(",", ":"))
    group = Group(
        id=quote.id,
        offer_id=offer_id,
        item_id=sale.item_id,
        size=template.size,
        taken=1,
        leader_id=quote.member_id,
        opened_at=now,
        deadline_at=min(now + timedelta(hours=template.hours), found.offer.until_at),
        stock_id=sale.stock.id,
    )
    sale = _as_promised(sale, promised(document))
    return _placed(wish, sale, group, lambda _account: room.groups.new(group, document), room, now, pause)


def join_group(
    wish: Wish, group_id: str, *, room: Room, now: datetime, pause: Callable[[float], None] = time.sleep
) -> Joined:
    """Take a place in an open group; the same quote again answers what stands. The last place forms the group.

    Raises GROUP_NOT_FOUND, GROUP_FULL, GROUP_CLOSED, ALREADY_JOINED, QUOTE_INVALID, NOT_ON_SALE, ITEM_CHANGED,
    NOT_FOR_YOU, PURCHASE_LIMIT, SOLD_OUT, DELIVERY_MISSING, INSUFFICIENT_POINTS, MEMBER_FROZEN, BUSY.
    """
    for attempt in range(ATTEMPTS):
        whole = room.groups.whole(group_id)
        if standing := _placed_before(whole, wish.quote):
            return standing
        group = whole.group
        if group.offer_id != wish.quote.facts["offer"]:
            raise JifenError(Code.QUOTE_INVALID, field="quote")
        _require_open(group, now)
        sale = sale_of(known_offer(group.offer_id, room=room, now=now), room=room, now=now)
        sale = _as_promised(sale, whole.item)
        after = with_one_more(group, now)

        def also(account: Account, whole: Whole = whole, after: Group = after) -> tuple[Also, ...]:
            if any(account.is_of(place.member_id) for place in whole.joined):
                raise JifenError(Code.ALREADY_JOINED)
            return (room.groups.changed(after),)

        try:
            return _placed(wish, sale, after, also, room, now, pause)
        except JifenError as refused:
            if refused.code is not Code.BUSY or room.groups.whole(group_id).group.version == group.version:
                raise
        pause(random.uniform(0, BACKOFF_S * 2**attempt))
    raise JifenError(Code.BUSY, retry_after_seconds=1)


def _placed(
    wish: Wish,
    sale: Sale,
    group: Group,
    also: Callable[[Account], tuple[Also, ...]],
    room: Room,
    now: datetime,
    pause: Callable[[float], None],
) -> Joined:
    """One posting that takes a place, or what stands where it was taken before."""
    quote, desk, on = wish.quote, room.desk, business_on(now, room.desk.terms.zone)
    code = new_code() if wish.delivery and wish.delivery.way == "pick_up" else ""
    place = _place(wish, code, now)

    def buy(account: Account) -> Purchase:
        require(sale, quote, wish.delivery, account, desk=desk, on=on, now=now)
        lump = opening_lump(sale, account, desk)
        to = delivered(sale.listed.item.good, wish.delivery, stores=desk.mall.stores, now=now)
        own = place._replace(member_id=account.member_id, delivery=to, lump=lump)
        return Purchase(
            (
                *also(account),
                room.groups.taken(group, own),
                *counted(sale, 1, account, lump, desk=desk, on=on),
            ),
            (Stock(desk.goods.name, sale.stock.id, sale.stock.shards, 1, sale.tally),),
        )

    try:
        receipt = hold(
            quote.member_id,
            hold_id_of(quote.id),
            place.points,
            release_at=group.deadline_at + HELD_AFTER,
            activity=ACTIVITY,
            actor=quote.member_id,
            ledger=desk.ledger,
            terms=desk.terms.ledger,
            now=now,
            text=f"拼团{sale.listed.item.name}",
            campaign=sale.listed.item.campaign,
            buy=buy,
        )
    except JifenError:
        # A twin of this call may have been quicker: then its place is the answer.
        if standing := _standing(group.id, quote, room):
            return standing
        raise
    standing = _standing(group.id, quote, room)
    if standing is None:
        # The quote took a place before, in another group or one that was left since.
        raise JifenError(Code.QUOTE_INVALID, field="quote")
    return standing if receipt.replayed else Joined(standing.whole, False, code)


def _place(wish: Wish, code: str, now: datetime) -> Place:
    """The place as it is asked for; `code` is what it can be picked up with, if it is."""
    quote = wish.quote
    return Place(
        member_id=quote.member_id,
        redemption_id=quote.id,
        points=quote.facts["price"][1],
        quoted_at=quote.issued_at,
        joined_at=now,
        delivery=wish.delivery,
        pick_up_digest=code_digest(code) if code else "",
    )


def _as_promised(sale: Sale, item: MallItem) -> Sale:
    """The sale of what the group was opened for: who was shown another thing is refused."""
    sold = replace(sale.listed.item, name=item.name, good=item.good, task=item.task)
    return sale._replace(listed=sale.listed._replace(item=sold))


def _standing(group_id: str, quote: Quote, room: Room) -> Joined | None:
    try:
        return _placed_before(room.groups.whole(group_id), quote)
    except JifenError as refused:
        if refused.code is not Code.GROUP_NOT_FOUND:
            raise
        return None


def _placed_before(whole: Whole, quote: Quote) -> Joined | None:
    return Joined(whole, True) if any(place.redemption_id == quote.id for place in whole.places) else None


def _require_open(group: Group, now: datetime) -> None:
    if group.state is GroupState.FORMED:
        raise JifenError(Code.GROUP_FULL)
    if group.state is GroupState.FAILED or now >= group.deadline_at:
        raise JifenError(Code.GROUP_CLOSED)
