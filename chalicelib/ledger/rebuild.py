"""An account derived again from its entries: what the journal says must be what the account holds."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from chalicelib.ledger.buckets import moved
from chalicelib.ledger.carried import closed_into, emptied, filled, opened_from
from chalicelib.ledger.chain import expected_hash
from chalicelib.ledger.check_in_days import CheckInDays
from chalicelib.ledger.counters import counted
from chalicelib.ledger.growth import grown
from chalicelib.ledger.levels import Tenure
from chalicelib.ledger.model import Account, Entry
from chalicelib.ledger.work import ends_idle, is_active


def rebuild(member_id: str, due_shard: str, entries: Iterable[Entry]) -> Account:
    """Fold `entries`, given by rising sequence, into the account they make.

    `version` and `due_on` are no part of history (a posting may hold two entries; the worker moves the date): they stay
    at their defaults. Counters are kept even when their period is over. Raises ValueError at a gap in the numbers, a
    broken chain, an altered entry or one that states another balance.
    """
    account = Account(member_id=member_id, due_shard=due_shard)
    for entry in entries:
        account = followed(account, entry)
    return account


def followed(account: Account, entry: Entry) -> Account:
    """The account after its next entry; ValueError when it cannot be the next one."""
    if entry.member_id != account.member_id:
        raise ValueError(f"entry {entry.sequence} is of {entry.member_id}")
    if entry.sequence != account.sequence + 1:
        raise ValueError(f"entry {entry.sequence} follows {account.sequence}")
    if entry.previous_hash != account.last_hash:
        raise ValueError(f"entry {entry.sequence} is not chained to the one before")
    if entry.hash != expected_hash(entry):
        raise ValueError(f"entry {entry.sequence} was altered")
    account = folded(account, entry)
    if stated(entry) != balances(account):
        raise ValueError(f"entry {entry.sequence} states another balance")
    return account


def folded(account: Account, entry: Entry) -> Account:
    """The account with the changes of `entry` booked, whatever that entry claims; AssertionError when a bucket would go
    below zero.
    """
    account = _folded(account, entry)
    if survivor_id := closed_into(entry):
        return emptied(account, survivor_id)
    return filled(account, entry.facts) if opened_from(entry) else account


def _folded(account: Account, entry: Entry) -> Account:
    facts = entry.facts
    return account._replace(
        buckets=moved(account.buckets, entry.buckets),
        pending_points=account.pending_points + entry.pending_points,
        held_points=account.held_points + entry.held_points,
        deficit_points=account.deficit_points + entry.deficit_points,
        growth=grown(account.growth, entry.growth, entry.growth_on) if entry.growth_on else account.growth,
        tenure=tenure_after(account.tenure, entry),
        joined_on=_date(facts["joined_on"]) if "joined_on" in facts else account.joined_on,
        frozen=bool(facts.get("frozen", account.frozen)),
        check_ins=days_after(account.check_ins, entry),
        counters=counted(account.counters, entry.counts),
        active_at=entry.posted_at if is_active(entry.cause, entry.buckets) else account.active_at,
        idle_ended_at=entry.posted_at if ends_idle(entry.kind, entry.buckets) else account.idle_ended_at,
        sequence=entry.sequence,
        posted_at=entry.posted_at,
        last_hash=entry.hash,
    )


def days_after(days: CheckInDays, entry: Entry) -> CheckInDays:
    """The check-ins of a member after an entry."""
    facts = entry.facts
    if "run_days" in facts:
        return days.with_run(_date(facts["checked_in_on"]), int(facts["run_days"]))
    return days.with_day(_date(facts["checked_in_on"])) if "checked_in_on" in facts else days


def tenure_after(before: Tenure, entry: Entry) -> Tenure:
    """The level after an entry: its name stands in every entry, the rest where it changes."""
    facts, after = entry.facts, before
    since_on = _day(facts["level_since"]) if "level_since" in facts else before.since_on
    if (entry.level_after, since_on) != (before.level, before.since_on):
        after = after._replace(level=entry.level_after, since_on=since_on, prior=before.level)
    if "level_until" in facts:
        after = after._replace(until_on=_day(facts["level_until"]))
    if "trial" in facts:
        after = after._replace(trial=str(facts["trial"]), trial_until_on=_day(facts["trial_until"]))
    return after


def _day(text: str | int) -> date | None:
    return _date(text) if text else None


def _date(text: str | int) -> date:
    return date.fromisoformat(str(text))


def stated(entry: Entry) -> tuple[int, int, int, int]:
    """What an entry says was left: available, pending, held, deficit."""
    return entry.available_after, entry.pending_after, entry.held_after, entry.deficit_after


def balances(account: Account) -> tuple[int, int, int, int]:
    """The same of an account."""
    return account.available_points, account.pending_points, account.held_points, account.deficit_points
