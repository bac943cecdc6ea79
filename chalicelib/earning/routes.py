"""Orders over HTTP: shops deliver them, staff bind buyers, quote refunds and replay what was parked."""

from __future__ import annotations

import re
from typing import Annotated, Any

from chalice.app import Blueprint
from pydantic import Field

from chalicelib.earning.order import MAX_LINES, Refund, RefundedLine
from chalicelib.earning.order_feed import (
    BuyerId,
    Fen,
    Number,
    OrdersIn,
    Platform,
    RefundedLineRecord,
    SomeFen,
)
from chalicelib.earning.parked import discard_parked, replay_parked
from chalicelib.earning.record_orders import Recorded, release_waiting
from chalicelib.earning.refund_quote import refund_quote
from chalicelib.earning.table import open_orders
from chalicelib.earning.take_orders import take_orders
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.table import open_ledger
from chalicelib.members.access import member, order_feed, staff
from chalicelib.members.buyers import bind_buyer, phone_key
from chalicelib.members.model import PROVEN, Identity, is_member_id
from chalicelib.members.phone import MAX_CHARS, PHONE_PROVIDER, phone_identity, read_phone
from chalicelib.programme.table import terms_at, terms_book
from chalicelib.runtime import queue
from chalicelib.runtime.clock import in_zone
from chalicelib.runtime.edge import INGEST_BODY_LIMIT_BYTES, JSON_BODY, Body, Call, Json, endpoint
from chalicelib.runtime.lists import listing
from chalicelib.runtime.settings import settings

bp = Blueprint(__name__)
PARKED_ID = r"[0-9A-Za-z-]{1,64}"
PARKED_PAGE = 20


@bp.route("/ingest/orders", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=order_feed, body=OrdersIn, limit_bytes=INGEST_BODY_LIMIT_BYTES)
def post_orders(call: Call) -> Json:
    """Deliver up to 500 orders and refunds; each is answered on its own, in the order given."""
    records = call.body.orders
    taken = take_orders(records, call.now)
    return listing([_recorded(record, one) for record, one in zip(records, taken, strict=True)])


class RefundQuoteIn(Body):
    """A refund that is thought of, as the order feed would deliver it."""

    platform: Platform
    order_no: Number
    refunded_fen: SomeFen
    freight_fen: Fen = 0
    lines: list[RefundedLineRecord] = Field(default_factory=list, max_length=MAX_LINES)


@bp.route("/ingest/refund-quotes", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=order_feed, body=RefundQuoteIn)
def post_feed_refund_quote(call: Call) -> Json:
    """A shop asks before it refunds: what the refund takes back, and what to keep back for points spent already."""
    return _quoted(call)


@bp.route("/staff/refund-quotes", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=staff("customer_service", "operator", "finance"), body=RefundQuoteIn)
def post_refund_quote(call: Call) -> Json:
    """The same, asked by customer service."""
    return _quoted(call)


def _quoted(call: Call) -> Json:
    asked = call.body
    refund = Refund(
        platform=asked.platform,
        order_no=asked.order_no,
        refund_no="quote",
        refunded_fen=asked.refunded_fen,
        refunded_at=call.now,
        freight_fen=asked.freight_fen,
        lines=tuple(RefundedLine(line.line_no, line.refunded_fen) for line in asked.lines),
    )
    quote = refund_quote(refund, orders=open_orders(), ledger=open_ledger(), book=terms_book(), now=call.now)
    return quote._asdict()


class IdentityIn(Body):
    """A buyer account of a platform, to be bound to a member."""

    platform: Platform
    buyer_id: BuyerId


@bp.route("/staff/members/{member_id}/identities", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=staff("customer_service", "operator"), body=IdentityIn)
def post_member_identity(call: Call, member_id: str) -> Json:
    """Bind a shop's buyer account to a member; orders that waited for it are credited."""
    if not is_member_id(member_id):
        raise JifenError(Code.MEMBER_NOT_FOUND)
    if call.body.platform == PHONE_PROVIDER:
        raise JifenError(Code.INVALID_REQUEST, "手机号请用手机号绑定接口", field="platform")
    if call.body.platform in PROVEN:
        # Whoever logs in with that account would become this member.
        raise JifenError(Code.NOT_ALLOWED, "登录账号不能由员工绑定", field="platform")
    return _bound(call, member_id, Identity(call.body.platform, call.body.buyer_id))


