"""What wakes the offers: the sweep of each minute.

Deployed as a stand-alone function: app.py is never imported here. "Now" is the event's own `time`, so that a missed
minute can be run later as of its own time.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, cast

from chalice.app import Blueprint, CloudWatchEvent, Rate

from chalicelib.runtime import log

bp = Blueprint(__name__)
STOP_BEFORE_MS = 10_000


class SweepUnfinished(Exception):
    """Some groups or offers had a fault: raised after all others were done, so that the error alarm sees it."""


@bp.schedule(Rate(1, unit=Rate.MINUTES), name="sweep_offers")
def sweep_offers(event: CloudWatchEvent) -> None:
    """Groups that are overdue or half done, and unsold pieces of offers that are over."""
    from chalicelib.spending.offers import open_room, sweep

    remaining_ms: Callable[[], int] = cast(Any, event.context).get_remaining_time_in_millis
    now = datetime.fromisoformat(event.to_dict()["time"]).astimezone(UTC)
    room = open_room.open_room(now)
    swept = sweep.sweep_offers(room=room, now=now, has_time=lambda: remaining_ms() > STOP_BEFORE_MS)
    log.outcome("offers_swept", **swept._asdict())
    if swept.unfinished:
        raise SweepUnfinished(f"{swept.unfinished} groups or offers left for a later sweep")
