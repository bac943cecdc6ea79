"""A quote for an item (报价): the price is fixed for ten minutes, and what stands in the way is said at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.document import stated
from chalicelib.ledger.due import account_now
from chalicelib.ledger.model import Account, digest
from chalicelib.programme.model import Terms
from chalicelib.programme.periods import Period
from chalicelib.spending.mall.desk import Desk
from chalicelib.spending.mall.gates import gates, past_of, tags_for
from chalicelib.spending.mall.item import Price, stock_of
from chalicelib.spending.mall.model import ACTIVITY, ItemState, Listed
from chalicelib.spending.mall.shelf import WhyNot, barred, is_on_sale, limit_key, over_limit, price_of
from chalicelib.spending.mall.table import MallTable
from chalicelib.spending.quotes import Quote


class Offer(NamedTuple):
    """A quote of an item, and all that would refuse it now; empty when nothing would."""

    quote: Quote
    price: Price
    quantity: int
    why_not: tuple[WhyNot, ...]


def quote_item(
    member_id: str,
    item_id: str,
    price_id: str,
    quantity: int,
    *,
    quote_id: str,
    desk: Desk,
    on: date,
    now: datetime,
) -> Offer:
    """What `quantity` pieces at one of an item's prices come to. Raises ITEM_NOT_FOUND, INVALID_REQUEST."""
    listed = desk.mall.listed(item_id, now)
    if listed.state is ItemState.DRAFT:
        raise JifenError(Code.ITEM_NOT_FOUND)
    price = price_of(listed.item, price_id)
    if not 1 <= quantity <= listed.item.per_order:
        raise JifenError(Code.INVALID_REQUEST, f"每单可兑1至{listed.item.per_order}件", field="quantity")
    facts = {
        "item": item_id,
        "price": [price.id, price.points, price.cash_fen],
        "quantity": quantity,
        "good": good_digest(listed),
    }
    account = account_now(member_id, ledger=desk.ledger, terms=desk.terms.ledger, now=now)
    place = stock_of(item_id, listed.item)
    left = desk.goods.shelf([place])[place.id][0]
    used = used_of(listed, account, desk.mall, on)
    tags = tags_for([listed.item.who], account, desk)
    why_not = obstacles(listed, account, tags, desk.terms, used, left, on=on, now=now, quantity=quantity, price=price)
    why_not = (*why_not, *gates(listed, account, desk, past_of([listed], account, desk)))
    return Offer(Quote(ACTIVITY, quote_id, member_id, now, facts), price, quantity, why_not)


def good_digest(listed: Listed) -> str:
    """What a member was shown that he would get: when it changed meanwhile, the quote no longer holds. A release that
    gives goods a new field with a default changes nothing.
    """
    return digest({"good": stated(listed.item.good), "name": listed.item.name})[:16]


def used_of(listed: Listed, account: Account, mall: MallTable, on: date) -> Mapping[Period, int]:
    """How many pieces a member has had in each of an item's periods, under all ids of his."""
    return used_of_each([listed], account, mall, on)[listed.id]


def used_of_each(
    listed: Sequence[Listed], account: Account, mall: MallTable, on: date
) -> dict[str, Mapping[Period, int]]:
    """The same of several items, by id: a hundred limits a call, for each id of the member's."""
    used: dict[str, dict[Period, int]] = {one.id: {} for one in listed}
    rows = {
        limit_key(one.id, limit.period, member_id, on): (one.id, limit.period)
        for one in listed
        for limit in one.item.limits
        for member_id in account.member_ids
    }
    for key, pieces in mall.used([*rows]).items():
        item_id, period = rows[key]
        used[item_id][period] = used[item_id].get(period, 0) + pieces
    return {**used}


def obstacles(
    listed: Listed,
    account: Account,
    tags: frozenset[str],
    terms: Terms,
    used: Mapping[Period, int],
    left: int,
    *,
    on: date,
    now: datetime,
    quantity: int,
    price: Price,
) -> tuple[WhyNot, ...]:
    """All that stands between a member and an item now, the most final first."""
    item, found = listed.item, []
    if listed.state is not ItemState.ON:
        found.append(WhyNot("off", "商品已下架"))
    elif not is_on_sale(item, terms, now):
        found.append(WhyNot("not_on_sale", "现在不在兑换时间内"))
    if left < quantity:
        found.append(WhyNot("sold_out", "已兑完" if not left else f"只剩{left}件"))
    found += [one for one in (barred(item, account, tags, terms, on), over_limit(item, used, quantity)) if one]
    if account.frozen:
        found.append(WhyNot("frozen", "账户已冻结,暂时不能使用积分"))
    missing = price.points * quantity - account.available_points
    if missing > 0:
        found.append(WhyNot("points", f"还差{missing}分"))
    return tuple(found)
