"""Access tokens of outside systems: one row each, refreshed by one process at a time, held in the process meanwhile.

Platforms give few tokens a day and end the old one soon after a new one was fetched: so a token is fetched under a
lease, shared through the table, and a call that is told that its token is wrong fetches a new one once and never in a
loop.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeVar

from chalicelib.connect.faults import Kind, Refused
from chalicelib.connect.outside import Unanswered, Unreached
from chalicelib.connect.table import ConnectTable, Token
from chalicelib.errors import Code, JifenError
from chalicelib.runtime import log

T = TypeVar("T")

LEASE = timedelta(seconds=15)
"""Longer than a fetch may take; whoever died within it is waited for no longer."""
RENEWED_BEFORE = timedelta(minutes=5)
"""A token is renewed this long before its end, by whoever comes first; all others go on with it meanwhile."""
DEFAULT_LIFE_S = 7200
MOST_LIFE_S = 86_400
WAITS = 8
WAIT_S = 0.5


class Fetched(NamedTuple):
    """A token as the platform gave it, and for how many seconds."""

    token: str
    expires_in_s: int


class Source(NamedTuple):
    """Where tokens of one kind and account come from: `fetch` asks the platform. `key` is not secret."""

    key: str
    fetch: Callable[[], Fetched]


_held: dict[tuple[str, str], Token] = {}


def forget() -> None:
    """Drop what this process holds (a test's clean start)."""
    _held.clear()


def with_token(table: ConnectTable, source: Source, ask: Callable[[str], T], now: datetime) -> T:
    """What `ask` answers with a valid token. A token that is refused is replaced once; the second refusal is raised.

    Raises what `ask` raises, JifenError UNAVAILABLE when no token can be had now, Refused when the platform refuses
    to give one.
    """
    token = access_token(table, source, now)
    try:
        return ask(token)
    except Refused as refused:
        if refused.kind is not Kind.ACCESS:
            raise
    return ask(access_token(table, source, now, refused=token))


def access_token(
    table: ConnectTable,
    source: Source,
    now: datetime,
    *,
    refused: str = "",
    rest: Callable[[float], None] = time.sleep,
) -> str:
    """A token that is valid at `now`, other than the one that was `refused`; see with_token for what it raises."""
    held = _held.get((table.name, source.key))
    if held is not None and held.expires_at - RENEWED_BEFORE > now and held.value != refused:
        return held.value
    for _ in range(WAITS):
        standing = table.token(source.key)
        is_good = standing is not None and standing.expires_at > now and standing.value != refused
        if standing is not None and is_good and standing.expires_at - RENEWED_BEFORE > now:
            return _keep(table, source, standing)
        lease = now + LEASE
        if table.lease_token(source.key, seen=standing, until=lease, now=now):
            return _fetch(table, source, standing if is_good else None, now, lease)
        if standing is not None and is_good:
            return standing.value
        rest(random.uniform(WAIT_S / 2, WAIT_S))
    raise JifenError(Code.UNAVAILABLE, retry_after_seconds=2)


def _fetch(table: ConnectTable, source: Source, good: Token | None, now: datetime, lease: datetime) -> str:
    """Fetch and share the next token; while that fails, a `good` one that has not ended yet is as good."""
    try:
        fetched = source.fetch()
    except (Unreached, Unanswered, Refused) as error:
        table.release_token(source.key, lease=lease)
        if good is not None:
            log.outcome("token_not_renewed", source=source.key, error=type(error).__name__)
            return good.value
        if isinstance(error, Refused):
            raise
        raise JifenError(Code.UNAVAILABLE, retry_after_seconds=2) from None
    token = Token(fetched.token, now + timedelta(seconds=fetched.expires_in_s))
    table.put_token(source.key, token, lease=lease)
    log.outcome("token_renewed", source=source.key)
    return _keep(table, source, token)


def _keep(table: ConnectTable, source: Source, token: Token) -> str:
    _held[table.name, source.key] = token
    return token.value


def fetched_of(answer: dict[str, Any]) -> Fetched:
    """The token in a platform's answer; a lifetime that cannot be is taken for the usual two hours."""
    life_s = answer.get("expires_in")
    if not isinstance(life_s, int) or not 0 < life_s <= MOST_LIFE_S:
        life_s = DEFAULT_LIFE_S
    return Fetched(text_of(answer, "access_token"), life_s)


def text_of(answer: Mapping[str, Any], name: str) -> str:
    """A text that an answer must have; raises Unanswered when it has none."""
    value = answer.get(name)
    if not isinstance(value, str) or not value:
        raise Unanswered(f"no {name}")
    return value
