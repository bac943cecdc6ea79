"""What was counted for a member in a period: caps, ladders, tasks. Pure; the ledger stores it, the programme reads it.

A counter belongs to one period and is forgotten when that ends, so an account holds only the running ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import NamedTuple


class Count(NamedTuple):
    """How often or how much, through the period's last business date (None: for ever)."""

    through_on: date | None
    used: int
    last_on: date | None = None
    """The last business date that was counted, where a date counts once."""


class Counted(NamedTuple):
    """A change of one counter; `add` is below zero when a refund takes something back."""

    name: str
    through_on: date | None
    add: int
    last_on: date | None = None


Counters = Mapping[str, Count]


def used(counters: Counters, name: str, today_on: date) -> int:
    """What `name` stands at on `today_on`: 0 when it was never counted or its period is over."""
    count = counters.get(name)
    return count.used if count and _is_running(count, today_on) else 0


def counted(counters: Counters, changes: Iterable[Counted]) -> dict[str, Count]:
    """`counters` after `changes`: a later period replaces an earlier one, a change of a period that is over is lost.

    Never below zero: what a refund takes from a counter may have been counted in a period that was forgotten since.
    """
    result = dict(counters)
    for change in changes:
        known = result.get(change.name)
        if known is not None and known.through_on == change.through_on:
            last_on = change.last_on or known.last_on
            result[change.name] = Count(change.through_on, max(0, known.used + change.add), last_on)
        elif known is None or _is_later(change.through_on, known.through_on):
            result[change.name] = Count(change.through_on, max(0, change.add), change.last_on)
    return result


def running(counters: Counters, today_on: date) -> Counters:
    """The counters whose period is not over on `today_on`."""
    if all(_is_running(count, today_on) for count in counters.values()):
        return counters
    return {name: count for name, count in counters.items() if _is_running(count, today_on)}


def _is_running(count: Count, today_on: date) -> bool:
    return count.through_on is None or count.through_on >= today_on


def _is_later(through_on: date | None, than_on: date | None) -> bool:
    return through_on is None or (than_on is not None and through_on > than_on)
