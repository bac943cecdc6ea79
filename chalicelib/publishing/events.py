"""What wakes the publishing room: the minute sweep and the daily look ahead.

Deployed as stand-alone functions: app.py is never imported here, so nothing may rely on it. "Now" is the event's
own `time`, so that a missed minute or night can be run later as of its own time. Each handler imports its own use case:
app.py registers them all, and its cold start does without the room.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from chalice.app import Blueprint, Cron, Rate

from chalicelib.runtime import log

bp = Blueprint(__name__)


class SweepUnfinished(Exception):
    """Some issues had a fault: raised after all others were sent, so that the function's error alarm sees it."""


@bp.schedule(Rate(1, unit=Rate.MINUTES))
def send_due_issues(event: Any) -> dict[str, int]:
    """Send every approved issue whose publish time is at or before the event's time, and look after what was published
    without push; answers the counts of the first.
    """
    from chalicelib.publishing import follow_publications, send_due, table

    publishing, now = table.open_publishing(), _time_of(event)
    sweep = send_due.send_due(publishing, now=now)
    counts = asdict(sweep)
    log.outcome("issues_swept", **counts)
    follow_publications.follow_publications(publishing, now=now)
    if sweep.unfinished:
        raise SweepUnfinished(f"{sweep.unfinished} issues left for a later sweep")
    return counts


@bp.schedule(Cron(0, 1, "*", "*", "?", "*"))
def check_cadence(event: Any) -> dict[str, list[str]]:
    """At 09:00 programme time: alarm the planned days ahead that nothing is approved for; answers them."""
    from chalicelib.publishing import check_cadence as look_ahead
    from chalicelib.publishing import table

    alerts = look_ahead.check_cadence(table.open_publishing(), now=_time_of(event))
    return {"alarmed": [alert.day.isoformat() for alert in alerts]}


def _time_of(event: Any) -> datetime:
    return datetime.fromisoformat(event.to_dict()["time"]).astimezone(UTC)
