"""A member's first entry: what he brings from another programme, and what all of them sum to. Pure.

An account is opened once. The entry's key is made of the opening's day and the number the member had elsewhere; its
content is in the entry's input hash, so the same again is a repeat and another content an error.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import NamedTuple

from chalicelib.errors import Code
from chalicelib.ledger.apply import apply
from chalicelib.ledger.buckets import IDLE, Buckets, bucket_expires_on, class_of
from chalicelib.ledger.commands import Open
from chalicelib.ledger.model import (
    Account,
    Cause,
    Entry,
    Kind,
    LedgerTerms,
    Posting,
    Refusal,
    business_on,
    digest,
    start_of,
)

ACTIVITY = "migration"
TEXT = "原会员权益转入"


class Opening(NamedTuple):
    """What one member brings."""

    member_id: str
    cause_id: str
    """Stands for the member's number elsewhere; the number itself is not for an immutable journal."""
    buckets: Buckets
    joined_on: date
    growth: int = 0
    level: str = ""
    level_until_on: date | None = None
    checked_in_on: date | None = None
    run_days: int = 0
    facts: Mapping[str, str | int] = {}
    """What it was made of, for the entry."""
    known_as: tuple[str, ...] = ()
    """The outside accounts that are bound with it: part of what a repeat must repeat, and kept as a digest only."""


def cause_of(opening: Opening, opened_at: datetime, zone: str) -> Cause:
    """The cause of an opening; its instant begins the business day of `opened_at`, before all that follows."""
    content = opening._asdict() | {
        name: on.isoformat() if on else ""
        for name in ("joined_on", "level_until_on", "checked_in_on")
        for on in [getattr(opening, name)]
    }
    return Cause(
        kind=Kind.ADJUST,
        activity=ACTIVITY,
        id=opening.cause_id,
        at=start_of(business_on(opened_at, zone), zone),
        occurred_at=opened_at,
        source=ACTIVITY,
        actor=ACTIVITY,
        input_hash=digest(content),
    )


def opened(account: Account, opening: Opening, terms: LedgerTerms, opened_at: datetime) -> Posting:
    """The posting that opens an account as of `opened_at`. Refusal KEY_REUSED when it is open already."""
    cause = cause_of(opening, opened_at, terms.zone)
    if account.version:
        raise Refusal(Code.KEY_REUSED, cause, "这位会员已经转入,这次的内容与当时不同")
    command = Open(
        cause,
        opening.buckets,
        terms.version,
        text=TEXT,
        facts=opening.facts,
        growth=opening.growth,
        growth_on=business_on(opened_at, terms.zone) if opening.growth else None,
        level=opening.level,
        level_until_on=opening.level_until_on,
        checked_in_on=opening.checked_in_on,
        run_days=opening.run_days,
        joined_on=opening.joined_on,
    )
    return apply(account, [command], terms, opened_at)


class Totals(NamedTuple):
    """What openings sum to."""

    members: int
    points: Mapping[tuple[str, str], int]
    """(class, month of the last valid day, or `never`, or `idle`) to points."""
    growth: int
    levels: Mapping[str, int]
    """Level after the opening (empty: the first) to members."""


def totals(openings: Iterable[tuple[Buckets, int, str]]) -> Totals:
    """The totals of (buckets, growth, level after it)."""
    members, growth = 0, 0
    points: Counter[tuple[str, str]] = Counter()
    levels: Counter[str] = Counter()
    for buckets, its_growth, level in openings:
        members += 1
        growth += its_growth
        levels[level] += 1
        for key, part in buckets.items():
            points[class_of(key).value, month_of(key)] += part
    return Totals(members, points, growth, levels)


def totals_of(entries: Iterable[Entry]) -> Totals:
    """The totals of opening entries as they stand in the journal."""
    return totals((entry.buckets, entry.growth, entry.level_after) for entry in entries)


def differences(expected: Totals, found: Totals) -> list[tuple[str, int, int]]:
    """(what, expected, found) of each total that is not the same."""
    pairs = [("members", expected.members, found.members), ("growth", expected.growth, found.growth)]
    for key in sorted({*expected.points, *found.points}):
        pairs.append((" ".join(("points", *key)), expected.points.get(key, 0), found.points.get(key, 0)))
    for level in sorted({*expected.levels, *found.levels}):
        pairs.append((f"level {level or '-'}", expected.levels.get(level, 0), found.levels.get(level, 0)))
    return [pair for pair in pairs if pair[1] != pair[2]]


def month_of(key: str) -> str:
    """The month in which a bucket ends, as totals name it."""
    on = bucket_expires_on(key)
    if on is None:
        return "idle" if key[:3] == IDLE else "never"
    return f"{on:%Y-%m}"
