"""A merge (合并) in two entries: one closes an account, the other opens all of it in the survivor's. Pure.

Both are of kind `transfer` and activity `merge`. The closing one names the survivor (`to`), the opening one the closed
account (`from`) and, beside points and counters, everything that a rebuild of the survivor needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from chalicelib.ledger.check_in_days import CheckInDays
from chalicelib.ledger.growth import Growth
from chalicelib.ledger.growth import unpacked as growth_unpacked
from chalicelib.ledger.levels import FIRST
from chalicelib.ledger.model import Account, Cause, Entry, Guard, Kind
from chalicelib.ledger.packing import check_ins_unpacked

ACTIVITY = "merge"

Facts = Mapping[str, str | int]


def is_merge(cause: Cause) -> bool:
    """Whether a cause is a merge's."""
    return cause.kind is Kind.TRANSFER and cause.activity == ACTIVITY


def closed_into(entry: Entry) -> str:
    """Of a closing entry the survivor's id, of any other nothing."""
    return str(entry.facts["to"]) if is_merge(entry.cause) and "to" in entry.facts else ""


def opened_from(entry: Entry) -> str:
    """Of an opening entry the closed account's id, of any other nothing."""
    return str(entry.facts["from"]) if is_merge(entry.cause) and "from" in entry.facts else ""


def class_facts(guards: Iterable[Guard]) -> dict[str, int]:
    """What open guards have pending and held by class, as facts of both entries: `pending_c`, `held_b`, …"""
    found: dict[str, int] = {}
    for guard in guards:
        parts = [("pending", one.points_class.letter, one.pending_points) for one in guard.credits]
        parts += [("held", key[3], points) for key, points in guard.taken.items() if guard.release_at]
        for what, letter, points in parts:
            if points:
                name = f"{what}_{letter}"
                found[name] = found.get(name, 0) + points
    return found


def changes_by_class(entry: Entry, what: str) -> dict[str, int]:
    """What a merge's entry changes of `pending` or `held` points, by class."""
    sign = -1 if closed_into(entry) else 1
    names = {name: name.removeprefix(f"{what}_") for name in entry.facts if name.startswith(f"{what}_")}
    return {letter: sign * int(entry.facts[name]) for name, letter in names.items() if len(letter) == 1}


def summed(growth: Growth, more: Growth) -> dict[int, int]:
    """Growth of both, month by month; a month that comes to nothing is forgotten."""
    sums = {month: growth.get(month, 0) + more.get(month, 0) for month in {*growth, *more}}
    return {month: amount for month, amount in sums.items() if amount}


def emptied(account: Account, survivor_id: str) -> Account:
    """An account whose points have left it, with nothing left of all the rest, either."""
    return account._replace(
        growth={},
        tenure=FIRST,
        joined_on=None,
        frozen=False,
        check_ins=CheckInDays(),
        counters={},
        active_at=None,
        idle_ended_at=None,
        merged_into=survivor_id,
        merged=(),
    )


def filled(account: Account, facts: Facts) -> Account:
    """The survivor's account with what an opening entry's facts bring beside what all entries can say."""
    return account._replace(
        growth=summed(account.growth, growth_unpacked(str(facts.get("growth_by_month", "")))),
        check_ins=account.check_ins.with_days(check_ins_unpacked(str(facts.get("check_ins", "")))),
        active_at=_instant(facts, "active_at", account.active_at),
        idle_ended_at=_instant(facts, "idle_ended_at", account.idle_ended_at),
        merged=(*account.merged, str(facts["from"]), *str(facts.get("merged", "")).split()),
    )


def _instant(facts: Facts, name: str, otherwise: datetime | None) -> datetime | None:
    return datetime.fromisoformat(str(facts[name])) if name in facts else otherwise
