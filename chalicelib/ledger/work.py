"""An account while its commands run: what is due, what comes in, what is taken, and the entry each change leaves.

Only `apply` uses it. What changes is plain and mutable here, and becomes an Account once, at the end: that is what lets
one core decide tens of thousands of operations a second.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from chalicelib.errors import Code
from chalicelib.ledger.buckets import (
    IDLE,
    Buckets,
    due_through,
    earliest_due_on,
    first_valid_key,
    spend_order,
    take,
)
from chalicelib.ledger.counters import Counted, counted, running
from chalicelib.ledger.model import (
    Account,
    Cause,
    Entry,
    Kind,
    LedgerTerms,
    Part,
    Posting,
    Refusal,
    business_on,
    check_account,
    end_of,
)
from chalicelib.ledger.validity import Months

_ACTIVE = frozenset({Kind.EARN, Kind.REDEEM, Kind.HOLD, Kind.CAPTURE})


def is_active(kind: Kind, buckets: Buckets) -> bool:
    """Whether an entry counts as activity; a credit of points that live on it restarts their time, too."""
    return kind in _ACTIVE or any(key[:3] == IDLE and change > 0 for key, change in buckets.items())


def ends_idle(kind: Kind, buckets: Buckets) -> bool:
    """Whether an entry books that points ended for want of activity."""
    return kind is Kind.EXPIRE and any(key[:3] == IDLE for key in buckets)


class Work:
    """An account while its commands run: what changes is plain and mutable, and becomes an Account once, at the end."""

    __slots__ = (
        "account",
        "active",
        "available_points",
        "buckets",
        "check_ins",
        "counters",
        "deficit_points",
        "entries",
        "first_valid",
        "frozen",
        "held_points",
        "idle_ended_at",
        "joined_on",
        "pending_points",
        "posted_at",
        "terms",
        "today_on",
        "total_points",
    )

    def __init__(self, account: Account, terms: LedgerTerms, now: datetime) -> None:
        self.account = account
        self.terms = terms
        self.posted_at = max(now, account.posted_at) if account.posted_at else now
        self.today_on = business_on(self.posted_at, terms.zone)
        self.first_valid = first_valid_key(self.today_on)
        self.buckets = dict(account.buckets)
        self.available_points = sum(self.buckets.values())
        self.total_points = account.total_points
        self.pending_points = account.pending_points
        self.held_points = account.held_points
        self.deficit_points = account.deficit_points
        self.joined_on = account.joined_on
        self.frozen = account.frozen
        self.idle_ended_at = account.idle_ended_at
        self.check_ins = account.check_ins
        self.counters = account.counters
        self.active = False
        self.entries: list[Entry] = []

    def expire(self) -> None:
        """Book what is due as one entry that lists all its buckets."""
        if not self.buckets or (min(self.buckets) >= self.first_valid and not self.terms.idle_months):
            return
        due = due_through(self.buckets, self.today_on)
        idle_on = _idle_due_on(self.buckets, self.account.active_at, self.terms)
        if idle_on is not None and idle_on <= self.today_on and not self.active:
            due.update({key: points for key, points in self.buckets.items() if key[:3] == IDLE})
        if not due:
            return
        ended_at = end_of(self.today_on - timedelta(days=1), self.terms.zone)
        cause = Cause(
            kind=Kind.EXPIRE,
            activity="expiry",
            # The sequence makes the key unique: a late credit may be due again on a date that was booked before.
            id=f"{self.today_on}.{self.account.sequence + len(self.entries) + 1}",
            at=ended_at,
            occurred_at=ended_at,
            source="ledger",
            actor="ledger",
        )
        self.book(
            cause,
            {key: -points for key, points in due.items()},
            terms_version=self.terms.version,
            debit="member",
            credit="expired",
            text="积分到期",
        )

    def credited(self, buckets: Buckets) -> tuple[dict[str, int], int]:
        """What of incoming points reaches which bucket, and how many pay what is owed, earliest expiry first."""
        if not self.deficit_points:
            return {key: points for key, points in buckets.items() if points}, 0
        reached: dict[str, int] = {}
        owed = self.deficit_points
        for key in spend_order(buckets, self.terms.class_order):
            paid = min(owed, buckets[key])
            owed -= paid
            if buckets[key] > paid:
                reached[key] = buckets[key] - paid
        return reached, self.deficit_points - owed

    def taken(self, points: int, cause: Cause) -> dict[str, int]:
        """What spending `points` takes from each bucket; a Refusal when the member may not or cannot."""
        if self.frozen:
            raise Refusal(Code.MEMBER_FROZEN, cause)
        if points > self.available_points:
            raise Refusal(Code.INSUFFICIENT_POINTS, cause, f"积分不足,还差{points - self.available_points}分")
        return take(self.buckets, points, spend_order(self.buckets, self.terms.class_order))

    def book(
        self,
        cause: Cause,
        buckets: Buckets,
        *,
        terms_version: int,
        debit: str,
        credit: str,
        pending: int = 0,
        held: int = 0,
        deficit: int = 0,
        rule: str = "",
        breakdown: tuple[Part, ...] = (),
        text: str = "",
        facts: Mapping[str, str | int] = {},
        counts: tuple[Counted, ...] = (),
    ) -> None:
        """Book signed changes and write their entry, next in number."""
        mine = self.buckets
        for key, change in buckets.items():
            left = mine.get(key, 0) + change
            if left > 0:
                mine[key] = left
            elif left == 0:
                del mine[key]
            else:
                raise AssertionError(f"bucket {key} would hold {left}")
        moved = sum(buckets.values())
        points = moved + pending + held - deficit
        self.available_points += moved
        self.total_points += points
        self.pending_points += pending
        self.held_points += held
        self.deficit_points += deficit
        if counts:
            self.counters = counted(self.counters, counts)
        if is_active(cause.kind, buckets):
            self.active = True
        if ends_idle(cause.kind, buckets):
            self.idle_ended_at = self.posted_at
        self.entries.append(
            Entry(
                self.account.member_id,
                cause,
                points,
                buckets,
                pending,
                held,
                deficit,
                debit,
                credit,
                rule,
                terms_version,
                breakdown,
                text,
                facts,
                counts,
                self.available_points,
                self.pending_points,
                self.held_points,
                self.deficit_points,
                self.posted_at,
                self.account.sequence + len(self.entries) + 1,
                self.account.level,
                self.account.level,
            )
        )

    def posting(self, only_worker: bool) -> Posting:
        """The account as it is now, with its entries; the very same account when nothing changed."""
        account = self.account
        active_at = self.posted_at if self.active else account.active_at
        due = _due_on(self.buckets, active_at, self.terms)
        if not only_worker and account.due_on and (due is None or account.due_on < due):
            due = account.due_on
        if not self.entries and due == account.due_on:
            return Posting(account, account, ())
        after = Account(
            account.member_id,
            account.due_shard,
            self.buckets,
            self.pending_points,
            self.held_points,
            self.deficit_points,
            account.growth,
            account.level,
            self.joined_on,
            self.frozen,
            self.check_ins,
            running(self.counters, self.today_on) if self.entries else account.counters,
            account.sequence + len(self.entries),
            account.version + 1,
            self.posted_at if self.entries else account.posted_at,
            active_at,
            self.idle_ended_at,
            account.last_hash,
            due,
        )
        check_account(after)
        if after.total_points != self.total_points:
            raise AssertionError("the entries do not explain the account")
        return Posting(account, after, tuple(self.entries))


def has_ended(key: str, credited_on: date | None, *, idle_ended_at: datetime | None, today_on: date, zone: str) -> bool:
    """Whether points credited into this bucket on that date have expired there since, if they were not spent.

    An empty key is no bucket of their own. What lives on activity has ended when it was credited before the last time
    such points did, at `idle_ended_at` of its account.
    """
    if not key:
        return False
    if key[:3] != IDLE:
        return key < first_valid_key(today_on)
    return idle_ended_at is not None and (credited_on is None or credited_on < business_on(idle_ended_at, zone))


def _idle_due_on(buckets: Buckets, active_at: datetime | None, terms: LedgerTerms) -> date | None:
    """The first business date on which the points that live on activity have ended."""
    if not terms.idle_months or active_at is None or not any(key[:3] == IDLE for key in buckets):
        return None
    last_on = Months(kind="months", months=terms.idle_months).expires_on(business_on(active_at, terms.zone))
    return last_on + timedelta(days=1) if last_on else None


def _due_on(buckets: Buckets, active_at: datetime | None, terms: LedgerTerms) -> date | None:
    dated_on = earliest_due_on(buckets)
    if not terms.idle_months:
        return dated_on
    idle_on = _idle_due_on(buckets, active_at, terms)
    return min((on for on in (dated_on, idle_on) if on), default=None)
