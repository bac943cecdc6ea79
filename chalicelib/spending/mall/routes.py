"""The mall over HTTP for members: what there is, a quote, a redemption; coupons, badges and codes they have."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from chalice.app import Blueprint

from chalicelib.connect.outside import Unanswered, Unreached
from chalicelib.connect.wechat_pay.api import open_pay, open_pay_if_connected
from chalicelib.connect.wechat_pay.declined import Declined
from chalicelib.connect.wechat_pay.signing import payment_request
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import business_on
from chalicelib.ledger.table import open_ledger
from chalicelib.members.access import member
from chalicelib.members.openids import openid_of
from chalicelib.members.tagged import tags_of
from chalicelib.programme.table import terms_at
from chalicelib.runtime import secret_values
from chalicelib.runtime.edge import JSON_BODY, Call, Json, endpoint
from chalicelib.runtime.lists import PAGE, PAGE_DEFAULT, PAGE_MOST, cursor_of, limit_of, listing, place_in
from chalicelib.runtime.settings import settings
from chalicelib.spending import quotes
from chalicelib.spending.goods.answers import badge_answer, coupon_answer
from chalicelib.spending.goods.bodies import coupons_asked
from chalicelib.spending.goods.table import open_goods
from chalicelib.spending.mall.answers import (
    item_answer,
    offer_answer,
    redemption_answer,
)
from chalicelib.spending.mall.begin_payment import begin_payment
from chalicelib.spending.mall.bodies import CancelIn, QuoteIn, RedemptionIn
from chalicelib.spending.mall.browse import Wish, browse, look
from chalicelib.spending.mall.cancel import Wish as Undoing
from chalicelib.spending.mall.desk import Desk
from chalicelib.spending.mall.fulfil import receive
from chalicelib.spending.mall.model import ACTIVITY, Delivery, ItemState
from chalicelib.spending.mall.own import owned_redemption, reveal
from chalicelib.spending.mall.pick_up import new_code, renew_code
from chalicelib.spending.mall.places import place_of
from chalicelib.spending.mall.quote_item import quote_item
from chalicelib.spending.mall.redeem_item import redeem_item
from chalicelib.spending.mall.restock import RESTOCKED, ask_restock, withdraw_restock
from chalicelib.spending.mall.settle_payment import WrongMoney
from chalicelib.spending.mall.table import open_mall
from chalicelib.spending.mall.undo import undo
from chalicelib.spending.offers.open_room import open_room
from chalicelib.spending.offers.room import quoted_sale

bp = Blueprint(__name__)
_SORTS = ("rank", "points", "-points")
COUPONS_KEPT = timedelta(days=30)
"""For so long after its last day a coupon is still listed."""


@bp.route("/me/mall/items", methods=["GET"])
@endpoint(bp, caller=member, query=PAGE | {"affordable", "search", "category", "sort"})
def get_mall_items(call: Call) -> Json:
    """What the mall offers, with what stands between this member and each item. `affordable=true` leaves what he may
    have at once; `sort` is `rank`, `points` or `-points`. A cursor is of its sort; items that go or come between two
    pages move none of the others.
    """
    wish = Wish(
        affordable=_flag(call, "affordable"),
        search=call.query.get("search", "")[:40],
        category=call.query.get("category", ""),
        sort=call.query.get("sort", "rank"),
    )
    if wish.sort not in _SORTS:
        raise JifenError(Code.INVALID_REQUEST, "sort只能是rank、points或-points", field="sort")
    after, limit = place_in(call.query, wish.sort, int, int, str), limit_of(call.query, PAGE_MOST, PAGE_DEFAULT)
    desk = open_desk(call)
    shown, following = browse(call.caller.id, wish, after=after, limit=limit, desk=desk, now=call.now)
    cursor = cursor_of(wish.sort, following) if following else None
    return listing([item_answer(one, desk.terms, call.now) for one in shown], cursor)


@bp.route("/me/mall/items/{item_id}", methods=["GET"])
@endpoint(bp, caller=member)
def get_mall_item(call: Call, item_id: str) -> Json:
    """One item, with everything that stands between this member and it."""
    desk = open_desk(call)
    listed = desk.mall.listed(item_id, call.now)
    if listed.state is ItemState.DRAFT:
        raise JifenError(Code.ITEM_NOT_FOUND)
    shown = look(call.caller.id, listed, desk=desk, now=call.now)
    return item_answer(shown, desk.terms, call.now)


@bp.route("/me/mall/items/{item_id}/restock-notice", methods=["POST"])
@endpoint(bp, caller=member)
def post_restock_notice(call: Call, item_id: str) -> Json:
    """Ask to be told when a sold-out item is there again: once for each asking, by the message `restocked`. Refused
    where no such message is sent.
    """
    from chalicelib.connect.wechat.templates import is_sent

    replayed = ask_restock(
        call.caller.id, item_id, is_sent=is_sent(RESTOCKED, call.now), desk=open_desk(call), now=call.now
    )
    return {"item_id": item_id, "is_awaited": True, "replayed": replayed}


@bp.route("/me/mall/items/{item_id}/restock-notice", methods=["DELETE"])
@endpoint(bp, caller=member)
def delete_restock_notice(call: Call, item_id: str) -> Json:
    """No longer wait for an item; again changes nothing."""
    withdraw_restock(call.caller.id, item_id, desk=open_desk(call))
    return {"item_id": item_id, "is_awaited": False}


@bp.route("/me/mall/quotes", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=member, body=QuoteIn)
def post_mall_quote(call: Call) -> Json:
    """Fix an item's price for ten minutes. Nothing is kept of it; `why_not` says what would refuse it now."""
    desk = open_desk(call)
    offer = quote_item(
        call.caller.id,
        call.body.item_id,
        call.body.price,
        call.body.quantity,
        quote_id=secrets.token_hex(12),
        desk=desk,
        on=business_on(call.now, desk.terms.zone),
        now=call.now,
    )
    secret = secret_values.current(settings().quote_secret, call.now)
    return offer_answer(offer, quotes.signed(offer.quote, secret), desk.terms.zone)


