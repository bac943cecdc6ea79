"""What time does to redemptions: a parcel that left long ago counts as received."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from chalicelib.errors import JifenError
from chalicelib.spending.mall.fulfil import receive_overdue
from chalicelib.spending.mall.items import SHIPPED_SHARDS, shipped_shard
from chalicelib.spending.mall.table import MallTable


class Swept(NamedTuple):
    """What one sweep did; `finished` is whether it came to the end of what was due."""

    received: int
    failed: int
    finished: bool


def sweep_received(*, mall: MallTable, now: datetime, has_time: Callable[[], bool]) -> Swept:
    """Everything that is due to count as received, as of `now`; what is left over is the next sweep's."""
    received = failed = 0
    for number in range(SHIPPED_SHARDS):
        for redemption_id in mall.shipped_until(shipped_shard(number), now):
            if not has_time():
                return Swept(received, failed, finished=False)
            try:
                received += not receive_overdue(redemption_id, mall=mall, now=now).replayed
            except JifenError:
                failed += 1
    return Swept(received, failed, finished=True)
