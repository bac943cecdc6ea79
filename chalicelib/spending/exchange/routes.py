"""Exchanges over HTTP for members: partners, an exchange, what became of one's own."""

from __future__ import annotations

import re

from chalice.app import Blueprint

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.client_keys import key_guard
from chalicelib.ledger.model import MAX_POINTS, business_on
from chalicelib.members.access import member
from chalicelib.runtime.edge import JSON_BODY, Call, Json, endpoint
from chalicelib.runtime.lists import limit_of, listing
from chalicelib.spending.documents import ON
from chalicelib.spending.exchange.answers import exchange_answer, partner_answer
from chalicelib.spending.exchange.begin_exchange import Wish, begin_exchange
from chalicelib.spending.exchange.bodies import ExchangeIn
from chalicelib.spending.exchange.desk import open_desk
from chalicelib.spending.exchange.keep_partner import stored_partner
from chalicelib.spending.exchange.model import is_worth_a_look
from chalicelib.spending.exchange.settle_exchange import pursue, standing_exchange

bp = Blueprint(__name__)
ID_CHARS = 24
_ID = re.compile(r"[0-9a-f]{24}")
_PLACE = re.compile(r"\d{4}-\d\d-\d\dT[0-9:.]{12}Z#[0-9a-f]{24}")
_POINTS = re.compile(r"[1-9][0-9]{0,9}")


@bp.route("/me/exchange-partners", methods=["GET"])
@endpoint(bp, caller=member, query=frozenset({"points"}))
def get_exchange_partners(call: Call) -> Json:
    """Whose points ours can become: what `points` (without it the least) give, and what is left of today's limits.
    An exchange cannot be undone.
    """
    asked = call.query.get("points")
    if asked is not None and (not _POINTS.fullmatch(asked) or int(asked) > MAX_POINTS):
        raise JifenError(Code.INVALID_REQUEST, f"points应为1至{MAX_POINTS}", field="points")
    desk = open_desk(call.now)
    member_ids, on = desk.ledger.read(call.caller.id).member_ids, business_on(call.now, desk.terms.zone)
    shown = []
    for kept in desk.partners.all():
        if kept.state == ON:
            own, every = desk.exchanges.limit_used(kept.id, on, member_ids)
            shown.append(partner_answer(kept, stored_partner(kept), int(asked) if asked else None, own, every))
    return listing(shown)


@bp.route("/me/exchanges", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=member, body=ExchangeIn)
def post_exchange(call: Call) -> Json:
    """Exchange points for a partner's units, for good. Needs an Idempotency-Key. Points are rounded down to whole
    steps and units; the rest is not taken. `state` may be `asked`: the partner has not answered yet, look again later.
    """
    exchange_id = key_guard(call, "exchange")[-ID_CHARS:]
    wish, desk = Wish(call.body.partner, call.body.account, call.body.points), open_desk(call.now)
    begun = begin_exchange(call.caller.id, exchange_id, wish, desk=desk, now=call.now)
    stands = begun.exchange
    if not begun.replayed or is_worth_a_look(stands, call.now):
        stands = pursue(stands, desk=desk, now=call.now, is_new=not begun.replayed)
    return {**exchange_answer(stands, desk.terms.zone), "replayed": begun.replayed}


@bp.route("/me/exchanges", methods=["GET"])
@endpoint(bp, caller=member, query=frozenset({"limit", "cursor"}))
def get_exchanges(call: Call) -> Json:
    """The member's exchanges, newest first."""
    limit, cursor = limit_of(call.query, 50), call.query.get("cursor", "")
    if cursor and not _PLACE.fullmatch(cursor):
        raise JifenError(Code.INVALID_CURSOR)
    desk = open_desk(call.now)
    member_ids = desk.ledger.read(call.caller.id).member_ids
    places = desk.exchanges.listed(member_ids, before=cursor, limit=limit + 1)
    shown = desk.exchanges.exchanges([id for _, id in places[:limit]])
    following = places[limit - 1][0] if len(places) > limit else None
    return listing([exchange_answer(one, desk.terms.zone) for one in shown], following)


@bp.route("/me/exchanges/{exchange_id}", methods=["GET"])
@endpoint(bp, caller=member)
def get_exchange(call: Call, exchange_id: str) -> Json:
    """One of the member's exchanges."""
    if not _ID.fullmatch(exchange_id):
        raise JifenError(Code.EXCHANGE_NOT_FOUND)
    desk = open_desk(call.now)
    found = standing_exchange(exchange_id, desk)
    if found.member_id != call.caller.id and not desk.ledger.read(call.caller.id).is_of(found.member_id):
        raise JifenError(Code.EXCHANGE_NOT_FOUND)
    return exchange_answer(found, desk.terms.zone)
