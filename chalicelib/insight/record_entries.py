"""Entries of the journal become lines of the daybook: one plain put an entry, so that again, late and shuffled are one.

A record that cannot be read or written goes to the retry queue by its entry's key and counts as done: the retry reads
the entry itself, which never changes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from chalicelib.errors import Code, JifenError
from chalicelib.insight.keep_milestones import keep_milestones
from chalicelib.insight.line import Line, held_changes, hold_key, line_of
from chalicelib.insight.table import InsightTable
from chalicelib.ledger.buckets import PointsClass
from chalicelib.ledger.carried import changes_by_class, is_merge
from chalicelib.ledger.items import entry_of
from chalicelib.ledger.model import Entry, Kind
from chalicelib.ledger.table import LedgerTable
from chalicelib.programme.model import TermsBook
from chalicelib.runtime import log
from chalicelib.runtime.dynamo import decode_item

ZONE = "Asia/Shanghai"
"""Where days are counted while no terms say otherwise."""
MAX_KEY_CHARS = 2_000


class Recorded(NamedTuple):
    """What a batch did; `set_aside` are the retry queue's messages."""

    lines: int
    set_aside: tuple[str, ...]


def record_entries(
    records: Sequence[Any], *, ledger: LedgerTable, table: InsightTable, book: TermsBook, token: str
) -> Recorded:
    """Put a line for each new entry of a batch of the journal's stream; `token` marks their days, new for each call."""
    lines: list[Line] = []
    keys: list[str] = []
    set_aside: list[str] = []
    for record in records:
        try:
            image = record["dynamodb"].get("NewImage")
            if image is None:
                continue
            entry = entry_of(decode_item(image))
            lines.append(line_from(entry, ledger=ledger, book=book))
            keys.append(message_of(entry.member_id, entry.key))
        except Exception as error:  # noqa: BLE001  # a poison record of any shape is set aside, the rest goes on
            log.defect("entry_unreadable", error)
            set_aside.append(_message(record))
    try:
        put_lines(lines, table=table, token=token)
    except Exception as error:  # noqa: BLE001  # whatever it is, the batch goes to the retry queue entry by entry
        log.defect("entries_not_recorded", error, entries=len(lines))
        return Recorded(0, (*set_aside, *keys))
    return Recorded(len(lines), tuple(set_aside))


def record_message(message: str, *, ledger: LedgerTable, table: InsightTable, book: TermsBook, token: str) -> None:
    """Put the line of the entry that a retry names; raises PARKED_RECORD_UNREADABLE when it names none."""
    try:
        named = json.loads(message)
        entry = ledger.entry(str(named["member"]), str(named["entry"]))
    except (KeyError, TypeError, ValueError):
        entry = None
    if entry is None:
        raise JifenError(Code.PARKED_RECORD_UNREADABLE)
    put_lines([line_from(entry, ledger=ledger, book=book)], table=table, token=token)


def put_lines(lines: Sequence[Line], *, table: InsightTable, token: str) -> None:
    """Put lines, then mark their days: a day marked under a token that its totals have not seen is summed again. Last,
    join them into their members' milestones.
    """
    table.put_lines(lines)
    for on in sorted({line.posted_on for line in lines}):
        table.mark(on, token)
    keep_milestones(lines, table=table.stages)


def line_from(entry: Entry, *, ledger: LedgerTable, book: TermsBook) -> Line:
    """The line of an entry; a capture or release is looked up in its hold. Raises KeyError for unknown terms, rules."""
    terms = book.at(entry.posted_at)
    zone = terms.zone if terms else ZONE
    if is_merge(entry.cause):
        pending, held = changes_by_class(entry, "pending"), changes_by_class(entry, "held")
    else:
        points_class = _pending_class(entry, book)
        pending = {points_class.letter: entry.pending_points} if points_class else {}
        held = _held(entry, ledger, book)
    return line_of(entry, zone=zone, pending=pending, held=held)


def _held(entry: Entry, ledger: LedgerTable, book: TermsBook) -> dict[str, int]:
    """What it changes of held points by class: by its hold, in whosever journal that stands."""
    if not entry.held_points:
        return {}
    if entry.kind is Kind.HOLD:
        return held_changes(entry, None, ())
    hold = ledger.entry(str(entry.facts.get("held_by", entry.member_id)), hold_key(entry))
    if hold is None:
        raise KeyError(hold_key(entry))
    return held_changes(entry, hold, book.version(entry.terms_version).ledger.class_order)


def _pending_class(entry: Entry, book: TermsBook) -> PointsClass | None:
    """What class its pending points are of: the entry names the rule or the task, and the version of the terms."""
    if not entry.pending_points:
        return None
    terms = book.version(entry.terms_version)
    rule = terms.rule(entry.rule)
    if rule is not None:
        return rule.points_class
    for task in terms.programme.tasks:
        if task.id == entry.rule:
            return task.points_class
    raise KeyError(entry.rule)


def message_of(member_id: str, key: str) -> str:
    """The retry queue's message for an entry."""
    return json.dumps({"member": member_id, "entry": key}, ensure_ascii=False)


def _message(record: Mapping[str, Any]) -> str:
    """The message for a record as it came: by its keys when they can be read, else with nothing that helps but its
    number.
    """
    try:
        keys = record["dynamodb"]["Keys"]
        return message_of(str(keys["pk"]["S"])[2:][:MAX_KEY_CHARS], str(keys["sk"]["S"])[:MAX_KEY_CHARS])
    except (KeyError, TypeError):
        return json.dumps({"record": str(record)[:MAX_KEY_CHARS]}, ensure_ascii=False)
