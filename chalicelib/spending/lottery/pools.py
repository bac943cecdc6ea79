"""Whether the pools that a campaign's virtual prizes come from hold as many codes as it promises. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from chalicelib.spending.goods.good import Virtual
from chalicelib.spending.lottery.campaign import Campaign, Prize


def pools_of(campaign: Campaign) -> list[str]:
    """The pools that it takes codes from, each once."""
    return list({prize.gives.pool: None for prize in campaign.prizes if isinstance(prize.gives, Virtual)})


def short_pools(
    campaign: Campaign, taken: Mapping[str, int], codes_left: Mapping[str, int]
) -> Iterator[tuple[str, str]]:
    """(path, reason in Chinese) of each virtual prize of which its pool has too few codes left for all that are still
    to be won; `taken` are pieces taken by prize, `codes_left` free codes by pool. One without a count needs one.
    """
    wanted = Counter[str]()
    for place, prize in enumerate(campaign.prizes):
        if not isinstance(prize.gives, Virtual):
            continue
        pool = prize.gives.pool
        wanted[pool] += _still_to_win(prize, taken)
        if codes_left[pool] < wanted[pool]:
            what = f"的卡密池{pool}只剩{codes_left[pool]}个可用卡密,还需{wanted[pool]}个"
            yield f"prizes.{place}.gives.pool", what if codes_left[pool] else f"的卡密池{pool}不存在或没有可用卡密"


def _still_to_win(prize: Prize, taken: Mapping[str, int]) -> int:
    return 1 if prize.count is None else prize.count - taken.get(prize.id, 0)
