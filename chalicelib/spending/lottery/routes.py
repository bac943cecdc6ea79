"""Lotteries over HTTP: what everybody may read of them, and a member's draws."""

from __future__ import annotations

import re

from chalice.app import Blueprint

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import business_on
from chalicelib.ledger.statement import balance_now
from chalicelib.ledger.table import open_ledger
from chalicelib.members.access import member
from chalicelib.members.tagged import tags_of
from chalicelib.programme.table import terms_at
from chalicelib.runtime import log
from chalicelib.runtime.edge import JSON_BODY, Call, Json, anyone, client_key, endpoint
from chalicelib.runtime.lists import limit_of, listing
from chalicelib.spending.goods.table import GoodsTable, open_goods
from chalicelib.spending.lottery.answers import (
    claim_answer,
    drawn_answer,
    listed_answer,
    mine_answer,
    page_answer,
    winner_answer,
)
from chalicelib.spending.lottery.bodies import ClaimIn, DrawIn
from chalicelib.spending.lottery.claim_prize import Prizes, claim_prize
from chalicelib.spending.lottery.count_chances import count_chances
from chalicelib.spending.lottery.draw import Rooms, draw_once, tags_for
from chalicelib.spending.lottery.model import Drawn, State, claimed_as
from chalicelib.spending.lottery.standing import WhyNot, barred, closed, left_of
from chalicelib.spending.lottery.table import open_lotteries, place_of
from chalicelib.spending.mall.answers import redemption_answer
from chalicelib.spending.mall.model import Delivery, Redemption
from chalicelib.spending.mall.table import open_mall

bp = Blueprint(__name__)
_ID = re.compile(r"[0-9a-f]{16}")
_DRAW = re.compile(r"[0-9a-f]{32}")
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
    tags = tags_for(campaign, account, tags_of)
    why = closed(book, campaign, call.now) or barred(campaign, account, tags, left, terms, on)
    if why is None and not left.chances and (missing := (campaign.points or 0) - shown.available_points) > 0:
        why = WhyNot(Code.INSUFFICIENT_POINTS, f"积分不足,还差{missing}分")
    mine = mine_answer(left, earned, campaign, shown.available_points, why)
    return {**page_answer(book, call.now, terms.zone), "mine": mine}


@bp.route("/me/lotteries/{lottery_id}/draws", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=member, body=DrawIn)
def post_draw(call: Call, lottery_id: str) -> Json:
    """Draw once, with a chance while there is one, else with points. Needs an Idempotency-Key: the same key answers the
    same draw for ever. Members must be 18 and say so. Send `cost` as the page told it: a draw that would be paid
    otherwise by now is refused (40924), and nothing is spent.
    """
    terms, rooms = terms_at(call.now), Rooms(open_ledger(), open_lotteries(), open_goods(), tags_of)
    answer = draw_once(
        known_id(lottery_id),
        call.caller.id,
        key=client_key(call),
        is_adult=call.body.is_adult,
        rooms=rooms,
        terms=terms,
        now=call.now,
        cost=call.body.cost,
    )
    drawn = answer.drawn
    log.outcome("lottery_drawn", campaign=drawn.campaign_id, version=drawn.version, fallback=int(drawn.is_fallback))
    return {**drawn_answer(drawn, terms.zone, _codes(drawn, rooms.goods)), "replayed": answer.replayed}


@bp.route("/me/prizes", methods=["GET"])
@endpoint(bp, caller=member, query=frozenset({"limit", "cursor"}))
def get_prizes(call: Call) -> Json:
    """What the member has won beside points, newest first, with the codes of coupons and virtual goods; of what is sent
    whether and until when it is to be claimed.
    """
    limit, before = limit_of(call.query, _MOST_WINNERS), call.query.get("cursor", "")
    if before and not _PLACE.fullmatch(before):
        raise JifenError(Code.INVALID_CURSOR, field="cursor")
    table, goods, zone = open_lotteries(), open_goods(), terms_at(call.now).zone
    ids = open_ledger().read(call.caller.id).member_ids
    each = [one for id in ids for one in table.prizes(id, before=before, limit=limit + 1)]
    found = sorted(each, key=place_of, reverse=True)
    page = found[:limit]
    parcels = open_mall().redemptions([claimed_as(one.id) for one in page if one.kind == "parcel"])
    claimed = {one.id: one for one in parcels}
    shown = [
        {**drawn_answer(one, zone, _codes(one, goods)), "claim": _claim(one, claimed.get(claimed_as(one.id)), call)}
        for one in page
    ]
    return listing(shown, place_of(found[limit - 1]) if found[limit:] else "")


@bp.route("/me/lotteries/{lottery_id}/draws/{draw_id}/claim", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=member, body=ClaimIn)
def post_prize_claim(call: Call, lottery_id: str, draw_id: str) -> Json:
    """Say where a won parcel goes, until the lottery's `claim_until_at`: it becomes a redemption like any other. Again
    answers what stands; the code to pick it up with is told in the first answer only.
    """
    if not _DRAW.fullmatch(draw_id):
        raise JifenError(Code.DRAW_NOT_FOUND)
    prizes = Prizes(open_lotteries(), open_mall(), open_ledger())
    delivery = Delivery(**call.body.delivery.model_dump())
    done = claim_prize(call.caller.id, known_id(lottery_id), draw_id, delivery, prizes=prizes, now=call.now)
    log.outcome("prize_claimed", campaign=lottery_id, way=delivery.way, replayed=done.replayed)
    return {
        **redemption_answer(done.redemption, terms_at(call.now).zone),
        "pick_up_code": done.pick_up_code or None,
        "replayed": done.replayed,
    }


def _claim(drawn: Drawn, standing: Redemption | None, call: Call) -> Json | None:
    """How it stands with the claim of a parcel; None of what is no parcel."""
    if drawn.kind != "parcel":
        return None
    until_at = open_lotteries().book(drawn.campaign_id, call.now).claim_until_at
    return claim_answer(standing, until_at, call.now, terms_at(call.now).zone)


def _codes(drawn: Drawn, goods: GoodsTable) -> list[str]:
    """Of a virtual prize what its pool has under the ids that the draw names."""
    return [code.code for code in goods.pool_codes(drawn.pool, drawn.codes)] if drawn.pool else []


def known_id(lottery_id: str) -> str:
    """An id that has the form of one; raises LOTTERY_NOT_FOUND."""
    if not _ID.fullmatch(lottery_id):
        raise JifenError(Code.LOTTERY_NOT_FOUND)
    return lottery_id
