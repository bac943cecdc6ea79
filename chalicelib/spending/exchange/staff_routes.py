"""Exchanges over HTTP for staff: partners, work, a day held against a partner's file.

What leaves the house is an admin's business: where requests go and at what ratio. Operators switch on and off.
"""

from __future__ import annotations

import binascii
import re
import secrets
from base64 import b64decode
from datetime import date

from chalice.app import Blueprint

from chalicelib.errors import Code, JifenError
from chalicelib.members.access import staff
from chalicelib.runtime.clock import in_zone
from chalicelib.runtime.edge import INGEST_BODY_LIMIT_BYTES, JSON_BODY, Call, Json, endpoint
from chalicelib.runtime.lists import PAGE, limit_of, listing
from chalicelib.spending.answers import history_answer, kept_answer
from chalicelib.spending.bodies import StateIn, asked_page
from chalicelib.spending.documents import add, change, switch
from chalicelib.spending.exchange.answers import exchange_answer, reconciliation_answer
from chalicelib.spending.exchange.bodies import ClosingIn, PartnerEditIn, PartnerIn, ReconciliationIn
from chalicelib.spending.exchange.check_day import check_day, day_of
from chalicelib.spending.exchange.close_uncharged import close_uncharged
from chalicelib.spending.exchange.desk import open_desk
from chalicelib.spending.exchange.items import LATE, UNCHARGED
from chalicelib.spending.exchange.keep_partner import check_partner, standing_partner
from chalicelib.spending.exchange.reconcile import sheet
from chalicelib.spending.exchange.settle_exchange import standing_exchange

bp = Blueprint(__name__)
_ADMINS = staff()
_OPERATORS = staff("operator")
_FINANCE = staff("finance")
_LOOKERS = staff("operator", "customer_service", "finance", "reviewer")
_RECONCILERS = staff("operator", "finance")
_ID = re.compile(r"[0-9a-f]{24}")
_WORK = {"late": LATE, "uncharged": UNCHARGED}
_PLACE = re.compile(r"\d{4}-\d\d-\d\dT[0-9:.]{12}Z#[0-9a-f]{24}")


@bp.route("/staff/exchange-partners", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=_ADMINS, body=PartnerIn)
def post_exchange_partner(call: Call) -> Json:
    """Write a new partner, a draft. The same again answers what stands. Its id is one partner's for ever."""
    check_partner(call.body.partner)
    desk = open_desk(call.now)
    kept = add(desk.partners, call.body.id, call.body.partner, by=call.caller.id, now=call.now)
    return kept_answer(kept, "partner", desk.terms.zone)


@bp.route("/staff/exchange-partners", methods=["GET"])
@endpoint(bp, caller=_LOOKERS, query=PAGE)
def get_staff_exchange_partners(call: Call) -> Json:
    """All partners, by id."""
    desk = open_desk(call.now)
    found, following = desk.partners.page(*asked_page(call.query))
    return listing([kept_answer(kept, "partner", desk.terms.zone) for kept in found], following)


@bp.route("/staff/exchange-partners/{partner_id}", methods=["GET"])
@endpoint(bp, caller=_LOOKERS)
def get_exchange_partner(call: Call, partner_id: str) -> Json:
    """One partner, with who did what to it."""
    desk = open_desk(call.now)
    shown = kept_answer(standing_partner(desk.partners, partner_id), "partner", desk.terms.zone)
    return {**shown, "history": history_answer(desk.partners.lines(partner_id), desk.terms.zone)}


@bp.route("/staff/exchange-partners/{partner_id}", methods=["PUT"], **JSON_BODY)
@endpoint(bp, caller=_ADMINS, body=PartnerEditIn)
def put_exchange_partner(call: Call, partner_id: str) -> Json:
    """Replace a partner's document at the version that was seen. Exchanges that were begun keep their amounts."""
    desk = open_desk(call.now)
    standing = standing_partner(desk.partners, partner_id)
    check_partner(call.body.partner)
    version, by = call.body.version, call.caller.id
    kept = change(desk.partners, standing, call.body.partner, seen_version=version, by=by, now=call.now)
    return kept_answer(kept, "partner", desk.terms.zone)


@bp.route("/staff/exchange-partners/{partner_id}/state", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=_OPERATORS, body=StateIn)
def post_exchange_partner_state(call: Call, partner_id: str) -> Json:
    """Let exchanges to a partner begin, or begin no more; those that were begun go on."""
    desk, body = open_desk(call.now), call.body
    kept = switch(
        desk.partners,
        standing_partner(desk.partners, partner_id),
        body.state,
        seen_version=body.version,
        reason=body.reason,
        by=call.caller.id,
        now=call.now,
    )
    return kept_answer(kept, "partner", desk.terms.zone)


