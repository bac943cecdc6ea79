"""The mall as one member sees it: what is offered, in which order, and what stands between him and each item."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from chalicelib.ledger.due import account_now
from chalicelib.ledger.model import Account, business_on
from chalicelib.programme.model import Terms
from chalicelib.runtime.lists import Place, page_of
from chalicelib.spending.mall.desk import Desk
from chalicelib.spending.mall.gates import gates, past_of, tags_for
from chalicelib.spending.mall.item import MallItem, Price, stock_of
from chalicelib.spending.mall.model import ItemState, Listed
from chalicelib.spending.mall.needs import Journal
from chalicelib.spending.mall.quote_item import obstacles, used_of_each
from chalicelib.spending.mall.shelf import WhyNot, begins_at, is_on_sale

JUDGED_AT_ONCE = 100


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


def browse(
    member_id: str, wish: Wish, *, after: Place | None, limit: int, desk: Desk, now: datetime
) -> tuple[list[Shown], Place | None]:
    """A page of what is on sale, or about to be, and matches the wish, behind a place (`place_of`); the last one's
    where more follow.

    The catalogue is as held, the account is read once. Only the page's items are judged: one call for each hundred
    shards of their stocks, limits of the member's, and sold-out items; one for his tags where an item asks for some,
    one for their honours, one for each item that a task opens, and in all five pages of the journal of each of his
    ids. Where only what is affordable is wished, the items behind the place which his balance and level alone allow
    are judged so, a hundred at a time, until the page is full.
    """
    account = account_now(member_id, ledger=desk.ledger, terms=desk.terms.ledger, now=now)
    journal = Journal(desk.ledger)
    found = [one for one in desk.mall.catalogue(now).values() if _is_shown(one, desk.terms, now)]
    found = [one for one in found if _matches(one.item, wish)]
    if not wish.affordable:
        page, following = page_of(found, lambda one: place_of(one, wish.sort), after=after, limit=limit)
        return _gated(_judged(account, page, desk, now), account, desk, journal), following
    found = [one for one in found if not _not_now(one, account, desk, now)]
    able, behind = list[Shown](), after
    while len(able) <= limit:
        some, behind = page_of(found, lambda one: place_of(one, wish.sort), after=behind, limit=JUDGED_AT_ONCE)
        able += [one for one in _gated(_judged(account, some, desk, now), account, desk, journal) if not one.why_not]
        if behind is None:
            break
    shown = able[:limit]
    return shown, place_of(shown[-1].listed, wish.sort) if len(able) > limit else None


def look(member_id: str, listed: Listed, *, desk: Desk, now: datetime) -> Shown:
    """One item, with all that stands between this member and it."""
    account = account_now(member_id, ledger=desk.ledger, terms=desk.terms.ledger, now=now)
    (shown,) = _judged(account, [listed], desk, now)
    return shown._replace(why_not=(*shown.why_not, *gates(listed, account, desk, past_of([listed], account, desk))))


def place_of(listed: Listed, sort: str) -> Place:
    """Where an item stands among others, sorted so."""
    points = min(price.points for price in listed.item.prices)
    return {"rank": listed.item.rank, "points": points, "-points": -points}[sort], points, listed.id


def _gated(shown: list[Shown], account: Account, desk: Desk, journal: Journal) -> list[Shown]:
    """Only where nothing else is in the way of an item are its gates looked up."""
    past = past_of([one.listed for one in shown if not one.why_not], account, desk, journal)
    return [one if one.why_not else one._replace(why_not=gates(one.listed, account, desk, past)) for one in shown]


def _not_now(listed: Listed, account: Account, desk: Desk, now: datetime) -> bool:
    """Whether something is in the way of an item that shows without a further read; he may well be tagged for it."""
    on, price, tags = business_on(now, desk.terms.zone), _cheapest(listed.item), frozenset(listed.item.who.tags)
    return bool(obstacles(listed, account, tags, desk.terms, {}, 1, on=on, now=now, quantity=1, price=price))


def _judged(account: Account, listed: list[Listed], desk: Desk, now: datetime) -> list[Shown]:
    on = business_on(now, desk.terms.zone)
    places = {one.id: stock_of(one.id, one.item) for one in listed}
    shelf = desk.goods.shelf([*set(places.values())])
    used = used_of_each(listed, account, desk.mall, on)
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
                used[one.id],
                shelf[places[one.id].id][0],
                on=on,
                now=now,
                quantity=1,
                price=_cheapest(one.item),
            ),
            one.id in awaited,
        )
        for one in listed
    ]


def _is_shown(listed: Listed, terms: Terms, now: datetime) -> bool:
    """Switched on, and on sale or with a window still to come."""
    return listed.state is ItemState.ON and (
        is_on_sale(listed.item, terms, now) or begins_at(listed.item, terms, now) is not None
    )


def _matches(item: MallItem, wish: Wish) -> bool:
    words = wish.search.casefold().split()
    text = f"{item.name} {item.text} {item.category}".casefold()
    return all(word in text for word in words) and wish.category in ("", item.category)


def _cheapest(item: MallItem) -> Price:
    """Its price of the fewest points."""
    return min(item.prices, key=lambda price: price.points)
