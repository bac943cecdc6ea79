"""What time does to prizes: a parcel that nobody claimed until its campaign's deadline lapses."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from chalicelib.errors import JifenError
from chalicelib.runtime import log
from chalicelib.spending.lottery.claim_prize import Prizes, lapse
from chalicelib.spending.lottery.items import DUE_SHARDS, due_shard
from chalicelib.spending.lottery.model import Drawn
from chalicelib.spending.turned import turned

EVERY_S = 300
"""How often there is a sweep."""


class Lapsed(NamedTuple):
    """What one sweep did; `finished` is whether it came to the end of what was due."""

    lapsed: int
    failed: int
    finished: bool


def sweep_unclaimed(*, prizes: Prizes, now: datetime, has_time: Callable[[], bool]) -> Lapsed:
    """Everything that is due to lapse, as of `now`. What fails or is left over is the next sweep's."""
    lapsed = failed = 0
    deadlines: dict[str, datetime | None] = {}
    for number in turned(DUE_SHARDS, now, every_s=EVERY_S):
        for campaign_id, draw_id in prizes.lotteries.unclaimed_until(due_shard(number), now):
            if not has_time():
                return Lapsed(lapsed, failed, finished=False)
            try:
                drawn = prizes.lotteries.drawn(campaign_id, draw_id)
                lapsed += drawn is not None and _lapsed(drawn, _deadline(drawn, deadlines, prizes), prizes, now)
            except JifenError as refused:
                log.outcome("prize_sweep_failed", draw=draw_id, why=refused.code.name)
                failed += 1
            except Exception as error:  # noqa: BLE001  # one that fails must not be in the way of the others
                log.defect("prize_sweep_failed", error, draw=draw_id)
                failed += 1
    return Lapsed(lapsed, failed, finished=True)


def _lapsed(drawn: Drawn, until_at: datetime, prizes: Prizes, now: datetime) -> bool:
    if until_at <= now:
        return lapse(drawn, prizes=prizes, now=now)
    prizes.lotteries.put_off(drawn, until_at)
    return False


def _deadline(drawn: Drawn, known: dict[str, datetime | None], prizes: Prizes) -> datetime:
    """The deadline as the newest version has it, which may give more time than the one it was drawn in."""
    if drawn.campaign_id not in known:
        versions = prizes.lotteries.versions(drawn.campaign_id)
        known[drawn.campaign_id] = versions[-1].campaign.claim_until_at if versions else None
    until_at = known[drawn.campaign_id] or drawn.claim_until_at
    if until_at is None:
        raise AssertionError("what is due has a deadline")
    return until_at
