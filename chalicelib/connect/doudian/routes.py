"""Doudian's pushes over HTTP: several messages a call, verified, kept as orders, acknowledged as it wants."""

from __future__ import annotations

import json
from typing import Any

from chalice.app import Blueprint

from chalicelib.connect import push_signature
from chalicelib.connect.accounts import keys_of, text
from chalicelib.connect.doudian.message import PROBE, TAGS, Record, record_of
from chalicelib.connect.kept import keep
from chalicelib.connect.told import bad, name
from chalicelib.errors import Code, JifenError
from chalicelib.runtime import log
from chalicelib.runtime.bodies import plain_json
from chalicelib.runtime.callback import Ack, CallbackCall, callback
from chalicelib.runtime.edge import INGEST_BODY_LIMIT_BYTES, JSON_BODY, Caller, Request

bp = Blueprint(__name__)
MAX_MESSAGES = 500


def doudian(request: Request) -> Caller:
    """Doudian itself; raises JifenError BAD_SIGNATURE or NOT_CONNECTED."""
    known = keys_of("doudian", request.now)
    app_key, method = text(known, "app_key"), str(known.get("sign_method") or "md5")
    told = request.headers.get("event-sign", "")
    push_signature.verify(told, method, app_key, text(known, "app_secret"), request.raw_body)
    if request.headers.get("app-id", app_key) != app_key:
        raise JifenError(Code.BAD_SIGNATURE)
    return Caller("callback", id="doudian")


def _refused(error: JifenError) -> Ack:
    body = {"code": error.code.number, "msg": error.msg}
    return Ack(json.dumps(body, ensure_ascii=False), error.code.http_status)


@bp.route("/callbacks/doudian", methods=["POST"], **JSON_BODY)
@callback(bp, caller=doudian, refuse=_refused, limit_bytes=INGEST_BODY_LIMIT_BYTES)
def post_doudian_messages(call: CallbackCall) -> Ack:
    """Doudian pushes messages: payments, receipts and refunds are kept as those of the platform `douyin`."""
    messages = plain_json(call.raw_body)
    if not isinstance(messages, list) or len(messages) > MAX_MESSAGES:
        raise bad("body")
    tags = {**TAGS, **(keys_of("doudian", call.now).get("tags") or {})}
    records: list[Record] = []
    passed, unreadable = 0, None
    for message in messages:
        try:
            record = _record(message, tags)
        except JifenError as error:
            unreadable = error
            continue
        if record is None:
            passed += 1
        else:
            records.append(record)
    if passed:
        log.outcome("doudian_messages_passed", count=passed)
    keep("doudian", records, call.now)
    if unreadable:
        raise unreadable  # the others are kept: told again, they are repeats
    return Ack('{"code":0,"msg":"success"}')


def _record(message: Any, tags: dict[str, str]) -> Record | None:
    if not isinstance(message, dict):
        raise bad("body")
    tag = PROBE if message.get("tag") == 0 else name(message, "tag")
    if tag not in tags.values():
        return None
    told = message.get("data")
    if isinstance(told, str):
        told = plain_json(told.encode("utf-8", "replace"))
    if not isinstance(told, dict):
        raise bad("data")
    return record_of(tag, told, tags)
