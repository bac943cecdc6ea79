"""The mall as members and staff are told of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from chalicelib.programme.model import Terms
from chalicelib.runtime.clock import in_zone
from chalicelib.spending.goods.answers import trail_answer
from chalicelib.spending.goods.good import coupons_of
from chalicelib.spending.goods.trail import Line
from chalicelib.spending.mall.browse import Shown
from chalicelib.spending.mall.item import MallItem, Price
from chalicelib.spending.mall.model import Listed, Money, Redemption, RedemptionState
from chalicelib.spending.mall.quote_item import Offer
from chalicelib.spending.mall.revise import STATES
from chalicelib.spending.mall.shelf import advice, begins_at, is_on_sale, mode_of, spans, worth_fen
from chalicelib.spending.mall.store import KnownStore

Answer = dict[str, Any]


def item_answer(shown: Shown, terms: Terms, now: datetime) -> Answer:
    """An item for a member: what it is, its prices, whether he may have it now, and what is missing else."""
    listed, item = shown.listed, shown.listed.item
    opens_at = begins_at(item, terms, now)
    return {
        "id": listed.id,
        "name": item.name,
        "text": item.text,
        "picture": item.picture,
        "kind": item.good.kind,
        "worth": item.worth,
        "labels": list(item.labels),
        "category": item.category,
        "coupons": [
            {
                "name": one.name,
                "face_fen": one.face_fen,
                "min_order_fen": one.min_order_fen,
                "valid_days": one.valid_days,
            }
            for one in coupons_of(item.good)
        ],
        "ways": list(getattr(item.good, "ways", ())),
        "stores": list(getattr(item.good, "stores", ())),
        "prices": [_price(price, item, terms) for price in item.prices],
        "per_order": item.per_order,
        "left": shown.left,
        "is_awaited": shown.is_awaited,
        "opens_at": in_zone(opens_at, terms.zone) if opens_at else None,
        "can_redeem": not shown.why_not,
        "why_not": [{"reason": one.reason, "text": one.text} for one in shown.why_not],
    }


def _price(price: Price, item: MallItem, terms: Terms) -> Answer:
    return {
        "id": price.id,
        "points": price.points,
        "cash_fen": price.cash_fen,
        "mode": mode_of(price, item.cost_fen, terms),
    }


def staff_item_answer(
    listed: Listed, document: Mapping[str, Any], shelf: tuple[int, int], terms: Terms, now: datetime
) -> Answer:
    """An item for staff: its document, its shelf, when it is on sale (its campaign's phases among its spans), and what
    its prices are worth beside its cost.
    """
    item = listed.item
    return {
        "id": listed.id,
        "state": str(listed.state),
        "version": listed.version,
        "changed_by": listed.changed_by,
        "changed_at": in_zone(listed.changed_at, terms.zone),
        "item": document,
        "stock": {"left": shelf[0], "taken": shelf[1]},
        "is_in_time": is_on_sale(item, terms, now),
        "spans": [
            {"from_at": in_zone(from_at, terms.zone), "until_at": in_zone(until_at, terms.zone)}
            for from_at, until_at in sorted(spans(item, terms))
        ],
        "prices": [
            {
                "id": price.id,
                "mode": mode_of(price, item.cost_fen, terms),
                "worth_fen": worth_fen(price.points, terms) + price.cash_fen,
                "least_points": advice(item.cost_fen, price, terms).least_points,
                "is_below_cost": advice(item.cost_fen, price, terms).is_below_cost,
            }
            for price in item.prices
        ],
    }


def offer_answer(offer: Offer, token: str, zone: str) -> Answer:
    """A quote, and what would refuse it now."""
    return {
        "quote": token,
        "points": offer.price.points * offer.quantity,
        "cash_fen": offer.price.cash_fen * offer.quantity,
        "quantity": offer.quantity,
        "expires_at": in_zone(offer.quote.until_at, zone),
        "can_redeem": not offer.why_not,
        "why_not": [{"reason": one.reason, "text": one.text} for one in offer.why_not],
    }


def redemption_answer(one: Redemption, zone: str, *, for_staff: bool = False) -> Answer:
    """A redemption; a virtual good's code is shown by its own call only."""
    answer = {
        "id": one.id,
        "item_id": one.item_id,
        "source": "lottery" if one.draw else "mall",
        "offer_id": one.offer_id or None,
        "name": one.name,
        "kind": one.good,
        "quantity": one.quantity,
        "points": one.points,
        "cash_fen": one.cash_fen,
        "state": str(one.state),
        "state_text": STATES[one.state],
        "made_at": in_zone(one.made_at, zone),
        "pay_until_at": in_zone(one.pay_until_at, zone)
        if one.state is RedemptionState.UNPAID and one.pay_until_at
        else None,
        "coupon_codes": [] if one.pool else list(one.codes),
        "has_code": bool(one.pool and one.codes),
        "delivery": one.delivery._asdict() if one.delivery else None,
        "tracking": one.tracking._asdict() if one.tracking else None,
        "shipped_at": in_zone(one.shipped_at, zone) if one.shipped_at else None,
        "reissued": one.reissued,
        "reason": one.reason,
        "money": _money(one),
    }
    return answer | (_for_staff(one, zone) if for_staff else {})


def _money(one: Redemption) -> str | None:
    """How its money stands; none is awaited of one that is closed, though late money would still be seen to."""
    is_given_up = one.state is RedemptionState.LAPSED and one.money is Money.AWAITED
    return None if is_given_up else str(one.money) or None


def _for_staff(one: Redemption, zone: str) -> Answer:
    return {
        "member_id": one.member_id,
        "quoted_at": in_zone(one.quoted_at, zone),
        "pieces_out": one.pieces_out,
        "revealed_at": in_zone(one.revealed_at, zone) if one.revealed_at else None,
        "picked_up_by": one.picked_up_by or None,
        "transaction_id": one.transaction_id or None,
        "report": str(one.report) or None,
        "version": one.version,
    }


def store_answer(known: KnownStore) -> Answer:
    """A store for members; its place on the map in millionths of a degree, where it states one."""
    store = known.store
    return {
        "id": known.id,
        "name": store.name,
        "city": store.city,
        "address": store.address,
        "phone": store.phone,
        "hours": store.hours,
        "latitude_e6": store.latitude_e6,
        "longitude_e6": store.longitude_e6,
    }


def history_answer(one: Redemption, lines: Sequence[Line], zone: str) -> list[Answer]:
    """Who did what to a redemption, from its making on."""
    made = Line("made", one.member_id, one.made_at, facts={"points": one.points})
    return [trail_answer(line, zone) for line in (made, *lines)]
