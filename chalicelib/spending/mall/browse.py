"""The mall as one member sees it: what is offered, in which order, and what stands between him and each item."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from chalicelib.ledger.due import account_now
from chalicelib.ledger.model import Account, business_on
from chalicelib.programme.model import Terms
from chalicelib.programme.periods import Period
from chalicelib.spending.mall.desk import Desk
from chalicelib.spending.mall.gates import gates, tags_for
from chalicelib.spending.mall.item import MallItem, stock_of
from chalicelib.spending.mall.model import ItemState, Listed
from chalicelib.spending.mall.quote_item import obstacles
from chalicelib.spending.mall.shelf import WhyNot, begins_at, is_on_sale, limit_key


class Shown(NamedTuple):
    """An item as a member sees it: the pieces left, and why not at its cheapest price; empty when he may have it."""

    listed: Listed
    left: int
    why_not: tuple[WhyNot, ...]
    is_awaited: bool = False
    """Sold out, and he asked to be told when it is there again."""


class Wish(NamedTuple):
    """What a member wants to see of the mall."""

    affordable: bool = False
    """Only what he may have at once."""
    search: str = ""
    category: str = ""
    sort: str = "rank"
    """`rank`, `points` (cheapest first) or `-points`."""


def browse(member_id: str, wish: Wish, *, desk: Desk, now: datetime) -> list[Shown]:
    """Everything on sale, or about to be, that matches the wish. One read of the account, the shelves and the limits
    each, and of his tags where an item asks for tags; the catalogue as held. Only where nothing else is in the way of
    an item are its gates looked up.
    """
    found = [one for one in desk.mall.catalogue(now).values() if _is_shown(one, desk.terms, now)]
    found = [one for one in found if _matches(one.item, wish)]
    account = account_now(member_id, ledger=desk.ledger, terms=desk.terms.ledger, now=now)
    shown = _judged(account, found, desk, now)
    shown = [one if one.why_not else one._replace(why_not=gates(one.listed, account, desk)) for one in shown]
    if wish.affordable:
        shown = [one for one in shown if not one.why_not]
    return sorted(shown, key=lambda one: _place(one, wish.sort))


def look(member_id: str, listed: Listed, *, desk: Desk, now: datetime) -> Shown:
    """One item, with all that stands between this member and it."""
    account = account_now(member_id, ledger=desk.ledger, terms=desk.terms.ledger, now=now)
    (shown,) = _judged(account, [listed], desk, now)
    return shown._replace(why_not=(*shown.why_not, *gates(listed, account, desk)))


def _judged(account: Account, listed: list[Listed], desk: Desk, now: datetime) -> list[Shown]:
    on = business_on(now, desk.terms.zone)
    places = {one.id: stock_of(one.id, one.item) for one in listed}
    shelf = desk.goods.shelf([*set(places.values())])
    used = _used(account, listed, desk, now)
    tags = tags_for([one.item.who for one in listed], account, desk)
    sold_out = [one.id for one in listed if not shelf[places[one.id].id][0]]
    awaited = desk.mall.restocks.awaited(sold_out, account.member_ids)
    return [
        Shown(
            one,
            shelf[places[one.id].id][0],
            obstacles(
                one,
                account,
                tags,
                desk.terms,
                used.get(one.id, {}),
                shelf[places[one.id].id][0],
                on=on,
                now=now,
                quantity=1,
                price=min(one.item.prices, key=lambda price: price.points),
            ),
            one.id in awaited,
        )
        for one in listed
    ]


def _used(account: Account, listed: Iterable[Listed], desk: Desk, now: datetime) -> dict[str, dict[Period, int]]:
    """Pieces the member has had of each item in each of its periods."""
    on = business_on(now, desk.terms.zone)
    rows = {
        limit_key(one.id, limit.period, member_id, on): (one.id, limit.period)
        for one in listed
        for limit in one.item.limits
        for member_id in account.member_ids
    }
    used: dict[str, dict[Period, int]] = {}
    for key, pieces in desk.mall.used([*rows]).items():
        item_id, period = rows[key]
        of_item = used.setdefault(item_id, {})
        of_item[period] = of_item.get(period, 0) + pieces
    return used


def _is_shown(listed: Listed, terms: Terms, now: datetime) -> bool:
    """Switched on, and on sale or with a window still to come."""
    return listed.state is ItemState.ON and (
        is_on_sale(listed.item, terms, now) or begins_at(listed.item, terms, now) is not None
    )


def _matches(item: MallItem, wish: Wish) -> bool:
    words = wish.search.casefold().split()
    text = f"{item.name} {item.text} {item.category}".casefold()
    return all(word in text for word in words) and wish.category in ("", item.category)


def _place(shown: Shown, sort: str) -> tuple[int, int, str]:
    points = min(price.points for price in shown.listed.item.prices)
    key = {"rank": shown.listed.item.rank, "points": points, "-points": -points}[sort]
    return key, points, shown.listed.id
