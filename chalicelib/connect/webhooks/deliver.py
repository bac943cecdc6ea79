"""One lane's deliveries, in order, one at a time: the next only when the one before is delivered or given up.

A worker sends only while it holds the lane's lease. It renews it before each request and writes down what came of it
after each; who dies in between has his request sent again by the next one. Ids stay the same, so a receiver can tell.

Numbers of a member's entries have no holes. Where a live lane has one, the stream was late or has given something up:
the entries between are read from the journal itself before anything behind them is sent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from chalicelib.connect.webhooks import register
from chalicelib.connect.webhooks.kinds import event_body, ping_body
from chalicelib.connect.webhooks.lanes import LanesTable, LeaseLost
from chalicelib.connect.webhooks.model import (
    GONE,
    ONLY_FAILURES,
    PING,
    Attempt,
    Delivery,
    Endpoint,
    EndpointState,
    Lane,
    Lease,
    State,
    after_attempt,
)
from chalicelib.connect.webhooks.signing import signed_headers
from chalicelib.connect.webhooks.table import EndpointsTable
from chalicelib.connect.webhooks.tell import deliveries_of, entries_before
from chalicelib.ledger.model import stamp
from chalicelib.ledger.table import LedgerTable
from chalicelib.runtime import log

BATCH = 20
WORK = timedelta(seconds=25)
"""A worker begins no further request later than this, so that the last one still fits its function's time."""

Send = Callable[[str, bytes, dict[str, str]], Attempt]
"""(url, body, headers): one request, whatever comes of it."""


class End(StrEnum):
    """How a worker left its lane."""

    NOT_MINE = "not_mine"
    """Not due, or another worker has it."""
    EMPTY = "empty"
    LATER = "later"
    """An attempt failed and is made again at `due_at`."""
    AGAIN = "again"
    """There is more than one worker's time is enough for."""


@dataclass(frozen=True, slots=True)
class Sender:
    """What a worker needs: the tables, the journal, the world and the clock."""

    endpoints: EndpointsTable
    lanes: LanesTable
    ledger: LedgerTable
    send: Send
    clock: Callable[[], datetime]


def deliver(lane: Lane, token: str, sender: Sender) -> tuple[End, datetime | None]:
    """Send what waits in a lane; how that ended and, for LATER and AGAIN, when to ring it.

    `token` is new for each call.
    """
    began_at = sender.clock()
    lease = sender.lanes.take(lane, token, began_at)
    if lease is None:
        return End.NOT_MINE, None
    try:
        return _Worker(sender, sender.endpoints.endpoint(lane.endpoint_id), lease, began_at + WORK).run()
    except LeaseLost:
        return End.NOT_MINE, None


@dataclass(slots=True)
class _Worker:
    """How far one worker is with its lane."""

    sender: Sender
    endpoint: Endpoint
    lease: Lease
    stop_at: datetime

    def run(self) -> tuple[End, datetime | None]:
        lanes = self.sender.lanes
        while True:
            waiting = lanes.after(self.lease.lane, self.lease.done, BATCH)
            if not waiting:
                if lanes.rest(self.lease):
                    return End.EMPTY, None
                self._keep()
                continue
            for delivery in waiting:
                if self._fill(delivery):
                    break  # there is something before it now
                due_at = self._settle(delivery)
                if due_at:
                    lanes.postpone(self.lease, due_at)
                    return (End.AGAIN if due_at <= self.sender.clock() else End.LATER), due_at

    def _keep(self) -> None:
        self.lease = self.sender.lanes.keep(self.lease, self.sender.clock())

    def _settle(self, delivery: Delivery) -> datetime | None:
        """Bring one delivery to its end; else the instant at which to go on with it."""
        if delivery.state is State.WAITING:
            now = self.sender.clock()
            if now > self.stop_at:
                return now
            self._keep()
            due_at = self._try(delivery)
            if due_at:
                return due_at
        self.lease = self.lease._replace(done=delivery.place)
        return None

    def _try(self, delivery: Delivery) -> datetime | None:
        is_test = delivery.kind == PING
        is_told = self.endpoint.state is EndpointState.ENABLED or (
            is_test and self.endpoint.state is EndpointState.DISABLED
        )
        if not is_told:
            self._put(delivery._replace(state=State.DEAD, fault=self.endpoint.state.value))
            return None
        body = self._body(delivery)
        if body is None:
            self._put(delivery._replace(state=State.DEAD, fault="unreadable"))
            return None
        headers = signed_headers(
            delivery.event_id, body, self.endpoint.secrets(self.sender.clock()), self.sender.clock()
        )
        attempt = self.sender.send(self.endpoint.url, body, headers)
        now = self.sender.clock()
        tried, due_at = after_attempt(delivery, attempt, now)
        self._keep()  # who lost the lane meanwhile must not write over what the next worker wrote
        self._put(tried)
        self._weigh(attempt, now)
        return due_at

    def _put(self, delivery: Delivery) -> None:
        self.sender.lanes.put(delivery)
        if delivery.state is State.DEAD and self.endpoint.state is EndpointState.ENABLED:
            log.outcome(
                "webhook_dead_letter",
                endpoint=self.endpoint.id,
                kind=delivery.kind,
                attempts=delivery.attempts,
                status=delivery.response_status,
                fault=delivery.fault or None,
            )

    def _body(self, delivery: Delivery) -> bytes | None:
        """What is sent; None when there is no such entry any more."""
        if delivery.kind == PING:
            return ping_body(delivery.event_id, PING, stamp(delivery.queued_at), self.endpoint.id)
        entry = self.sender.ledger.entry(delivery.lane.member_id, delivery.entry_key)
        return event_body(entry, delivery.kind) if entry else None

    def _weigh(self, attempt: Attempt, now: datetime) -> None:
        """What an attempt says of its endpoint: a run of failures begins, ends, or has lasted too long."""
        endpoints, endpoint = self.sender.endpoints, self.endpoint
        since = endpoint.failing_since
        if attempt.is_delivered:
            if since:
                endpoints.note_failing(endpoint.id, None)
                self.endpoint = endpoint._replace(failing_since=None)
            return
        if since is None:
            endpoints.note_failing(endpoint.id, now)
            self.endpoint = endpoint._replace(failing_since=now)
        why = "gone" if attempt.status == GONE else "failing" if since and now - since >= ONLY_FAILURES else ""
        if why and endpoint.state is EndpointState.ENABLED:
            self.endpoint = register.disable(endpoints, self.endpoint, why, now)
            log.outcome("webhook_endpoint_disabled", endpoint=endpoint.id, why=why)

    def _fill(self, delivery: Delivery) -> bool:
        """Add what the journal has between the last place that is done and this one; whether there was anything."""
        lane, done = self.lease.lane, self.lease.done
        after = int(done[:12]) if done else 0
        if lane.run or delivery.sequence <= after + 1:
            return False
        missing = entries_before(delivery, after, since=self.endpoint.created_at, ledger=self.sender.ledger)
        now = self.sender.clock()
        added = [self.sender.lanes.add(one) for entry in missing for one in deliveries_of(entry, self.endpoint, now)]
        if any(added):
            log.outcome("webhook_lane_filled", endpoint=lane.endpoint_id, entries=len(missing))
        return any(added)
