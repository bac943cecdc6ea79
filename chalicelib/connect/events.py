"""What wakes the handling of pushed events: the queue that the callbacks fill.

Deployed as a stand-alone function: app.py is never imported here, so nothing may rely on it. The template replaces the
placeholder ARN.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalice.app import Blueprint, SQSEvent

from chalicelib.connect.inbound import handle_once
from chalicelib.connect.push_message import unqueued
from chalicelib.connect.table import open_connect
from chalicelib.runtime import clock, log, queue

bp = Blueprint(__name__)
QUEUE = "arn:aws:sqs:us-east-1:000000000000:placeholder"


@bp.on_sqs_message(queue_arn=QUEUE, batch_size=10, name="handle_inbound")
def handle_inbound(event: SQSEvent) -> dict[str, Any]:
    """Pushed events, one by one, each once; the batch goes on when one of them fails."""
    table = open_connect()

    def handle(record: Mapping[str, Any]) -> None:
        pushed = unqueued(record["body"])
        is_new = handle_once(pushed, table, clock.utc_now())
        log.outcome("inbound", system=pushed.system, name=pushed.name, outcome="handled" if is_new else "repeated")

    return queue.each_message(event.to_dict(), handle, "handle_inbound")
