"""Callbacks: calls of outside systems, which keep their own formats. Routes declare who may call and how they refuse.

    @bp.route("/callbacks/wechat-pay", methods=["POST"], **JSON_BODY)
    @callback(bp, caller=wechat_pay, refuse=refused)
    def post_wechat_pay_notice(call: CallbackCall) -> Ack: ...

In place of our envelope goes the answer its sender understands, with a truthful status: also of what goes wrong.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from chalice.app import Blueprint, Response

from chalicelib.errors import Code, JifenError
from chalicelib.runtime import clock, log
from chalicelib.runtime.edge import BODY_LIMIT_BYTES, CallerCheck, Request, fault_of, raw_body_of

JSON_TYPE = "application/json; charset=utf-8"
TEXT_TYPE = "text/plain; charset=utf-8"


class Ack(NamedTuple):
    """An answer in the sender's own words."""

    body: str
    status: int = 200
    content_type: str = JSON_TYPE


class CallbackCall(NamedTuple):
    """One verified call."""

    query: Mapping[str, str]
    """Decoded once, each name once."""
    raw_body: bytes
    now: datetime


Refuse = Callable[[JifenError], Ack]
"""How a sender is told that its call was refused or cannot be served now."""


def callback(
    bp: Blueprint, *, caller: CallerCheck, refuse: Refuse, limit_bytes: int = BODY_LIMIT_BYTES
) -> Callable[[Callable[[CallbackCall], Ack]], Callable[[], Response]]:
    """Decorate a view: size, then caller; whatever is raised is answered by `refuse`."""

    def decorate(view: Callable[[CallbackCall], Ack]) -> Callable[[], Response]:
        @functools.wraps(view)
        def handle() -> Response:
            started = time.perf_counter()
            request = bp.current_request
            request_id = str(request.context.get("requestId", "local"))
            refused: JifenError | None = None
            try:
                ack = view(_verified(request, caller, limit_bytes))
            except JifenError as error:
                refused = error
            except Exception as error:  # noqa: BLE001  # the last net: an opaque fault, the type logged
                log.defect("callback_defect", error, route=view.__name__, request_id=request_id)
                refused = fault_of(error)
            if refused is not None:
                ack = refuse(refused)
            log.outcome(
                "http",
                route=view.__name__,
                status=ack.status,
                refused=refused.code.name if refused else None,
                request_id=request_id,
                ms=int((time.perf_counter() - started) * 1000),
            )
            headers: dict[str, str | list[str]] = {"Content-Type": ack.content_type, "Cache-Control": "no-store"}
            return Response(body=ack.body, status_code=ack.status, headers=headers)

        handle.caller_check = caller  # type: ignore[attr-defined]  # the walk over all routes reads these
        handle.body_model = None  # type: ignore[attr-defined]
        return handle

    return decorate


def _verified(request: Any, caller: CallerCheck, limit_bytes: int) -> CallbackCall:
    raw_body = raw_body_of(request, limit_bytes)
    headers = {name.lower(): value for name, value in request.headers.items()}
    query = _each_once(request.query_params)
    now = clock.utc_now()
    caller(Request(headers, raw_body, str(request.context.get("path", "")), now, query))
    return CallbackCall(query, raw_body, now)


def _each_once(given: Any) -> Mapping[str, str]:
    """Chalice's MultiDict (or None) as one text per name: a sender that means two is none of ours."""
    values: dict[str, str] = {}
    for name in given or ():
        several = given.getlist(name)
        if len(several) != 1:
            raise JifenError(Code.INVALID_REQUEST)
        values[name] = several[0]
    return values