@bp.route("/me/redemptions", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=member, body=RedemptionIn)
def post_redemption(call: Call) -> Json:
    """Redeem what was quoted, once: the same quote again answers with what stands. A parcel names its delivery; the
    code to pick it up with is told in this answer only.
    """
    secret = secret_values.current_and_previous(settings().quote_secret, call.now)
    quote = quotes.read(call.body.quote, ACTIVITY, call.caller.id, secret)
    delivery = Delivery(**call.body.delivery.model_dump()) if call.body.delivery else None
    room = open_room(call.now)
    desk, sale = room.desk, quoted_sale(quote, room=room, now=call.now)
    made = redeem_item(quote, delivery, desk=desk, actor=call.caller.id, now=call.now, sale=sale)
    return {
        **redemption_answer(made.redemption, desk.terms.zone),
        "pick_up_code": made.pick_up_code or None,
        "replayed": made.replayed,
    }


@bp.route("/me/redemptions", methods=["GET"])
@endpoint(bp, caller=member, query=frozenset({"limit", "cursor"}))
def get_redemptions(call: Call) -> Json:
    """The member's redemptions, newest first."""
    limit, cursor = limit_of(call.query, 50), place_of(call.query)
    mall, zone = open_mall(), terms_at(call.now).zone
    member_ids = open_ledger().read(call.caller.id).member_ids
    places = mall.listed_redemptions(member_ids, before=cursor, limit=limit + 1)
    shown = mall.redemptions([id for _, id in places[:limit]])
    following = places[limit - 1][0] if len(places) > limit else None
    return listing([redemption_answer(one, zone) for one in shown], following)


@bp.route("/me/redemptions/{redemption_id}", methods=["GET"])
@endpoint(bp, caller=member)
def get_redemption(call: Call, redemption_id: str) -> Json:
    """One of the member's redemptions."""
    desk = open_desk(call)
    return redemption_answer(owned_redemption(call.caller.id, redemption_id, desk=desk), desk.terms.zone)


@bp.route("/me/redemptions/{redemption_id}/code", methods=["POST"])
@endpoint(bp, caller=member)
def post_code_reveal(call: Call, redemption_id: str) -> Json:
    """Show the codes of a virtual good to who redeemed it. From the first time on it cannot be given back."""
    desk = open_desk(call)
    revealed, codes = reveal(call.caller.id, redemption_id, desk=desk, now=call.now)
    return {**redemption_answer(revealed, desk.terms.zone), "codes": codes}


@bp.route("/me/redemptions/{redemption_id}/cancel", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=member, body=CancelIn)
def post_redemption_cancel(call: Call, redemption_id: str) -> Json:
    """Undo a redemption that has not left yet, or give up paying for it: its points go back where they came from, and
    money that was paid (`money` is `refunding`, then `refunded`) to who paid it.
    """
    desk = open_desk(call)
    wish = Undoing(call.caller.id, call.body.reason, is_member=True)
    with _wechat_pay_answers():
        done = undo(redemption_id, wish, desk=desk, api=open_pay_if_connected(call.now), now=call.now)
    return {**redemption_answer(done.redemption, desk.terms.zone), "replayed": done.replayed}


