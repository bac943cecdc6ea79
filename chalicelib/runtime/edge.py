"""The HTTP edge: one envelope, one error shape, strict bodies. Routes declare what they need; this file is read once.

A route is written

    @bp.route("/me/check-ins", methods=["POST"], **JSON_BODY)
    @endpoint(bp, caller=member_caller, body=None)
    def post_check_in(call: Call) -> Json: ...

and answers the data; the envelope `{"code":0,"msg":"ok","data":...,"request_id":...}` is put around it here.
Chalice turns a view's exceptions into a 500 before any middleware sees them, so errors are mapped in this decorator.
"""

from __future__ import annotations

import functools
import json
import re
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from chalice.app import Blueprint, Response
from pydantic import BaseModel

from chalicelib.errors import Code, JifenError
from chalicelib.runtime import clock, log
from chalicelib.runtime.bodies import MAX_FIELD_CHARS, Body, invalid, parse_body
from chalicelib.runtime.dynamo import Cancelled

__all__ = [
    "BODY_LIMIT_BYTES",
    "INGEST_BODY_LIMIT_BYTES",
    "JSON_BODY",
    "Body",
    "Call",
    "Caller",
    "CallerCheck",
    "Json",
    "Request",
    "anyone",
    "client_key",
    "endpoint",
    "fault_of",
    "invalid",
    "one_error_shape",
    "parse_body",
    "raw_body_of",
    "refusal",
]

Json = Mapping[str, Any]
JSON_BODY: dict[str, Any] = {"content_types": ["application/json"]}
BODY_LIMIT_BYTES = 64 * 1024
INGEST_BODY_LIMIT_BYTES = 1024 * 1024


class Request(NamedTuple):
    """What a caller check may look at."""

    headers: Mapping[str, str]
    """Names in lower case."""
    raw_body: bytes
    path: str
    now: datetime
    query: Mapping[str, str] = {}
    """Decoded; only where a callback's signature is over it."""


class Caller(NamedTuple):
    """Who calls, as verified by a caller check; a member route can name no other member."""

    kind: str
    """`public`, `member`, `staff`, `feed` or `callback`."""
    id: str = ""
    roles: frozenset[str] = frozenset()
    session: str = ""
    """The stored key of the session that was used, so that it can be revoked."""


class Call(NamedTuple):
    """One verified request."""

    caller: Caller
    body: Any
    """An instance of the route's body model, or None."""
    query: Mapping[str, str]
    headers: Mapping[str, str]
    raw_body: bytes
    now: datetime
    request_id: str


CallerCheck = Callable[[Request], Caller]
_CLIENT_KEY = re.compile(r"[A-Za-z0-9._:-]{1,64}")


def client_key(call: Call, *, needed: bool = True) -> str:
    """The call's Idempotency-Key; refused when it is of another form, or missing where it is needed."""
    key = call.headers.get("idempotency-key", "")
    if not _CLIENT_KEY.fullmatch(key) and (needed or key):
        raise JifenError(
            Code.INVALID_REQUEST, "请求头Idempotency-Key应为1至64位字母、数字或._:-", field="Idempotency-Key"
        )
    return key


def anyone(_request: Request) -> Caller:
    """The caller check of the few public routes."""
    return Caller("public")


def endpoint(
    bp: Blueprint,
    *,
    caller: CallerCheck,
    body: type[BaseModel] | None = None,
    query: frozenset[str] = frozenset(),
    limit_bytes: int = BODY_LIMIT_BYTES,
) -> Callable[[Callable[..., Json]], Callable[..., Response]]:
    """Decorate a view: size, caller, body, query are checked in that order; what it raises becomes our error shape."""

    def decorate(view: Callable[..., Json]) -> Callable[..., Response]:
        @functools.wraps(view)
        def handle(**path_parameters: str) -> Response:
            started = time.perf_counter()
            request = bp.current_request
            request_id = str(request.context.get("requestId", "local"))
            try:
                raw_body = raw_body_of(request, limit_bytes)
                headers = {name.lower(): value for name, value in request.headers.items()}
                seen = Request(headers, raw_body, str(request.context.get("path", "")), clock.utc_now())
                call = Call(
                    caller=caller(seen),
                    body=_body(body, raw_body),
                    query=_known_query(request.query_params, query),
                    headers=headers,
                    raw_body=raw_body,
                    now=seen.now,
                    request_id=request_id,
                )
                response = _answer(view(call, **path_parameters), request_id)
            except JifenError as error:
                response = refusal(error, request_id)
            except Exception as error:  # noqa: BLE001  # the last net: an opaque 500, the type logged
                log.defect("http_defect", error, route=view.__name__, request_id=request_id)
                response = refusal(fault_of(error), request_id)
            log.outcome(
                "http",
                route=view.__name__,
                status=response.status_code,
                request_id=request_id,
                ms=int((time.perf_counter() - started) * 1000),
            )
            return response

        handle.caller_check = caller  # type: ignore[attr-defined]  # the walk over all routes reads these
        handle.body_model = body  # type: ignore[attr-defined]
        return handle

    return decorate


