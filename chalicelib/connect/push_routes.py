"""Message push over HTTP: Official Account, mini-program and WeCom tell what happens there; we queue what concerns us.

An account's events come to an address once it proved that it knows the account's token (GET). Nothing is done before
the sender has its `success`, which it waits five seconds for, but for the event's way into the queue: a sender that
got another answer, or none, tells the event again, and whoever takes it from the queue knows it by its key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from chalice.app import Blueprint

from chalicelib.connect import push_crypto
from chalicelib.connect.accounts import Account, account
from chalicelib.connect.inbound import HANDLERS
from chalicelib.connect.push_message import Pushed, fields_of, pushed_of, queued
from chalicelib.errors import Code, JifenError
from chalicelib.runtime import log, queue
from chalicelib.runtime.callback import TEXT_TYPE, Ack, CallbackCall, callback
from chalicelib.runtime.edge import Caller, Request
from chalicelib.runtime.settings import settings

bp = Blueprint(__name__)
TOLD_AGAIN_WITHIN = timedelta(days=30)
"""Far longer than any sender repeats itself, and shorter than what was handled is known (EVENT_KEPT of table.py)."""

_PUSH_BODY: dict[str, Any] = {"content_types": ["text/xml", "application/xml", "application/json"]}


@dataclass(frozen=True)
class UrlCheck:
    """The platform asks whether this address is ours; WeCom seals what it wants to hear."""

    system: str

    def __call__(self, request: Request) -> Caller:
        """Raises JifenError BAD_SIGNATURE or NOT_CONNECTED."""
        query, known = request.query, _account(self.system, request.now)
        if self.system == "wecom":
            _verify(query, known, "msg_signature", query.get("echostr", ""))
        else:
            _verify(query, known, "signature")
        return Caller("callback", id=self.system)


@dataclass(frozen=True)
class Push:
    """The platform itself; an account with a key takes no message that is not sealed with it."""

    system: str

    def __call__(self, request: Request) -> Caller:
        """Raises JifenError BAD_SIGNATURE, MALFORMED_BODY or NOT_CONNECTED."""
        known = _account(self.system, request.now)
        if known.aes_key:
            _verify(request.query, known, "msg_signature", _sealed(request.raw_body))
        else:
            _verify(request.query, known, "signature")
        return Caller("callback", id=self.system)


def _refused(error: JifenError) -> Ack:
    """Anything but `success` makes them tell it again, twice. They, or whoever this is, are told nothing else."""
    return Ack("fail", 404 if error.code is Code.NOT_CONNECTED else error.code.http_status, TEXT_TYPE)


@bp.route("/callbacks/official-account", methods=["GET"])
@callback(bp, caller=UrlCheck("official_account"), refuse=_refused)
def get_official_account_push(call: CallbackCall) -> Ack:
    """WeChat checks the Official Account's address."""
    return Ack(call.query.get("echostr", ""), content_type=TEXT_TYPE)


@bp.route("/callbacks/official-account", methods=["POST"], **_PUSH_BODY)
@callback(bp, caller=Push("official_account"), refuse=_refused)
def post_official_account_push(call: CallbackCall) -> Ack:
    """WeChat pushes a follower's message or an event of the Official Account."""
    return _taken("official_account", call)


@bp.route("/callbacks/mini-program", methods=["GET"])
@callback(bp, caller=UrlCheck("mini_program"), refuse=_refused)
def get_mini_program_push(call: CallbackCall) -> Ack:
    """WeChat checks the mini-program's address."""
    return Ack(call.query.get("echostr", ""), content_type=TEXT_TYPE)


@bp.route("/callbacks/mini-program", methods=["POST"], **_PUSH_BODY)
@callback(bp, caller=Push("mini_program"), refuse=_refused)
def post_mini_program_push(call: CallbackCall) -> Ack:
    """WeChat pushes an event of the mini-program."""
    return _taken("mini_program", call)


@bp.route("/callbacks/wecom", methods=["GET"])
@callback(bp, caller=UrlCheck("wecom"), refuse=_refused)
def get_wecom_push(call: CallbackCall) -> Ack:
    """WeCom checks the corp's address: within a second it wants back what it sealed, to the byte."""
    known = _account("wecom", call.now)
    echo = push_crypto.decrypt(call.query.get("echostr", ""), aes_key=known.aes_key, receive_id=known.appid)
    return Ack(echo.decode(errors="replace"), content_type=TEXT_TYPE)


@bp.route("/callbacks/wecom", methods=["POST"], **_PUSH_BODY)
@callback(bp, caller=Push("wecom"), refuse=_refused)
def post_wecom_push(call: CallbackCall) -> Ack:
    """WeCom pushes an event of the corp."""
    return _taken("wecom", call)


def _taken(system: str, call: CallbackCall) -> Ack:
    known, raw = _account(system, call.now), call.raw_body
    if known.aes_key:
        raw = push_crypto.decrypt(_sealed(raw), aes_key=known.aes_key, receive_id=known.appid)
    pushed = pushed_of(system, fields_of(raw))
    if _concerns_us(pushed, call.now):
        queue.send(settings().inbound_events_queue_url, [queued(pushed)])
    return Ack("success", content_type=TEXT_TYPE)


def _concerns_us(pushed: Pushed, now: datetime) -> bool:
    outcome = "queued"
    if (pushed.system, pushed.name) not in HANDLERS:
        outcome = "passed"  # what followers write and most of what they tap: neither kept nor answered
    elif now - pushed.at > TOLD_AGAIN_WITHIN:
        outcome = "too_old"
    log.outcome("pushed", system=pushed.system, name=pushed.name, outcome=outcome)
    return outcome == "queued"


def _account(system: str, now: datetime) -> Account:
    """Our account, if it has what pushes are signed with; WeCom's are always sealed."""
    known = account(system, now)
    if not known.token or (system == "wecom" and not known.aes_key):
        raise JifenError(Code.NOT_CONNECTED)
    return known


def _verify(query: Mapping[str, str], known: Account, name: str, *sealed: str) -> None:
    push_crypto.verify(query.get(name, ""), known.token, query.get("timestamp", ""), query.get("nonce", ""), *sealed)


def _sealed(raw_body: bytes) -> str:
    sealed = fields_of(raw_body).get("Encrypt")
    if not isinstance(sealed, str):
        raise JifenError(Code.MALFORMED_BODY)
    return sealed
