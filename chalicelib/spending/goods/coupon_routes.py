"""Coupons over HTTP: used and returned by the brand's shops and tills, looked at and cancelled by staff."""

from __future__ import annotations

import re

from chalice.app import Blueprint

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import business_on
from chalicelib.ledger.table import open_ledger
from chalicelib.members.access import order_feed, staff
from chalicelib.members.model import is_member_id
from chalicelib.programme.table import terms_at
from chalicelib.runtime.edge import JSON_BODY, Call, Json, endpoint
from chalicelib.runtime.lists import PAGE, listing
from chalicelib.spending.goods.answers import coupon_answer, trail_answer
from chalicelib.spending.goods.bodies import CouponCancelIn, CouponReturnIn, CouponUseIn, coupons_asked
from chalicelib.spending.goods.coupon_life import Order
from chalicelib.spending.goods.items import coupon_key
from chalicelib.spending.goods.model import OwnedCoupon
from chalicelib.spending.goods.table import open_goods
from chalicelib.spending.goods.use_coupon import Settled, cancel_coupon, return_coupon, use_coupon

bp = Blueprint(__name__)
_LOOKERS = staff("operator", "customer_service", "store_manager", "finance")
_CANCELLERS = staff("operator", "customer_service")
_CODE = re.compile(r"[0-9]{16}")


@bp.route("/ingest/coupon-uses", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=order_feed, body=CouponUseIn)
def post_coupon_use(call: Call) -> Json:
    """Use a coupon for one order. The same order again answers what stands; any other is refused."""
    body = call.body
    used = use_coupon(
        body.code,
        Order(body.platform, body.order_no),
        body.order_fen,
        member_id=body.member_id or "",
        goods=open_goods(),
        ledger=open_ledger(),
        on=business_on(call.now, terms_at(call.now).zone),
        now=call.now,
    )
    return _settled(call, used)


@bp.route("/ingest/coupon-returns", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=order_feed, body=CouponReturnIn)
def post_coupon_return(call: Call) -> Json:
    """An order was cancelled: its coupon can be used again until its last day; when that is past, for seven days. The
    cancelled order itself can never use it again, whichever is told first.
    """
    body = call.body
    back = return_coupon(
        body.code,
        Order(body.platform, body.order_no),
        body.reason,
        goods=open_goods(),
        on=business_on(call.now, terms_at(call.now).zone),
        now=call.now,
    )
    return _settled(call, back)


@bp.route("/staff/coupons/{code}", methods=["GET"])
@endpoint(bp, caller=_LOOKERS)
def get_staff_coupon(call: Call, code: str) -> Json:
    """One coupon, whose it is, and who did what to it."""
    return _for_staff(call, open_goods().coupon(_known(code)))


@bp.route("/staff/coupons/{code}/cancel", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=_CANCELLERS, body=CouponCancelIn)
def post_coupon_cancel(call: Call, code: str) -> Json:
    """Make a coupon unusable for a reason; what was paid for it is not given back by that. Again is no change."""
    done = cancel_coupon(_known(code), call.body.reason, by=call.caller.id, goods=open_goods(), now=call.now)
    return {**_for_staff(call, done.coupon), "replayed": done.replayed}


@bp.route("/staff/members/{member_id}/coupons", methods=["GET"])
@endpoint(bp, caller=_LOOKERS, query=PAGE)
def get_member_coupons(call: Call, member_id: str) -> Json:
    """Every coupon a member ever had, the first to end first."""
    if not is_member_id(member_id):
        raise JifenError(Code.MEMBER_NOT_FOUND)
    (after, limit), zone = coupons_asked(call.query), terms_at(call.now).zone
    ids = open_ledger().read(member_id).member_ids
    found, following = open_goods().coupon_page(ids, after=after, limit=limit)
    return listing([coupon_answer(one, business_on(call.now, zone), zone) for one in found], following)


def _known(code: str) -> str:
    if not _CODE.fullmatch(code):
        raise JifenError(Code.COUPON_NOT_FOUND)
    return code


def _settled(call: Call, settled: Settled) -> Json:
    """What a shop or till is told: whose it is, is none of its business."""
    zone = terms_at(call.now).zone
    return {**coupon_answer(settled.coupon, business_on(call.now, zone), zone), "replayed": settled.replayed}


def _for_staff(call: Call, coupon: OwnedCoupon) -> Json:
    zone = terms_at(call.now).zone
    lines = open_goods().trail(coupon_key(coupon.code)["pk"])
    return {
        **coupon_answer(coupon, business_on(call.now, zone), zone),
        "member_id": coupon.member_id,
        "source_id": coupon.source_id,
        "history": [trail_answer(line, zone) for line in lines],
    }
