"""Offers over HTTP for operators: written, switched, ended; what they sold in which hour."""

from __future__ import annotations

from chalice.app import Blueprint

from chalicelib.members.access import staff
from chalicelib.runtime.edge import JSON_BODY, Call, Json, endpoint
from chalicelib.runtime.lists import PAGE, listing
from chalicelib.spending.answers import history_answer
from chalicelib.spending.bodies import StateIn, asked_page
from chalicelib.spending.mall.items import listed_from
from chalicelib.spending.offers.answers import staff_answer
from chalicelib.spending.offers.bodies import OfferEditIn, OfferIn
from chalicelib.spending.offers.keep_offer import add_offer, change_offer, switch_off, switch_on
from chalicelib.spending.offers.offer import offer_stock
from chalicelib.spending.offers.open_room import open_room
from chalicelib.spending.offers.room import Room
from chalicelib.spending.offers.table import Standing, standing

bp = Blueprint(__name__)
_OPERATORS = staff("operator")
_LOOKERS = staff("operator", "customer_service", "finance", "reviewer")


@bp.route("/staff/offers", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=_OPERATORS, body=OfferIn)
def post_offer(call: Call) -> Json:
    """Write a new offer from a template, a draft that members do not see. The same again answers what stands."""
    room = open_room(call.now)
    return _offer(add_offer(call.body.id, call.body.offer, room=room, by=call.caller.id, now=call.now), room, call)


@bp.route("/staff/offers", methods=["GET"])
@endpoint(bp, caller=_LOOKERS, query=PAGE)
def get_staff_offers(call: Call) -> Json:
    """All offers with their stocks, by id."""
    room = open_room(call.now)
    page, following = room.offers.documents.page(*asked_page(call.query))
    found = [standing(kept) for kept in page]
    shelves = room.offers.shelves([offer_stock(one.id, one.offer) for one in found])
    return listing(
        [
            {
                "id": one.id,
                "name": one.offer.name,
                "template": one.offer.template.kind,
                "item_id": one.offer.item,
                "state": one.kept.state,
                "version": one.kept.version,
                "stock": {
                    "left": shelves[offer_stock(one.id, one.offer).id].left,
                    "taken": shelves[offer_stock(one.id, one.offer).id].taken,
                },
            }
            for one in found
        ],
        following,
    )


@bp.route("/staff/offers/{offer_id}", methods=["GET"])
@endpoint(bp, caller=_LOOKERS)
def get_staff_offer(call: Call, offer_id: str) -> Json:
    """One offer with its stock, what it sold in which hour, warnings of its price, and who did what to it."""
    room = open_room(call.now)
    return _offer(room.offers.offer(offer_id), room, call)


@bp.route("/staff/offers/{offer_id}", methods=["PUT"], **JSON_BODY)
@endpoint(bp, caller=_OPERATORS, body=OfferEditIn)
def put_offer(call: Call, offer_id: str) -> Json:
    """Replace an offer's document at the version that was seen; while it is on, its pieces follow at once. Quotes made
    before keep their price.
    """
    room = open_room(call.now)
    changed = change_offer(
        offer_id, call.body.offer, seen_version=call.body.version, room=room, by=call.caller.id, now=call.now
    )
    return _offer(changed, room, call)


@bp.route("/staff/offers/{offer_id}/state", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=_OPERATORS, body=StateIn)
def post_offer_state(call: Call, offer_id: str) -> Json:
    """Switch an offer on, which sets its pieces aside, or end it at once, which puts the unsold ones back; groups that
    are open then fail within a minute.
    """
    room, body = open_room(call.now), call.body
    act = switch_on if body.state == "on" else switch_off
    switched = act(offer_id, seen_version=body.version, reason=body.reason, room=room, by=call.caller.id, now=call.now)
    return _offer(switched, room, call)


def _offer(found: Standing, room: Room, call: Call) -> Json:
    terms = room.desk.terms
    item = listed_from(room.desk.mall.standing(found.offer.item)).item
    place = offer_stock(found.id, found.offer)
    history = history_answer(room.offers.documents.lines(found.id), terms.zone)
    return {
        **staff_answer(found, item, room.offers.shelves([place])[place.id], terms),
        "history": history,
    }
