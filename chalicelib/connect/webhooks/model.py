"""The nouns of outbound webhooks: endpoint, lane, delivery, attempt, replay. Pure.

    entry of the journal -> events (kinds.py) -> a delivery for each endpoint that wants the kind -> attempts

A lane (队列) is what one endpoint hears of one member, in the order in which it was booked. A replay and a test have
lanes of their own, so that what is live never waits for them.
"""

from __future__ import annotations

import hashlib
import re
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

MAX_ENDPOINTS = 20
RETRY_AFTER = tuple(
    timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 3_600, 5 * 3_600, 10 * 3_600, 10 * 3_600)
)
"""Pauses after the first, second, ... attempt that failed; after the last of them there is one attempt more."""
LIFE = timedelta(hours=27)
"""No attempt after this long since it was queued, but for the first: else what waits behind a failure adds up."""
PREVIOUS_SECRET_LIFE = timedelta(hours=24)
MAX_PREVIOUS = 3
ONLY_FAILURES = timedelta(days=5)
"""An endpoint that answered nothing well for so long is disabled."""
KEPT = timedelta(days=30)
"""How long a delivery can be seen and replayed."""
GONE = 410
"""What an endpoint answers when it wants to hear nothing more."""
PING = "webhook.ping"
NOBODY = "-"
"""The member of a lane that is about none."""
_DELIVERY_ID = re.compile(r"([A-Za-z0-9_-]{1,64})~([a-z0-9]{0,32})~(\d{12}\.\d)")


class EndpointState(StrEnum):
    """Whether an endpoint is told anything."""

    ENABLED = "enabled"
    DISABLED = "disabled"
    """Its deliveries are kept as dead letters, so that they can be replayed."""
    DELETED = "deleted"


class State(StrEnum):
    """How far a delivery is."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    DEAD = "dead"
    """Given up; kept for a replay."""
    UNWANTED = "unwanted"
    """No event at all: marks an entry that this endpoint does not ask for, so that none is missing in its lane."""


class Endpoint(NamedTuple):
    """Where events go. Secrets are shown in the answer that made them and nowhere else."""

    id: str
    url: str
    kinds: tuple[str, ...]
    description: str
    state: EndpointState
    version: int
    created_by: str
    created_at: datetime
    changed_by: str
    changed_at: datetime
    secret: str
    previous: tuple[tuple[str, datetime], ...] = ()
    """Secrets before it, each with the instant until which it still signs; newest first."""
    why_disabled: str = ""
    """`staff`, `failing` or `gone`."""
    failing_since: datetime | None = None
    """The first of the failures that no success has followed."""

    def secrets(self, now: datetime) -> tuple[str, ...]:
        """What signs at `now`, the newest first."""
        return (self.secret, *(secret for secret, until in self.previous if now < until))


class Change(NamedTuple):
    """A line of an endpoint's audit trail."""

    at: datetime
    by: str
    action: str


class Lane(NamedTuple):
    """One member's deliveries to one endpoint; `run` is empty for the live ones, else the replay or test."""

    endpoint_id: str
    member_id: str
    run: str = ""

    @property
    def pk(self) -> str:
        return f"LANE#{self.endpoint_id}#{self.member_id}#{self.run}"


class Lease(NamedTuple):
    """A lane as the one worker that may send from it sees it."""

    lane: Lane
    token: str
    rung: int
    """How often the lane was rung; a worker that missed a ring looks again."""
    done: str
    """The place up to which nothing waits any more; empty before the first."""


class Delivery(NamedTuple):
    """One event on its way to one endpoint. Its body is made from the entry anew, for it is never kept."""

    lane: Lane
    place: str
    """Number of the entry in its member's journal, and which of the entry's events: `000000000012.1`."""
    event_id: str
    kind: str
    entry_key: str
    happened_at: datetime
    """When the entry was booked."""
    queued_at: datetime
    state: State = State.WAITING
    attempts: int = 0
    tried_at: datetime | None = None
    response_status: int = 0
    fault: str = ""

    @property
    def id(self) -> str:
        return f"{self.lane.member_id}~{self.lane.run}~{self.place}"

    @property
    def sequence(self) -> int:
        return int(self.place[:12])


class Attempt(NamedTuple):
    """What came of one request: the response's status, or 0 and a fault."""

    status: int
    fault: str = ""

    @property
    def is_delivered(self) -> bool:
        return 200 <= self.status < 300


class Replay(NamedTuple):
    """A wish to send once more what was queued in a span; `cursor` is how far it has come."""

    id: str
    endpoint_id: str
    since: datetime
    until: datetime
    only_dead: bool
    by: str
    at: datetime
    queued: int = 0
    cursor: str = ""
    is_done: bool = False


def place_of(sequence: int, part: int) -> str:
    """The place of an entry's event in its lane; texts that sort by number."""
    return f"{sequence:012d}.{part}"


def event_id(member_id: str, entry_key: str, kind: str) -> str:
    """The id of an event, told by its entry and kind: the same for ever, for every endpoint, attempt and replay."""
    return "evt_" + hashlib.sha256("\n".join((member_id, entry_key, kind)).encode()).hexdigest()[:32]


def lane_and_place(endpoint_id: str, delivery_id: str) -> tuple[Lane, str] | None:
    """Where a delivery of this id lies; None when it is no such id."""
    found = _DELIVERY_ID.fullmatch(delivery_id)
    return (Lane(endpoint_id, found[1], found[2]), found[3]) if found else None


def after_attempt(delivery: Delivery, attempt: Attempt, now: datetime) -> tuple[Delivery, datetime | None]:
    """The delivery after an attempt, and when to try again; None when it is at its end, well or badly."""
    tried = delivery._replace(
        attempts=delivery.attempts + 1, tried_at=now, response_status=attempt.status, fault=attempt.fault
    )
    if attempt.is_delivered:
        return tried._replace(state=State.DELIVERED), None
    again_at = now + RETRY_AFTER[tried.attempts - 1] if tried.attempts <= len(RETRY_AFTER) else None
    if attempt.status == GONE or again_at is None or again_at > delivery.queued_at + LIFE:
        return tried._replace(state=State.DEAD), None
    return tried, again_at
