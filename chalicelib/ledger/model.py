"""The ledger's nouns: account, entry, posting. Pure: no clock, no store; integers only.

An account is what an operation decides on; an entry is one immutable fact of the journal; a posting is the entries of
one operation with the account after them, written whole or not at all.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.buckets import Buckets, PointsClass
from chalicelib.ledger.check_in_days import CheckInDays

MAX_POINTS = 10**9
"""The most one operation may move; sums stay below 2**53, what a JavaScript client can count."""


class Kind(StrEnum):
    """What an entry does to the account."""

    EARN = "earn"
    REDEEM = "redeem"
    EXPIRE = "expire"
    REVERSE = "reverse"


class Refusal(JifenError):
    """A decision not to write. Answered only when the cause's key holds no entry: else that entry is the answer."""

    def __init__(self, code: Code, cause: Cause, msg: str | None = None) -> None:
        super().__init__(code, msg)
        self.cause = cause


@dataclass(frozen=True, slots=True)
class LedgerTerms:
    """The part of the published terms that the ledger itself needs."""

    version: int
    zone: str
    class_order: tuple[PointsClass, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """The one event an entry stands for.

    `at`, kind, activity and id make its key: the same event, the same key, for ever.
    """

    kind: Kind
    activity: str
    id: str
    at: datetime
    """An instant that belongs to the event itself, never the time of posting."""
    occurred_at: datetime
    source: str
    """Where it came from: a platform or an entrance."""
    actor: str
    campaign: str = ""
    input: Mapping[str, Any] = field(default_factory=dict)
    """What was asked, hashed into the entry: the same key with other input is an error, not a repeat."""

    @property
    def key(self) -> str:
        return f"{stamp(self.at)}#{self.kind}#{self.activity}#{self.id}"

    @property
    def input_hash(self) -> str:
        return digest({"key": self.key, "input": dict(self.input)})


@dataclass(frozen=True, slots=True)
class Part:
    """One line of the answer to "why": the rule, its points, in words for a member."""

    rule: str
    points: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One immutable line of a member's journal. Signed fields are changes; `*_after` is the account just after it."""

    member_id: str
    key: str
    kind: Kind
    activity: str
    cause_id: str
    source: str
    campaign: str
    actor: str
    points: int
    """Change of available + pending + held - deficit."""
    buckets: Buckets
    pending_points: int = 0
    held_points: int = 0
    deficit_points: int = 0
    debit: str
    credit: str
    growth: int = 0
    level_before: str = ""
    level_after: str = ""
    rule: str = ""
    terms_version: int
    breakdown: tuple[Part, ...] = ()
    text: str = ""
    facts: Mapping[str, str | int] = field(default_factory=dict)
    available_after: int
    pending_after: int
    held_after: int
    deficit_after: int
    occurred_at: datetime
    posted_at: datetime
    sequence: int
    input_hash: str
    previous_hash: str
    hash: str = ""

    def sealed(self) -> Entry:
        """The same entry with the hash over all its other fields, the previous entry's hash among them."""
        return replace(self, hash=self.expected_hash())

    def expected_hash(self) -> str:
        """What `hash` must be, or the entry was altered."""
        return digest({name: getattr(self, name) for name in _HASHED})


_HASHED = tuple(one.name for one in fields(Entry) if one.name != "hash")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """All of a member that an operation decides on; nothing but the ledger writes it."""

    member_id: str
    due_shard: str
    buckets: Buckets = field(default_factory=dict)
    pending_points: int = 0
    held_points: int = 0
    deficit_points: int = 0
    growth: int = 0
    level: str = ""
    check_ins: CheckInDays = field(default_factory=CheckInDays)
    sequence: int = 0
    version: int = 0
    posted_at: datetime | None = None
    last_hash: str = ""
    due_on: date | None = None
    """The business date under which the due index lists this account: at or before the first date something is due."""

    @property
    def available_points(self) -> int:
        return sum(self.buckets.values())

    @property
    def total_points(self) -> int:
        """What the member's entries sum to."""
        return self.available_points + self.pending_points + self.held_points - self.deficit_points


@dataclass(frozen=True, slots=True)
class Guard:
    """The one owner of a cause that two members could claim (an order), and what is known about it."""

    key: str
    member_id: str
    version: int
    state: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Posting:
    """What one operation writes. `entries` may be empty when only the due date moves."""

    before: Account
    account: Account
    entries: tuple[Entry, ...]
    guard: Guard | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What an operation answers: the account after it and its entries, or those of the first time (`replayed`)."""

    entries: tuple[Entry, ...]
    account: Account | None
    replayed: bool = False


def stamp(at: datetime) -> str:
    """An instant as keys and entries hold it: UTC, milliseconds, `Z`; such texts sort by time."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def business_on(at: datetime, zone: str) -> date:
    """The programme's business date of an instant."""
    return at.astimezone(ZoneInfo(zone)).date()


def start_of(on: date, zone: str) -> datetime:
    """The first instant of a business date, UTC."""
    return datetime.combine(on, time(), ZoneInfo(zone)).astimezone(UTC)


def end_of(on: date, zone: str) -> datetime:
    """The last millisecond of a business date, UTC."""
    return start_of(on + timedelta(days=1), zone) - timedelta(milliseconds=1)


def digest(value: Mapping[str, Any]) -> str:
    """SHA-256 over canonical JSON (sorted keys, no spaces, UTF-8), hexadecimal."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    """What JSON has no word for: an instant, a line of a breakdown, a mapping that is no dict."""
    if isinstance(value, datetime):
        return stamp(value)
    if isinstance(value, Part):
        return [value.rule, value.points, value.why]
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} cannot be hashed")


def check_account(account: Account) -> None:
    """Raise AssertionError when an account breaks an invariant; called before every write and after every read."""
    for key, points in account.buckets.items():
        if points <= 0:
            raise AssertionError(f"bucket {key} holds {points}")
    for name in ("pending_points", "held_points", "deficit_points"):
        if getattr(account, name) < 0:
            raise AssertionError(f"{name} is {getattr(account, name)}")
    if account.deficit_points and account.buckets:
        raise AssertionError("a member owes and holds at once")
    if account.sequence and account.version < 1:
        raise AssertionError("entries without a posting")
