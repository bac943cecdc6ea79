"""The ledger's nouns: account, entry, guard, posting. Pure: no clock, no store; integers only.

An account is what an operation decides on; an entry is one immutable fact of the journal; a posting is the entries of
one operation with the account after them, written whole or not at all.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.buckets import Buckets, PointsClass
from chalicelib.ledger.check_in_days import CheckInDays
from chalicelib.ledger.counters import Counted, Counters
from chalicelib.ledger.growth import Growth
from chalicelib.ledger.levels import FIRST, LevelTerms, Tenure
from chalicelib.ledger.notices import NoticeTerms

MAX_POINTS = 10**9
"""The most one operation may move; sums stay below 2**53, what a JavaScript client can count."""


_NONE: Mapping[str, Any] = MappingProxyType({})


class Kind(StrEnum):
    """What an entry does to the account."""

    EARN = "earn"
    REDEEM = "redeem"
    EXPIRE = "expire"
    REVERSE = "reverse"
    ADJUST = "adjust"
    HOLD = "hold"
    CAPTURE = "capture"
    RELEASE = "release"
    ACTIVATE = "activate"
    TRANSFER = "transfer"
    LEVEL = "level"
    """No points: a level kept, lost or given, a trial begun or ended."""


class Policy(StrEnum):
    """What becomes of a take-back when the points are spent already."""

    DEFICIT = "deficit"
    """The member owes the rest; later credits and releases pay it first."""
    WAIVE = "waive"
    """The brand bears the rest; the entry says how much."""
    PENDING_ONLY = "pending_only"
    """Only points that are still pending are taken back; the rest is waived."""
    CHARGE_REFUND = "charge_refund"
    """The shop keeps the rest's value back from the refund's money; what it did not keep back is owed."""


class Refusal(JifenError):
    """A decision not to write. Answered only when the cause's key holds no entry: else that entry is the answer."""

    def __init__(self, code: Code, cause: Cause, msg: str | None = None, *, field: str | None = None) -> None:
        super().__init__(code, msg, field=field)
        self.cause = cause


class LedgerTerms(NamedTuple):
    """The part of the published terms that the ledger itself needs."""

    version: int
    zone: str
    class_order: tuple[PointsClass, ...]
    idle_months: int = 0
    """Months without activity after which points of the class of validity `idle` end; 0: never."""
    grace_days: int = 30
    """How long points given back after their date stay valid; 0: they expire at once."""
    levels: LevelTerms | None = None
    notices: NoticeTerms | None = None


class Cause(NamedTuple):
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
    input_hash: str = ""
    """`digest` of what was asked beyond the key, if anything: the same key with other input is an error, no repeat."""

    @property
    def key(self) -> str:
        return f"{stamp(self.at)}#{self.kind}#{self.activity}#{self.id}"


class Part(NamedTuple):
    """One line of the answer to "why": the rule, its points, in words for a member."""

    rule: str
    points: int
    why: str


class Entry(NamedTuple):
    """One immutable line of a member's journal. Signed fields are changes; `*_after` is the account just after it."""

    member_id: str
    cause: Cause
    points: int
    """Change of available + pending + held - deficit."""
    buckets: Buckets
    pending_points: int
    held_points: int
    deficit_points: int
    debit: str
    credit: str
    rule: str
    terms_version: int
    breakdown: tuple[Part, ...]
    text: str
    facts: Mapping[str, str | int]
    counts: tuple[Counted, ...]
    available_after: int
    pending_after: int
    held_after: int
    deficit_after: int
    posted_at: datetime
    sequence: int
    level_before: str = ""
    level_after: str = ""
    growth: int = 0
    """Change of the growth value."""
    growth_on: date | None = None
    """The business date in whose month it counts."""
    previous_hash: str = ""
    hash: str = ""
    """Over all other fields as stored, the previous entry's hash among them; given when the entry is sealed."""

    @property
    def key(self) -> str:
        return self.cause.key

    @property
    def kind(self) -> Kind:
        return self.cause.kind

    @property
    def activity(self) -> str:
        return self.cause.activity


