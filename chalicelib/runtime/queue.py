"""SQS as the rooms see it: send texts, and say which messages of a batch must come again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from chalicelib.errors import Code, JifenError
from chalicelib.runtime import log
from chalicelib.runtime.dynamo import service

BATCH = 10
MAX_MESSAGE_BYTES = 200_000
"""Below SQS's 262,144, with room for what the queue itself adds."""


def send(queue_url: str, bodies: Sequence[str]) -> None:
    """Send every body, ten a call; raises UNAVAILABLE when SQS refuses one, so that the caller's event comes again."""
    queue = service("sqs")
    for start in range(0, len(bodies), BATCH):
        entries = [{"Id": str(place), "MessageBody": body} for place, body in enumerate(bodies[start : start + BATCH])]
        answer = queue.send_message_batch(QueueUrl=queue_url, Entries=entries)
        if answer.get("Failed"):
            raise JifenError(Code.UNAVAILABLE)


def each_message(event: Mapping[str, Any], handle: Callable[[Mapping[str, Any]], None], name: str) -> dict[str, Any]:
    """Run `handle` on each message by itself; those that raise are the batch's partial failure and come again."""
    failures = []
    for record in event["Records"]:
        try:
            handle(record)
        except Exception as error:  # noqa: BLE001  # one bad message must not take its batch along
            log.defect(f"{name}_failed", error, message_id=record.get("messageId"))
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}
