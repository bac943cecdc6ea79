"""Why not (为什么没给我): everything that was not given, with its reason, newest first.

It lies in two places: what was booked with less than it might have been in the journal, what was not booked at all
beside it (refusals.py). Both sort by the instant of their cause, so one cursor leads through both.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from datetime import datetime
from typing import NamedTuple

from chalicelib.earning.refusals import KEPT, NotPaid, RefusalsTable, why_text
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import Entry, Kind, stamp
from chalicelib.ledger.table import LedgerTable

READ_ENTRIES = 100
"""How many entries one page looks through: most of them gave all they could."""


class Reason(NamedTuple):
    """Why one rule gave nothing, or less."""

    rule: str
    code: str | None
    """None where the journal has it: an entry keeps words, no codes."""
    text: str


class Missed(NamedTuple):
    """One activity that gave nothing, or not all; `points` are those it gave beside."""

    activity: str
    source: str
    occurred_at: datetime
    points: int
    reason: str
    refused: tuple[Reason, ...]
    terms_version: int


def why_not_page(
    member_id: str, *, ledger: LedgerTable, refusals: RefusalsTable, cursor: str, limit: int, now: datetime
) -> tuple[list[Missed], str]:
    """Up to `limit` of what a member was not given in the last half year, and the cursor of what follows, empty at the
    end.

    A page may be shorter than asked for, even empty, before the end: it looks through READ_ENTRIES entries at most.
    INVALID_CURSOR when the cursor is none of ours; it names a place among the member's own, whatever it holds.
    """
    before = _place_of(cursor) if cursor else ""
    since = stamp(now - KEPT)
    lines = refusals.page(member_id, before_key=before, limit=limit + 1, now=now)
    read = ledger.entries(member_id, before_key=before or None, limit=READ_ENTRIES)
    entries = [entry for entry in read if entry.key >= since]
    # What one list was not read beyond may have more there than the other shows: only what is newer is complete.
    complete_to = max(
        lines[-1][0] if len(lines) > limit else "",
        entries[-1].key if len(entries) == READ_ENTRIES else "",
    )
    found = [(key, _of_line(one)) for key, one in lines if key >= complete_to]
    found += [(entry.key, _of_entry(entry)) for entry in entries if entry.key >= complete_to and _gave_less(entry)]
    found.sort(key=lambda one: one[0], reverse=True)
    shown = found[:limit]
    place = shown[-1][0] if len(found) > limit else complete_to
    return [one for _, one in shown], urlsafe_b64encode(place.encode()).decode()


def _gave_less(entry: Entry) -> bool:
    """Whether an entry gave nothing, or a line of it gives nothing or is cut off. A registration alone is no award."""
    is_nothing = not entry.points and "joined_on" not in entry.facts
    return entry.kind is Kind.EARN and (is_nothing or any(part.points <= 0 for part in entry.breakdown))


def _of_entry(entry: Entry) -> Missed:
    missed = [part for part in entry.breakdown if part.points <= 0]
    return Missed(
        activity=entry.activity,
        source=entry.cause.source,
        occurred_at=entry.cause.occurred_at,
        points=int(entry.facts.get("all_points", entry.points)),
        reason=";".join(dict.fromkeys(part.why for part in missed)) or entry.text,
        refused=tuple(Reason(part.rule, None, part.why) for part in missed),
        terms_version=entry.terms_version,
    )


def _of_line(one: NotPaid) -> Missed:
    return Missed(
        activity=one.activity,
        source=one.source,
        occurred_at=one.at,
        points=0,
        reason=why_text(one.refused),
        refused=tuple(Reason(*part) for part in one.refused),
        terms_version=one.terms_version,
    )


def _place_of(cursor: str) -> str:
    try:
        place = urlsafe_b64decode(cursor.encode()).decode()
    except (Base64Error, ValueError):
        raise JifenError(Code.INVALID_CURSOR, field="cursor") from None
    if len(place) > 400 or place[23:25] != "Z#":
        raise JifenError(Code.INVALID_CURSOR, field="cursor")
    return place