class Account(NamedTuple):
    """All of a member that an operation decides on; nothing but the ledger writes it."""

    member_id: str
    due_shard: str
    buckets: Buckets = _NONE
    pending_points: int = 0
    held_points: int = 0
    deficit_points: int = 0
    growth: Growth = MappingProxyType({})
    tenure: Tenure = FIRST
    joined_on: date | None = None
    """The business date on which the member registered, once the ledger has heard of it."""
    frozen: bool = False
    """No spending; credits still come in, expiry and take-backs go on."""
    check_ins: CheckInDays = CheckInDays()
    counters: Counters = _NONE
    sequence: int = 0
    version: int = 0
    posted_at: datetime | None = None
    active_at: datetime | None = None
    """The last posting that earned, held or spent: what `idle` points live on."""
    idle_ended_at: datetime | None = None
    """When points last ended for want of activity."""
    last_hash: str = ""
    due_on: date | None = None
    """The business date under which the due index lists this account: at or before the first date something is due."""
    merged_into: str = ""
    """Of a closed account: whose account all of it went into. Nothing is ever posted to it again."""
    merged: tuple[str, ...] = ()
    """Whose accounts were closed into this one, directly or by way of another: what bears their ids is this member's,
    too.
    """

    @property
    def member_ids(self) -> tuple[str, ...]:
        """Its own id and those of the accounts that were merged into it."""
        return (self.member_id, *self.merged)

    def is_of(self, member_id: str) -> bool:
        """Whether what bears that id is this member's."""
        return member_id == self.member_id or member_id in self.merged

    @property
    def available_points(self) -> int:
        return sum(self.buckets.values())

    @property
    def total_points(self) -> int:
        """What the member's entries sum to."""
        return self.available_points + self.pending_points + self.held_points - self.deficit_points


class Credit(NamedTuple):
    """What one rule gave for a guarded cause: enough to activate it, change it, or take it back on its own."""

    rule: str
    points_class: PointsClass
    points: int
    policy: Policy
    terms_version: int
    pending_points: int = 0
    """Not activated yet; the rest, less what was taken back, went into `bucket`."""
    reversed_points: int = 0
    bucket: str = ""
    """Where it went, empty while all of it is pending."""
    validity: Mapping[str, Any] = {}
    """How long it lasts, counted from its activation; only while pending."""
    activate_on: date | None = None
    text: str = ""
    adjusted_points: int = 0
    """Below zero: what an operator took off what the rule gave."""
    credited_on: date | None = None
    """When points that live on activity went into their bucket: a refund must know whether they have ended since."""


class Guard(NamedTuple):
    """The one owner of a cause that could be claimed twice (an order, a hold, a client's key), and what it caused."""

    key: str
    member_id: str
    activity: str = ""
    cause_id: str = ""
    """With `activity`, what the entries that follow from it are named by."""
    version: int = 1
    credits: tuple[Credit, ...] = ()
    taken: Buckets = _NONE
    """What a hold took from each bucket and has not given back or captured."""
    release_at: datetime | None = None
    """When a hold that nobody resolved gives its points back."""
    state: Mapping[str, Any] = {}
    """What else its owner remembers about it."""

    @property
    def activate_on(self) -> date | None:
        """The first business date on which one of its pending credits becomes available."""
        dates = [credit.activate_on for credit in self.credits if credit.pending_points and credit.activate_on]
        return min(dates, default=None)

    @property
    def pending_points(self) -> int:
        """What of its credits is not available yet."""
        return sum(credit.pending_points for credit in self.credits)


class Budget(NamedTuple):
    """Points drawn from a global budget, in the very transaction that pays them."""

    id: str
    period: str
    limit_points: int
    shards: int
    points: int

    @property
    def key(self) -> str:
        return f"B#{self.id}#{self.period}"

    def share_points(self, shard: int) -> int:
        """What one of its shards may pay in all; the shares sum to the limit."""
        return self.limit_points // self.shards + (shard < self.limit_points % self.shards)


