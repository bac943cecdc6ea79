"""The deployed app on a stage whose behaviours queue is real (moto's), the programme of these tests published."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from chalicelib.members.signature import sign
from chalicelib.programme import table as programme_table
from chalicelib.programme.publish import publish
from chalicelib.runtime import dynamo
from chalicelib.runtime.settings import settings
from tests.earning.behaviours import SINCE, document
from tests.members.stage import ADMIN_KEY, FEED_SECRET, Answer, Stage, invoke, open_stage


@dataclass
class Http:
    """Calls of the deployed app."""

    stage: Stage
    queue_url: str

    def call(self, method: str, path: str, body: Any = None, *, token: str = "", **given: Any) -> Answer:
        from app import app

        raw = json.dumps(body, ensure_ascii=False).encode() if body is not None else None
        headers = {"Content-Type": "application/json"} if raw else {}
        headers |= {"Authorization": f"Bearer {token}"} if token else {}
        headers |= {name.replace("_", "-"): value for name, value in given.pop("headers", {}).items()}
        return invoke(app, method, path, headers=headers, body=raw, **given)

    def feed(self, *events: dict[str, Any]) -> list[dict[str, Any]]:
        """The feed's answers to signed events."""
        body = {"events": list(events)}
        raw = json.dumps(body, ensure_ascii=False).encode()
        timestamp, nonce = str(int(self.stage.now.timestamp())), secrets.token_hex(16)
        headers = {
            "X-Jifen-Timestamp": timestamp,
            "X-Jifen-Nonce": nonce,
            "X-Jifen-Signature": sign(FEED_SECRET, timestamp, nonce, raw),
        }
        answered: list[dict[str, Any]] = self.call("POST", "/v1/ingest/events", body, headers=headers).data["list"]
        return answered

    def log_in(self, name: str = "mei") -> tuple[str, str]:
        """(token, member id) of a member."""
        code = f"demo-{name}-{secrets.token_hex(4)}"
        data = self.call("POST", "/v1/sessions", {"code": code}).data
        return data["token"], data["member_id"]

    def staff(self, role: str, name: str = "") -> str:
        """A fresh staff key."""
        body = {"name": name or role, "roles": [role]}
        return str(self.call("POST", "/v1/staff/keys", body, token=ADMIN_KEY).data["key"])

    def messages(self) -> list[dict[str, str]]:
        """The feed's events that wait in the queue, taken out of it."""
        found: list[dict[str, str]] = []
        queue = dynamo.service("sqs")
        while True:
            page = queue.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10).get("Messages", [])
            if not page:
                return found
            for message in page:
                queue.delete_message(QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"])
                if "event_id" in message["Body"]:  # log-ins are told through the same queue
                    found.append({"messageId": message["MessageId"], "body": message["Body"]})

    def settle(self, messages: list[dict[str, str]] | None = None) -> list[Any]:
        """Run the worker over what waits (or these messages); the ids of those that must come again."""
        from chalicelib.earning.behaviour_events import settle_behaviours

        records = self.messages() if messages is None else messages
        answer = settle_behaviours({"Records": records}, None)
        return [one["itemIdentifier"] for one in answer["batchItemFailures"]]


@contextmanager
def open_http(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> Iterator[Http]:
    with open_stage(monkeypatch) as stage:
        queue_url = dynamo.service("sqs").create_queue(QueueName="behaviours")["QueueUrl"]
        monkeypatch.setenv("BEHAVIOURS_QUEUE_URL", queue_url)
        settings.cache_clear()
        rules = changes.pop("rules", [])
        publish(
            programme_table.open_programme(),
            version=1,
            document=document(*rules, **changes),
            effective_from=SINCE,
            published_by="s1",
            now=SINCE,
        )
        yield Http(stage, queue_url)
