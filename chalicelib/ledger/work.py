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
    first_valid_key,
    spend_order,
    take,
)
from chalicelib.ledger.carried import is_merge
from chalicelib.ledger.counters import Counted, counted, running
from chalicelib.ledger.ends import idle_ends_on, points_end_on
from chalicelib.ledger.growth import grown, recent
from chalicelib.ledger.level_notices import level_notices
from chalicelib.ledger.levels import Tenure, after_growth, is_warned, next_step, step_due_on, warned_on
from chalicelib.ledger.model import (
    Account,
    Cause,
    Entry,
    Kind,
    LedgerTerms,
    Notice,
    Part,
    Posting,
    Refusal,
    business_on,
    check_account,
    end_of,
)
from chalicelib.ledger.notices import notice_due_on, notices_of

_ACTIVE = frozenset({Kind.EARN, Kind.REDEEM, Kind.HOLD, Kind.CAPTURE})


def is_active(cause: Cause, buckets: Buckets) -> bool:
    """Whether an entry counts as activity; a credit of points that live on it restarts their time, too, but for a
    merge's: that brings the last activity along.
    """
    if cause.kind in _ACTIVE:
        return True
    return any(key[:3] == IDLE and change > 0 for key, change in buckets.items()) and not is_merge(cause)


def ends_idle(kind: Kind, buckets: Buckets) -> bool:
    """Whether an entry books that points ended for want of activity."""
    return kind is Kind.EXPIRE and any(key[:3] == IDLE for key in buckets)


