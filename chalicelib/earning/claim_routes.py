"""Orders claimed by number, over HTTP: members claim and see their claims, staff look one up and settle a dispute."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from itertools import islice
from typing import Annotated

from chalice.app import Blueprint
from pydantic import Field

from chalicelib.earning import claim_answers as answers
from chalicelib.earning.assign_order import assign_order, known_order
from chalicelib.earning.claim_order import claim_order
from chalicelib.earning.claims_table import open_claims
from chalicelib.earning.order import order_key
from chalicelib.earning.order_claim import Asked, order_number
from chalicelib.earning.order_feed import Fen, Platform
from chalicelib.errors import Code, JifenError
from chalicelib.members.access import member, staff
from chalicelib.members.buyers import phone_key, unknown_members
from chalicelib.members.model import is_member_id
from chalicelib.members.phone import tail_digest
from chalicelib.programme.claims import is_platform
from chalicelib.programme.table import terms_at
from chalicelib.runtime.edge import JSON_BODY, Body, Call, Json, endpoint
from chalicelib.runtime.lists import listing

bp = Blueprint(__name__)
PAGE = 50
MAX_CURSOR_CHARS = 128
PastedNumber = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")]
"""An order number as it was pasted; `order_number` reads it."""
Reason = Annotated[
    str,
    Field(
        min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"
    ),
]


class OrderClaimIn(Body):
    """An order's number, and what its platform asks for beside it."""

    platform: Platform
    order_no: PastedNumber
    paid_fen: Fen | None = None
    phone_tail: Annotated[str, Field(pattern=r"^[0-9]{4}$")] | None = None


@bp.route("/me/order-claims", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=member, body=OrderClaimIn)
def post_order_claim(call: Call) -> Json:
    """Claim an order by its number. The answer is the same whether it is known, another's or nobody's."""
    terms = terms_at(call.now)
    platform, order_no = call.body.platform, order_number(call.body.order_no)
    tail = call.body.phone_tail or ""
    if tail:
        tail = tail_digest(phone_key(call.now), order_key(platform, order_no), tail)
    asked = Asked(call.caller.id, platform, order_no, call.body.paid_fen, tail)
    claim = claim_order(asked, claims=open_claims(), terms=terms, now=call.now)
    return answers.claim_answer(claim, terms.zone)


@bp.route("/me/order-claims", methods=["GET"])
@endpoint(bp, caller=member, query=frozenset({"cursor"}))
def get_order_claims(call: Call) -> Json:
    """The member's claims with their state in words, by falling platform and number, fifty a page."""
    zone = terms_at(call.now).zone
    found = list(islice(open_claims().listed(call.caller.id, _before(call), PAGE + 1), PAGE + 1))
    cursor = urlsafe_b64encode(found[PAGE - 1][0].encode()).decode() if len(found) > PAGE else None
    return listing([answers.claim_answer(claim, zone) for _, claim in found[:PAGE]], cursor)


@bp.route("/staff/order-claims", methods=["GET"])
@endpoint(bp, caller=staff("customer_service", "operator"), query=frozenset({"platform", "order_no"}))
def get_disputed_order(call: Call) -> Json:
    """An order by its number: whose it is, and the claims that wait on it."""
    if not is_platform(call.query.get("platform", "")):
        raise JifenError(Code.INVALID_REQUEST, "platform必填,应为小写字母、数字或下划线", field="platform")
    if not call.query.get("order_no"):
        raise JifenError(Code.INVALID_REQUEST, "order_no必填", field="order_no")
    claims = open_claims()
    key = order_key(call.query["platform"], order_number(call.query["order_no"]))
    order = known_order(key, claims=claims)
    members = list(dict.fromkeys([*filter(None, [order.member_id]), *(one.member_id for one in order.waiting)]))
    found = {claim.member_id: claim for claim in claims.find([(one, key) for one in members])}
    shown = {member_id: found[member_id] for member_id in members if member_id in found}
    return answers.disputed_answer(order, shown, terms_at(call.now).zone)


class AssignmentIn(Body):
    """An order that is to be a member's, and why."""

    platform: Platform
    order_no: PastedNumber
    member_id: Annotated[str, Field(max_length=64)]
    reason: Reason


@bp.route("/staff/order-claims/assignments", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=staff("customer_service", "operator"), body=AssignmentIn)
def post_order_assignment(call: Call) -> Json:
    """Give an order that nobody has to a member. One that has a member keeps him. Repeating it changes nothing."""
    member_id = call.body.member_id
    if not is_member_id(member_id) or unknown_members([member_id]):
        raise JifenError(Code.MEMBER_NOT_FOUND, field="member_id")
    assigned = assign_order(
        order_key(call.body.platform, order_number(call.body.order_no)),
        member_id,
        by=call.caller.id,
        why=call.body.reason,
        claims=open_claims(),
        zone=terms_at(call.now).zone,
        now=call.now,
    )
    return {**answers.owner_answer(assigned.order), "replayed": assigned.replayed}


def _before(call: Call) -> str:
    cursor = call.query.get("cursor", "")
    try:
        place = urlsafe_b64decode(cursor.encode()).decode("ascii")
    except (Base64Error, ValueError):
        raise JifenError(Code.INVALID_CURSOR, field="cursor") from None
    if place and not (len(place) <= MAX_CURSOR_CHARS and place[0].isalpha() and "#" in place and place.isprintable()):
        raise JifenError(Code.INVALID_CURSOR, field="cursor")
    return place
