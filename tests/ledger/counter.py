"""The deployed app as staff and members call it, on a stage with a real queue (moto's) for imports."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from chalicelib.ledger.apply import apply
from chalicelib.ledger.buckets import PointsClass, bucket_key
from chalicelib.ledger.commands import Earn
from chalicelib.ledger.events import post_adjustments
from chalicelib.ledger.model import Cause, Kind
from chalicelib.ledger.table import LedgerTable, open_ledger
from chalicelib.programme import table as programme_table
from chalicelib.programme.publish import publish
from chalicelib.programme.table import terms_at
from chalicelib.runtime import dynamo
from chalicelib.runtime.settings import settings
from tests.members.stage import ADMIN_KEY, Answer, Stage, invoke, open_stage
from tests.programme.builders import demo_document

SINCE = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Counter:
    """Calls of the deployed app by role; each role has one key unless another name is given."""

    stage: Stage
    queue_url: str
    keys: dict[str, str] = field(default_factory=dict)
    names: Iterator[str] = field(default_factory=lambda: iter(("mei", "lan", "yun")))

    def staff(self, role: str, name: str = "") -> str:
        """The staff key of a role."""
        name = name or role
        if name not in self.keys:
            body = {"name": name, "roles": [role]}
            self.keys[name] = self.call("POST", "/v1/staff/keys", body, token=ADMIN_KEY).data["key"]
        return self.keys[name]

    def log_in(self) -> tuple[str, str]:
        """(token, member id) of a new member."""
        name = next(self.names)
        data = self.call("POST", "/v1/sessions", {"code": f"demo-{name}-{secrets.token_hex(4)}"}).data
        return data["token"], data["member_id"]

    def give(self, member_id: str, points: int) -> None:
        """Points from an order, good for a year."""
        give_points(open_ledger(), member_id, points, self.stage.now)

    def call(self, method: str, path: str, body: Any = None, *, token: str = "", key: str = "", **given: Any) -> Answer:
        """One call; `{...}` in the path is filled from `given`, `query` is one."""
        from app import app

        raw = json.dumps(body, ensure_ascii=False).encode() if body is not None else None
        headers = {"Content-Type": "application/json"} if raw else {}
        headers |= {"Authorization": f"Bearer {token}"} if token else {}
        headers |= {"Idempotency-Key": key} if key else {}
        query = {name: [value] for name, value in given.pop("query", {}).items()}
        return invoke(app, method, path, headers=headers, body=raw, query=query, path_parameters=given)

    def work(self) -> list[dict[str, Any]]:
        """Everything queued, handled by the deployed worker."""
        queue, answers = dynamo.service("sqs"), []
        while messages := queue.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                record = {"messageId": message["MessageId"], "body": message["Body"]}
                context = SimpleNamespace(get_remaining_time_in_millis=lambda: 60_000)
                answer = post_adjustments({"Records": [record]}, context)
                answers.append(answer)
                if not answer["batchItemFailures"]:
                    queue.delete_message(QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"])
        return answers


def give_points(ledger: LedgerTable, member_id: str, points: int, now: datetime) -> None:
    """Points from an order, good for a year."""
    cause = Cause(Kind.EARN, "order", f"tmall#{secrets.token_hex(4)}", now, now, "tmall", "order_feed")
    bucket = bucket_key(datetime(2027, 3, 31, tzinfo=UTC).date(), PointsClass.CONSUMPTION)
    command = Earn(cause, points, bucket, "order", 1)
    ledger.post(member_id, lambda seen: apply(seen.account, [command], terms_at(now).ledger, now))


@contextmanager
def opened(monkeypatch: pytest.MonkeyPatch, **programme: Any) -> Iterator[Counter]:
    """A stage with the demo programme published, some of its fields changed."""
    with open_stage(monkeypatch) as stage:
        queue_url = dynamo.service("sqs").create_queue(QueueName="adjustments")["QueueUrl"]
        monkeypatch.setenv("ADJUSTMENTS_QUEUE_URL", queue_url)
        settings.cache_clear()
        publish(
            programme_table.open_programme(),
            version=1,
            document={**demo_document(), **programme},
            effective_from=SINCE,
            published_by="s1",
            now=SINCE,
        )
        yield Counter(stage, queue_url)
