"""The steps of a replay against a stage of its own: its terms, its members, a day's orders, a night.

Each step may be repeated: what was done before is found done. Points are written by the stage's own functions alone.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from chalicelib.earning.order import Paid, order_key
from chalicelib.earning.order_feed import MAX_RECORDS
from chalicelib.earning.record_orders import Received, Result, record_orders
from chalicelib.earning.settle_order import guard_key
from chalicelib.earning.table import open_orders
from chalicelib.ledger.table import LedgerTable, open_ledger
from chalicelib.members.buyers import find_members
from chalicelib.members.model import Identity
from chalicelib.members.register import register
from chalicelib.members.table import open_members
from chalicelib.members.tokens import new_member_id
from chalicelib.programme.publish import publish
from chalicelib.programme.table import open_programme
from chalicelib.runtime.clock import utc_now
from chalicelib.runtime.dynamo import MAX_BATCH_GET
from local.nights import scheduled_event
from local.places import ROOT
from local.stack import FunctionFailed, Stack
from local.template import function_output

ZONE = "Asia/Shanghai"
TERMS_FILE = ROOT / "local" / "programmes" / "cdnow.json"
BEGINS_AT = datetime(1996, 12, 31, tzinfo=ZoneInfo(ZONE)).astimezone(UTC)
NIGHT = timedelta(minutes=5)
WORKERS = 8
FIRST_POLL_SECONDS = 0.01
LAST_POLL_SECONDS = 0.2
"""Pauses grow with the time waited, a tenth of it: a question costs the cloud about what an order costs."""
STALL_SECONDS = 15
"""Without a credit for so long, the stream has lost its records (a restart does that): a reconciliation finds them."""
MOST_SECONDS = 900


class Steps:
    """Used within `in_process.adopted(stack)`."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._functions = stack.target.client("lambda", read_seconds=910)
        self._queue_url = stack.setting("EXPIRY_QUEUE_URL")
        self._queues = stack.client("sqs")
        self._shards = int(stack.setting("DUE_SHARDS"))

    def publish_terms(self) -> None:
        """The replay's own terms, in force before its first day. Raises VERSION_TAKEN when the stage has others."""
        document = json.loads(TERMS_FILE.read_text())
        publish(
            open_programme(),
            version=1,
            document=document,
            effective_from=BEGINS_AT,
            published_by="replay",
            now=utc_now(),
        )

    def register_buyers(self, orders: Sequence[Paid]) -> Iterator[int]:
        """Make every buyer a member; yields how many are done. The members' ids: `member_ids`."""
        buyers = list(dict.fromkeys(Identity(paid.platform, paid.buyer_id) for paid in orders))
        table = open_members()
        with ThreadPoolExecutor(WORKERS) as pool:
            for start in range(0, len(buyers), MAX_BATCH_GET):
                page = buyers[start : start + MAX_BATCH_GET]
                known = find_members(page)
                new = [buyer for buyer in page if buyer not in known]
                list(pool.map(lambda buyer: register(table, buyer, new_member_id(), BEGINS_AT), new))
                yield start + len(page)

    def record(self, orders: Sequence[Paid]) -> None:
        """Orders come in on the feed's own path, each received at its own date; all must be taken."""
        received = [Received(paid, paid.paid_at) for paid in orders]
        for start in range(0, len(received), MAX_RECORDS):
            chunk = received[start : start + MAX_RECORDS]
            answers = record_orders(chunk, orders=open_orders(), find_members=find_members, zone=ZONE)
            for one, answer in zip(chunk, answers, strict=True):
                if answer.result not in (Result.ACCEPTED, Result.DUPLICATE):
                    raise RuntimeError(f"order {one.fact.order_no} is {answer.result}: {answer.error}")

    def await_credit(self, orders: Sequence[Paid]) -> None:
        """Wait until the stream has credited every one of these orders. Raises TimeoutError."""
        ledger = open_ledger()
        left = credit_keys(orders)
        waited = Waited(f"the orders up to {left[-1]} to be credited" if left else "nothing")
        stalled = Waited("")
        while left:
            # The stream keeps its order: until the last one is credited the others need no asking.
            if ledger.guards(left[-1:]) and (still := _uncredited(ledger, left)) != left:
                left, stalled = still, Waited("")
                continue
            waited.pause()
            if stalled.seconds() > STALL_SECONDS:
                self._invoke("reconcile_orders", scheduled_event(orders[-1].paid_at.astimezone(UTC)))
                left, stalled = _uncredited(ledger, left), Waited("")

    def pass_night(self, on: date) -> None:
        """The night that begins the business date `on`, 00:05 there, until nothing is due. Raises TimeoutError."""
        at = datetime.combine(on, datetime.min.time(), ZoneInfo(ZONE)).astimezone(UTC) + NIGHT
        self._invoke("start_expiry", scheduled_event(at))
        waited = Waited(f"the night of {on} to be done")
        while self._queued() or self._somebody_is_due(on):
            waited.pause()

    def _queued(self) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        counts = self._queues.get_queue_attributes(QueueUrl=self._queue_url, AttributeNames=names)["Attributes"]
        return sum(int(counts[name]) for name in names)

    def _somebody_is_due(self, on: date) -> bool:
        if on.day > 1:
            # The terms let points end with a month only, and the question makes the embedded cloud walk all accounts.
            return False
        return any(any(open_ledger().due(shard, on)) for shard in range(self._shards))

    def _invoke(self, function: str, event: dict[str, Any]) -> None:
        name = self._stack.outputs[function_output(function)]
        answer = self._functions.invoke(FunctionName=name, Payload=json.dumps(event).encode())
        if answer.get("FunctionError"):
            raise FunctionFailed(f"{function}: {answer['Payload'].read().decode()[:500]}")


class Waited:
    """One wait: pauses between questions, and an end to them."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._began = time.monotonic()

    def seconds(self) -> float:
        return time.monotonic() - self._began

    def pause(self) -> None:
        """Raises TimeoutError when it has lasted too long."""
        if self.seconds() > MOST_SECONDS:
            raise TimeoutError(f"waited {MOST_SECONDS} s for {self._what}")
        time.sleep(min(LAST_POLL_SECONDS, max(FIRST_POLL_SECONDS, self.seconds() / 10)))


def credit_keys(orders: Sequence[Paid]) -> list[str]:
    """The ledger's guards of these orders: each stands as soon as its order is credited."""
    return [guard_key(order_key(paid.platform, paid.order_no)) for paid in orders]


def all_credited(orders: Sequence[Paid]) -> bool:
    """Whether the stage has credited all of these orders already."""
    return not _uncredited(open_ledger(), credit_keys(orders))


def _uncredited(ledger: LedgerTable, keys: Sequence[str]) -> list[str]:
    left: list[str] = []
    for start in range(0, len(keys), MAX_BATCH_GET):
        page = keys[start : start + MAX_BATCH_GET]
        standing = ledger.guards(page)
        left += [key for key in page if key not in standing]
    return left