class PhoneIn(Body):
    """A phone number that a member has shown to be his."""

    phone: Annotated[str, Field(min_length=4, max_length=MAX_CHARS)]


@bp.route("/staff/members/{member_id}/phones", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=staff("customer_service", "operator"), body=PhoneIn)
def post_member_phone(call: Call, member_id: str) -> Json:
    """Bind a phone number to a member; orders that come or came with it are the member's. Kept as a digest only."""
    if not is_member_id(member_id):
        raise JifenError(Code.MEMBER_NOT_FOUND)
    phone = read_phone(call.body.phone, phone_key(call.now))
    if not phone.digest:
        raise JifenError(Code.INVALID_REQUEST, "phone应为完整的手机号", field="phone")
    return _bound(call, member_id, phone_identity(phone.digest))


class PhoneCodeIn(Body):
    """What a tap on WeChat's phone button gave the mini-program."""

    code: Annotated[str, Field(min_length=1, max_length=128)]


@bp.route("/me/phones", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=member, body=PhoneCodeIn)
def post_my_phone(call: Call) -> Json:
    """Bind the member's own phone number by a code of WeChat's button; orders that come or came with it are his."""
    from chalicelib.connect.wechat.api import open_api
    from chalicelib.connect.wechat.mini_program import phone_of

    number = phone_of(open_api("mini_program", call.now), call.body.code)
    return _bound(call, call.caller.id, phone_identity(read_phone(number, phone_key(call.now)).digest))


def _bound(call: Call, member_id: str, identity: Identity) -> Json:
    binding = bind_buyer(member_id, identity, call.caller.id, call.now)
    zone = terms_at(call.now).zone
    released = release_waiting(identity, member_id, orders=open_orders(), now=call.now, zone=zone)
    return {"member_id": member_id, "released_orders": released, "replayed": binding.replayed}


@bp.route("/staff/parked-orders", methods=["GET"])
@endpoint(bp, caller=staff("operator"), query=frozenset({"cursor"}))
def get_parked_orders(call: Call) -> Json:
    """Order records that could not be posted, with their payload, twenty a page."""
    zone = terms_at(call.now).zone
    after_id = call.query.get("cursor", "")
    if not re.fullmatch(f"({PARKED_ID})?", after_id):
        raise JifenError(Code.INVALID_CURSOR, field="cursor")
    parked = open_orders().parked(after_id=after_id, limit=PARKED_PAGE)
    shown = [{"id": one.id, "payload": one.payload, "parked_at": in_zone(one.parked_at, zone)} for one in parked]
    return listing(shown, parked[-1].id if len(parked) == PARKED_PAGE else None)


@bp.route("/staff/parked-orders/{record_id}/replays", methods=["POST"])
@endpoint(bp, caller=staff("operator"))
def post_parked_order_replay(call: Call, record_id: str) -> Json:
    """Settle a parked record again, and forget it when that worked."""
    receipt = replay_parked(
        _parked(record_id),
        orders=open_orders(),
        ledger=open_ledger(),
        book=terms_book(),
        send=lambda messages: queue.send(settings().behaviours_queue_url, messages),
        tell=lambda messages: queue.send(settings().points_back_queue_url, messages),
        now=call.now,
    )
    return {"id": record_id, "points": sum(entry.points for entry in receipt.entries) if receipt else 0}


@bp.route("/staff/parked-orders/{record_id}", methods=["DELETE"])
@endpoint(bp, caller=staff("operator"))
def delete_parked_order(call: Call, record_id: str) -> Json:
    """Give up a parked record that stands for no order."""
    discard_parked(_parked(record_id), orders=open_orders(), actor=call.caller.id)
    return {"id": record_id}


def _parked(record_id: str) -> str:
    if not re.fullmatch(PARKED_ID, record_id):
        raise JifenError(Code.PARKED_RECORD_NOT_FOUND)
    return record_id


def _recorded(record: dict[str, Any], one: Recorded) -> dict[str, Any]:
    answer: dict[str, Any] = {"result": one.result.value}
    for name in ("platform", "order_no", "refund_no"):
        if isinstance(record.get(name), str):
            answer[name] = record[name][:64]
    if one.error:
        answer |= {"code": one.error.code.number, "msg": one.error.msg, "field": one.error.field}
    return answer
