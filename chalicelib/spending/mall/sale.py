"""A sale: an item under the conditions it is sold on, the catalogue's own or those of an offer, and who may have it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import NamedTuple

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import Account, Also
from chalicelib.programme.conditions import When
from chalicelib.spending.goods.good import Badge, Parcel
from chalicelib.spending.mall.desk import Desk
from chalicelib.spending.mall.gates import tags_for
from chalicelib.spending.mall.item import MallItem, StockPlace, stock_of
from chalicelib.spending.mall.model import Delivery, ItemState, Listed
from chalicelib.spending.mall.needs import Journal, free_lump, lacking
from chalicelib.spending.mall.quote_item import good_digest, used_of
from chalicelib.spending.mall.shelf import (
    WhyNot,
    barred,
    is_on_sale,
    limit_key,
    over_limit,
    task_key,
    task_name,
)
from chalicelib.spending.quotes import Quote


class Sale(NamedTuple):
    """On what conditions an item is sold."""

    listed: Listed
    """Its prices, limits and windows are this sale's; its id names the rows that count its limits."""
    item_id: str
    stock: StockPlace
    offer_id: str = ""
    usual: MallItem | None = None
    """Of an offer's sale the item as the catalogue has it: its conditions on the member hold, too."""
    opens_at: datetime | None = None
    """Quotes of before are not taken."""
    tally: str = ""
    """What the stock counts the pieces under, too."""


def usual_sale(listed: Listed) -> Sale:
    """The sale of an item as the catalogue has it."""
    return Sale(listed, listed.id, stock_of(listed.id, listed.item))


def whos(sales: Iterable[Sale]) -> list[When]:
    """All conditions on the member that these sales have."""
    return [item.who for sale in sales for item in (sale.listed.item, sale.usual) if item]


def why_not_you(
    sale: Sale, account: Account, tags: frozenset[str], *, desk: Desk, on: date, journal: Journal | None = None
) -> WhyNot | None:
    """The first condition on the member, who has these tags, that does not hold, deeds that are needed among them;
    `journal` is what was read of his for other sales.
    """
    for item in (sale.listed.item, sale.usual):
        if item and (found := barred(item, account, tags, desk.terms, on)):
            return found
    return lacking(sale.listed.item, account, journal or Journal(desk.ledger))


def require(
    sale: Sale, quote: Quote, delivery: Delivery | None, account: Account, *, desk: Desk, on: date, now: datetime
) -> None:
    """Raise JifenError for the first thing that stands in the way of a quote, now that the member is known as he is."""
    listed, item = sale.listed, sale.listed.item
    if not quote.issued_at <= now < quote.until_at:
        raise JifenError(Code.QUOTE_INVALID, field="quote")
    if listed.state is not ItemState.ON or not is_on_sale(item, desk.terms, now):
        raise JifenError(Code.NOT_ON_SALE)
    if isinstance(item.good, Badge) and quote.facts["price"][2]:  # an offer with money whose item became a badge
        raise JifenError(Code.NOT_ON_SALE)
    if sale.opens_at and quote.issued_at < sale.opens_at:
        raise JifenError(Code.NOT_ON_SALE, "这份报价早于开始时间,请重新报价")
    if quote.facts["good"] != good_digest(listed) or quote.facts["quantity"] > item.per_order:
        raise JifenError(Code.ITEM_CHANGED)
    _require_delivery(item.good, delivery)
    if found := why_not_you(sale, account, tags_for(whos([sale]), account, desk), desk=desk, on=on):
        raise JifenError(Code.NOT_FOR_YOU, found.text)


def _require_delivery(good: object, delivery: Delivery | None) -> None:
    ways = good.ways if isinstance(good, Parcel) else ()
    if bool(ways) != bool(delivery) or (delivery and delivery.way not in ways):
        raise JifenError(Code.DELIVERY_MISSING, "这件商品不用收货信息" if not ways else None, field="delivery")


def opening_lump(sale: Sale, account: Account, desk: Desk) -> str:
    """The lump of the item's task that opens it, empty where it has no task; raises NOT_FOR_YOU when none is free."""
    task = sale.listed.item.task
    if task is None:
        return ""
    lump = free_lump(sale.item_id, task, account, desk, Journal(desk.ledger))
    if lump is None:
        raise JifenError(Code.NOT_FOR_YOU, f"完成任务“{task_name(task, desk.terms)}”后可兑")
    return lump


def limit_keys(sale: Sale, member_id: str, on: date, lump: str) -> tuple[tuple[str, str], ...]:
    """Keys of the rows that count a member's pieces against each of a sale's limits, and that use up a lump."""
    limits = (limit_key(sale.listed.id, limit.period, member_id, on) for limit in sale.listed.item.limits)
    return (*limits, *((task_key(sale.item_id, member_id, lump),) if lump else ()))


def counted(sale: Sale, quantity: int, account: Account, lump: str, *, desk: Desk, on: date) -> Iterator[Also]:
    """The writes that count the pieces against each limit, and use up the lump that opens the item; what was had under
    merged ids takes its room.
    """
    item = sale.listed.item
    used = used_of(sale.listed, account._replace(member_id=""), desk.mall, on) if account.merged else {}
    for limit in item.limits:
        key = limit_key(sale.listed.id, limit.period, account.member_id, on)
        room = limit.pieces - quantity - used.get(limit.period, 0)
        told = over_limit(item, {limit.period: limit.pieces}, quantity)
        refusal = JifenError(Code.PURCHASE_LIMIT, told.text if told else None)
        if room < 0:
            raise refusal
        yield desk.mall.counted(key, quantity, room, refusal)
    if lump:  # one piece each: the item sells no more in an order
        busy = JifenError(Code.BUSY, retry_after_seconds=1)
        yield desk.mall.counted(task_key(sale.item_id, account.member_id, lump), 1, 0, busy)
