"""What wakes the mall: the sweep of redemptions, every five minutes.

Deployed as a stand-alone function: app.py is never imported here. "Now" is the event's own `time`, so that a missed
sweep can be run later as of its own time.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, cast

from chalice.app import Blueprint, CloudWatchEvent, Rate

from chalicelib.runtime import log
from chalicelib.spending.mall.sweep import sweep_received
from chalicelib.spending.mall.table import open_mall

bp = Blueprint(__name__)
STOP_BEFORE_MS = 10_000


class SweepUnfinished(Exception):
    """Some redemptions had a fault: raised after all others were done, so that the function's error alarm sees it."""


@bp.schedule(Rate(5, unit=Rate.MINUTES), name="sweep_redemptions")
def sweep_redemptions(event: CloudWatchEvent) -> None:
    """Close what time closes: parcels that count as received. Whatever else has a deadline is swept here as well."""
    remaining_ms: Callable[[], int] = cast(Any, event.context).get_remaining_time_in_millis
    now = datetime.fromisoformat(event.to_dict()["time"]).astimezone(UTC)
    swept = sweep_received(mall=open_mall(), now=now, has_time=lambda: remaining_ms() > STOP_BEFORE_MS)
    log.outcome("redemptions_swept", received=swept.received, failed=swept.failed, finished=swept.finished)
    if swept.failed:
        raise SweepUnfinished(f"{swept.failed} redemptions left for a later sweep")
