"""Where a webhook may go: URLs that are read strictly, and addresses on the public internet only. Pure.

A host is a name, never an address, so that none of the many ways to write 127.0.0.1 has to be known. What the name
stands for is judged when it is sent, by the very addresses that are then connected to. On a laptop's stage loopback,
and plain HTTP to it, are allowed as well.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from typing import NamedTuple

MAX_URL_CHARS = 500
HTTPS_PORT, HTTP_PORT = 443, 80
FIRST_FREE_PORT = 1024
_URL = re.compile(r"(https?)://([a-z0-9.-]{1,253})(?::(\d{1,5}))?(/[A-Za-z0-9/._~%!$&'()*+,;=:@-]*)?(\?[!-~]*)?")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_LAST_LABEL = re.compile(r"[a-z][a-z0-9-]*[a-z0-9]")
_LOOPBACK_NAMES = ("localhost", "127.0.0.1")
_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
_CARRIES_IPV4 = tuple(ipaddress.ip_network(text) for text in ("2001::/23", "2002::/16"))
"""Within it, addresses that reach whatever IPv4 address they carry (Teredo, 6to4)."""


class Target(NamedTuple):
    """A URL, read."""

    is_tls: bool
    host: str
    port: int
    path: str
    """With its query; never empty."""

    @property
    def authority(self) -> str:
        """What `Host` says: the port only where it is not the scheme's own."""
        is_usual = self.port == (HTTPS_PORT if self.is_tls else HTTP_PORT)
        return self.host if is_usual else f"{self.host}:{self.port}"


class Forbidden(Exception):
    """A URL or an address that no request may go to; says which in a word."""


def target_of(url: str, *, is_local: bool) -> Target:
    """The parts of a URL; raises Forbidden.

    https, a host name in ASCII, port 443 or from 1024 on, no user, no fragment; on a laptop also http to loopback.
    """
    found = _URL.fullmatch(url)
    if found is None or len(url) > MAX_URL_CHARS or "#" in url:
        raise Forbidden("url")
    scheme, host = found[1], found[2]
    is_loopback = is_local and host in _LOOPBACK_NAMES
    if not is_loopback and not _is_name(host):
        raise Forbidden("host")
    if scheme == "http" and not is_loopback:
        raise Forbidden("scheme")
    port = int(found[3]) if found[3] else (HTTPS_PORT if scheme == "https" else HTTP_PORT)
    is_usual = port == HTTPS_PORT or (is_loopback and port == HTTP_PORT)
    if not is_usual and not FIRST_FREE_PORT <= port <= 65_535:
        raise Forbidden("port")
    return Target(scheme == "https", host, port, (found[4] or "/") + (found[5] or ""))


def _is_name(host: str) -> bool:
    labels = host.split(".")
    return len(labels) > 1 and all(map(_LABEL.fullmatch, labels)) and bool(_LAST_LABEL.fullmatch(labels[-1]))


def allowed(addresses: Sequence[str], *, is_local: bool) -> tuple[str, ...]:
    """The addresses of a name, all of them; raises Forbidden when there is none or one of them is not allowed."""
    if not addresses or not all(_is_allowed(address, is_local) for address in addresses):
        raise Forbidden("address")
    return tuple(dict.fromkeys(addresses))


def _is_allowed(text: str, is_local: bool) -> bool:
    try:
        address = ipaddress.ip_address(text)  # refuses a scope, a leading zero and any other way of writing
    except ValueError:
        return False
    if is_local and address.is_loopback:
        return True
    if not address.is_global or address.is_multicast or address.is_reserved:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        return "%" not in text and address in _GLOBAL_UNICAST and not any(address in net for net in _CARRIES_IPV4)
    return True
