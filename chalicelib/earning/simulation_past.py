"""The stage's past for a simulation: the journal read once, segment by segment, with the orders and refusals beside it.

Nothing but the journal lists every member who did anything, and each member's whole history says how caps, streaks and
"first time" stood as the window began; so a batch scans it, and a request never may. A member's entries are all in one
of the scan's 100 segments, in one piece. So a sample of n percent is the first n of them: the same members in each run,
and only n percent are read. What is held at a time is one member's journal and a hundred members' windows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from chalicelib.earning.order import Order
from chalicelib.earning.refusals import NotPaid, RefusalsTable
from chalicelib.earning.simulation_history import Answered, Begun, begun, history
from chalicelib.earning.table import OrdersTable
from chalicelib.ledger.items import entry_of
from chalicelib.ledger.model import Entry, stamp, start_of
from chalicelib.programme.activity import CHECK_IN, ORDER
from chalicelib.programme.model import Terms
from chalicelib.programme.past import MemberHistory, Window
from chalicelib.runtime import log
from chalicelib.runtime.dynamo import MAX_BATCH_GET, Client, decode_item

SEGMENTS = 100
"""One a percent."""


class Stopped(Exception):
    """The run cannot go on, and trying again would not help; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Past:
    """Where the past is read."""

    dynamo: Client
    journal: str
    orders: OrdersTable
    refusals: RefusalsTable
    now: datetime

    def members(
        self,
        draft: Terms,
        window: Window,
        *,
        sample_percent: int,
        answered: Answered,
        on_segment: Callable[[int], None],
        has_time: Callable[[], bool],
        most_events: int | None,
    ) -> Iterator[MemberHistory]:
        """Everybody of the sample who did anything in the window; `on_segment` hears how many are read.

        Raises Stopped when `has_time` says no, or beyond `most_events` events in all (None: any number).
        """
        since, until = _instants(window, draft.zone)
        needs_refusals = any(one not in (CHECK_IN, ORDER) for one in draft.answers)
        seen_events = 0
        for segment in range(sample_percent):
            for batch in _batches(self._begun(segment, since, until, has_time)):
                orders = self._orders(batch)
                for one in batch:
                    refused = self._refused(one.member_id, since, until) if needs_refusals and one.is_whole else []
                    member = history(one, orders=orders, refused=refused, draft=draft, window=window, answered=answered)
                    seen_events += len(member.events)
                    if most_events is not None and seen_events > most_events:
                        raise Stopped("too_much")
                    yield member
                if not has_time():
                    raise Stopped("out_of_time")
            on_segment(segment + 1)

    def _begun(self, segment: int, since: datetime, until: datetime, has_time: Callable[[], bool]) -> Iterator[Begun]:
        items = (item for page in self._pages(segment, has_time) for item in page)
        for pk, some in groupby(items, key=lambda item: str(item["pk"]["S"])):
            one = begun(pk.removeprefix("M#"), _entries(some), since, until)
            if one.entries:
                yield one

    def _pages(self, segment: int, has_time: Callable[[], bool]) -> Iterator[list[Mapping[str, Any]]]:
        request: dict[str, Any] = {"TableName": self.journal, "Segment": segment, "TotalSegments": SEGMENTS}
        while True:
            page = self.dynamo.scan(**request)
            yield page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            if not has_time():
                raise Stopped("out_of_time")
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def _orders(self, batch: list[Begun]) -> dict[str, Order]:
        keys = list(dict.fromkeys(key for one in batch for key in one.order_keys))
        return {order.key: order for order in self.orders.orders(keys)}

    def _refused(self, member_id: str, since: datetime, until: datetime) -> list[NotPaid]:
        """What the member was refused in the window, as far as it is still kept (half a year)."""
        found: list[NotPaid] = []
        key = stamp(until)
        while True:
            page = self.refusals.page(member_id, before_key=key, limit=MAX_BATCH_GET, now=self.now)
            found += [line for _, line in page if line.at >= since]
            if len(page) < MAX_BATCH_GET or page[-1][1].at < since:
                return found
            key = page[-1][0]


def _instants(window: Window, zone: str) -> tuple[datetime, datetime]:
    """The window's first instant, and the first one after it."""
    return start_of(window.from_on, zone), start_of(window.to_on + timedelta(days=1), zone)


def _entries(items: Iterator[Mapping[str, Any]]) -> Iterator[Entry]:
    """The entries that can be read; of another one the number is missing: its member is not judged on a part."""
    for item in items:
        try:
            yield entry_of(decode_item(item))
        except (KeyError, TypeError, ValueError) as error:
            log.defect("journal_unreadable", error, entry=str(item.get("sk", {}).get("S", "")))


def _batches(members: Iterator[Begun]) -> Iterator[list[Begun]]:
    """Members whose orders fit one call, or nearly."""
    batch: list[Begun] = []
    orders = 0
    for one in members:
        batch.append(one)
        orders += len(one.order_keys)
        if len(batch) >= MAX_BATCH_GET or orders >= MAX_BATCH_GET:
            yield batch
            batch, orders = [], 0
    if batch:
        yield batch
