"""Which partition of an index a sweep begins with: another one each time, so that none starves behind a flood. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

MINUTE_S = 60


def turned(shards: int, now: datetime, *, every_s: int = MINUTE_S) -> Iterator[int]:
    """The numbers of all partitions, as a sweep of every so many seconds looks at them."""
    first = int(now.timestamp()) // every_s
    return ((first + number) % shards for number in range(shards))
