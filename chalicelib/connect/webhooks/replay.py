"""Sending again what was queued before, and trying an endpoint out: lanes of their own, so that live ones never wait.

What is replayed keeps its events' ids and, for each member, their order. It may arrive beside newer events of the
member; the number in its data (`sequence`) says which is which.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta

from chalicelib.connect.webhooks.lanes import LanesTable
from chalicelib.connect.webhooks.model import (
    NOBODY,
    PING,
    Delivery,
    Endpoint,
    Lane,
    Replay,
    State,
    event_id,
    lane_and_place,
    place_of,
)
from chalicelib.connect.webhooks.register import client_digest
from chalicelib.connect.webhooks.table import EndpointsTable
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import stamp

PAGE = 50
MAX_SPAN = timedelta(days=31)
RUN_CHARS = 24


def ping_delivery(endpoint: Endpoint, *, key: str, by: str, lanes: LanesTable, now: datetime) -> Delivery:
    """Queue a ping; the same key again finds the first one."""
    run = f"t{client_digest(by, key)[:RUN_CHARS]}"
    lane, place = Lane(endpoint.id, NOBODY, run), place_of(1, 1)
    delivery = Delivery(lane, place, event_id(NOBODY, f"{endpoint.id}/{run}", PING), PING, "", now, now)
    lanes.add(delivery)
    lanes.ring(lane, now)
    return lanes.delivery(lane, place) or delivery


def replay_one(endpoint_id: str, delivery_id: str, *, key: str, by: str, lanes: LanesTable, now: datetime) -> Delivery:
    """Queue one delivery again; the same key again finds the first time. Raises WEBHOOK_DELIVERY_NOT_FOUND."""
    named = lane_and_place(endpoint_id, delivery_id)
    standing = lanes.delivery(*named) if named else None
    if standing is None or standing.state is State.UNWANTED:
        raise JifenError(Code.WEBHOOK_DELIVERY_NOT_FOUND)
    if standing.state is State.WAITING:
        raise JifenError(Code.WEBHOOK_DELIVERY_WAITING)
    again = _again(standing, run_of(by, key, {"delivery_id": delivery_id}), now)
    lanes.add(again)
    lanes.ring(again.lane, now)
    return lanes.delivery(again.lane, again.place) or again


def ask_replay(
    endpoint_id: str,
    *,
    since: datetime,
    until: datetime,
    only_dead: bool,
    key: str,
    by: str,
    table: EndpointsTable,
    now: datetime,
) -> Replay:
    """Keep the wish to replay a span; the same key again finds the first. Raises INVALID_REQUEST, KEY_REUSED."""
    if not since < until <= since + MAX_SPAN:
        raise JifenError(Code.INVALID_REQUEST, f"时间范围应大于0且不超过{MAX_SPAN.days}天", field="to")
    run = run_of(by, key, {})
    wish = Replay(run, endpoint_id, since, until, only_dead, by, now)
    standing = table.add_replay(wish)
    if (stamp(standing.since), stamp(standing.until), standing.only_dead) != (stamp(since), stamp(until), only_dead):
        raise JifenError(Code.KEY_REUSED)
    return standing


def queue_replay(
    replay: Replay,
    *,
    table: EndpointsTable,
    lanes: LanesTable,
    ring: Callable[[list[Lane]], None],
    has_time: Callable[[], bool],
    now: datetime,
) -> Replay:
    """Queue a replay's deliveries page by page while there is time; each page again adds nothing."""
    high = f"{stamp(min(replay.until, replay.at))}$"  # what is queued by it is listed behind that
    while not replay.is_done and has_time():
        low = replay.cursor or stamp(replay.since)
        found, cursor = lanes.between(replay.endpoint_id, low, high, PAGE)
        rung: dict[Lane, None] = {}
        queued = 0
        for delivery in found:
            if _is_meant(delivery, replay):
                again = _again(delivery, replay.id, now)
                queued += lanes.add(again)
                rung[again.lane] = None
        for lane in rung:
            lanes.ring(lane, now)
        ring(list(rung))
        replay = replay._replace(queued=replay.queued + queued, cursor=cursor, is_done=not cursor)
        table.put_replay(replay)
    return replay


def run_of(by: str, key: str, asked: dict[str, str]) -> str:
    """What names a replay, told by who asked and by which key."""
    return f"r{client_digest(by, json.dumps([key, asked]))[:RUN_CHARS]}"


def message(replay: Replay) -> str:
    """The queue's message that a replay waits to be queued."""
    return json.dumps({"endpoint": replay.endpoint_id, "replay": replay.id})


def _is_meant(delivery: Delivery, replay: Replay) -> bool:
    """Live deliveries only: replays of replays, and tests, would add up."""
    is_over = delivery.state is State.DEAD or (delivery.state is State.DELIVERED and not replay.only_dead)
    return is_over and not delivery.lane.run


def _again(delivery: Delivery, run: str, now: datetime) -> Delivery:
    return delivery._replace(
        lane=delivery.lane._replace(run=run),
        queued_at=now,
        state=State.WAITING,
        attempts=0,
        tried_at=None,
        response_status=0,
        fault="",
    )
