"""One stage under moto for the tests of members and the HTTP edge: tables as deployed, two secrets, a fixed clock."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from moto import mock_aws

from chalicelib.members.table import MembersTable
from chalicelib.programme import table as programme_table
from chalicelib.runtime import clock, dynamo, secret_values
from chalicelib.runtime.settings import settings
from chalicelib.spending.lottery import table as lottery_table
from chalicelib.spending.mall import table as mall_table
from chalicelib.spending.offers import table as offers_table
from tests.moto_cloud import REGION, moto_queues, moto_secrets, moto_tables
from tests.tables import QUEUES

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
ADMIN_KEY = "the-demo-admin-key-0123456789abcdef"
PHONE_KEY = "the-demo-phone-key-0123456789abcdef"
FEED_SECRET = "the-demo-feed-secret-0123456789abcdef"
SECRETS = {
    "admin-key": ADMIN_KEY,
    "order-feed": FEED_SECRET,
    "connect": '{"nothing": "is connected"}',
    "phone-key": PHONE_KEY,
    "quote-key": "quotes-are-signed-with-this",
}


@dataclass
class Stage:
    """The embedded stage a test talks to; `now` is what the edge's clock answers."""

    cloud: Any
    table: MembersTable
    now: datetime
    pauses: list[float]
    """How long the table would have waited between attempts, in seconds."""

    def later(self, **passed: int) -> datetime:
        self.now += timedelta(**passed)
        return self.now

    def rows(self) -> list[dict[str, Any]]:
        """Every item of every table, so that a test can say that nothing was written."""
        found = []
        for name in self.cloud.list_tables()["TableNames"]:
            found += [dynamo.decode_item(item) for item in self.cloud.scan(TableName=name)["Items"]]
        return found

    def rotate(self, secret: str, value: str) -> None:
        dynamo.service("secretsmanager").put_secret_value(SecretId=secret, SecretString=value)


@contextmanager
def open_stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    environment = {"STAGE": "test", "LOGIN": "demo", "DUE_SHARDS": "8", "ADMIN_KEY_SECRET": "admin-key"}
    environment |= {"ORDER_FEED_SECRET": "order-feed", "PHONE_SECRET": "phone-key", "QUOTE_SECRET": "quote-key"}
    environment |= {"CONNECT_SECRET": "connect", "OUTSIDE_URL": "", "SUBSCRIBE_MESSAGES": "off"}
    with mock_aws():
        _forget_last_stage()
        urls = moto_queues(dynamo.service("sqs"), [name.lower() for name in QUEUES])
        environment |= {name: urls[name.lower()] for name in QUEUES}
        environment |= moto_tables(dynamo.client(), "test")
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        moto_secrets(dynamo.service("secretsmanager"), SECRETS)
        pauses: list[float] = []
        stage = Stage(dynamo.client(), MembersTable(dynamo.client(), "test-members", pause=pauses.append), NOON, pauses)
        monkeypatch.setattr(clock, "utc_now", lambda: stage.now)
        yield stage
    _forget_last_stage()


def _forget_last_stage() -> None:
    """What a process keeps between calls; its clients may stay, they cost a third of a second and hold nothing."""
    settings.cache_clear()
    secret_values.forget()
    programme_table.forget()
    lottery_table.forget()
    mall_table.forget()
    offers_table.forget()


def lambda_event(
    method: str,
    resource: str,
    *,
    headers: dict[str, str] | None = None,
    body: bytes | str | None = None,
    query: dict[str, list[str]] | None = None,
    path_parameters: dict[str, str] | None = None,
) -> dict[str, Any]:
    """A Lambda proxy event as API Gateway sends it; a body of bytes travels base64-encoded."""
    is_bytes = isinstance(body, bytes)
    given = {"Content-Type": "application/json"} if body is not None else {}
    given.update(headers or {})
    return {
        "resource": resource,
        "path": resource,
        "httpMethod": method,
        "headers": given,
        "multiValueHeaders": {name: [value] for name, value in given.items()},
        "multiValueQueryStringParameters": query,
        "pathParameters": path_parameters or {},
        "stageVariables": None,
        "requestContext": {
            "httpMethod": method,
            "resourcePath": resource,
            "path": f"/api{resource}",
            "requestId": "req-1",
            "identity": {"sourceIp": "127.0.0.1"},
        },
        "body": base64.b64encode(body).decode() if isinstance(body, bytes) else body,
        "isBase64Encoded": is_bytes,
    }


@dataclass(frozen=True)
class Answer:
    """An HTTP answer, its JSON read; a callback's that is none is empty here."""

    status: int
    json: dict[str, Any]
    headers: dict[str, str]

    @property
    def data(self) -> Any:
        assert self.status == 200, self.json
        return self.json["data"]


def invoke(app: Any, method: str, resource: str, **given: Any) -> Answer:
    """Call the app as Lambda does."""
    answer = app(lambda_event(method, resource, **given), None)
    is_json = answer["headers"]["Content-Type"].startswith("application/json")
    return Answer(answer["statusCode"], json.loads(answer["body"]) if is_json else {}, dict(answer["headers"]))
