"""One request to a partner, over the public internet or to the local stage's stand-in; sent once, nothing followed."""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from collections.abc import Callable, Mapping

from chalicelib.connect import outside
from chalicelib.connect.outside import MAX_ANSWER_BYTES, Reply, Unanswered, Unreached
from chalicelib.connect.public_line import Connect, Line, Resolve, public_line, resolve, tls
from chalicelib.connect.webhooks.address import Forbidden, Target, allowed, target_of
from chalicelib.runtime import log
from chalicelib.runtime.settings import settings

DEADLINE_S = 6.0
"""For connecting, sending and the whole answer together: a member waits for it."""

Send = Callable[[str, str, str, Mapping[str, str], bytes], Reply]
"""(host, method, path, headers, body) to what came back; raises Unreached or Unanswered."""


def send(host: str, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
    """Where the stage has a stand-in for the outside world the request goes there, under the host's own name."""
    if settings().outside_url:
        return outside.exchange(host, method, path, headers=headers, body=body)
    return send_public(host, method, path, headers, body)


def send_public(
    host: str,
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    resolve: Resolve = resolve,
    connect: Connect = socket.create_connection,
    context: Callable[[], ssl.SSLContext] = tls,
    deadline_s: float = DEADLINE_S,
) -> Reply:
    """Only to public addresses, whatever the name stands for. Raises Unreached where certainly nothing was heard."""
    started, outcome = time.perf_counter(), "unanswered"
    try:
        target, addresses = _judged(host, path, resolve)
        with public_line(target, addresses, connect=connect, context=context(), deadline_s=deadline_s) as line:
            reply = _answer(line, target, method, headers, body)
        outcome = "answered"
    except Unreached:
        outcome = "unreached"
        raise
    except (OSError, http.client.HTTPException) as error:
        raise Unanswered(type(error).__name__) from None
    finally:
        ms = int((time.perf_counter() - started) * 1000)
        log.outcome("outside", host=host, path=path, outcome=outcome, ms=ms)
    return reply


def _judged(host: str, path: str, resolve: Resolve) -> tuple[Target, tuple[str, ...]]:
    try:
        target = target_of(f"https://{host}{path}", is_local=False)
        return target, allowed(resolve(target.host, target.port), is_local=False)
    except Forbidden as error:
        raise Unreached(f"forbidden_{error}") from None
    except (OSError, UnicodeError) as error:
        raise Unreached(type(error).__name__) from None


def _answer(line: Line, target: Target, method: str, headers: Mapping[str, str], body: bytes) -> Reply:
    own = {"Host": target.authority, "Connection": "close"}
    line.connection.request(method, target.path, body or None, {**headers, **own})
    response = line.connection.getresponse()
    raw = response.read(MAX_ANSWER_BYTES + 1)
    if line.is_cut():
        raise TimeoutError  # what was cut off reads like something short
    if len(raw) > MAX_ANSWER_BYTES:
        raise Unanswered("too long")
    return Reply(response.status, {name.lower(): value for name, value in response.headers.items()}, raw)
