"""Exchanges that no call has settled are looked at again, in each partition the longest waiting first: by minutes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from chalicelib.errors import JifenError
from chalicelib.runtime import log
from chalicelib.spending.exchange.desk import Desk
from chalicelib.spending.exchange.items import SHARDS, due_shard
from chalicelib.spending.exchange.model import State
from chalicelib.spending.exchange.settle_exchange import pursue
from chalicelib.spending.turned import turned

MOST_SILENCES = 3
"""After so many a partner is let be until the next sweep: others wait behind it."""
PENDING = "pending"


class Swept(NamedTuple):
    """What a sweep did: exchanges that came to an end, that go on waiting, and that failed."""

    ended: int = 0
    waiting: int = 0
    failed: int = 0


def sweep(*, desk: Desk, now: datetime, has_time: Callable[[], bool]) -> Swept:
    """Look at what is due. One that fails is logged and left to the next sweep."""
    ended = waiting = failed = 0
    silences: Counter[str] = Counter()
    for number in turned(SHARDS, now):
        for exchange_id in desk.exchanges.due(due_shard(number), now):
            if not has_time():
                return Swept(ended, waiting, failed)
            try:
                found = desk.exchanges.exchange(exchange_id)
                is_due = found and found.state is State.ASKED and found.look_at and found.look_at <= now
                if not found or not is_due or silences[found.partner_id] >= MOST_SILENCES:
                    continue
                after = pursue(found, desk=desk, now=now)
            except JifenError as refused:
                log.outcome("exchange_sweep_failed", exchange=exchange_id, why=refused.code.name)
                failed += 1
                continue
            except Exception as error:  # noqa: BLE001  # one that fails must not be in the way of the others
                log.defect("exchange_sweep_failed", error, exchange=exchange_id)
                failed += 1
                continue
            is_waiting = after.state is State.ASKED
            ended, waiting = ended + (not is_waiting), waiting + is_waiting
            silences[found.partner_id] += is_waiting and after.waits != PENDING
    return Swept(ended, waiting, failed)
