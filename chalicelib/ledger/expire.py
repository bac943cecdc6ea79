"""Nightly expiry (过期): one message a shard, one transaction a member; its cost follows what is due, not who is a
member.

The due index is the checkpoint: members who are done leave it, so a run that was cut off simply asks again, and two
runs at once meet at the account's version.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from chalicelib.ledger.apply import Expire, apply
from chalicelib.ledger.model import LedgerTerms, business_on, stamp
from chalicelib.ledger.table import LedgerTable
from chalicelib.runtime import log

WORKERS = 16


@dataclass(frozen=True, slots=True)
class ShardRun:
    """What one pass over a shard did. `finished` is False when it ran out of time and must be queued again."""

    expired: int
    moved: int
    failed: int
    finished: bool


def shard_messages(due_shards: int, now: datetime) -> list[str]:
    """The night's work, one message a shard; `now` travels along, so that a late worker still books the right night."""
    return [json.dumps({"shard": shard, "now": stamp(now)}) for shard in range(due_shards)]


def expire_due(
    shard: int, *, ledger: LedgerTable, terms: LedgerTerms, now: datetime, has_time: Callable[[], bool]
) -> ShardRun:
    """Book what is due for every member the shard lists, until done or `has_time` says no.

    A member who cannot be booked is logged and counted, never in the way of the others.
    """

    def expire_one(member_id: str) -> str:
        try:
            receipt = ledger.post(member_id, lambda account, _guard: apply(account, [Expire()], terms, now))
        except Exception as error:  # noqa: BLE001  # whatever ails one member, the others' night goes on
            log.defect("expiry_failed", error, member_id=member_id)
            return "failed"
        return "expired" if receipt.entries else "moved"

    done = {"expired": 0, "moved": 0, "failed": 0}
    with ThreadPoolExecutor(WORKERS) as pool:
        for page in ledger.due_members(shard, business_on(now, terms.zone)):
            for start in range(0, len(page), 10 * WORKERS):
                if not has_time():
                    return ShardRun(**done, finished=False)
                for outcome in pool.map(expire_one, page[start : start + 10 * WORKERS]):
                    done[outcome] += 1
    return ShardRun(**done, finished=True)
