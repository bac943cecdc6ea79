"""The ledger's night: expiry (过期) and activation (待入账到账); one message a shard, one transaction a member.

Its cost follows what is due, not who is a member. The due index is the checkpoint: what is done leaves it, so a run
that was cut off simply asks again, and two runs at once meet at the account's version.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import NamedTuple

from chalicelib.ledger.apply import apply
from chalicelib.ledger.commands import Expire
from chalicelib.ledger.items import HOLD_SHARDS
from chalicelib.ledger.model import LedgerTerms, Notice, business_on, stamp
from chalicelib.ledger.pending import activate_due
from chalicelib.ledger.release import release_overdue
from chalicelib.ledger.table import Due, LedgerTable
from chalicelib.runtime import log

WORKERS = 16


class ShardRun(NamedTuple):
    """What one pass over a shard did, in lines of the index. `finished` is False when it ran out of time and must be
    queued again.
    """

    booked: int
    moved: int
    failed: int
    finished: bool


def shard_messages(due_shards: int, now: datetime) -> list[str]:
    """The night's work, one message a shard; `now` travels along, so that a late worker still books the right night."""
    return [json.dumps({"shard": shard, "now": stamp(now)}) for shard in range(due_shards)]


def expire_due(
    shard: int,
    *,
    ledger: LedgerTable,
    terms: LedgerTerms,
    now: datetime,
    has_time: Callable[[], bool],
    tell: Callable[[list[str]], None] | None = None,
) -> ShardRun:
    """Book what is due for every member the shard lists, until done or `has_time` says no.

    A member who cannot be booked is logged and counted, never in the way of the others. `tell` is given the messages of
    the notices that were written, after they were: a run that dies in between leaves them to be read in the app.
    """

    def book_one(due: Due) -> bool:
        if due.guard_key:
            receipt = activate_due(due.member_id, due.guard_key, ledger=ledger, terms=terms, now=now)
        else:
            receipt = ledger.post(due.member_id, lambda seen: apply(seen.account, [Expire()], terms, now))
        if tell and receipt.notices:
            tell([notice_message(due.member_id, notice) for notice in receipt.notices])
        return bool(receipt.entries)

    return _each(ledger.due(shard, business_on(now, terms.zone)), book_one, has_time)


def notice_message(member_id: str, notice: Notice) -> str:
    """A notice as a queue carries it; its `id` is the same however often it is queued."""
    kind, on = notice.kind, notice.on.isoformat()
    named = {"id": f"{kind}:{member_id}:{on}", "kind": kind, "member_id": member_id, "on": on}
    return json.dumps({**named, "facts": dict(notice.facts)})


def release_due(*, ledger: LedgerTable, terms: LedgerTerms, now: datetime, has_time: Callable[[], bool]) -> ShardRun:
    """Release every hold whose deadline has passed, until done or `has_time` says no."""

    def release_one(due: Due) -> bool:
        receipt = release_overdue(due.member_id, due.guard_key, ledger=ledger, terms=terms, now=now)
        return bool(receipt.entries)

    pages = (page for shard in range(HOLD_SHARDS) for page in ledger.due_holds(shard, now))
    return _each(pages, release_one, has_time)


def _each(pages: Iterable[list[Due]], book: Callable[[Due], bool], has_time: Callable[[], bool]) -> ShardRun:
    """Book line by line, one member's lines one after another, several members side by side."""
    done = {"booked": 0, "moved": 0, "failed": 0}

    def book_member(lines: list[Due]) -> list[str]:
        return [_outcome(line, book) for line in lines]

    with ThreadPoolExecutor(WORKERS) as pool:
        for page in pages:
            members: dict[str, list[Due]] = {}
            for line in page:
                members.setdefault(line.member_id, []).append(line)
            lanes = list(members.values())
            for start in range(0, len(lanes), 10 * WORKERS):
                if not has_time():
                    return ShardRun(**done, finished=False)
                for outcomes in pool.map(book_member, lanes[start : start + 10 * WORKERS]):
                    for outcome in outcomes:
                        done[outcome] += 1
    return ShardRun(**done, finished=True)


def _outcome(line: Due, book: Callable[[Due], bool]) -> str:
    try:
        return "booked" if book(line) else "moved"
    except Exception as error:  # noqa: BLE001  # whatever ails one member, the others' night goes on
        log.defect("night_failed", error, member_id=line.member_id)
        return "failed"