class Stock(NamedTuple):
    """Pieces taken from a stock, in the very transaction that pays for them."""

    table: str
    id: str
    """Its partition key there; its shards are `S#0`, `S#1` and so on, each with what is left of it (`left`)."""
    shards: int
    pieces: int
    tally: str = ""
    """A further attribute of the shard that counts them, such as the hour's; none when empty."""

    @property
    def key(self) -> str:
        return self.id


class Also(NamedTuple):
    """A write of the cause's own item (a proposal, a stock) that must succeed with the posting, or refuse it."""

    write: Mapping[str, Any]
    """One item of a transaction, `{"Put" | "Update" | "ConditionCheck": {...}}`, with its condition."""
    refusal: JifenError
    """What the caller is told when that condition fails."""


class Notice(NamedTuple):
    """What a member is told, written with the posting that found it due: once for each kind and day."""

    kind: str
    """`points_expiring`, `level_ending`, `level_lowered`, `level_trial_ended` or, with `#` and a digest of the order,
    `claim_lapsed`.
    """
    on: date
    facts: Mapping[str, Any]


class Posting(NamedTuple):
    """What one operation writes. `entries` may be empty when only the due date moves."""

    before: Account
    account: Account
    entries: tuple[Entry, ...]
    guard: Guard | None = None
    budgets: tuple[Budget, ...] = ()
    stocks: tuple[Stock, ...] = ()
    also: tuple[Also, ...] = ()
    notices: tuple[Notice, ...] = ()
    other: Posting | None = None
    """The second member's side, where one operation moves two accounts."""


class Receipt(NamedTuple):
    """What an operation answers: the account after it and its entries, or those of the first time (`replayed`)."""

    entries: tuple[Entry, ...]
    account: Account | None
    replayed: bool = False
    guard: Guard | None = None
    notices: tuple[Notice, ...] = ()
    """What was written with it for the member to be told; none of a replayed one."""


def stamp(at: datetime) -> str:
    """An instant as keys and entries hold it: UTC, milliseconds, `Z`; such texts sort by time."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def business_on(at: datetime, zone: str) -> date:
    """The programme's business date of an instant."""
    return at.astimezone(_zone(zone)).date()


def start_of(on: date, zone: str) -> datetime:
    """The first instant of a business date, UTC."""
    return datetime.combine(on, time(), _zone(zone)).astimezone(UTC)


@lru_cache(maxsize=1024)
def end_of(on: date, zone: str) -> datetime:
    """The last millisecond of a business date, UTC."""
    return start_of(on + timedelta(days=1), zone) - timedelta(milliseconds=1)


_zone = lru_cache(maxsize=64)(ZoneInfo)


def digest(value: Mapping[str, Any]) -> str:
    """SHA-256 over canonical JSON (sorted keys, no spaces, UTF-8), hexadecimal; bytes count as their hexadecimal."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    """What JSON has no word for."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, datetime):
        return stamp(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} cannot be hashed")


def check_account(account: Account) -> None:
    """Raise AssertionError when an account breaks an invariant; called before every write and after every read."""
    if account.buckets and min(account.buckets.values()) <= 0:
        raise AssertionError(f"a bucket holds {min(account.buckets.values())}")
    if account.pending_points < 0 or account.held_points < 0 or account.deficit_points < 0:
        raise AssertionError(
            f"pending {account.pending_points}, held {account.held_points}, deficit {account.deficit_points}"
        )
    if account.deficit_points and account.buckets:
        raise AssertionError("a member owes and holds at once")
    if account.sequence and account.version < 1:
        raise AssertionError("entries without a posting")
    if account.merged_into and (account.total_points or account.held_points or account.pending_points):
        raise AssertionError("a closed account holds something")


def check_guard(guard: Guard) -> None:
    """Raise AssertionError when a guard says something that cannot be."""
    for credit in guard.credits:
        if not 0 <= credit.pending_points + credit.reversed_points <= credit.points or credit.pending_points < 0:
            raise AssertionError(f"credit {credit.rule} of {guard.key} has more out than in")
    if guard.taken and min(guard.taken.values()) <= 0:
        raise AssertionError(f"{guard.key} holds {min(guard.taken.values())} of a bucket")