class Work:
    """An account while its commands run: what changes is plain and mutable, and becomes an Account once, at the end."""

    __slots__ = (
        "account",
        "active",
        "active_at",
        "available_points",
        "buckets",
        "check_ins",
        "counters",
        "deficit_points",
        "entries",
        "first_valid",
        "frozen",
        "growth",
        "held_points",
        "idle_ended_at",
        "joined_on",
        "merged",
        "merged_into",
        "pending_points",
        "posted_at",
        "tenure",
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
        self.growth = account.growth
        self.tenure = account.tenure
        self.joined_on = account.joined_on
        self.frozen = account.frozen
        self.idle_ended_at = account.idle_ended_at
        self.check_ins = account.check_ins
        self.counters = account.counters
        self.active = False
        self.active_at = account.active_at
        self.merged_into = account.merged_into
        self.merged = account.merged
        self.entries: list[Entry] = []

    def expire(self) -> None:
        """Book what is due as one entry that lists all its buckets."""
        if not self.buckets or (min(self.buckets) >= self.first_valid and not self.terms.idle_months):
            return
        due = due_through(self.buckets, self.today_on)
        idle_on = idle_ends_on(self.buckets, self.active_at, self.terms)
        if idle_on is not None and idle_on <= self.today_on and not self.active:
            due.update({key: points for key, points in self.buckets.items() if key[:3] == IDLE})
        if not due:
            return
        cause = self._of_time(Kind.EXPIRE, "expiry", self.today_on, self.today_on - timedelta(days=1))
        self.book(
            cause,
            {key: -points for key, points in due.items()},
            terms_version=self.terms.version,
            debit="member",
            credit="expired",
            text="积分到期",
        )

    def review(self) -> None:
        """Book what time alone has decided of the level, an entry a step."""
        tenure, levels = self.tenure, self.terms.levels
        if levels is None or (tenure.until_on is None and not tenure.trial):
            return
        while (step := next_step(self.tenure, self.growth, levels, self.today_on)) is not None:
            last_on, tenure = step
            cause = self._of_time(Kind.LEVEL, "level", last_on, last_on)
            self.book(
                cause,
                {},
                terms_version=self.terms.version,
                debit="member",
                credit="member",
                text=_in_words(self.tenure, tenure),
                tenure=tenure,
            )

    def _of_time(self, kind: Kind, activity: str, on: date, last_on: date) -> Cause:
        """The cause of what time alone does, named by `on`, at the last instant of `last_on`."""
        ended_at = end_of(last_on, self.terms.zone)
        # The sequence makes the key unique: a late credit may be due again on a date that was booked before.
        id = f"{on}.{self.account.sequence + len(self.entries) + 1}"
        return Cause(kind, activity, id, ended_at, ended_at, "ledger", "ledger")

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
        growth: int = 0,
        growth_on: date | None = None,
        tenure: Tenure | None = None,
    ) -> None:
        """Book signed changes and write their entry, next in number; `tenure` where the entry itself sets a level."""
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
        level_before = self.tenure.level
        if growth_on is not None or tenure is not None:
            facts = {**facts, **self._raise(growth, growth_on, tenure or self.tenure)}
        if is_active(cause, buckets):
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
                text + _FALLEN if growth < 0 and self.tenure.level != level_before else text,
                facts,
                counts,
                self.available_points,
                self.pending_points,
                self.held_points,
                self.deficit_points,
                self.posted_at,
                self.account.sequence + len(self.entries) + 1,
                level_before,
                self.tenure.level,
                growth,
                growth_on if growth else None,
            )
        )

    def _raise(self, growth: int, growth_on: date | None, tenure: Tenure) -> dict[str, str]:
        """Book growth and what it makes of the level (up at once, kept within the grace, down where refunds count);
        what the entry has to say of that.
        """
        levels, today_on = self.terms.levels, self.today_on
        if growth and growth_on is not None:
            had = self.growth
            self.growth = grown(had, growth, growth_on)
            if levels is not None:
                tenure = after_growth(tenure, had, self.growth, growth, levels, today_on)
        before = self.tenure
        if tenure.level != before.level:
            # An opening may bring a level and growth for a higher one: before its entry there was neither.
            tenure = tenure._replace(prior=before.level)
        self.tenure = tenure
        return _tenure_facts(before, tenure) if tenure != before else {}

    def posting(self, only_worker: bool) -> Posting:
        """The account as it is now, with its entries; the very same account when nothing changed."""
        account = self.account
        active_at = self.posted_at if self.active else self.active_at
        due = self._due_on(active_at)
        notices = (self._notices() if only_worker else ()) + self._level_notices()
        is_final = only_worker or self.merged_into
        if not is_final and account.due_on and (due is None or account.due_on < due):
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
            recent(self.growth, self.today_on) if self.entries else account.growth,
            self.tenure,
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
            self.merged_into,
            self.merged,
        )
        check_account(after)
        if after.total_points != self.total_points:
            raise AssertionError("the entries do not explain the account")
        return Posting(account, after, tuple(self.entries), notices=notices)

    def _due_on(self, active_at: datetime | None) -> date | None:
        """The next business date on which time alone will do something, or something is to be told."""
        terms, due = self.terms, points_end_on(self.buckets, active_at, self.terms)
        if terms.levels is None and terms.notices is None:
            return due
        dates = [due]
        if terms.levels is not None:
            dates.append(step_due_on(self.tenure, terms.levels, self.today_on))
            dates.append(warned_on(self.tenure, terms.levels, self.today_on))
        if terms.notices is not None:
            dates.append(notice_due_on(self.buckets, terms.notices, self.today_on))
        return min((on for on in dates if on), default=None)

    def _level_notices(self) -> tuple[Notice, ...]:
        before, levels = self.account.tenure, self.terms.levels
        if levels is None or self.tenure is before or self.merged_into:
            return ()
        return tuple(level_notices(before, self.tenure, self.entries, levels, self.today_on))

    def _notices(self) -> tuple[Notice, ...]:
        """What has become due to be told since the account was listed for."""
        since_on, today_on, terms = self.account.due_on, self.today_on, self.terms
        found: list[Notice] = []
        if since_on is None or since_on > today_on:
            return ()
        if terms.notices is not None and (ends := notices_of(self.buckets, terms.notices, since_on, today_on)):
            points = {on.isoformat(): points for on, points in sorted(ends.items())}
            found.append(Notice("points_expiring", today_on, {"points": points}))
        if terms.levels is not None and is_warned(self.tenure, self.growth, terms.levels, since_on, today_on):
            until = self.tenure.until_on.isoformat() if self.tenure.until_on else ""
            found.append(Notice("level_ending", today_on, {"level": self.tenure.level, "until": until}))
        return tuple(found)


def _tenure_facts(before: Tenure, after: Tenure) -> dict[str, str]:
    """What an entry says of a level beside its name, so that a rebuild knows it too."""
    facts = {}
    if (after.level, after.since_on) != (before.level, before.since_on):
        facts["level_since"] = after.since_on.isoformat() if after.since_on else ""
    if after.until_on != before.until_on:
        facts["level_until"] = after.until_on.isoformat() if after.until_on else ""
    if (after.trial, after.trial_until_on) != (before.trial, before.trial_until_on):
        facts |= {"trial": after.trial, "trial_until": after.trial_until_on.isoformat() if after.trial_until_on else ""}
    return facts


_FALLEN = " · 成长值不足,等级下调"
"""Said by an entry that took back growth, and with it the level."""


def _in_words(before: Tenure, after: Tenure) -> str:
    if before.trial != after.trial:
        return "等级体验结束"
    if before.level != after.level:
        return "等级有效期满,成长值不足,等级下调"
    return "保级成功"
