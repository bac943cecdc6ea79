"""Where the pieces of limited prizes are counted, and how many lie where. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from chalicelib.spending.lottery.campaign import Campaign, stock_id

MOST_SHARDS = 80
"""Shards that one publication may fill: all are written in its transaction."""
_PIECES_A_SHARD = 1000
_MOST_OF_A_PRIZE = 4


class Filling(NamedTuple):
    """Pieces that a publication puts into one shard of a stock."""

    stock_id: str
    shard: int
    pieces: int


def shards_of(campaign: Campaign) -> dict[str, int]:
    """The places in which each limited prize is counted, in every slice; fixed by the first version."""
    if campaign.slices:
        return {prize.id: 1 for prize in campaign.prizes if prize.count is not None}
    return {
        prize.id: min(1 + prize.count // _PIECES_A_SHARD, _MOST_OF_A_PRIZE)
        for prize in campaign.prizes
        if prize.count is not None
    }


def fillings(campaign_id: str, before: Campaign | None, after: Campaign, shards: Mapping[str, int]) -> list[Filling]:
    """What lies in each shard at first, or comes to it with a change that adds pieces."""
    found: list[Filling] = []
    for place in range(max(len(after.slices), 1)):
        had = before.counts(place) if before else {}
        for prize_id, count in after.counts(place).items():
            more, parts = count - had.get(prize_id, 0), shards[prize_id]
            for shard in range(parts):
                pieces = more // parts + (shard < more % parts)
                if pieces or before is None:
                    found.append(Filling(stock_id(campaign_id, prize_id, place), shard, pieces))
    return found
