"""The decision at the heart of the ledger: `apply(account, commands, terms, now) -> Posting`. Pure.

Whatever is due is booked first, so that no command ever sees an expired point and correctness never waits for the
night. Commands run in the order given, each leaves one entry, and the posting holds them all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from chalicelib.errors import Code
from chalicelib.ledger.buckets import (
    Buckets,
    PointsClass,
    bucket_expires_on,
    bucket_key,
    due_through,
    earliest_due_on,
    moved,
    spend_order,
    take,
)
from chalicelib.ledger.model import (
    MAX_POINTS,
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Earn:
    """Credit `points` into the bucket of `expires_on` and class; 0 points still leave their entry."""

    cause: Cause
    points: int
    points_class: PointsClass
    expires_on: date | None
    rule: str
    terms_version: int
    breakdown: tuple[Part, ...] = ()
    text: str = ""
    facts: Mapping[str, str | int] = field(default_factory=dict)
    checked_in_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Redeem:
    """Spend `points`, earliest expiry first; refused when the member has fewer."""

    cause: Cause
    points: int
    terms_version: int
    text: str = ""
    facts: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reverse:
    """Take back `points` of an earlier credit: from its own bucket, then earliest expiry first, then by policy."""

    cause: Cause
    points: int
    bucket: str
    policy: str
    """What happens when the points are spent already: `deficit` or `waive`, as the credit's own terms had it."""
    rule: str
    terms_version: int
    text: str = ""
    facts: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expire:
    """Nothing but what is due: the nightly worker's command. Only it may move the due date later."""


Command = Earn | Redeem | Reverse | Expire


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """What one entry does to the account, before it is numbered and sealed."""

    points: int
    buckets: Buckets
    debit: str
    credit: str
    terms_version: int
    deficit_points: int = 0
    rule: str = ""
    breakdown: tuple[Part, ...] = ()
    text: str = ""
    facts: Mapping[str, str | int] = field(default_factory=dict)


def apply(account: Account, commands: Sequence[Command], terms: LedgerTerms, now: datetime) -> Posting:
    """Decide what `commands` do to `account` at `now` (UTC).

    Raises Refusal (nothing may be written) when a command cannot be met. An account never goes back in time:
    `posted_at` is the later of `now` and the account's last posting.
    """
    posted_at = max(now, account.posted_at) if account.posted_at else now
    today_on = business_on(posted_at, terms.zone)
    after, entries = _expire(account, terms, posted_at, today_on)
    for command in commands:
        if not isinstance(command, Expire):
            after, entry = _DECIDERS[type(command)](after, command, terms, posted_at)
            entries.append(entry)
    only_worker = all(isinstance(command, Expire) for command in commands)
    due_on = earliest_due_on(after.buckets)
    if not only_worker and account.due_on and (due_on is None or account.due_on < due_on):
        due_on = account.due_on
    if not entries and due_on == account.due_on:
        return Posting(account, account, ())
    after = replace(after, due_on=due_on, version=account.version + 1)
    check_account(after)
    return Posting(account, after, tuple(entries))


def _expire(account: Account, terms: LedgerTerms, posted_at: datetime, today_on: date) -> tuple[Account, list[Entry]]:
    due = due_through(account.buckets, today_on)
    if not due:
        return account, []
    ended_at = end_of(today_on - timedelta(days=1), terms.zone)
    cause = Cause(
        kind=Kind.EXPIRE,
        activity="expiry",
        # The sequence makes the key unique: a late credit may be due again on a date that was booked before.
        id=f"{today_on}.{account.sequence + 1}",
        at=ended_at,
        occurred_at=ended_at,
        source="ledger",
        actor="ledger",
    )
    change = _Change(
        points=-sum(due.values()),
        buckets={key: -part for key, part in due.items()},
        debit="member",
        credit="expired",
        terms_version=terms.version,
        text="积分到期",
    )
    after, entry = _book(account, cause, change, posted_at)
    return after, [entry]


