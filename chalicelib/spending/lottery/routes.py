"""Lotteries over HTTP: what everybody may read of them, and a member's draws."""

from __future__ import annotations

import re

from chalice.app import Blueprint

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import business_on
from chalicelib.ledger.statement import balance_now
from chalicelib.ledger.table import open_ledger
from chalicelib.members.access import member
from chalicelib.programme.table import terms_at
from chalicelib.runtime import log
from chalicelib.runtime.edge import JSON_BODY, Call, Json, anyone, client_key, endpoint
from chalicelib.runtime.lists import limit_of, listing
from chalicelib.spending.goods.table import GoodsTable, open_goods
from chalicelib.spending.lottery.answers import drawn_answer, listed_answer, mine_answer, page_answer, winner_answer
from chalicelib.spending.lottery.bodies import DrawIn
from chalicelib.spending.lottery.count_chances import count_chances
from chalicelib.spending.lottery.draw import Rooms, draw_once
from chalicelib.spending.lottery.model import Drawn, State
from chalicelib.spending.lottery.standing import WhyNot, barred, closed, left_of
from chalicelib.spending.lottery.table import open_lotteries, place_of

bp = Blueprint(__name__)
_ID = re.compile(r"[0-9a-f]{16}")
_PLACE = re.compile(r"\d{4}-\d\d-\d\dT[0-9:.]{12}Z#[0-9a-f]{32}")
_MOST_WINNERS = 50


@bp.route("/lotteries", methods=["GET"])
@endpoint(bp, caller=anyone)
def get_lotteries(call: Call) -> Json:
    """The lotteries that run now, those that are paused among them."""
    zone = terms_at(call.now).zone
    running = [
        head
        for head in open_lotteries().heads()
        if head.state is not State.DRAFT and head.from_at and head.until_at and head.from_at <= call.now < head.until_at
    ]
    return listing([listed_answer(head, zone) for head in running])


@bp.route("/lotteries/{lottery_id}", methods=["GET"])
@endpoint(bp, caller=anyone)
def get_lottery(call: Call, lottery_id: str) -> Json:
    """A lottery's rules page: prizes, their numbers and exact odds, how to claim, who organises, and a checksum."""
    book = open_lotteries().book(known_id(lottery_id), call.now)
    return page_answer(book, call.now, terms_at(call.now).zone)


@bp.route("/lotteries/{lottery_id}/winners", methods=["GET"])
@endpoint(bp, caller=anyone, query=frozenset({"limit"}))
def get_lottery_winners(call: Call, lottery_id: str) -> Json:
    """The newest winners of prizes above the campaign's value, their ids masked; above 500 yuan always."""
    table, limit = open_lotteries(), limit_of(call.query, _MOST_WINNERS)
    book = table.book(known_id(lottery_id), call.now)
    zone = terms_at(call.now).zone
    return listing([winner_answer(drawn, zone) for drawn in table.winners(book.head.id, limit)])


@bp.route("/me/lotteries/{lottery_id}", methods=["GET"])
@endpoint(bp, caller=member)
def get_my_lottery(call: Call, lottery_id: str) -> Json:
    """A lottery's page with what the member has left of it today, and why he could not draw."""
    book, terms, ledger = open_lotteries().book(known_id(lottery_id), call.now), terms_at(call.now), open_ledger()
    campaign = book.at(call.now).campaign
    account = ledger.read(call.caller.id)
    shown, _ = balance_now(account, ledger=ledger, terms=terms.ledger, now=call.now)
    earned = count_chances(campaign, account, ledger=ledger, zone=terms.zone)
    on = business_on(call.now, terms.zone)
    left = left_of(account, book.head.id, campaign, earned, on)
    why = closed(book, campaign, call.now) or barred(campaign, account, left, terms, on)
    if why is None and not left.chances and (missing := (campaign.points or 0) - shown.available_points) > 0:
        why = WhyNot(Code.INSUFFICIENT_POINTS, f"积分不足,还差{missing}分")
    mine = mine_answer(left, earned, campaign, shown.available_points, why)
    return {**page_answer(book, call.now, terms.zone), "mine": mine}


@bp.route("/me/lotteries/{lottery_id}/draws", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=member, body=DrawIn)
def post_draw(call: Call, lottery_id: str) -> Json:
    """Draw once, with a chance while there is one, else with points. Needs an Idempotency-Key: the same key answers the
    same draw for ever. Members must be 18 and say so.
    """
    terms, rooms = terms_at(call.now), Rooms(open_ledger(), open_lotteries(), open_goods())
    answer = draw_once(
        known_id(lottery_id),
        call.caller.id,
        key=client_key(call),
        is_adult=call.body.is_adult,
        rooms=rooms,
        terms=terms,
        now=call.now,
    )
    drawn = answer.drawn
    log.outcome("lottery_drawn", campaign=drawn.campaign_id, version=drawn.version, fallback=int(drawn.is_fallback))
    return {**drawn_answer(drawn, terms.zone, _codes(drawn, rooms.goods)), "replayed": answer.replayed}


@bp.route("/me/prizes", methods=["GET"])
@endpoint(bp, caller=member, query=frozenset({"limit", "cursor"}))
def get_prizes(call: Call) -> Json:
    """What the member has won beside points, newest first, with the codes of coupons and virtual goods."""
    limit, before = limit_of(call.query, _MOST_WINNERS), call.query.get("cursor", "")
    if before and not _PLACE.fullmatch(before):
        raise JifenError(Code.INVALID_CURSOR, field="cursor")
    table, goods, zone = open_lotteries(), open_goods(), terms_at(call.now).zone
    ids = open_ledger().read(call.caller.id).member_ids
    each = [one for id in ids for one in table.prizes(id, before=before, limit=limit + 1)]
    found = sorted(each, key=place_of, reverse=True)
    shown = [drawn_answer(one, zone, _codes(one, goods)) for one in found[:limit]]
    return listing(shown, place_of(found[limit - 1]) if found[limit:] else "")


def _codes(drawn: Drawn, goods: GoodsTable) -> list[str]:
    """Of a virtual prize what its pool has under the ids that the draw names."""
    return [code.code for code in goods.pool_codes(drawn.pool, drawn.codes)] if drawn.pool else []


def known_id(lottery_id: str) -> str:
    """An id that has the form of one; raises LOTTERY_NOT_FOUND."""
    if not _ID.fullmatch(lottery_id):
        raise JifenError(Code.LOTTERY_NOT_FOUND)
    return lottery_id
