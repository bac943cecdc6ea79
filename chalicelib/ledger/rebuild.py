"""An account derived again from its entries: what the journal says must be what the account holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date

from chalicelib.ledger.buckets import moved
from chalicelib.ledger.model import Account, Entry


def rebuild(member_id: str, due_shard: str, entries: Iterable[Entry]) -> Account:
    """Fold `entries`, given by rising sequence, into the account they make.

    `version` and `due_on` are no part of history (a posting may hold two entries; the worker moves the date):
    they stay at their defaults. Raises ValueError at a gap in the numbers, a broken chain or an altered entry.
    """
    account = Account(member_id=member_id, due_shard=due_shard)
    for entry in entries:
        if entry.sequence != account.sequence + 1:
            raise ValueError(f"entry {entry.sequence} follows {account.sequence}")
        if entry.previous_hash != account.last_hash:
            raise ValueError(f"entry {entry.sequence} is not chained to the one before")
        if entry.hash != entry.expected_hash():
            raise ValueError(f"entry {entry.sequence} was altered")
        account = _folded(account, entry)
        if account.available_points != entry.available_after or account.deficit_points != entry.deficit_after:
            raise ValueError(f"entry {entry.sequence} states another balance")
    return account


def _folded(account: Account, entry: Entry) -> Account:
    checked_in_on = entry.facts.get("checked_in_on")
    check_ins = account.check_ins
    if checked_in_on:
        check_ins = check_ins.with_day(date.fromisoformat(str(checked_in_on)))
    return replace(
        account,
        buckets=moved(account.buckets, entry.buckets),
        pending_points=account.pending_points + entry.pending_points,
        held_points=account.held_points + entry.held_points,
        deficit_points=account.deficit_points + entry.deficit_points,
        growth=account.growth + entry.growth,
        level=entry.level_after,
        check_ins=check_ins,
        sequence=entry.sequence,
        posted_at=entry.posted_at,
        last_hash=entry.hash,
    )
