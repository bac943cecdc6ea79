"""What wakes the insight room: the journal's stream, its retry queue, and the night after the ledger's.

Deployed as stand-alone functions: app.py is never imported here, so nothing may rely on it. The template replaces the
placeholder ARNs and adds what the decorators cannot say.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, cast

from chalice.app import Blueprint, CloudWatchEvent, Cron, DynamoDBEvent, SQSEvent

from chalicelib.errors import Code, JifenError
from chalicelib.insight import close_days as nights
from chalicelib.insight import record_entries as daybook
from chalicelib.insight.budgets import alarming, budget_states
from chalicelib.insight.close_stages import close_stages
from chalicelib.insight.table import open_insight
from chalicelib.ledger.model import business_on, end_of
from chalicelib.ledger.table import open_ledger
from chalicelib.programme.table import forget, terms_at, terms_book
from chalicelib.runtime import log, queue
from chalicelib.runtime.settings import settings

bp = Blueprint(__name__)
QUEUE = "arn:aws:sqs:us-east-1:000000000000:placeholder"
STREAM = "arn:aws:dynamodb:us-east-1:000000000000:table/placeholder/stream/placeholder"
STOP_BEFORE_MS = 120_000
"""The night begins no further stretch of days later than this; the next one goes on there."""
TOKEN_BYTES = 8


@bp.on_dynamodb_record(stream_arn=STREAM, batch_size=100, starting_position="TRIM_HORIZON", name="record_entries")
def record_entries(event: DynamoDBEvent) -> dict[str, Any]:
    """Entries become lines of the daybook. Iterating the event itself would raise on an odd record."""
    records = event.to_dict()["Records"]
    run = _record(records)
    if run.set_aside:
        # Another function may have booked under a version that this one has not read yet.
        forget()
        run = _record(records)
    if run.set_aside:
        queue.send(settings().entries_retry_queue_url, run.set_aside)
    log.outcome("entries_recorded", lines=run.lines, set_aside=len(run.set_aside))
    return {"batchItemFailures": []}


def _record(records: list[Any]) -> daybook.Recorded:
    return daybook.record_entries(
        records,
        ledger=open_ledger(),
        table=open_insight(),
        book=terms_book(),
        token=secrets.token_hex(TOKEN_BYTES),
    )


@bp.on_sqs_message(queue_arn=QUEUE, batch_size=10, name="record_retry")
def record_retry(event: SQSEvent) -> dict[str, Any]:
    """Entries that had no line yet, read from the journal and tried again one by one."""

    def handle(record: Mapping[str, Any]) -> None:
        daybook.record_message(
            record["body"],
            ledger=open_ledger(),
            table=open_insight(),
            book=terms_book(),
            token=secrets.token_hex(TOKEN_BYTES),
        )

    return queue.each_message(event.to_dict(), handle, "record_retry")


@bp.schedule(Cron(50, 16, "*", "*", "?", "*"), name="close_days")
def close_days(event: CloudWatchEvent) -> None:
    """00:50 in Asia/Shanghai: sum the days before, count stages, and say which budgets are nearly spent.

    What is wrong with totals, and a budget that is nearly spent, are lines of the log that alarms count.
    """
    remaining_ms: Callable[[], int] = cast(Any, event.context).get_remaining_time_in_millis
    now = datetime.fromisoformat(event.to_dict()["time"])
    if not terms_book().versions:
        log.outcome("days_closed", skipped="no programme is published yet")
        return
    today_on = business_on(now, terms_at(now).zone)
    done = nights.close_days(open_insight(), today_on, has_time=lambda: remaining_ms() > STOP_BEFORE_MS)
    log.outcome("days_closed", days=done.days, changed=len(done.changed), wrong=len(done.wrong))
    yesterday_on = today_on - timedelta(days=1)
    ended = terms_book().at(end_of(yesterday_on, terms_at(now).zone))
    for state in alarming(budget_states(ended.programme, yesterday_on, open_ledger())) if ended else ():
        log.outcome(
            "budget_alarm",
            budget=state.id,
            period=state.period_key,
            drawn_points=state.drawn_points,
            limit_points=state.limit_points,
            share_bp=state.share_bp,
        )
    finished = done.finished and close_stages(
        open_insight().stages,
        terms_at(now),
        yesterday_on,
        now=now,
        has_time=lambda: remaining_ms() > STOP_BEFORE_MS,
    )
    if not finished:
        # What calls a scheduled function tries it again: it goes on where it was.
        raise JifenError(Code.UNAVAILABLE)
