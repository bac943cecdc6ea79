"""What a member sees of the ledger: the balance now, what is pending or held, and the statement (明细). Reads only."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.buckets import bucket_expires_on
from chalicelib.ledger.carried import closed_into, opened_from
from chalicelib.ledger.due import as_due
from chalicelib.ledger.model import Account, Credit, Entry, Guard, LedgerTerms, business_on
from chalicelib.ledger.table import LedgerTable, OpenPlace

SOON_DAYS = 30
MAX_PAGE = 50
OPEN_SHOWN = 20
"""How many guards with something pending or held a balance shows; the rest is a list of its own."""
_KEY = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z#[a-z]+#[a-z0-9_]+#[\x21-\x7e]{1,200}")
_OPEN_PLACE = re.compile(r"([0-9][0-9TZ:.-]{9,23}#[!-~]{1,64}) ([!-~]{1,300})")


@dataclass(frozen=True, slots=True)
class Balance:
    """What a member has now, by right: what has ended or become due counts so, whether or not that has been booked."""

    available_points: int
    pending_points: int
    held_points: int
    deficit_points: int
    frozen: bool
    expiring: tuple[tuple[date, int], ...]
    """(last valid day, points) of what ends within SOON_DAYS, earliest first."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the statement and the cursor of the next, empty at its end."""

    entries: tuple[Entry, ...]
    next_cursor: str


class PendingCredit(NamedTuple):
    """One credit that is not spendable yet."""

    guard: Guard
    credit: Credit


class Open(NamedTuple):
    """What of a member is pending or held, the next due first, and the cursor of what follows."""

    pending: tuple[PendingCredit, ...]
    holds: tuple[Guard, ...]
    next_cursor: str = ""


def balance_now(account: Account, *, ledger: LedgerTable, terms: LedgerTerms, now: datetime) -> tuple[Balance, Open]:
    """The balance, and the next of what is pending or held, as if all that is due had been booked.

    Guards are read only when the account says that there is anything, and up to OPEN_SHOWN of them.
    """
    guards: tuple[Guard, ...] = ()
    next_cursor = ""
    if account.pending_points or account.held_points:
        guards, next_cursor = _open_guards(account, None, ledger=ledger, limit=OPEN_SHOWN)
    account, guards = as_due(account, guards, terms, now)
    return _balance(account, business_on(now, terms.zone)), _open_of(guards, next_cursor)


def _balance(account: Account, today_on: date) -> Balance:
    ending: dict[date, int] = {}
    for key, points in account.buckets.items():
        last_on = bucket_expires_on(key)
        if last_on is not None and last_on <= today_on + timedelta(days=SOON_DAYS):
            ending[last_on] = ending.get(last_on, 0) + points
    return Balance(
        available_points=account.available_points,
        pending_points=account.pending_points,
        held_points=account.held_points,
        deficit_points=account.deficit_points,
        frozen=account.frozen,
        expiring=tuple(sorted(ending.items())),
    )


def open_page(member_id: str, *, ledger: LedgerTable, cursor: str, limit: int) -> Open:
    """What up to `limit` guards of a member have pending or held, the next due first; INVALID_CURSOR.

    Found by an index that may lag, then strongly read: what was resolved meanwhile is left out, so a page may be short.
    """
    after = _open_place(cursor) if cursor else None
    places = ledger.open_places(member_id, limit + 1, after)
    account, known = ledger.account_and_guards(member_id, [place.guard_key for place in places])
    if account.member_ids != (member_id,):
        return _open_of(*_open_guards(account, after, ledger=ledger, limit=limit))
    return _open_of(*_shown(places, known, account, limit))


def _open_guards(
    account: Account, after: OpenPlace | None, *, ledger: LedgerTable, limit: int
) -> tuple[tuple[Guard, ...], str]:
    places = sorted(one for id in account.member_ids for one in ledger.open_places(id, limit + 1, after))
    known = ledger.guards([place.guard_key for place in places[:limit]])
    return _shown(places, known, account, limit)


