"""A connection to one of a public name's addresses, cut off at a deadline however slowly the other side goes on.

No proxy is asked. What is connected to is what was judged (webhooks/address.py).
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import NamedTuple

from chalicelib.connect.webhooks.address import Target

CONNECT_S = 3.0
MAX_ADDRESSES = 3

Resolve = Callable[[str, int], Sequence[str]]
Connect = Callable[[tuple[str, int], float], socket.socket]


class Line(NamedTuple):
    """A connection to speak HTTP over. `is_cut`: the deadline came; what was read until then may be half a head."""

    connection: http.client.HTTPConnection
    channel: socket.socket
    is_cut: Callable[[], bool]


def resolve(host: str, port: int) -> list[str]:
    """The addresses of a name, as the system knows them now; raises OSError."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


@contextmanager
def public_line(
    target: Target, addresses: Sequence[str], *, connect: Connect, context: ssl.SSLContext, deadline_s: float
) -> Iterator[Line]:
    """A line to the first address that takes it. OSError and HTTPException within it become TimeoutError once the
    deadline has come.
    """
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
        yield Line(connection, channel, expired.is_set)
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
    """A connection to the first address that takes it."""
    failed: OSError = OSError("no address")
    for address in addresses[:MAX_ADDRESSES]:
        try:
            return connect((address, target.port), CONNECT_S)
        except OSError as error:
            failed = error
    raise failed


@cache
def tls() -> ssl.SSLContext:
    """What certificates are judged by."""
    return ssl.create_default_context()
