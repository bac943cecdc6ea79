"""What a member sees of the ledger: the balance now, what is pending or held, and the statement (明细). Reads only."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.buckets import bucket_expires_on
from chalicelib.ledger.due import as_due
from chalicelib.ledger.model import Account, Credit, Entry, Guard, LedgerTerms, business_on
from chalicelib.ledger.table import LedgerTable
from chalicelib.runtime.dynamo import decode_item, encode_item

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
        guards, next_cursor = _open_guards(account.member_id, ledger=ledger, cursor="", limit=OPEN_SHOWN)
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
    return _open_of(*_open_guards(member_id, ledger=ledger, cursor=cursor, limit=limit))


def _open_guards(member_id: str, *, ledger: LedgerTable, cursor: str, limit: int) -> tuple[tuple[Guard, ...], str]:
    request: dict[str, Any] = {
        "TableName": ledger.ledger,
        "IndexName": "open",
        "KeyConditionExpression": "open_of = :member",
        "ExpressionAttributeValues": encode_item({":member": member_id}),
        "Limit": limit,
    }
    if cursor:
        due_key, pk = _open_place(cursor)
        place = {"open_of": member_id, "due_key": due_key, "pk": pk, "sk": "G"}
        request["ExclusiveStartKey"] = encode_item(place)
    answer = ledger.dynamo.query(**request)
    keys = [str(item["pk"]["S"]) for item in answer["Items"]]
    known = ledger.guards(keys)
    last = decode_item(answer["LastEvaluatedKey"]) if "LastEvaluatedKey" in answer else None
    next_cursor = urlsafe_b64encode(f"{last['due_key']} {last['pk']}".encode()).decode() if last else ""
    return tuple(known[key] for key in keys if key in known and known[key].member_id == member_id), next_cursor


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
    balance reads downwards. A cursor names a place in the caller's own journal, whatever it holds.
    """
    entries = ledger.entries(member_id, before_key=_key_of(cursor) if cursor else None, limit=limit + 1)
    shown, more = entries[:limit], len(entries) > limit
    next_cursor = urlsafe_b64encode(shown[-1].key.encode()).decode() if more else ""
    return Page(tuple(sorted(shown, key=lambda entry: entry.sequence, reverse=True)), next_cursor)


def _key_of(cursor: str) -> str:
    key = _decoded(cursor)
    if not _KEY.fullmatch(key):
        raise JifenError(Code.INVALID_CURSOR, field="cursor")
    return key


def _open_place(cursor: str) -> tuple[str, str]:
    place = _OPEN_PLACE.fullmatch(_decoded(cursor))
    if place is None:
        raise JifenError(Code.INVALID_CURSOR, field="cursor")
    return place[1], place[2]


def _decoded(cursor: str) -> str:
    try:
        return urlsafe_b64decode(cursor.encode()).decode()
    except (Base64Error, ValueError):
        raise JifenError(Code.INVALID_CURSOR, field="cursor") from None