@bp.route("/staff/exchange-partners/{partner_id}/reconciliation", methods=["GET"])
@endpoint(bp, caller=_RECONCILERS, query=frozenset({"on"}))
def get_exchange_day(call: Call, partner_id: str) -> Json:
    """What a partner gave on a business day (`on`), by its own instants: totals, and a CSV of every exchange."""
    desk, on = open_desk(call.now), _day(call.query.get("on", ""))
    found = day_of(partner_id, on, desk=desk)
    times = {one.id: in_zone(one.done_at, desk.terms.zone) for one in found if one.done_at}
    return {
        "on": on.isoformat(),
        "exchanges": len(found),
        "points": sum(one.points for one in found),
        "units": sum(one.units for one in found),
        "file_name": f"exchanges-{partner_id}-{on.isoformat()}.csv",
        "csv": sheet(found, times),
    }


@bp.route("/staff/exchange-partners/{partner_id}/reconciliations", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=_RECONCILERS, body=ReconciliationIn, limit_bytes=INGEST_BODY_LIMIT_BYTES)
def post_exchange_reconciliation(call: Call, partner_id: str) -> Json:
    """Hold a partner's file of a business day against ours: a CSV (UTF-8 or GBK, in base64) with 兑换单号, 状态 and
    数量. Nothing is changed; each comparison is kept.
    """
    try:
        raw = b64decode(call.body.file, validate=True)
    except (binascii.Error, ValueError):
        raise JifenError(Code.INVALID_REQUEST, "file应为base64", field="file") from None
    desk, check_id = open_desk(call.now), secrets.token_hex(8)
    by, on = call.caller.id, call.body.on
    found = check_day(partner_id, on, raw, check_id=check_id, by=by, desk=desk, now=call.now)
    return reconciliation_answer(found, desk.terms.zone)


@bp.route("/staff/exchange-partners/{partner_id}/reconciliations", methods=["GET"])
@endpoint(bp, caller=_RECONCILERS)
def get_exchange_reconciliations(call: Call, partner_id: str) -> Json:
    """The latest comparisons with a partner's files, those of the latest day first."""
    desk = open_desk(call.now)
    standing_partner(desk.partners, partner_id)
    return listing([reconciliation_answer(one, desk.terms.zone) for one in desk.exchanges.checks(partner_id)])


@bp.route("/staff/exchanges", methods=["GET"])
@endpoint(bp, caller=_LOOKERS, query=frozenset({"work", "limit", "cursor"}))
def get_exchange_work(call: Call) -> Json:
    """Exchanges for people, the oldest first: `work` is `late` (a day old, and their end not known) or `uncharged`
    (the partner gave the units, the member no longer had the points).
    """
    kind, cursor = _WORK.get(call.query.get("work", "")), call.query.get("cursor", "")
    if kind is None:
        raise JifenError(Code.INVALID_REQUEST, "work只能是late或uncharged", field="work")
    if cursor and not _PLACE.fullmatch(cursor):
        raise JifenError(Code.INVALID_CURSOR)
    desk, limit = open_desk(call.now), limit_of(call.query, 100)
    places = desk.exchanges.work(kind, after=cursor, limit=limit + 1)
    shown = desk.exchanges.exchanges([id for _, id in places[:limit]])
    following = places[limit - 1][0] if len(places) > limit else None
    return listing([exchange_answer(one, desk.terms.zone, for_staff=True) for one in shown], following)


@bp.route("/staff/exchanges/{exchange_id}", methods=["GET"])
@endpoint(bp, caller=_LOOKERS)
def get_staff_exchange(call: Call, exchange_id: str) -> Json:
    """One exchange of any member."""
    desk = open_desk(call.now)
    return exchange_answer(standing_exchange(_known(exchange_id), desk), desk.terms.zone, for_staff=True)


@bp.route("/staff/exchanges/{exchange_id}/closing", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=_FINANCE, body=ClosingIn)
def post_exchange_closing(call: Call, exchange_id: str) -> Json:
    """End an uncharged exchange: `charge` takes its points after all, `waive` lets them be."""
    desk, body = open_desk(call.now), call.body
    closed = close_uncharged(_known(exchange_id), body.how, why=body.reason, by=call.caller.id, desk=desk, now=call.now)
    return exchange_answer(closed, desk.terms.zone, for_staff=True)


def _known(exchange_id: str) -> str:
    if not _ID.fullmatch(exchange_id):
        raise JifenError(Code.EXCHANGE_NOT_FOUND)
    return exchange_id


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise JifenError(Code.INVALID_REQUEST, "on应为日期,如2026-11-22", field="on") from None
