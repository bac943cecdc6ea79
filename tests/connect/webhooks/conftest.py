"""A stage with one endpoint or more, the journal's stream, and the queue that rings lanes; time stands still."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from chalicelib.connect.webhooks import events, register
from chalicelib.connect.webhooks.deliver import End, Sender, deliver
from chalicelib.connect.webhooks.kinds import EVENT_KINDS
from chalicelib.connect.webhooks.lanes import LanesTable, open_lanes
from chalicelib.connect.webhooks.model import Attempt, Delivery, Endpoint, Lane
from chalicelib.connect.webhooks.signing import secret_of
from chalicelib.connect.webhooks.table import EndpointsTable, open_endpoints
from chalicelib.ledger.apply import apply
from chalicelib.ledger.commands import Command
from chalicelib.ledger.model import Entry
from chalicelib.ledger.table import LedgerTable
from chalicelib.runtime import dynamo
from chalicelib.runtime.settings import settings
from local.nights import scheduled_event
from tests.earning.stream import stream_records
from tests.ledger.builders import NOW, TERMS, a_cause, an_earn
from tests.members.stage import Stage, open_stage

CONTEXT = SimpleNamespace(get_remaining_time_in_millis=lambda: 60_000)
URL = "https://hooks.example.com/in"
Said = tuple[str, bytes, dict[str, str]]


@dataclass
class Hooks:
    """What tests of webhooks do; `sent` is what left the house, `answers` what came back, 204 when there is none."""

    stage: Stage
    ledger: LedgerTable
    sent: list[Said] = field(default_factory=list)
    answers: list[int | Callable[[], int]] = field(default_factory=list)
    posted: int = 0

    @property
    def endpoints(self) -> EndpointsTable:
        return open_endpoints()

    @property
    def lanes(self) -> LanesTable:
        return open_lanes()

    def register(self, *kinds: str, number: int = 1, url: str = URL) -> Endpoint:
        return register.register(
            self.endpoints,
            register.Wanted(url, kinds or EVENT_KINDS, ""),
            endpoint_id=f"w{number:024x}",
            secret=secret_of(bytes([number]) * 32),
            key=f"key-{number}",
            by="staff-1",
            is_local=True,
            now=self.stage.now,
        ).endpoint

    def post(self, *commands: Command, member_id: str = "m1") -> tuple[Entry, ...]:
        now = self.stage.now
        return self.ledger.post(member_id, lambda seen: apply(seen.account, list(commands), TERMS, now)).entries

    def earn(self, points: int = 10, member_id: str = "m1") -> Entry:
        self.posted += 1
        cause = a_cause(id=f"tmall#{self.posted}", at=NOW + timedelta(seconds=self.posted))
        (entry,) = self.post(an_earn(points, date(2027, 11, 30), cause=cause), member_id=member_id)
        return entry

    def records(self) -> list[dict[str, Any]]:
        return stream_records(self.stage.cloud, settings().journal_table)

    def tell(self, records: list[Any] | None = None) -> None:
        """Let the deployed handler eat the stream."""
        given = self.records() if records is None else records
        assert events.tell_webhooks({"Records": given}, CONTEXT) == {"batchItemFailures": []}

    def send(self, url: str, body: bytes, headers: dict[str, str]) -> Attempt:
        self.sent.append((url, body, headers))
        answer = self.answers.pop(0) if self.answers else 204
        return Attempt(answer() if callable(answer) else answer)

    def sender(self, **given: Any) -> Sender:
        values = {"endpoints": self.endpoints, "lanes": self.lanes, "ledger": self.ledger, "send": self.send}
        return Sender(**{**values, "clock": lambda: self.stage.now, **given})

    def work(self, lane: Lane, worker: str = "a", **given: Any) -> End:
        return deliver(lane, worker, self.sender(**given))[0]

    def bells(self) -> list[str]:
        """What the queue hands out now."""
        found: list[str] = []
        sqs, url = dynamo.service("sqs"), settings().webhooks_queue_url
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            found += [one["Body"] for one in messages]
            for one in messages:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
        return found

    def drain(self) -> None:
        """Let the deployed worker answer bells until none rings."""
        while bodies := self.bells():
            for body in bodies:
                done = events.deliver_webhooks({"Records": [{"messageId": "1", "body": body}]}, CONTEXT)
                assert done == {"batchItemFailures": []}

    def sweep(self) -> None:
        events.sweep_webhooks(scheduled_event(self.stage.now), CONTEXT)

    def deliveries(self, endpoint: Endpoint) -> list[Delivery]:
        """All of them, the oldest first."""
        return self.lanes.newest(endpoint.id, "", 99)[0][::-1]

    def ids(self) -> list[str]:
        """Events as they left the house."""
        return [headers["webhook-id"] for _, _, headers in self.sent]


@pytest.fixture
def hooks(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hooks]:
    monkeypatch.setenv("AWS_ACCOUNT_ID_ENDPOINT_MODE", "disabled")
    with open_stage(monkeypatch) as stage:
        stage.now = NOW
        tables = (settings().ledger_table, settings().journal_table)
        found = Hooks(stage, LedgerTable(stage.cloud, *tables, 8, pause=stage.pauses.append))
        monkeypatch.setattr(events, "utc_now", lambda: stage.now)
        monkeypatch.setattr(events, "send", lambda url, body, headers, **_given: found.send(url, body, headers))
        yield found
