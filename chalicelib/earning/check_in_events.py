"""What wakes the check-in reminder: every full hour.

Deployed as a stand-alone function: app.py is never imported here, so nothing may rely on it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, cast

from chalice.app import Blueprint, CloudWatchEvent, Cron

from chalicelib.earning import remind_check_ins as reminding
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.table import open_ledger
from chalicelib.members.reminders import reminded
from chalicelib.programme.table import terms_at, terms_book
from chalicelib.runtime import log, queue
from chalicelib.runtime.settings import settings

bp = Blueprint(__name__)
STOP_BEFORE_MS = 60_000
"""No page is begun later than this before the Lambda would be cut off."""


@bp.schedule(Cron(0, "*", "*", "*", "?", "*"), name="remind_check_ins")
def remind_check_ins(event: CloudWatchEvent) -> None:
    """Remind those who chose this hour; the hour is the event's own, in the programme's zone."""
    remaining_ms: Callable[[], int] = cast(Any, event.context).get_remaining_time_in_millis
    if not terms_book().versions:
        return
    now = datetime.fromisoformat(event.to_dict()["time"])
    queue_url = settings().reminders_queue_url
    run = reminding.remind_check_ins(
        reminded,
        ledger=open_ledger(),
        terms=terms_at(now),
        now=now,
        send=lambda bodies: queue.send(queue_url, bodies),
        has_time=lambda: remaining_ms() > STOP_BEFORE_MS,
    )
    log.outcome("check_ins_reminded", **run._asdict())
    if run.failed_pages:
        # The alarm on this function's errors hears of it; what Lambda's own retry sends again has the same ids.
        raise JifenError(Code.UNAVAILABLE)
