"""What a member sees of the ledger: the balance as it is now, and the statement (明细), newest first. Reads only."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.buckets import bucket_expires_on, due_through
from chalicelib.ledger.model import Account, Entry, business_on
from chalicelib.ledger.table import LedgerTable

SOON_DAYS = 30
MAX_PAGE = 50
_KEY = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z#[a-z]+#[a-z_]+#[\x21-\x7e]{1,200}")


@dataclass(frozen=True, slots=True)
class Balance:
    """What a member has now. Points whose date has passed are left out, whether or not the night has booked them."""

    available_points: int
    pending_points: int
    held_points: int
    deficit_points: int
    expiring: tuple[tuple[date, int], ...]
    """(last valid day, points) of what ends within SOON_DAYS, earliest first."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the statement and the cursor of the next, empty at its end."""

    entries: tuple[Entry, ...]
    next_cursor: str


def balance(account: Account, zone: str, now: datetime) -> Balance:
    """The balance of an account at `now`."""
    today_on = business_on(now, zone)
    gone = due_through(account.buckets, today_on)
    ending: dict[date, int] = {}
    for key, points in account.buckets.items():
        last_on = bucket_expires_on(key)
        if key not in gone and last_on is not None and last_on <= today_on + timedelta(days=SOON_DAYS):
            ending[last_on] = ending.get(last_on, 0) + points
    return Balance(
        available_points=account.available_points - sum(gone.values()),
        pending_points=account.pending_points,
        held_points=account.held_points,
        deficit_points=account.deficit_points,
        expiring=tuple(sorted(ending.items())),
    )


def statement_page(member_id: str, *, ledger: LedgerTable, cursor: str, limit: int) -> Page:
    """Up to `limit` entries, newest first, from a cursor of an earlier page; INVALID_CURSOR when it is none of ours.

    The key is ordered by each cause's own instant; within a page the order of booking breaks ties, so that the running
    balance reads downwards. A cursor names a place in the caller's own journal, whatever it holds.
    """
    entries = ledger.entries(member_id, before_key=_key_of(cursor) if cursor else None, limit=limit + 1)
    shown, more = entries[:limit], len(entries) > limit
    next_cursor = urlsafe_b64encode(shown[-1].key.encode()).decode() if more else ""
    return Page(tuple(sorted(shown, key=lambda entry: entry.sequence, reverse=True)), next_cursor)


def _key_of(cursor: str) -> str:
    try:
        key = urlsafe_b64decode(cursor.encode()).decode()
    except (Base64Error, ValueError):
        raise JifenError(Code.INVALID_CURSOR, field="cursor") from None
    if not _KEY.fullmatch(key):
        raise JifenError(Code.INVALID_CURSOR, field="cursor")
    return key
