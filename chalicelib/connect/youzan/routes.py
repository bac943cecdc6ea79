"""Youzan's pushes over HTTP: verified, kept as orders, acknowledged with the word it looks for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_plus

from chalice.app import Blueprint

from chalicelib.connect import push_signature
from chalicelib.connect.accounts import keys_of, text
from chalicelib.connect.kept import keep
from chalicelib.connect.told import bad, word
from chalicelib.connect.youzan.message import KINDS, record_of
from chalicelib.errors import Code, JifenError
from chalicelib.runtime import log
from chalicelib.runtime.bodies import plain_json
from chalicelib.runtime.callback import Ack, CallbackCall, callback
from chalicelib.runtime.edge import INGEST_BODY_LIMIT_BYTES, JSON_BODY, Caller, Request

bp = Blueprint(__name__)
MAX_KIND_CHARS = 64


def youzan(request: Request) -> Caller:
    """Youzan itself; raises JifenError BAD_SIGNATURE or NOT_CONNECTED."""
    known = keys_of("youzan", request.now)
    client_id, method = text(known, "client_id"), str(known.get("sign_method") or "md5")
    told = request.headers.get("event-sign", "")
    push_signature.verify(told, method, client_id, text(known, "client_secret"), request.raw_body)
    if request.headers.get("client-id", client_id) != client_id:
        raise JifenError(Code.BAD_SIGNATURE)
    return Caller("callback", id="youzan")


def _refused(error: JifenError) -> Ack:
    """Anything without the word `success` makes Youzan tell the message again, and show it among those that failed."""
    body = {"code": error.code.number, "msg": error.msg}
    return Ack(json.dumps(body, ensure_ascii=False), error.code.http_status)


@bp.route("/callbacks/youzan", methods=["POST"], **JSON_BODY)
@callback(bp, caller=youzan, refuse=_refused, limit_bytes=INGEST_BODY_LIMIT_BYTES)
def post_youzan_message(call: CallbackCall) -> Ack:
    """Youzan pushes a message: payments, receipts and refunds are kept as those of the platform `youzan`."""
    envelope = plain_json(call.raw_body)
    if not isinstance(envelope, dict):
        raise bad("body")
    kind = word(envelope, "type")
    is_ours = kind in KINDS and envelope.get("test") is not True
    record = record_of(kind, _opened(envelope), envelope) if is_ours else None
    if record is None:
        log.outcome("youzan_message_passed", kind=kind[:MAX_KIND_CHARS])
    else:
        keep("youzan", [record], call.now)
    return Ack('{"code":0,"msg":"success"}')


def _opened(envelope: Mapping[str, Any]) -> Mapping[str, Any]:
    """The message itself: older kinds come URL-encoded within the envelope, newer ones as they are."""
    told = envelope.get("msg")
    if isinstance(told, str):
        try:
            told = plain_json(unquote_plus(told, errors="strict").encode())
        except UnicodeError:
            raise bad("msg") from None
    if not isinstance(told, dict):
        raise bad("msg")
    return told
