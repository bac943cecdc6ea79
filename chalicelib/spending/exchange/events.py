"""What wakes the looking after exchanges: the minute.

Deployed as a stand-alone function: app.py is never imported here, so nothing may rely on it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from chalice.app import Blueprint, CloudWatchEvent, Rate

from chalicelib.programme.table import terms_book
from chalicelib.runtime import clock, log
from chalicelib.spending.exchange.desk import open_desk
from chalicelib.spending.exchange.sweep import sweep

bp = Blueprint(__name__)
STOP_BEFORE_MS = 25_000
"""Longer than one exchange may take: two calls of a partner, and a posting."""


@bp.schedule(Rate(1, unit=Rate.MINUTES), name="sweep_exchanges")
def sweep_exchanges(event: CloudWatchEvent) -> None:
    """Every minute: ask partners what became of exchanges whose end is not known, and settle them."""
    remaining_ms: Callable[[], int] = cast(Any, event.context).get_remaining_time_in_millis
    if not terms_book().versions:
        return
    now = clock.utc_now()  # not the event's, which may be old: requests are signed with it
    swept = sweep(desk=open_desk(now), now=now, has_time=lambda: remaining_ms() > STOP_BEFORE_MS)
    log.outcome("exchanges_swept", **swept._asdict())
