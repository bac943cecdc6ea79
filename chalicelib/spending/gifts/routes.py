"""Pay-then-coupon over HTTP: operators' plans, and the page after a payment."""

from __future__ import annotations

import re
from typing import Annotated, Any

from chalice.app import Blueprint
from pydantic import StringConstraints

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.table import open_ledger
from chalicelib.members.access import member, staff
from chalicelib.members.buyers import find_members
from chalicelib.members.model import Identity
from chalicelib.programme.table import terms_at
from chalicelib.runtime.edge import JSON_BODY, Body, Call, Json, endpoint
from chalicelib.runtime.lists import PAGE, listing
from chalicelib.spending.answers import history_answer, kept_answer
from chalicelib.spending.bodies import Id, StateIn, Version, asked_page
from chalicelib.spending.documents import Kept, add, change, open_documents, switch
from chalicelib.spending.gifts.give_gift import give
from chalicelib.spending.gifts.keep_plan import KIND, check_plan, open_giving, standing_plan
from chalicelib.spending.gifts.table import Gift, GiftState, open_gifts

bp = Blueprint(__name__)
_OPERATORS = staff("operator")
_LOOKERS = staff("operator", "customer_service", "finance", "reviewer")
_NUMBER = re.compile(r"[0-9A-Za-z._-]{1,64}")
PLATFORM = "wechat"


class PlanIn(Body):
    """A new plan: its id for ever, and its document."""

    id: Id
    plan: dict[str, Any]


class PlanEditIn(Body):
    """A plan's document as it shall be, at the version that was seen."""

    version: Version
    plan: dict[str, Any]


class PaymentIn(Body):
    """The merchant's number of a payment (`out_trade_no`)."""

    number: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z._-]{1,64}$")]


@bp.route("/staff/payment-gifts", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=_OPERATORS, body=PlanIn)
def post_gift_plan(call: Call) -> Json:
    """Write a new plan of gifts after a payment, a draft. The same again answers what stands."""
    check_plan(call.body.plan)
    kept = add(open_documents(KIND), call.body.id, call.body.plan, by=call.caller.id, now=call.now)
    return _plan(call, kept)


@bp.route("/staff/payment-gifts", methods=["GET"])
@endpoint(bp, caller=_LOOKERS, query=PAGE)
def get_gift_plans(call: Call) -> Json:
    """All plans of gifts after a payment, by id."""
    found, following = open_documents(KIND).page(*asked_page(call.query))
    return listing([_plan(call, kept) for kept in found], following)


@bp.route("/staff/payment-gifts/{plan_id}", methods=["GET"])
@endpoint(bp, caller=_LOOKERS)
def get_gift_plan(call: Call, plan_id: str) -> Json:
    """One plan, with who did what to it."""
    table, zone = open_documents(KIND), terms_at(call.now).zone
    return {
        **_plan(call, standing_plan(table, plan_id)),
        "history": history_answer(table.lines(plan_id), zone),
    }


@bp.route("/staff/payment-gifts/{plan_id}", methods=["PUT"], **JSON_BODY)
@endpoint(bp, caller=_OPERATORS, body=PlanEditIn)
def put_gift_plan(call: Call, plan_id: str) -> Json:
    """Replace a plan's document at the version that was seen. What was given stays as it was given."""
    table = open_documents(KIND)
    standing = standing_plan(table, plan_id)
    check_plan(call.body.plan)
    kept = change(table, standing, call.body.plan, seen_version=call.body.version, by=call.caller.id, now=call.now)
    return _plan(call, kept)


@bp.route("/staff/payment-gifts/{plan_id}/state", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=_OPERATORS, body=StateIn)
def post_gift_plan_state(call: Call, plan_id: str) -> Json:
    """Let a plan's gifts begin, or end them at once."""
    table, body = open_documents(KIND), call.body
    kept = switch(
        table,
        standing_plan(table, plan_id),
        body.state,
        seen_version=body.version,
        reason=body.reason,
        by=call.caller.id,
        now=call.now,
    )
    return _plan(call, kept)


@bp.route("/staff/payments/{number}/gift", methods=["GET"])
@endpoint(bp, caller=_LOOKERS)
def get_payment_gift(call: Call, number: str) -> Json:
    """What a payment by WeChat Pay brought its payer, by the merchant's number of it."""
    found = open_gifts().gift(PLATFORM, number) if _NUMBER.fullmatch(number) else None
    if found is None:
        raise JifenError(Code.PAYMENT_NOT_FOUND)
    return {**_gift(found), "member_id": found.member_id or None, "plan_id": found.plan_id or None}


@bp.route("/me/payment-gifts", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=member, body=PaymentIn)
def post_payment_gift(call: Call) -> Json:
    """For the page after a payment: the gift that it brings, given now if it was not yet. Ask again while `state` is
    `unknown`: WeChat Pay has not told of the payment yet, or it is not this member's.
    """
    gift = open_gifts().gift(PLATFORM, call.body.number)
    if gift is None or not _is_payer(gift, call.caller.id):
        return {"state": "unknown", "coupon_codes": [], "message": None, "path": None}
    if gift.state is GiftState.WAITING:
        giving = open_giving(terms_at(call.now).zone)
        gift = give(gift, call.caller.id, giving=giving, now=call.now)
    return _gift(gift)


def _is_payer(gift: Gift, member_id: str) -> bool:
    payer = Identity(gift.payment.platform, gift.payment.buyer_id)
    owner = find_members([payer]).get(payer)
    return owner is not None and (owner == member_id or open_ledger().read(member_id).is_of(owner))


def _gift(gift: Gift) -> Json:
    is_given = gift.state is GiftState.GIVEN
    return {
        "state": str(gift.state),
        "coupon_codes": list(gift.codes) if is_given else [],
        "message": gift.message if is_given else None,
        "path": gift.path if is_given else None,
    }


def _plan(call: Call, kept: Kept) -> Json:
    return kept_answer(kept, "plan", terms_at(call.now).zone)
