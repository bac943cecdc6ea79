"""Offers over HTTP for members: what runs and comes, a quote, groups that are opened, joined and left."""

from __future__ import annotations

import secrets

from chalice.app import Blueprint

from chalicelib.errors import JifenError
from chalicelib.members.access import member
from chalicelib.runtime import log, secret_values
from chalicelib.runtime.edge import JSON_BODY, Call, Json, endpoint
from chalicelib.runtime.lists import PAGE, PAGE_DEFAULT, PAGE_MOST, cursor_of, limit_of, listing, place_in
from chalicelib.runtime.settings import settings
from chalicelib.spending import quotes
from chalicelib.spending.mall.answers import offer_answer
from chalicelib.spending.mall.model import Delivery
from chalicelib.spending.offers.answers import group_answer, joined_answer, shown_answer
from chalicelib.spending.offers.bodies import OfferQuoteIn, PlaceIn
from chalicelib.spending.offers.group import QUOTE, GroupState
from chalicelib.spending.offers.join_group import Joined, Wish, join_group, open_group
from chalicelib.spending.offers.leave_group import leave_group
from chalicelib.spending.offers.open_room import open_room
from chalicelib.spending.offers.quote_offer import browse_offers, quote_offer
from chalicelib.spending.offers.room import Room
from chalicelib.spending.offers.settle_group import finish_group

bp = Blueprint(__name__)
_ORDER = "offers"


@bp.route("/me/offers", methods=["GET"])
@endpoint(bp, caller=member, query=PAGE)
def get_offers(call: Call) -> Json:
    """Offers that run or are to come, the next to begin first, with what stands between this member and each, and his
    places in open groups.
    """
    room = open_room(call.now)
    after, limit = place_in(call.query, _ORDER, str, str), limit_of(call.query, PAGE_MOST, PAGE_DEFAULT)
    shown, following = browse_offers(call.caller.id, after=after, limit=limit, room=room, now=call.now)
    cursor = cursor_of(_ORDER, following) if following else None
    return listing([shown_answer(one, room.desk.terms.zone, call.now) for one in shown], cursor)


@bp.route("/me/offers/{offer_id}/quotes", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=member, body=OfferQuoteIn)
def post_offer_quote(call: Call, offer_id: str) -> Json:
    """Fix an offer's price for ten minutes, while it runs. Redeem it by `POST /v1/me/redemptions`; of a group buy it
    opens a group or takes a place in one.
    """
    room = open_room(call.now)
    quoted = quote_offer(
        call.caller.id, offer_id, call.body.quantity, quote_id=secrets.token_hex(12), room=room, now=call.now
    )
    secret = secret_values.current(settings().quote_secret, call.now)
    return offer_answer(quoted, quotes.signed(quoted.quote, secret), room.desk.terms.zone)


@bp.route("/me/offers/{offer_id}/groups", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=member, body=PlaceIn)
def post_group(call: Call, offer_id: str) -> Json:
    """Open a group with a quote; the member's points are held until it is decided. The same quote again answers with
    what stands.
    """
    room = open_room(call.now)
    return _joined(call, room, open_group(_wish(call), offer_id, room=room, now=call.now))


@bp.route("/me/groups/{group_id}/members", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=member, body=PlaceIn)
def post_group_member(call: Call, group_id: str) -> Json:
    """Take a place in a group with a quote; the last place forms it, and every member has his redemption. The same
    quote again answers with what stands.
    """
    room = open_room(call.now)
    return _joined(call, room, join_group(_wish(call), group_id, room=room, now=call.now))


@bp.route("/me/groups/{group_id}/members", methods=["DELETE"])
@endpoint(bp, caller=member)
def delete_group_member(call: Call, group_id: str) -> Json:
    """Leave a group before it is decided: the held points are the member's again. Again changes nothing."""
    room = open_room(call.now)
    whole = leave_group(call.caller.id, group_id, room=room, now=call.now)
    return group_answer(whole, room.desk.ledger.read(call.caller.id), room.desk.terms.zone)


@bp.route("/me/groups/{group_id}", methods=["GET"])
@endpoint(bp, caller=member)
def get_group(call: Call, group_id: str) -> Json:
    """A group, for any member who has its link: how many are missing, and who joined."""
    room = open_room(call.now)
    whole = room.groups.whole(group_id)
    return group_answer(whole, room.desk.ledger.read(call.caller.id), room.desk.terms.zone)


def _wish(call: Call) -> Wish:
    secret = secret_values.current_and_previous(settings().quote_secret, call.now)
    quote = quotes.read(call.body.quote, QUOTE, call.caller.id, secret)
    return Wish(quote, Delivery(**call.body.delivery.model_dump()) if call.body.delivery else None)


def _joined(call: Call, room: Room, joined: Joined) -> Json:
    """The group as the member finds it; one that this call formed is finished first, or by the sweep."""
    if joined.whole.group.state is GroupState.FORMED and joined.whole.joined:
        try:
            finish_group(joined.whole.group.id, room=room, now=call.now)
        except JifenError as refused:
            log.outcome("group_unfinished", group=joined.whole.group.id, why=refused.code.name)
        joined = joined._replace(whole=room.groups.whole(joined.whole.group.id))
    return joined_answer(joined, room.desk.ledger.read(call.caller.id), room.desk.terms.zone)
