"""Entries of the journal become deliveries: one for each event and each endpoint that asks for its kind.

A delivery is put once, under a key told by its entry, and its lane is rung after it: a batch that comes again, whole
or in part, adds nothing. An entry that an endpoint does not ask for leaves a mark, so that a lane is without holes
and what the stream has not brought is found (see deliver.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from chalicelib.connect.webhooks.kinds import kinds_of
from chalicelib.connect.webhooks.lanes import LanesTable
from chalicelib.connect.webhooks.model import Delivery, Endpoint, Lane, State, event_id, place_of
from chalicelib.ledger.items import entry_of
from chalicelib.ledger.model import Entry
from chalicelib.ledger.table import LedgerTable
from chalicelib.runtime import log
from chalicelib.runtime.dynamo import decode_item

PAGE = 100


def tell(records: Sequence[Any], endpoints: Sequence[Endpoint], *, lanes: LanesTable, now: datetime) -> list[Lane]:
    """Put the deliveries of a batch of the journal's stream; the lanes in which something waits, each rung once."""
    rung: dict[Lane, None] = {}
    for entry in _entries(records):
        for endpoint in endpoints:
            if _add(entry, endpoint, lanes=lanes, now=now):
                rung[Lane(endpoint.id, entry.member_id)] = None
    for lane in rung:
        lanes.ring(lane, now)
    return list(rung)


def _entries(records: Sequence[Any]) -> Iterator[Entry]:
    for record in records:
        image = record["dynamodb"].get("NewImage")
        if image is None:
            continue
        try:
            yield entry_of(decode_item(image))
        except Exception as error:  # noqa: BLE001  # whatever it is, no retry would read it; the next entry asks for it
            log.defect("webhook_entry_unreadable", error)


def _add(entry: Entry, endpoint: Endpoint, *, lanes: LanesTable, now: datetime) -> bool:
    """Whether the entry has anything to tell the endpoint; what was booked before it was registered has not."""
    if entry.posted_at < endpoint.created_at:
        return False
    found = deliveries_of(entry, endpoint, now)
    for delivery in found:
        lanes.add(delivery)
    return any(delivery.state is State.WAITING for delivery in found)


def deliveries_of(entry: Entry, endpoint: Endpoint, now: datetime) -> list[Delivery]:
    """What an endpoint shall hear of an entry, or the mark that it is nothing."""
    lane = Lane(endpoint.id, entry.member_id)
    found = [
        Delivery(
            lane=lane,
            place=place_of(entry.sequence, part),
            event_id=event_id(entry.member_id, entry.key, kind),
            kind=kind,
            entry_key=entry.key,
            happened_at=entry.posted_at,
            queued_at=now,
        )
        for part, kind in enumerate(kinds_of(entry), start=1)
        if kind in endpoint.kinds
    ]
    if found:
        return found
    mark = Delivery(lane, place_of(entry.sequence, 0), "", "", entry.key, entry.posted_at, now, State.UNWANTED)
    return [mark]


def entries_before(delivery: Delivery, after: int, *, since: datetime, ledger: LedgerTable) -> Sequence[Entry]:
    """The entries of a member numbered between `after` and the delivery's that were booked at `since` or later.

    The journal is read newest first, only as far as the walk down the numbers needs; they have no holes, and what was
    booked earlier has the lower number.
    """
    member_id, found, before_key = delivery.lane.member_id, dict[int, Entry](), None
    wanted: list[Entry] = []
    number = delivery.sequence - 1
    while True:
        page = ledger.entries(member_id, before_key=before_key, limit=PAGE)
        found |= {entry.sequence: entry for entry in page}
        while number > after and number in found and found[number].posted_at >= since:
            wanted.append(found[number])
            number -= 1
        if number <= after or number in found or not page:
            return wanted[::-1]
        before_key = page[-1].key


def bell(lane: Lane) -> str:
    """The queue's message that something waits in a lane."""
    return json.dumps({"endpoint": lane.endpoint_id, "member": lane.member_id, "run": lane.run})
