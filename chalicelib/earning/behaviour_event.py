"""One thing a member did, as its sender tells it, as it travels through the queue, and as rules judge it. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from chalicelib.ledger.model import digest, stamp
from chalicelib.programme.activity import Behaved

OWN_SOURCE = "mini_program"
"""The source of what members report themselves; no feed may speak in its name."""
ENGINE = "jifen"
"""The source of what Jifen itself observes; no feed may speak in its name either."""
REGISTER, LOGIN = "register", "login"
"""The indicators of what a log-in tells."""


class Event(NamedTuple):
    """One thing a member did, as its sender tells it."""

    source: str
    """Who tells it: a platform, or `mini_program` for the member's own reports."""
    event_id: str
    indicator: str
    member_id: str
    occurred_at: datetime
    received_at: datetime
    """When the edge first saw it: the posting's "now", never the wall clock."""
    quantity: int = 1
    fen: int = 0
    length: int = 0
    """Of its text, as a reader counts; the text itself is kept nowhere."""
    named_at: datetime | None = None
    """The instant its id stands for, where that is a whole day's and not one moment's."""
    order_key: str = ""
    """The order it goes back with: the reviewed one, a friend's first. Empty: it stands for itself."""

    @property
    def guard_key(self) -> str:
        """The event's one owner in the ledger."""
        return guard_key(self.source, self.event_id)

    @property
    def input_hash(self) -> str:
        """Of all its sender says; when it was received is ours, and the moment within a named day does not matter."""
        told = {**self._asdict(), "received_at": "", "named_at": "", "occurred_at": self.named_at or self.occurred_at}
        if not self.order_key:
            del told["order_key"]
        return digest(told)

    @property
    def is_registration(self) -> bool:
        """Whether this is how the ledger hears since when somebody is a member."""
        return self.source == ENGINE and self.indicator == REGISTER


def as_told_before(event: Event, known_input: str, member_ids: Iterable[str]) -> Event:
    """The event as it was told for one of a member's ids, where that is what is known of it; else as it is told now."""
    told = (event._replace(member_id=member_id) for member_id in member_ids)
    return next((one for one in told if one.input_hash == known_input), event)


def guard_key(source: str, event_id: str) -> str:
    """The guard of an event."""
    return f"E#{source}#{event_id}"


def behaved(event: Event, zone: str) -> Behaved:
    """The event as rules judge it."""
    local = event.occurred_at.astimezone(ZoneInfo(zone))
    return Behaved(
        indicator=event.indicator,
        on=local.date(),
        hour=local.hour,
        quantity=event.quantity,
        fen=event.fen,
        length=event.length,
        platform=event.source,
    )


def message_of(event: Event) -> str:
    """An event as it travels through the queue."""
    fields = event._asdict()
    fields |= {"occurred_at": stamp(event.occurred_at), "received_at": stamp(event.received_at)}
    del fields["named_at"]
    if not event.order_key:
        del fields["order_key"]
    return json.dumps(fields, separators=(",", ":"))


def event_of(message: str) -> Event:
    """The event a message holds."""
    fields = json.loads(message)
    instants = {name: datetime.fromisoformat(fields[name]) for name in ("occurred_at", "received_at")}
    return Event(**{**fields, **instants})