def _earn(account: Account, command: Earn, terms: LedgerTerms, posted_at: datetime) -> tuple[Account, Entry]:
    points = _bounded(command.points)
    repaid = min(points, account.deficit_points)
    key = bucket_key(command.expires_on, command.points_class)
    facts = dict(command.facts)
    if repaid:
        facts["repaid_points"] = repaid
    if command.checked_in_on:
        facts["checked_in_on"] = command.checked_in_on.isoformat()
        account = replace(account, check_ins=account.check_ins.with_day(command.checked_in_on))
    change = _Change(
        points=points,
        buckets={key: points - repaid} if points > repaid else {},
        debit=f"issuer:{command.cause.activity}",
        credit="member",
        terms_version=command.terms_version,
        deficit_points=-repaid,
        rule=command.rule,
        breakdown=command.breakdown,
        text=command.text,
        facts=facts,
    )
    return _book(account, command.cause, change, posted_at)


def _redeem(account: Account, command: Redeem, terms: LedgerTerms, posted_at: datetime) -> tuple[Account, Entry]:
    points = _bounded(command.points)
    if points > account.available_points:
        short = points - account.available_points
        raise Refusal(Code.INSUFFICIENT_POINTS, command.cause, f"积分不足,还差{short}分")
    taken = take(account.buckets, points, spend_order(account.buckets, terms.class_order))
    change = _Change(
        points=-points,
        buckets={key: -part for key, part in taken.items()},
        debit="member",
        credit="redeemed",
        terms_version=command.terms_version,
        text=command.text,
        facts=command.facts,
    )
    return _book(account, command.cause, change, posted_at)


def _reverse(account: Account, command: Reverse, terms: LedgerTerms, posted_at: datetime) -> tuple[Account, Entry]:
    points = _bounded(command.points)
    facts = dict(command.facts)
    ended_on = bucket_expires_on(command.bucket)
    if ended_on is not None and ended_on < business_on(posted_at, terms.zone):
        # What was not spent has expired with its bucket: taking it again from others would take it twice.
        facts["waived_points"], points = points, 0
    order = [command.bucket, *(key for key in spend_order(account.buckets, terms.class_order) if key != command.bucket)]
    taken = take(account.buckets, points, order)
    shortfall = points - sum(taken.values())
    if shortfall and command.policy == "waive":
        facts["waived_points"], points, shortfall = shortfall, points - shortfall, 0
    change = _Change(
        points=-points,
        buckets={key: -part for key, part in taken.items()},
        debit="member",
        credit=f"issuer:{command.cause.activity}",
        terms_version=command.terms_version,
        deficit_points=shortfall,
        rule=command.rule,
        text=command.text,
        facts=facts,
    )
    return _book(account, command.cause, change, posted_at)


_DECIDERS: Mapping[type, Callable[..., tuple[Account, Entry]]] = {Earn: _earn, Redeem: _redeem, Reverse: _reverse}


def _bounded(points: int) -> int:
    if not 0 <= points <= MAX_POINTS:
        raise AssertionError(f"{points} points in one operation")
    return points


def _book(account: Account, cause: Cause, change: _Change, posted_at: datetime) -> tuple[Account, Entry]:
    """The account with `change` booked, and its sealed entry, next in number and chained to the one before."""
    after = replace(
        account,
        buckets=moved(account.buckets, change.buckets),
        deficit_points=account.deficit_points + change.deficit_points,
        sequence=account.sequence + 1,
        posted_at=posted_at,
    )
    entry = Entry(
        member_id=account.member_id,
        key=cause.key,
        kind=cause.kind,
        activity=cause.activity,
        cause_id=cause.id,
        source=cause.source,
        campaign=cause.campaign,
        actor=cause.actor,
        points=change.points,
        buckets=change.buckets,
        deficit_points=change.deficit_points,
        debit=change.debit,
        credit=change.credit,
        level_before=account.level,
        level_after=after.level,
        rule=change.rule,
        terms_version=change.terms_version,
        breakdown=change.breakdown,
        text=change.text,
        facts=change.facts,
        available_after=after.available_points,
        pending_after=after.pending_points,
        held_after=after.held_points,
        deficit_after=after.deficit_points,
        occurred_at=cause.occurred_at,
        posted_at=posted_at,
        sequence=after.sequence,
        input_hash=cause.input_hash,
        previous_hash=account.last_hash,
    ).sealed()
    if after.total_points != account.total_points + entry.points:
        raise AssertionError("the entry does not explain the account")
    return replace(after, last_hash=entry.hash), entry