def raw_body_of(request: Any, limit_bytes: int) -> bytes:
    """The bytes as they travelled; raises JifenError when they are too many or no bytes at all."""
    try:
        raw_body: bytes = request.raw_body or b""
    except ValueError:  # base64 that is none, or text that no UTF-8 can carry
        raise JifenError(Code.MALFORMED_BODY) from None
    if len(raw_body) > limit_bytes:
        raise JifenError(Code.BODY_TOO_LARGE, f"请求内容不能超过{limit_bytes // 1024}KB")
    return raw_body


class _Nothing(Body):
    """The body of a route that takes none; `{}` is what some clients send then."""


def _body(model: type[BaseModel] | None, raw_body: bytes) -> BaseModel | None:
    """A field sent to a route that takes none is refused, not ignored: its sender believes that it counts."""
    if model is not None:
        return parse_body(model, raw_body)
    if raw_body.strip():
        parse_body(_Nothing, raw_body)
    return None


def fault_of(error: Exception) -> JifenError:
    """503 where the same call may pass in a moment (throttled, not reachable, contended), else an opaque 500."""
    from botocore.exceptions import ClientError, ConnectionError, HTTPClientError  # costs nothing before a fault

    is_passing = isinstance(error, (ConnectionError, HTTPClientError))
    if isinstance(error, Cancelled):
        is_passing = error.is_transient()
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        is_passing = status >= 500 or error.response.get("Error", {}).get("Code") in _PASSING
    return JifenError(Code.UNAVAILABLE, retry_after_seconds=1) if is_passing else JifenError(Code.INTERNAL)


_PASSING = {
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ThrottlingException",
    "TransactionConflictException",
    "TransactionInProgressException",
}


def _known_query(given: Any, known: frozenset[str]) -> Mapping[str, str]:
    """The query as one text per name; `given` is Chalice's MultiDict or None."""
    values: dict[str, str] = {}
    for name in given or ():
        field = name[:MAX_FIELD_CHARS]
        if name not in known:
            raise JifenError(Code.INVALID_REQUEST, f"{field}是不认识的参数", field=field)
        several = given.getlist(name)
        if len(several) != 1:
            raise JifenError(Code.INVALID_REQUEST, f"{field}只能出现一次", field=field)
        if "\0" in several[0]:
            raise JifenError(Code.INVALID_REQUEST, f"{field}的值不符合要求", field=field)
        values[name] = several[0]
    return values


def _answer(data: Json, request_id: str) -> Response:
    return _response(200, {"code": 0, "msg": "ok", "data": data, "request_id": request_id})


def refusal(error: JifenError, request_id: str) -> Response:
    """The one error shape: `{"code","msg","field"?,"data":null,"request_id"}` with its truthful status."""
    shape: dict[str, Any] = {"code": error.code.number, "msg": error.msg, "data": None, "request_id": request_id}
    if error.field:
        shape["field"] = error.field
    headers = {}
    if error.retry_after_seconds is not None:
        headers["Retry-After"] = str(error.retry_after_seconds)
    return _response(error.code.http_status, shape, headers)


def _response(status: int, shape: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Response:
    return Response(
        body=json.dumps(shape, ensure_ascii=False, separators=(",", ":")),
        status_code=status,
        headers={
            "Content-Type": "application/json; charset=utf-8",
            "Cache-Control": "no-store",  # balances and tokens are nobody else's
            **(headers or {}),
        },
    )


def one_error_shape(event: Any, get_response: Callable[[Any], Response]) -> Response:
    """Middleware for app.py: what Chalice itself refuses (405, 415, a malformed request) gets our shape too."""
    try:
        response = get_response(event)
    except Exception as error:  # noqa: BLE001  # Chalice would log its message and answer in a shape of its own
        log.defect("http_defect", error)
        response = Response({"Code": ""}, status_code=500)
    if isinstance(response.body, dict) and "Code" in response.body:
        code = _CHALICE.get(response.status_code, Code.INVALID_REQUEST)
        context = event.context if event is not None else {}  # None: an event that is no HTTP request at all
        allow = response.headers.get("Allow")
        if code is Code.METHOD_NOT_ALLOWED and not allow:
            code = Code.ROUTE_NOT_FOUND  # Chalice calls a path that has no route a path without methods
        shaped = refusal(JifenError(code), str(context.get("requestId", "local")))
        if allow:
            shaped.headers["Allow"] = allow
        return shaped
    return response


_CHALICE = {
    403: Code.ROUTE_NOT_FOUND,
    404: Code.ROUTE_NOT_FOUND,
    405: Code.METHOD_NOT_ALLOWED,
    415: Code.UNSUPPORTED_MEDIA_TYPE,
    500: Code.INTERNAL,
}
