"""One signed POST to an endpoint: the name resolved once, its addresses judged, the connection made to one of them.

Nothing is followed, no proxy is asked, of the answer only the status counts; all of it within one deadline.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache

from chalicelib.connect.webhooks.address import Forbidden, Target, allowed, target_of
from chalicelib.connect.webhooks.model import Attempt
from chalicelib.runtime import log

CONNECT_S = 3.0
DEADLINE_S = 15.0
"""For connecting, sending and the answer's head together."""
MAX_ANSWER_BYTES = 4096
ANSWER_READ_S = 1.0
MAX_ADDRESSES = 3
_OWN = {"Content-Type": "application/json", "User-Agent": "Jifen-Webhooks/1", "Connection": "close"}

Resolve = Callable[[str, int], Sequence[str]]
Connect = Callable[[tuple[str, int], float], socket.socket]


def resolve(host: str, port: int) -> list[str]:
    """The addresses of a name, as the system knows them now; raises OSError."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


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
        attempt = _posted(target, addresses, body, headers, connect, (context or _tls)(), deadline_s)
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
    """The answer's status. A watch ends the connection at the deadline, however slowly the other side goes on."""
    expired = threading.Event()
    channel = _first(target, addresses, connect)
    handle = channel.dup()  # the descriptor of a bare socket moves into the TLS one: the watch has its own

    def cut() -> None:
        expired.set()
        with contextlib.suppress(OSError):
            handle.shutdown(socket.SHUT_RDWR)

    watch = threading.Timer(deadline_s, cut)
    watch.daemon = True
    watch.start()
    connection = http.client.HTTPConnection(target.host, target.port)
    try:
        channel.settimeout(deadline_s)
        if target.is_tls:
            channel = context.wrap_socket(channel, server_hostname=target.host)
        connection.sock = channel
        connection.request("POST", target.path, body, {**headers, **_OWN, "Host": target.authority})
        response = connection.getresponse()
        if expired.is_set():
            raise TimeoutError  # a head that was cut off reads like a short one
        _drain(channel, response)
        return Attempt(response.status)
    except (OSError, http.client.HTTPException):
        if expired.is_set():
            raise TimeoutError from None
        raise
    finally:
        watch.cancel()
        connection.close()
        channel.close()
        handle.close()


def _first(target: Target, addresses: Sequence[str], connect: Connect) -> socket.socket:
    """A connection to the first address that takes it; what is connected to is what was judged."""
    failed: OSError = OSError("no address")
    for address in addresses[:MAX_ADDRESSES]:
        try:
            return connect((address, target.port), CONNECT_S)
        except OSError as error:
            failed = error
    raise failed


def _drain(channel: socket.socket, response: http.client.HTTPResponse) -> None:
    """Read a little of the body, so that its sender is not cut off within it; what it says is nothing to us."""
    with contextlib.suppress(OSError, http.client.HTTPException):
        channel.settimeout(ANSWER_READ_S)
        response.read(MAX_ANSWER_BYTES)


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()