@bp.route("/me/redemptions/{redemption_id}/received", methods=["POST"])
@endpoint(bp, caller=member)
def post_redemption_received(call: Call, redemption_id: str) -> Json:
    """The parcel has come. Ten days after it left it counts as received anyway."""
    desk = open_desk(call)
    owned_redemption(call.caller.id, redemption_id, desk=desk)
    done = receive(redemption_id, by=call.caller.id, mall=desk.mall, now=call.now)
    return {**redemption_answer(done.redemption, desk.terms.zone), "replayed": done.replayed}


@bp.route("/me/redemptions/{redemption_id}/pick-up-code", methods=["POST"])
@endpoint(bp, caller=member)
def post_pick_up_code(call: Call, redemption_id: str) -> Json:
    """A new code to pick it up with, told here only; the one before no longer works."""
    desk, code = open_desk(call), new_code()
    renewed = renew_code(call.caller.id, redemption_id, code, desk=desk, now=call.now)
    return {**redemption_answer(renewed, desk.terms.zone), "pick_up_code": code}


@bp.route("/me/redemptions/{redemption_id}/payment", methods=["POST"])
@endpoint(bp, caller=member)
def post_redemption_payment(call: Call, redemption_id: str) -> Json:
    """What wx.requestPayment wants, to pay the money of an unpaid redemption; ask again as often as needed.

    `request` is null where it turns out to be paid already. Coupons and codes are the member's once WeChat Pay has told
    of it: `state` is `done` then. Where a pool has no code left, `state` is `lapsed`, `reason` says so and the money
    goes back.
    """
    desk, openid = open_desk(call), openid_of(call.caller.id)
    if openid is None:
        raise JifenError(Code.REDEMPTION_STATE, "请在小程序登录后付款")
    api = open_pay(call.now)
    with _wechat_pay_answers():
        begun = begin_payment(call.caller.id, redemption_id, openid, desk=desk, api=api, now=call.now)
    request = None
    if begun.prepay_id:
        request = payment_request(api.merchant, begun.prepay_id, timestamp=call.now, nonce=secrets.token_hex(16))
    return {**redemption_answer(begun.redemption, desk.terms.zone), "request": request}


@bp.route("/me/coupons", methods=["GET"])
@endpoint(bp, caller=member, query=PAGE)
def get_coupons(call: Call) -> Json:
    """The member's coupons, the first to end first; those that ended more than 30 days ago are left out."""
    goods, ledger, zone = open_goods(), open_ledger(), terms_at(call.now).zone
    on = business_on(call.now, zone)
    since = (on - COUPONS_KEPT).isoformat()
    after, limit = coupons_asked(call.query)
    ids = ledger.read(call.caller.id).member_ids
    found, following = goods.coupon_page(ids, after=after, since=since, limit=limit)
    return listing([coupon_answer(one, on, zone) for one in found], following)


@bp.route("/me/badges", methods=["GET"])
@endpoint(bp, caller=member)
def get_badges(call: Call) -> Json:
    """The member's honours, the oldest first."""
    goods, zone = open_goods(), terms_at(call.now).zone
    ids = open_ledger().read(call.caller.id).member_ids
    return listing([badge_answer(one, zone) for id in ids for one in goods.badges(id)])


def open_desk(call: Call) -> Desk:
    """The stage's mall under the terms in force."""
    return Desk(open_mall(), open_goods(), open_ledger(), terms_at(call.now), tags_of)


@contextmanager
def _wechat_pay_answers() -> Iterator[None]:
    """What WeChat Pay does not do is told as a refusal that a member can read."""
    try:
        yield
    except (Declined, Unreached, Unanswered):
        raise JifenError(Code.UNAVAILABLE, "微信支付暂时没有应答,请稍后再试", retry_after_seconds=2) from None
    except WrongMoney:
        raise JifenError(Code.REDEMPTION_STATE, "付款金额与这笔兑换不符,请联系客服") from None


def _flag(call: Call, name: str) -> bool:
    value = call.query.get(name, "false")
    if value not in ("true", "false"):
        raise JifenError(Code.INVALID_REQUEST, f"{name}应为true或false", field=name)
    return value == "true"
