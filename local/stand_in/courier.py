"""Carries what the outside systems send to us: one attempt at a time, repeated by the sender's own table.

Only to this machine: an address elsewhere is rewritten to the callback base an admin gave, or else not called at all.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple
from urllib.parse import urlsplit, urlunsplit

import urllib3

from local.stand_in.clock import rfc3339

KEPT = 2000
LOOPBACK = ("127.0.0.1", "localhost")


class Outgoing(NamedTuple):
    method: str
    url: str
    headers: dict[str, str]
    body: bytes = b""


class Reply(NamedTuple):
    """`status` 0: none came in time."""

    status: int
    body: bytes


class Errand(NamedTuple):
    """Something to deliver.

    `write` makes each attempt anew from its instant and number (from 0); `copies` of it leave at once. `pauses` are
    the milliseconds before each further attempt; `answered` hears of every attempt.
    """

    name: str
    write: Callable[[int, int], Outgoing]
    accepted: Callable[[Reply], bool]
    pauses: tuple[int, ...]
    timeout_s: float
    copies: int = 1
    answered: Callable[[int, Reply], None] | None = None


class Courier:
    """`later` puts a task on the agenda; `lock` guards the state that errands write from and tell."""

    def __init__(
        self, later: Callable[[int, Callable[[int], None]], None], lock: threading.RLock, callback_base: str = ""
    ) -> None:
        self._later = later
        self._lock = lock
        self._pool = urllib3.PoolManager(retries=False)
        self._sent: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self.callback_base = callback_base
        self.patience_s = 60.0
        """The most real seconds an attempt waits, whatever the sender's own limit: tests need not sit it out."""

    def start(self, errand: Errand, at: int) -> None:
        """The first attempt at an instant; repeats follow by themselves."""
        self._later(at, lambda now: self._attempt(errand, 0, now))

    def sent(self, name: str = "") -> list[dict[str, Any]]:
        """Attempts, oldest first."""
        return [one for one in self._sent if not name or one["name"] == name]

    def close(self) -> None:
        self._pool.clear()

    def _attempt(self, errand: Errand, number: int, now: int) -> None:
        with self._lock:
            outgoing = errand.write(now, number)
        replies = self._send_copies(outgoing, errand)
        with self._lock:
            for reply in replies:
                self._note(errand, number, now, outgoing, reply)
                if errand.answered:
                    errand.answered(now, reply)
        if not any(errand.accepted(reply) for reply in replies) and number < len(errand.pauses):
            self._later(now + errand.pauses[number], lambda then: self._attempt(errand, number + 1, then))

    def _send_copies(self, outgoing: Outgoing, errand: Errand) -> list[Reply]:
        if errand.copies == 1:
            return [self._send(outgoing, errand.timeout_s)]
        with ThreadPoolExecutor(errand.copies) as pool:
            return list(pool.map(lambda _: self._send(outgoing, errand.timeout_s), range(errand.copies)))

    def _send(self, outgoing: Outgoing, timeout_s: float) -> Reply:
        try:
            url = self._local(outgoing.url)
            if url is None:
                return Reply(0, b"not an address of this machine, and no callback base is set")
            answer = self._pool.request(
                outgoing.method,
                url,
                body=outgoing.body or None,
                headers=outgoing.headers,
                timeout=urllib3.Timeout(total=min(timeout_s, self.patience_s)),
                redirect=False,
            )
        except (urllib3.exceptions.HTTPError, ValueError) as trouble:
            return Reply(0, type(trouble).__name__.encode())
        return Reply(answer.status, answer.data)

    def _local(self, url: str) -> str | None:
        parts = urlsplit(url)
        if parts.hostname in LOOPBACK:
            return url
        if not self.callback_base:
            return None
        base = urlsplit(self.callback_base)
        return urlunsplit((base.scheme, base.netloc, base.path.rstrip("/") + parts.path, parts.query, ""))

    def _note(self, errand: Errand, number: int, now: int, outgoing: Outgoing, reply: Reply) -> None:
        self._sent.append(
            {
                "name": errand.name,
                "attempt": number + 1,
                "at": rfc3339(now),
                "method": outgoing.method,
                "path": urlsplit(outgoing.url).path,
                "status": reply.status,
                "answer": reply.body[:500].decode(errors="replace"),
                "accepted": errand.accepted(reply),
            }
        )
