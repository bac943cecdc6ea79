"""One signed POST to an endpoint: the name resolved once, its addresses judged, the connection made to one of them.

Nothing is followed, no proxy is asked, of the answer only the status counts; all of it within one deadline.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import time
from collections.abc import Callable, Mapping, Sequence

from chalicelib.connect.public_line import Connect, Resolve, public_line, resolve, tls
from chalicelib.connect.webhooks.address import Forbidden, Target, allowed, target_of
from chalicelib.connect.webhooks.model import Attempt
from chalicelib.runtime import log

DEADLINE_S = 15.0
"""For connecting, sending and the answer's head together."""
MAX_ANSWER_BYTES = 4096
ANSWER_READ_S = 1.0
_OWN = {"Content-Type": "application/json", "User-Agent": "Jifen-Webhooks/1", "Connection": "close"}


def send(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    is_local: bool,
    resolve: Resolve = resolve,
    connect: Connect = socket.create_connection,
    context: Callable[[], ssl.SSLContext] | None = None,
    deadline_s: float = DEADLINE_S,
) -> Attempt:
    """What came of one request; never raises for what the outside does."""
    started = time.perf_counter()
    host = ""
    try:
        target = target_of(url, is_local=is_local)
        host = target.host
        addresses = allowed(resolve(target.host, target.port), is_local=is_local)
        attempt = _posted(target, addresses, body, headers, connect, (context or tls)(), deadline_s)
    except Forbidden as error:
        attempt = Attempt(0, f"forbidden_{error}")
    except ssl.SSLError:
        attempt = Attempt(0, "tls")
    except TimeoutError:
        attempt = Attempt(0, "timeout")
    except (OSError, UnicodeError):
        attempt = Attempt(0, "unreached")
    except http.client.HTTPException:
        attempt = Attempt(0, "no_answer")
    ms = int((time.perf_counter() - started) * 1000)
    log.outcome("webhook", host=host, status=attempt.status, fault=attempt.fault or None, ms=ms)
    return attempt


def _posted(
    target: Target,
    addresses: Sequence[str],
    body: bytes,
    headers: Mapping[str, str],
    connect: Connect,
    context: ssl.SSLContext,
    deadline_s: float,
) -> Attempt:
    """The answer's status."""
    with public_line(target, addresses, connect=connect, context=context, deadline_s=deadline_s) as line:
        line.connection.request("POST", target.path, body, {**headers, **_OWN, "Host": target.authority})
        response = line.connection.getresponse()
        if line.is_cut():
            raise TimeoutError  # a head that was cut off reads like a short one
        _drain(line.channel, response)
        return Attempt(response.status)


def _drain(channel: socket.socket, response: http.client.HTTPResponse) -> None:
    """Read a little of the body, so that its sender is not cut off within it; what it says is nothing to us."""
    with contextlib.suppress(OSError, http.client.HTTPException):
        channel.settimeout(ANSWER_READ_S)
        response.read(MAX_ANSWER_BYTES)
