"""Endpoints and deliveries as staff read them: no secrets but a new one, no bodies."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from chalicelib.connect.webhooks.model import NOBODY, Change, Delivery, Endpoint, Replay
from chalicelib.runtime.clock import in_zone

Answer = dict[str, Any]
API_ZONE = "Asia/Shanghai"


def endpoint_answer(endpoint: Endpoint, now: datetime) -> Answer:
    """An endpoint, without its secrets."""
    return {
        "id": endpoint.id,
        "url": endpoint.url,
        "kinds": list(endpoint.kinds),
        "description": endpoint.description,
        "state": endpoint.state.value,
        "why_disabled": endpoint.why_disabled or None,
        "failing_since": _shown(endpoint.failing_since),
        "secrets_in_use": len(endpoint.secrets(now)),
        "version": endpoint.version,
        "created_by": endpoint.created_by,
        "created_at": _shown(endpoint.created_at),
        "changed_by": endpoint.changed_by,
        "changed_at": _shown(endpoint.changed_at),
    }


def with_history(endpoint: Endpoint, history: Sequence[Change], now: datetime) -> Answer:
    """An endpoint with the newest lines of who did what."""
    lines = [{"at": _shown(one.at), "by": one.by, "action": one.action} for one in history]
    return {**endpoint_answer(endpoint, now), "history": lines}


def delivery_answer(delivery: Delivery) -> Answer:
    """A delivery: what came of it, not what it said."""
    member_id, run = delivery.lane.member_id, delivery.lane.run
    return {
        "id": delivery.id,
        "event_id": delivery.event_id,
        "kind": delivery.kind,
        "member_id": None if member_id == NOBODY else member_id,
        "state": delivery.state.value,
        "attempts": delivery.attempts,
        "response_status": delivery.response_status or None,
        "fault": delivery.fault or None,
        "happened_at": _shown(delivery.happened_at),
        "queued_at": _shown(delivery.queued_at),
        "last_attempt_at": _shown(delivery.tried_at),
        "replay": run if run.startswith("r") else None,
    }


def replay_answer(replay: Replay) -> Answer:
    """A replay of a span, and how many deliveries it has queued so far."""
    return {
        "replay": replay.id,
        "from": _shown(replay.since),
        "to": _shown(replay.until),
        "only_dead": replay.only_dead,
        "queued": replay.queued,
        "is_done": replay.is_done,
    }


def _shown(at: datetime | None) -> str | None:
    return in_zone(at, API_ZONE) if at else None
