"""What wakes the ledger: the nightly rule and the queue of due shards.

Deployed as stand-alone functions: app.py is never imported here, so nothing may rely on it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, cast

from chalice.app import Blueprint, CloudWatchEvent, Cron, Rate, SQSEvent

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.adjustments_table import open_adjustments
from chalicelib.ledger.bulk import post_chunk
from chalicelib.ledger.expire import expire_due, release_due, shard_messages
from chalicelib.ledger.table import open_ledger
from chalicelib.programme.table import terms_at, terms_book
from chalicelib.runtime import log, queue
from chalicelib.runtime.settings import settings

bp = Blueprint(__name__)
STOP_BEFORE_MS = 60_000
"""A worker stops this long before its Lambda would be cut off, and queues its shard again."""
STOP_ROWS_BEFORE_MS = 12_000
"""No line of an import is begun later than this: one posting may take up to its own deadline."""


@bp.schedule(Cron(5, 16, "*", "*", "?", "*"), name="start_expiry")
def start_expiry(event: CloudWatchEvent) -> None:
    """00:05 in Asia/Shanghai: one message a shard. The night is the event's own time, never the wall clock."""
    now = datetime.fromisoformat(event.to_dict()["time"])
    messages = shard_messages(settings().due_shards, now)
    queue.send(settings().expiry_queue_url, messages)
    log.outcome("expiry_started", shards=len(messages), night=now.isoformat())


@bp.on_sqs_message(
    queue_arn="arn:aws:sqs:us-east-1:000000000000:placeholder",
    batch_size=1,
    maximum_concurrency=40,
    name="expire_shard",
)
def expire_shard(event: SQSEvent) -> dict[str, Any]:
    """One shard of one night."""
    remaining_ms: Callable[[], int] = cast(Any, event.context).get_remaining_time_in_millis

    def handle(record: Mapping[str, Any]) -> None:
        if not terms_book().versions:
            return  # nothing was ever credited, so nothing can be due
        message = json.loads(record["body"])
        now = datetime.fromisoformat(message["now"])
        run = expire_due(
            message["shard"],
            ledger=open_ledger(),
            terms=terms_at(now).ledger,
            now=now,
            has_time=lambda: remaining_ms() > STOP_BEFORE_MS,
            tell=_queue_notices if settings().subscribe_messages == "on" else None,
        )
        log.outcome("expiry_shard", shard=message["shard"], booked=run.booked, moved=run.moved, failed=run.failed)
        if run.failed:
            # The message itself comes again, for those who failed and for what is left.
            raise JifenError(Code.UNAVAILABLE)
        if not run.finished:
            queue.send(settings().expiry_queue_url, [record["body"]])

    return queue.each_message(event.to_dict(), handle, "expiry_shard")


def _queue_notices(bodies: list[str]) -> None:
    """Where this stage sends subscribe messages; without a sender nobody would take them."""
    queue.send(settings().reminders_queue_url, bodies)


@bp.schedule(Rate(5, unit=Rate.MINUTES), name="release_holds")
def release_holds(event: CloudWatchEvent) -> None:
    """Every five minutes: give back what was held past its deadline."""
    remaining_ms: Callable[[], int] = cast(Any, event.context).get_remaining_time_in_millis
    if not terms_book().versions:
        return
    now = datetime.fromisoformat(event.to_dict()["time"])
    run = release_due(
        ledger=open_ledger(), terms=terms_at(now).ledger, now=now, has_time=lambda: remaining_ms() > STOP_BEFORE_MS
    )
    log.outcome("holds_released", released=run.booked, failed=run.failed, finished=run.finished)


@bp.on_sqs_message(
    queue_arn="arn:aws:sqs:us-east-1:000000000000:placeholder",
    batch_size=1,
    maximum_concurrency=5,
    name="post_adjustments",
)
def post_adjustments(event: SQSEvent) -> dict[str, Any]:
    """A part of an approved import; what it could not post comes again with its message."""
    remaining_ms: Callable[[], int] = cast(Any, event.context).get_remaining_time_in_millis

    def handle(record: Mapping[str, Any]) -> None:
        message = json.loads(record["body"])
        run = post_chunk(
            open_adjustments(),
            message["batch"],
            message["chunk"],
            terms_at=lambda at: terms_at(at).ledger,
            has_time=lambda: remaining_ms() > STOP_ROWS_BEFORE_MS,
        )
        log.outcome("adjustments_posted", chunk=message["chunk"], **run._asdict())
        if not run.finished:
            raise JifenError(Code.UNAVAILABLE)

    return queue.each_message(event.to_dict(), handle, "post_adjustments")