def _shown(
    places: Sequence[OpenPlace], known: Mapping[str, Guard], account: Account, limit: int
) -> tuple[tuple[Guard, ...], str]:
    """The guards at the first `limit` places, as they stand by now, and the cursor of what follows these places."""
    guards = [known[place.guard_key] for place in places[:limit] if place.guard_key in known]
    next_cursor = urlsafe_b64encode(" ".join(places[limit - 1]).encode()).decode() if len(places) > limit else ""
    return tuple(guard for guard in guards if account.is_of(guard.member_id)), next_cursor


def _open_of(guards: tuple[Guard, ...], next_cursor: str) -> Open:
    return Open(
        pending=tuple(
            PendingCredit(guard, credit) for guard in guards for credit in guard.credits if credit.pending_points
        ),
        holds=tuple(guard for guard in guards if guard.taken and guard.release_at),
        next_cursor=next_cursor,
    )


def statement_page(member_id: str, *, ledger: LedgerTable, cursor: str, limit: int) -> Page:
    """Up to `limit` entries, newest first, from a cursor of an earlier page; INVALID_CURSOR when it is none of ours.

    The key is ordered by each cause's own instant; within a page the order of booking breaks ties, so that the running
    balance reads downwards. A cursor names a place in the caller's own journal, whatever it holds. After the survivor's
    own journal come those of the accounts that were merged into his, one after another; who was merged is shown the
    survivor's. That costs a read more from the entry that tells of a merge on, and nobody else anything.
    """
    place = _place_of(cursor)
    journal = place.journal or member_id
    entries = ledger.entries(journal, before_key=place.key, limit=limit + 1)
    while not cursor and entries and (survivor_id := closed_into(entries[0])):
        journal = survivor_id  # a closing entry is the newest of its journal
        entries = ledger.entries(journal, before_key=None, limit=limit + 1)
    found = [entries]
    is_named = journal != member_id or bool(place.journal) or any(map(opened_from, entries))
    if (is_named and len(entries) <= limit) or place.journal:
        for following in _journals(journal, ledger.read(member_id)):
            if (room := limit + 1 - sum(map(len, found))) > 0:
                found.append(ledger.entries(following, before_key=None, limit=room))
    return _page(found, limit, is_named)


def _journals(journal: str, account: Account) -> tuple[str, ...]:
    """The journals of a member that follow one of them."""
    if not account.is_of(journal):
        raise JifenError(Code.INVALID_CURSOR, field="cursor")
    return account.member_ids[account.member_ids.index(journal) + 1 :]


def _page(journals: Sequence[Sequence[Entry]], limit: int, is_named: bool) -> Page:
    """The first `limit` entries of some journals; the cursor names its journal where that need not be the one asked
    for, or others follow.
    """
    shown: list[Entry] = []
    next_cursor = ""
    for entries in journals:
        part = entries[: limit - len(shown)]
        shown += sorted(part, key=lambda entry: entry.sequence, reverse=True)
        if part:
            next_cursor = f"{part[-1].key} {part[-1].member_id}" if is_named else part[-1].key
    more = sum(map(len, journals)) > limit
    return Page(tuple(shown), urlsafe_b64encode(next_cursor.encode()).decode() if more else "")


class _Place(NamedTuple):
    """Where a statement goes on: after an entry, of the journal asked for or of a named one."""

    key: str | None = None
    journal: str = ""


def _place_of(cursor: str) -> _Place:
    if not cursor:
        return _Place()
    key, _, journal = _decoded(cursor).partition(" ")
    if not _KEY.fullmatch(key):
        raise JifenError(Code.INVALID_CURSOR, field="cursor")
    return _Place(key, journal)


def _open_place(cursor: str) -> OpenPlace:
    place = _OPEN_PLACE.fullmatch(_decoded(cursor))
    if place is None:
        raise JifenError(Code.INVALID_CURSOR, field="cursor")
    return OpenPlace(place[1], place[2])


def _decoded(cursor: str) -> str:
    try:
        return urlsafe_b64decode(cursor.encode()).decode()
    except (Base64Error, ValueError):
        raise JifenError(Code.INVALID_CURSOR, field="cursor") from None
