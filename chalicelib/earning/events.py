"""What wakes the earning room: the orders stream, its retry queue, its dead letters and the daily reconciliation.

Deployed as stand-alone functions: app.py is never imported here, so nothing may rely on it. The template replaces the
placeholder ARNs and adds what the decorators cannot say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from chalice.app import Blueprint, CloudWatchEvent, Cron, DynamoDBEvent, SQSEvent

from chalicelib.earning.caused import take_back_caused
from chalicelib.earning.claims_table import open_claims
from chalicelib.earning.order import Order
from chalicelib.earning.parked import settle_message
from chalicelib.earning.points_back import tell_refunds
from chalicelib.earning.reconcile import Reconciliation
from chalicelib.earning.settle_batch import settle_batch
from chalicelib.earning.settle_claims import lapse_claims, settle_claims
from chalicelib.earning.settle_order import settle_order
from chalicelib.earning.table import open_orders
from chalicelib.ledger.table import open_ledger
from chalicelib.members.buyers import find_members
from chalicelib.programme.table import forget, terms_at, terms_book
from chalicelib.runtime import log, queue
from chalicelib.runtime.clock import utc_now
from chalicelib.runtime.settings import settings

bp = Blueprint(__name__)
STOP_BEFORE_MS = 60_000
"""No more claims are ended this long before the function would be cut off; the next night goes on."""
QUEUE = "arn:aws:sqs:us-east-1:000000000000:placeholder"
STREAM = "arn:aws:dynamodb:us-east-1:000000000000:table/placeholder/stream/placeholder"


@bp.on_dynamodb_record(stream_arn=STREAM, batch_size=100, starting_position="TRIM_HORIZON", name="settle_orders")
def settle_orders(event: DynamoDBEvent) -> dict[str, Any]:
    """Orders become points. Iterating the event itself would raise on an odd record, so its plain form is read."""
    ledger = open_ledger()

    def settle(order: Order) -> None:
        if order.waiting:
            settle_claims(order, claims=open_claims(), book=terms_book(), now=utc_now())
        try:
            settle_order(order, ledger=ledger, book=terms_book())
        except KeyError:
            # Another function credited it under a version that this one has not read yet.
            forget()
            settle_order(order, ledger=ledger, book=terms_book())
        take_back_caused(order, ledger=ledger, send=_send)
        tell_refunds(order, _tell)

    run = settle_batch(event.to_dict()["Records"], settle)
    if run.set_aside:
        queue.send(settings().orders_retry_queue_url, run.set_aside)
    log.outcome("orders_settled", settled=run.settled, set_aside=len(run.set_aside))
    return {"batchItemFailures": []}


@bp.on_sqs_message(queue_arn=QUEUE, batch_size=10, name="settle_retry")
def settle_retry(event: SQSEvent) -> dict[str, Any]:
    """Orders that failed before, tried again one by one."""

    def handle(record: Mapping[str, Any]) -> None:
        settle_message(
            record["body"],
            orders=open_orders(),
            ledger=open_ledger(),
            book=terms_book(),
            send=_send,
            tell=_tell,
            now=utc_now(),
        )

    return queue.each_message(event.to_dict(), handle, "settle_retry")


@bp.on_sqs_message(queue_arn=QUEUE, batch_size=10, name="park_orders")
def park_orders(event: SQSEvent) -> dict[str, Any]:
    """Orders that failed for good are parked with their payload, for an operator to replay."""

    def handle(record: Mapping[str, Any]) -> None:
        open_orders().park(record["messageId"], record["body"], utc_now())
        log.outcome("order_parked", record=record["messageId"])

    return queue.each_message(event.to_dict(), handle, "park_orders")


@bp.schedule(Cron(35, 16, "*", "*", "?", "*"), name="reconcile_orders")
def reconcile_orders(event: CloudWatchEvent) -> None:
    """Half an hour after the night: credit any recent order without an entry, end the claims that waited in vain."""
    remaining_ms: Callable[[], int] = cast(Any, event.context).get_remaining_time_in_millis
    now = datetime.fromisoformat(event.to_dict()["time"])
    if not terms_book().versions:
        log.outcome("orders_reconciled", skipped="no programme is published yet")
        return
    done = Reconciliation(
        orders=open_orders(),
        ledger=open_ledger(),
        find_members=find_members,
        book=terms_book(),
        now=now,
        zone=terms_at(now).zone,
        send=_send,
        tell=_tell,
    ).run()
    log.outcome("orders_reconciled", seen=done.seen, settled=done.settled, bound=done.bound, failed=done.failed)
    run = lapse_claims(
        claims=open_claims(), book=terms_book(), now=now, has_time=lambda: remaining_ms() > STOP_BEFORE_MS
    )
    log.outcome("claims_lapsed", **run._asdict())


def _send(messages: Sequence[str]) -> None:
    queue.send(settings().behaviours_queue_url, messages)


def _tell(messages: Sequence[str]) -> None:
    queue.send(settings().points_back_queue_url, messages)
