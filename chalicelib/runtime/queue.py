"""SQS as the rooms see it: send texts, and say which messages of a batch must come again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from chalicelib.errors import Code, JifenError
from chalicelib.runtime import log
from chalicelib.runtime.dynamo import service

BATCH_MESSAGES = 10
BATCH_BYTES = 262_144
"""What SQS takes in one call, all messages together."""
LONGEST_S = 43_000
"""SQS hides a message twelve hours at most, counted from its receipt."""
MAX_MESSAGE_BYTES = 200_000
"""One message, with room below BATCH_BYTES for what the queue itself adds."""


def send(queue_url: str, bodies: Sequence[str], *, delay_s: int = 0) -> None:
    """Send every body in as few calls as the queue allows, to be handed out after `delay_s` (at most 900).

    Raises UNAVAILABLE when SQS refuses one, so that the caller's event comes again.
    """
    queue = service("sqs")
    for batch in _batches(bodies):
        entries: list[dict[str, Any]] = [{"Id": str(place), "MessageBody": body} for place, body in enumerate(batch)]
        if delay_s:
            entries = [{**entry, "DelaySeconds": delay_s} for entry in entries]
        answer = queue.send_message_batch(QueueUrl=queue_url, Entries=entries)
        if answer.get("Failed"):
            raise JifenError(Code.UNAVAILABLE)


def _batches(bodies: Sequence[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    batch_bytes = 0
    for body in bodies:
        body_bytes = len(body.encode())
        if batch and (len(batch) == BATCH_MESSAGES or batch_bytes + body_bytes > BATCH_BYTES):
            yield batch
            batch, batch_bytes = [], 0
        batch.append(body)
        batch_bytes += body_bytes
    if batch:
        yield batch


class Postponed(Exception):
    """A message that shall come again in so many seconds, at most LONGEST_S; nothing is wrong with it."""

    def __init__(self, seconds: int) -> None:
        super().__init__(seconds)
        self.seconds = min(seconds, LONGEST_S)


def each_message(
    event: Mapping[str, Any], handle: Callable[[Mapping[str, Any]], None], name: str, queue_url: str = ""
) -> dict[str, Any]:
    """Run `handle` on each message by itself; those that raise are the batch's partial failure and come again.

    Where `queue_url` is given, `handle` may raise Postponed.
    """
    failures = []
    for record in event["Records"]:
        try:
            _handled(record, handle, queue_url)
        except Postponed:
            failures.append({"itemIdentifier": record["messageId"]})
        except Exception as error:  # noqa: BLE001  # one bad message must not take its batch along
            log.defect(f"{name}_failed", error, message_id=record.get("messageId"))
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}


def _handled(record: Mapping[str, Any], handle: Callable[[Mapping[str, Any]], None], queue_url: str) -> None:
    try:
        handle(record)
    except Postponed as postponed:
        service("sqs").change_message_visibility(
            QueueUrl=queue_url, ReceiptHandle=record["receiptHandle"], VisibilityTimeout=postponed.seconds
        )
        raise
