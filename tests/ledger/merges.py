"""Two accounts of one person on a ledger table, and what must hold of them at any time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from chalicelib.ledger.apply import apply
from chalicelib.ledger.buckets import PointsClass
from chalicelib.ledger.chain import sealed
from chalicelib.ledger.commands import Command
from chalicelib.ledger.merge import merge_accounts
from chalicelib.ledger.model import Account, Credit, Entry, Guard, LedgerTerms, Policy, Posting, Receipt
from chalicelib.ledger.rebuild import rebuild
from chalicelib.ledger.table import LedgerTable, Seen
from tests.ledger.builders import NOW, TERMS, TODAY_ON, a_cause, an_earn

OLD, NEW = "m2", "m1"
"""Whose account is closed, and who survives."""


def post(ledger: LedgerTable, *commands: Command, member_id: str = OLD, now: datetime = NOW) -> Receipt:
    return ledger.post(member_id, lambda seen: apply(seen.account, commands, TERMS, now))


def wait(
    ledger: LedgerTable, points: int, id: str = "tmall#9", *, member_id: str = OLD, cls: PointsClass | None = None
) -> str:
    """An order's points that are pending until tomorrow; its guard's key."""
    credit = Credit(
        rule="order",
        points_class=cls or PointsClass.CONSUMPTION,
        points=points,
        policy=Policy.DEFICIT,
        terms_version=1,
        pending_points=points,
        validity={"kind": "days", "days": 30},
        activate_on=TODAY_ON.replace(day=TODAY_ON.day + 1),
    )
    key = f"O#{id}"

    def decide(seen: Seen) -> Posting:
        posting = apply(seen.account, [an_earn(points, cause=a_cause(id=id), bucket="")], TERMS, NOW)
        return posting._replace(guard=Guard(key, member_id, "order", id, credits=(credit,), state={}))

    ledger.post(member_id, decide, guard_key=key)
    return key


def merge(ledger: LedgerTable, closing: str = OLD, surviving: str = NEW, **given: Any) -> Receipt:
    values: dict[str, Any] = {"actor": "s1", "terms": TERMS, "now": NOW}
    return merge_accounts(closing, surviving, ledger=ledger, **{**values, **given})


def history(ledger: LedgerTable, member_id: str) -> list[Entry]:
    return sorted(ledger.entries(member_id, before_key=None, limit=100), key=lambda entry: entry.sequence)


def rebuilt(ledger: LedgerTable, member_id: str) -> Account:
    return rebuild(member_id, ledger.fresh(member_id).due_shard, history(ledger, member_id))


def stored(ledger: LedgerTable, member_id: str) -> Account:
    """The account under that very id, followed nowhere."""
    from chalicelib.ledger.items import account_of, member_pk

    (item,) = ledger.items([{"pk": member_pk(member_id), "sk": "A"}])
    return account_of(item)


def as_history_has_it(account: Account) -> Account:
    """An account without what is no part of its history."""
    return account._replace(version=0, due_on=None)


def folded_from(posting: Posting, before: Sequence[Entry] = ()) -> Account:
    """What entries that stand and those of a posting make."""
    entries = [*before, *sealed(posting)[0].entries]
    return rebuild(posting.account.member_id, posting.account.due_shard, entries)


def terms_with(**given: Any) -> LedgerTerms:
    return TERMS._replace(**given)
