"""Duiba over HTTP: members get their way in, Duiba asks for points, tells results and adds what its games give.

Its calls are GETs whose parameters are signed; unknown ones take part in the signature and mean nothing else. What
Duiba shows to a member is Chinese and tells nothing of the inside.
"""

from __future__ import annotations

import json
import re
from datetime import datetime

from chalice.app import Blueprint

from chalicelib.connect.accounts import keys_of, text
from chalicelib.connect.duiba.added import add_credits
from chalicelib.connect.duiba.link import HOST, LINK_LIFE, App, know, login_link, member_of
from chalicelib.connect.duiba.redemption import GIVEN_UP, Settled, deduct, hold_id, settle
from chalicelib.connect.duiba.signature import told_at, verify
from chalicelib.connect.told import bad
from chalicelib.earning.refusals import open_refusals
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import MAX_POINTS
from chalicelib.ledger.statement import balance_now
from chalicelib.ledger.table import open_ledger
from chalicelib.members.access import member
from chalicelib.programme.table import terms_at, terms_book
from chalicelib.runtime import log
from chalicelib.runtime.callback import TEXT_TYPE, Ack, CallbackCall, callback
from chalicelib.runtime.clock import in_zone
from chalicelib.runtime.edge import Call, Caller, Json, Request, endpoint

bp = Blueprint(__name__)
GIVEN_UP_WORDS = "订单已取消"
_NUMBER = re.compile(r"[0-9A-Za-z][0-9A-Za-z_.-]{0,63}")
_CREDITS = re.compile(r"[1-9][0-9]{0,9}")


def duiba(request: Request) -> Caller:
    """Duiba itself; raises JifenError BAD_SIGNATURE, STALE_TIMESTAMP or NOT_CONNECTED."""
    app = _app(request.now)
    verify(request.query, app.app_key, app.app_secret, request.now)
    return Caller("callback", id="duiba")


def _app(now: datetime) -> App:
    known = keys_of("duiba", now)
    return App(text(known, "app_key"), text(known, "app_secret"), str(known.get("host") or HOST))


_FINAL = frozenset({Code.MEMBER_NOT_FOUND, Code.ACTIVITY_OFF})
"""Refusals for good, which Duiba is to show and to mark its order by."""


def _refused(error: JifenError) -> Ack:
    """A refusal as Duiba reads it. Where points may have been booked all the same, none: then Duiba's own timeout
    decides, and the failure it tells us takes them back.
    """
    status = error.code.http_status
    if status >= 500 or error.code is Code.BUSY:
        return Ack("unavailable", max(status, 500), TEXT_TYPE)
    return _failed(error.msg, 0, 200 if error.code in _FINAL else status)


def _failed(words: str, available_points: int, status: int = 200) -> Ack:
    body = {"status": "fail", "errorMessage": words, "credits": available_points}
    return Ack(json.dumps(body, ensure_ascii=False), status)


def _granted(order_num: str, available_points: int) -> Ack:
    body = {"status": "ok", "errorMessage": "", "bizId": hold_id(order_num), "credits": available_points}
    return Ack(json.dumps(body, ensure_ascii=False))


@bp.route("/me/duiba-link", methods=["GET"])
@endpoint(bp, caller=member, query=frozenset({"redirect"}))
def get_duiba_link(call: Call) -> Json:
    """A fresh link into Duiba's mall, for five minutes; `redirect` may name one of Duiba's own pages."""
    app, terms, ledger = _app(call.now), terms_at(call.now), open_ledger()
    shown, _ = balance_now(ledger.read(call.caller.id), ledger=ledger, terms=terms.ledger, now=call.now)
    uid = know(call.caller.id, app.app_key, call.now)
    url = login_link(app, uid, shown.available_points, call.now, call.query.get("redirect", ""))
    return {"url": url, "expires_at": in_zone(call.now + LINK_LIFE, terms.zone)}


@bp.route("/callbacks/duiba/deduct", methods=["GET"])
@callback(bp, caller=duiba, refuse=_refused)
def get_duiba_deduct(call: CallbackCall) -> Ack:
    """Duiba asks for points for a redemption: they are held until it tells the result."""
    order_num, points = _order(call), _points(call)
    done = deduct(
        member_of(call.query.get("uid", "")),
        order_num,
        points,
        ledger=open_ledger(),
        terms=terms_at(call.now).ledger,
        now=call.now,
    )
    if done.refused:
        words = GIVEN_UP_WORDS if done.refused == GIVEN_UP else Code[done.refused].msg
        return _failed(words, done.available_points)
    return _granted(order_num, done.available_points)


def _told_nothing(error: JifenError) -> Ack:
    """Anything but `ok` makes Duiba tell the result again."""
    return Ack("fail", error.code.http_status, TEXT_TYPE)


@bp.route("/callbacks/duiba/notify", methods=["GET"])
@callback(bp, caller=duiba, refuse=_told_nothing)
def get_duiba_notify(call: CallbackCall) -> Ack:
    """Duiba tells a redemption's result: the points are spent for good, or the member's again."""
    told = call.query.get("success", "")
    if told not in ("true", "false"):
        raise bad("success")
    order_num = _order(call)
    settled = settle(
        member_of(call.query.get("uid", "")),
        order_num,
        succeeded=told == "true",
        ledger=open_ledger(),
        terms=terms_at(call.now).ledger,
        now=call.now,
    )
    if settled in (Settled.CONTRADICTED, Settled.UNKNOWN):
        log.outcome("duiba_result_not_booked", result=settled.value, order=order_num, told=told)
    if settled is Settled.UNKNOWN:
        raise JifenError(Code.ORDER_NOT_FOUND)
    return Ack("ok", content_type=TEXT_TYPE)


@bp.route("/callbacks/duiba/add-credits", methods=["GET"])
@callback(bp, caller=duiba, refuse=_refused)
def get_duiba_add_credits(call: CallbackCall) -> Ack:
    """Duiba adds points that one of its games gave, if the programme has a rule for the indicator `duiba`."""
    order_num, points = _order(call), _points(call)
    added = add_credits(
        member_of(call.query.get("uid", "")),
        order_num,
        points,
        told_at=told_at(call.query),
        ledger=open_ledger(),
        refusals=open_refusals(),
        book=terms_book(),
        now=call.now,
    )
    if added.refused:
        return _failed(added.refused, added.available_points)
    return _granted(order_num, added.available_points)


def _order(call: CallbackCall) -> str:
    order_num = call.query.get("orderNum", "")
    if not _NUMBER.fullmatch(order_num):
        raise bad("orderNum")
    return order_num


def _points(call: CallbackCall) -> int:
    told = call.query.get("credits", "")
    if not _CREDITS.fullmatch(told) or int(told) > MAX_POINTS:
        raise bad("credits")
    return int(told)
