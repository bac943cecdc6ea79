"""What wakes outbound webhooks: the journal's stream, the queue of bells, and the minute sweep.

Deployed as stand-alone functions: app.py is never imported here. A bell says only that a lane may be due; the table
knows. So a bell that comes twice does nothing, and one that was lost is rung again by the sweep.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from math import ceil
from typing import Any

from chalice.app import Blueprint, CloudWatchEvent, DynamoDBEvent, Rate, SQSEvent

from chalicelib.connect.webhooks import deliver as delivering
from chalicelib.connect.webhooks import replay as replays
from chalicelib.connect.webhooks import tell as telling
from chalicelib.connect.webhooks.items import DUE_SHARDS
from chalicelib.connect.webhooks.lanes import open_lanes
from chalicelib.connect.webhooks.model import Lane
from chalicelib.connect.webhooks.send import send
from chalicelib.connect.webhooks.table import open_endpoints
from chalicelib.ledger.table import open_ledger
from chalicelib.runtime import log, queue
from chalicelib.runtime.clock import utc_now
from chalicelib.runtime.settings import settings

bp = Blueprint(__name__)
QUEUE = "arn:aws:sqs:us-east-1:000000000000:placeholder"
STREAM = "arn:aws:dynamodb:us-east-1:000000000000:table/placeholder/stream/placeholder"
TOKEN_BYTES = 8
OVERDUE = timedelta(seconds=30)
"""How long a lane is due before the sweep takes its bell for lost."""
MAX_BELLS = 1_000
"""What one sweep rings of a shard; the next goes on."""
LONGEST_DELAY_S = 900
"""The longest that a queue holds a message back; what is due later is for the sweep."""


@bp.on_dynamodb_record(stream_arn=STREAM, batch_size=100, starting_position="TRIM_HORIZON", name="tell_webhooks")
def tell_webhooks(event: DynamoDBEvent) -> dict[str, Any]:
    """Entries become deliveries. What it raises lets the batch come again: nothing of it is told twice."""
    endpoints = open_endpoints().endpoints()
    if endpoints:
        rung = telling.tell(event.to_dict()["Records"], endpoints, lanes=open_lanes(), now=utc_now())
        _ring(rung)
        log.outcome("webhooks_told", lanes=len(rung))
    return {"batchItemFailures": []}


@bp.on_sqs_message(queue_arn=QUEUE, batch_size=1, name="deliver_webhooks")
def deliver_webhooks(event: SQSEvent) -> dict[str, Any]:
    """Send what waits in the lane that a bell names, or queue what a replay asks for."""
    return queue.each_message(event.to_dict(), _handle, "deliver_webhooks")


@bp.schedule(Rate(1, unit=Rate.MINUTES), name="sweep_webhooks")
def sweep_webhooks(event: CloudWatchEvent) -> None:
    """Ring every lane that has been due for a while: its bell was lost, or it was due later than a queue can wait."""
    before = datetime.fromisoformat(event.to_dict()["time"]) - OVERDUE
    lanes = open_lanes()
    late = [lane for shard in range(DUE_SHARDS) for lane in islice(lanes.due(shard, before), MAX_BELLS)]
    _ring(late)
    log.outcome("webhooks_swept", rung=len(late))


def _handle(record: Mapping[str, Any]) -> None:
    told = json.loads(record["body"])
    if "replay" in told:
        _replay(str(told["endpoint"]), str(told["replay"]))
        return
    lane = Lane(str(told["endpoint"]), str(told["member"]), str(told["run"]))
    sender = delivering.Sender(
        endpoints=open_endpoints(),
        lanes=open_lanes(),
        ledger=open_ledger(),
        send=partial(send, is_local=bool(settings().outside_url)),
        clock=utc_now,
    )
    end, due_at = delivering.deliver(lane, secrets.token_hex(TOKEN_BYTES), sender)
    log.outcome("webhook_lane", endpoint=lane.endpoint_id, end=end.value)
    if due_at:
        _ring([lane], due_at - utc_now())


def _replay(endpoint_id: str, replay_id: str) -> None:
    table = open_endpoints()
    wish = table.replay(endpoint_id, replay_id)
    if wish is None:
        return
    began_at = utc_now()
    wish = replays.queue_replay(
        wish,
        table=table,
        lanes=open_lanes(),
        ring=_ring,
        has_time=lambda: utc_now() - began_at < delivering.WORK,
        now=began_at,
    )
    if not wish.is_done:
        queue.send(settings().webhooks_queue_url, [replays.message(wish)])


def _ring(lanes: Sequence[Lane], delay: timedelta = timedelta(0)) -> None:
    delay_s = max(0, ceil(delay.total_seconds()))
    if delay_s <= LONGEST_DELAY_S:
        queue.send(settings().webhooks_queue_url, [telling.bell(lane) for lane in lanes], delay_s=delay_s)
