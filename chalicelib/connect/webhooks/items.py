"""Endpoints, lanes, deliveries and replays as items of the webhooks table, both ways.

ENDPOINTS                        <endpoint>            endpoint, with its secrets
AUDIT#<endpoint>                 <instant>#<version>   who changed it
KEY#<sha256>                     ENDPOINT              the endpoint that a client's key made
LANE#<endpoint>#<member>#<run>   LANE                  lane; in index `due` while anything waits
LANE#<endpoint>#<member>#<run>   D#<place>             delivery; in index `listed` under its endpoint
REPLAYS#<endpoint>               <replay>              replay
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zlib import crc32

from chalicelib.connect.webhooks.model import (
    KEPT,
    Change,
    Delivery,
    Endpoint,
    EndpointState,
    Lane,
    Replay,
    State,
)
from chalicelib.ledger.model import stamp

Item = dict[str, Any]

DUE_SHARDS = 8


def endpoint_key(endpoint_id: str) -> Item:
    """Where an endpoint lies."""
    return {"pk": "ENDPOINTS", "sk": endpoint_id}


def endpoint_item(endpoint: Endpoint) -> Item:
    """The endpoint as stored."""
    item: Item = {
        **endpoint_key(endpoint.id),
        "url": endpoint.url,
        "kinds": list(endpoint.kinds),
        "description": endpoint.description,
        "state": endpoint.state.value,
        "version": endpoint.version,
        "created_by": endpoint.created_by,
        "created_at": stamp(endpoint.created_at),
        "changed_by": endpoint.changed_by,
        "changed_at": stamp(endpoint.changed_at),
        "secret": endpoint.secret,
        "previous": [[secret, stamp(until)] for secret, until in endpoint.previous],
        "why_disabled": endpoint.why_disabled,
    }
    if endpoint.failing_since:
        item["failing_since"] = stamp(endpoint.failing_since)
    return item


def endpoint_of(item: Item) -> Endpoint:
    """The endpoint a stored item holds."""
    return Endpoint(
        id=item["sk"],
        url=item["url"],
        kinds=tuple(item["kinds"]),
        description=item["description"],
        state=EndpointState(item["state"]),
        version=item["version"],
        created_by=item["created_by"],
        created_at=_instant(item["created_at"]),
        changed_by=item["changed_by"],
        changed_at=_instant(item["changed_at"]),
        secret=item["secret"],
        previous=tuple((secret, _instant(until)) for secret, until in item["previous"]),
        why_disabled=item["why_disabled"],
        failing_since=_instant(item["failing_since"]) if "failing_since" in item else None,
    )


def change_item(endpoint: Endpoint, action: str) -> Item:
    """The line of an endpoint's audit trail for the change that made this version of it."""
    return {
        "pk": f"AUDIT#{endpoint.id}",
        "sk": f"{stamp(endpoint.changed_at)}#{endpoint.version:06d}",
        "by": endpoint.changed_by,
        "action": action,
    }


def change_of(item: Item) -> Change:
    """The line a stored item holds."""
    return Change(_instant(item["sk"][:24]), item["by"], item["action"])


def lane_key(lane: Lane) -> Item:
    """Where a lane lies."""
    return {"pk": lane.pk, "sk": "LANE"}


def lane_of(pk: str) -> Lane:
    """The lane of a partition key."""
    _, endpoint_id, member_id, run = pk.split("#")
    return Lane(endpoint_id, member_id, run)


def due_shard(lane: Lane) -> str:
    """The partition of the index `due` that lists a lane."""
    return str(crc32(lane.pk.encode()) % DUE_SHARDS)


def delivery_key(lane: Lane, place: str) -> Item:
    """Where a delivery lies."""
    return {"pk": lane.pk, "sk": f"D#{place}"}


def delivery_item(delivery: Delivery) -> Item:
    """The delivery as stored. Live ones are listed by when it happened, replays and tests by when asked for."""
    item: Item = {
        **delivery_key(delivery.lane, delivery.place),
        "state": delivery.state.value,
        "expires_epoch_s": int((delivery.queued_at + KEPT).timestamp()),
    }
    if delivery.state is State.UNWANTED:
        return item
    listed_at = delivery.queued_at if delivery.lane.run else delivery.happened_at
    return item | {
        "event_id": delivery.event_id,
        "kind": delivery.kind,
        "entry_key": delivery.entry_key,
        "happened_at": stamp(delivery.happened_at),
        "queued_at": stamp(delivery.queued_at),
        "attempts": delivery.attempts,
        "tried_at": stamp(delivery.tried_at) if delivery.tried_at else "",
        "response_status": delivery.response_status,
        "fault": delivery.fault,
        "listed_of": delivery.lane.endpoint_id,
        "listed_key": f"{stamp(listed_at)}#{delivery.id}",
    }


def delivery_of(item: Item) -> Delivery:
    """The delivery a stored item holds."""
    lane, place = lane_of(item["pk"]), item["sk"][2:]
    if item["state"] == State.UNWANTED:
        never = datetime.fromtimestamp(0, UTC)
        return Delivery(lane, place, "", "", "", never, never, State.UNWANTED)
    return Delivery(
        lane=lane,
        place=place,
        event_id=item["event_id"],
        kind=item["kind"],
        entry_key=item["entry_key"],
        happened_at=_instant(item["happened_at"]),
        queued_at=_instant(item["queued_at"]),
        state=State(item["state"]),
        attempts=item["attempts"],
        tried_at=_instant(item["tried_at"]) if item["tried_at"] else None,
        response_status=item["response_status"],
        fault=item["fault"],
    )


def replay_key(endpoint_id: str, replay_id: str) -> Item:
    """Where a replay lies."""
    return {"pk": f"REPLAYS#{endpoint_id}", "sk": replay_id}


def replay_item(replay: Replay) -> Item:
    """The replay as stored."""
    return {
        **replay_key(replay.endpoint_id, replay.id),
        "since": stamp(replay.since),
        "until": stamp(replay.until),
        "only_dead": replay.only_dead,
        "by": replay.by,
        "at": stamp(replay.at),
        "queued": replay.queued,
        "cursor": replay.cursor,
        "is_done": replay.is_done,
    }


def replay_of(item: Item) -> Replay:
    """The replay a stored item holds."""
    return Replay(
        id=item["sk"],
        endpoint_id=item["pk"].partition("#")[2],
        since=_instant(item["since"]),
        until=_instant(item["until"]),
        only_dead=item["only_dead"],
        by=item["by"],
        at=_instant(item["at"]),
        queued=item["queued"],
        cursor=item["cursor"],
        is_done=item["is_done"],
    )


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
