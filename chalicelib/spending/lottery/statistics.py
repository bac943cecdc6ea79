"""A campaign's draws read and counted for staff, as many as one call can read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from chalicelib.spending.lottery.figures import Sums, sums
from chalicelib.spending.lottery.items import SHARDS
from chalicelib.spending.lottery.model import Book, Drawn
from chalicelib.spending.lottery.table import LotteryTable

MOST_DRAWS = 30_000
"""A shard is read whole or not at all. A draw's shard is chance, so fewer shards are a fair sample."""


class Statistics(NamedTuple):
    """What was read."""

    sums: Sums
    shards: int
    is_whole: bool
    taken: Mapping[str, int]
    """Pieces taken of each limited prize."""


def read_statistics(table: LotteryTable, book: Book, most: int = MOST_DRAWS) -> Statistics:
    """All draws of a campaign, or as many of their sixteen shards as hold `most` together."""
    read: list[str] = []
    found = sums(_draws(table, book.head.id, read, most), {one.number: one for one in book.versions})
    return Statistics(found, len(read), len(read) == len(SHARDS), table.taken_of(book.head.id, book.versions[-1]))


def _draws(table: LotteryTable, campaign_id: str, read: list[str], most: int) -> Iterator[Drawn]:
    count = 0
    for shard in SHARDS:
        if count >= most:
            return
        for drawn in table.draws(campaign_id, shard):
            count += 1
            yield drawn
        read.append(shard)
