"""Earning over HTTP: the member checks in, shops deliver orders, staff bind buyers and replay what was parked."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from chalice.app import Blueprint

from chalicelib.earning.check_in import check_in, check_in_days, month_calendar
from chalicelib.earning.order_feed import BuyerId, OrdersIn, Platform, order_fact
from chalicelib.earning.parked import discard_parked, replay_parked
from chalicelib.earning.record_orders import Received, Recorded, Result, record_orders, release_waiting
from chalicelib.earning.table import open_orders
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import business_on
from chalicelib.ledger.table import open_ledger
from chalicelib.members.access import member, order_feed, staff
from chalicelib.members.buyers import bind_buyer, find_members
from chalicelib.members.model import LOGIN_PROVIDER, Identity, is_member_id
from chalicelib.programme.table import terms_at, terms_book
from chalicelib.runtime.clock import in_zone
from chalicelib.runtime.edge import INGEST_BODY_LIMIT_BYTES, JSON_BODY, Body, Call, Json, endpoint

bp = Blueprint(__name__)
SOURCE = "mini_program"
PARKED_ID = r"[0-9A-Za-z-]{1,64}"
PARKED_PAGE = 20


@bp.route("/me/check-ins", methods=["POST"])
@endpoint(bp, caller=member)
def post_check_in(call: Call) -> Json:
    """Check in for today; the first answer is repeated however often it is asked."""
    receipt = check_in(call.caller.id, ledger=open_ledger(), terms=terms_at(call.now), now=call.now, source=SOURCE)
    entry = receipt.entries[-1]
    return {
        "checked_in_on": entry.facts["checked_in_on"],
        "points": entry.points,
        "reason": entry.text,
        "streak_days": entry.facts["streak_days"],
        "next_reward_days": entry.facts.get("next_reward_days"),
        "next_reward_points": entry.facts.get("next_reward_points"),
        "balance_after_points": entry.available_after,
        "replayed": receipt.replayed,
    }


@bp.route("/me/check-ins", methods=["GET"])
@endpoint(bp, caller=member, query=frozenset({"month"}))
def get_check_ins(call: Call) -> Json:
    """The check-in calendar of one month (`month=YYYY-MM`, this month when left out)."""
    terms = terms_at(call.now)
    first_on = _month(call.query.get("month", ""), business_on(call.now, terms.zone))
    ledger = open_ledger()
    account, _ = ledger.read(call.caller.id)
    days = check_in_days(account, first_on=first_on, ledger=ledger, zone=terms.zone)
    calendar = month_calendar(account, days, terms=terms, now=call.now)
    return {
        "month": f"{first_on:%Y-%m}",
        "days": [on.isoformat() for on in calendar.days],
        "checked_in_today": calendar.checked_in_today,
        "today_points": calendar.today_points,
        "streak_days": calendar.streak_days,
        "next_reward_days": calendar.next_reward_days,
        "next_reward_points": calendar.next_reward_points,
    }


@bp.route("/ingest/orders", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=order_feed, body=OrdersIn, limit_bytes=INGEST_BODY_LIMIT_BYTES)
def post_orders(call: Call) -> Json:
    """Deliver up to 500 orders and refunds; each is answered on its own, in the order given."""
    answers: dict[int, dict[str, Any]] = {}
    received: dict[int, Received] = {}
    for place, record in enumerate(call.body.orders):
        try:
            received[place] = Received(order_fact(record, call.now), call.now)
        except JifenError as error:
            answers[place] = _recorded(record, Recorded(Result.REFUSED, error))
    recorded = record_orders(
        list(received.values()), orders=open_orders(), find_members=find_members, zone=terms_at(call.now).zone
    )
    for place, one in zip(received, recorded, strict=True):
        answers[place] = _recorded(call.body.orders[place], one)
    return {"list": [answers[place] for place in range(len(answers))], "next_cursor": None, "has_more": False}


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
    if call.body.platform == LOGIN_PROVIDER:
        # Whoever logs in with that account would become this member.
        raise JifenError(Code.NOT_ALLOWED, "登录账号不能由员工绑定", field="platform")
    identity = Identity(call.body.platform, call.body.buyer_id)
    binding = bind_buyer(member_id, identity, call.caller.id, call.now)
    released = release_waiting(
        identity.provider,
        identity.external_id,
        member_id,
        orders=open_orders(),
        now=call.now,
        zone=terms_at(call.now).zone,
    )
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
    more = len(parked) == PARKED_PAGE
    return {
        "list": [{"id": one.id, "payload": one.payload, "parked_at": in_zone(one.parked_at, zone)} for one in parked],
        "next_cursor": parked[-1].id if more else None,
        "has_more": more,
    }


@bp.route("/staff/parked-orders/{record_id}/replays", methods=["POST"])
@endpoint(bp, caller=staff("operator"))
def post_parked_order_replay(_call: Call, record_id: str) -> Json:
    """Settle a parked record again, and forget it when that worked."""
    receipt = replay_parked(_parked(record_id), orders=open_orders(), ledger=open_ledger(), book=terms_book())
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


def _month(text: str, today_on: date) -> date:
    if not text:
        return today_on.replace(day=1)
    if not re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])", text):
        raise JifenError(Code.INVALID_REQUEST, "month应为YYYY-MM", field="month")
    return date(int(text[:4]), int(text[5:]), 1)
