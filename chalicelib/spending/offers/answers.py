"""Offers and groups as members and staff are told of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from chalicelib.ledger.model import Account
from chalicelib.programme.model import Terms
from chalicelib.runtime.clock import in_zone
from chalicelib.spending.answers import kept_answer
from chalicelib.spending.mall.item import MallItem
from chalicelib.spending.offers.group import Group, GroupState, Place, PlaceState, Whole
from chalicelib.spending.offers.join_group import Joined
from chalicelib.spending.offers.offer import Offer, per_member, warnings
from chalicelib.spending.offers.quote_offer import Shown
from chalicelib.spending.offers.table import Shelf, Standing

Answer = dict[str, Any]

_HIDDEN = "****"


def shown_answer(shown: Shown, zone: str, now: datetime) -> Answer:
    """An offer for a member: its price beside the usual ones, what is left, and what stands between him and it."""
    offer, item = shown.standing.offer, shown.sale.listed.item
    usual = shown.sale.usual.prices if shown.sale.usual else ()
    return {
        "id": shown.standing.id,
        "name": offer.name,
        "text": offer.text,
        "template": _template(offer),
        "state": "running" if offer.from_at <= now else "coming",
        "item_id": offer.item,
        "item_name": item.name,
        "picture": item.picture,
        "kind": item.good.kind,
        "ways": list(getattr(item.good, "ways", ())),
        "stores": list(getattr(item.good, "stores", ())),
        "points": offer.points,
        "cash_fen": offer.cash_fen,
        "usual_prices": [{"points": price.points, "cash_fen": price.cash_fen} for price in usual],
        "per_member": per_member(offer),
        "per_order": item.per_order,
        "left": shown.left,
        "from_at": in_zone(offer.from_at, zone),
        "until_at": in_zone(offer.until_at, zone),
        "can_redeem": not shown.why_not,
        "why_not": [{"reason": one.reason, "text": one.text} for one in shown.why_not],
        "groups": [_in_short(group, zone) for group, _ in shown.places],
    }


def _template(offer: Offer) -> Answer:
    template = offer.template
    return {name: getattr(template, name) for name in ("kind", "size", "hours") if hasattr(template, name)}


def _in_short(group: Group, zone: str) -> Answer:
    return {
        "id": group.id,
        "state": str(group.state),
        "size": group.size,
        "taken": group.taken,
        "deadline_at": in_zone(group.deadline_at, zone),
    }


def group_answer(whole: Whole, account: Account, zone: str) -> Answer:
    """A group for a member who has its link: who is in it (masked), and his own place."""
    group = whole.group
    own = [place for place in whole.places if account.is_of(place.member_id)]
    mine = max(own, key=lambda place: place.joined_at, default=None)
    return {
        **_in_short(group, zone),
        "offer_id": group.offer_id,
        "item_id": group.item_id,
        "opened_at": in_zone(group.opened_at, zone),
        "missing": group.size - group.taken if group.state is GroupState.OPEN else 0,
        "members": [_member(place, group, account, zone) for place in _seen(whole)],
        "place": _place(mine) if mine else None,
    }


def _seen(whole: Whole) -> Sequence[Place]:
    """Who is in the group, or was when it was decided, in the order they came."""
    found = [place for place in whole.places if place.state is not PlaceState.LEFT]
    return sorted(found, key=lambda place: (place.joined_at, place.member_id))


def _member(place: Place, group: Group, account: Account, zone: str) -> Answer:
    return {
        "name": _HIDDEN + place.member_id[-4:],
        "is_leader": place.member_id == group.leader_id,
        "is_me": account.is_of(place.member_id),
        "joined_at": in_zone(place.joined_at, zone),
    }


def _place(place: Place) -> Answer:
    is_given = place.state is PlaceState.GIVEN
    return {
        "state": str(place.state),
        "points": place.points,
        "redemption_id": place.redemption_id if is_given else None,
    }


def joined_answer(joined: Joined, account: Account, zone: str) -> Answer:
    """The group after a member took his place."""
    return {
        **group_answer(joined.whole, account, zone),
        "pick_up_code": joined.pick_up_code or None,
        "replayed": joined.replayed,
    }


def staff_answer(standing: Standing, item: MallItem, shelf: Shelf, terms: Terms) -> Answer:
    """An offer for staff: its document, its stock, what it sold in which hour, and what they should know of it."""
    offer, kept, zone = standing.offer, standing.kept, terms.zone
    return {
        **kept_answer(kept, "offer", zone),
        "stock": {"left": shelf.left, "taken": shelf.taken},
        "sold_by_hour": [
            {"from_at": in_zone(offer.from_at + timedelta(hours=hour), zone), "pieces": pieces}
            for hour, pieces in shelf.hours.items()
        ],
        "warnings": [one._asdict() for one in warnings(offer, item, terms)],
    }
