"""The deployed app with every outside system connected, its programme published; and what was logged meanwhile."""

from __future__ import annotations

import json
import logging
import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.client import BaseClient
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from chalicelib.earning.settle_order import settle_order
from chalicelib.earning.table import open_orders
from chalicelib.ledger.model import Account, Entry
from chalicelib.ledger.table import LedgerTable, open_ledger
from chalicelib.members.buyers import bind_buyer
from chalicelib.members.model import Identity
from chalicelib.programme import table as programme_table
from chalicelib.programme.publish import publish
from chalicelib.runtime import secret_values
from chalicelib.runtime.dynamo import decode_item
from tests.earning.programmes import plain_document
from tests.members.stage import Stage, invoke, lambda_event, open_stage
from tests.programme.builders import SINCE

PAY_KEY = generate_private_key(public_exponent=65537, key_size=2048)
"""Stands for WeChat Pay's own; made anew in each run."""
PAY_SERIAL = "PUB_KEY_ID_0114232134912410000000000000"
PUBLIC_PEM = PAY_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
SECRETS = {
    "api_v3_key": "apiv3-key-of-the-tests-32-bytes!",
    "duiba": "duiba-secret-of-the-tests-0123",
    "youzan": "youzan-secret-of-the-tests-0123",
    "doudian": "doudian-secret-of-the-tests-012",
}
"""What must never stand in a log."""
ACCOUNTS: dict[str, Any] = {
    "wechat_pay": {
        "mchid": "1900000109",
        "appid": "wxd678efh567hg6787",
        "api_v3_key": SECRETS["api_v3_key"],
        "keys": {PAY_SERIAL: PUBLIC_PEM},
    },
    "duiba": {"app_key": "testappkey", "app_secret": SECRETS["duiba"]},
    "youzan": {"client_id": "cc939cb8063622a84d", "client_secret": SECRETS["youzan"]},
    "doudian": {"app_key": "7000000000000000001", "app_secret": SECRETS["doudian"]},
}


@dataclass(frozen=True)
class Reply:
    """What a sender gets."""

    status: int
    text: str
    headers: dict[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@dataclass
class Outside:
    """What outside systems can do to the stage, and what a test looks at afterwards."""

    stage: Stage
    lines: list[str] = field(default_factory=list)
    """Everything any logger said."""

    def connect(self, accounts: Mapping[str, Any]) -> None:
        self.stage.rotate("connect", json.dumps(accounts))
        secret_values.forget()

    def unpublish(self) -> None:
        """As it was before any programme was there."""
        table = programme_table.open_programme()
        for item in table.dynamo.scan(TableName=table.name)["Items"]:
            table.dynamo.delete_item(TableName=table.name, Key={"pk": item["pk"], "sk": item["sk"]})
        programme_table.forget()

    def call(
        self,
        method: str,
        path: str,
        *,
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Reply:
        from app import app

        given = {"Content-Type": "application/json"} if body is not None else {}
        several = {name: [value] for name, value in query.items()} if query is not None else None
        event = lambda_event(method, path, headers={**given, **(headers or {})}, body=body, query=several)
        answer = app(event, None)
        return Reply(answer["statusCode"], answer["body"], dict(answer["headers"]))

    def log_in(self, name: str = "mei") -> tuple[str, str]:
        """(token, member id)."""
        from app import app

        body = json.dumps({"code": f"demo-{name}-{secrets.token_hex(4)}"})
        data = invoke(app, "POST", "/v1/sessions", body=body).data
        return data["token"], data["member_id"]

    def bind(self, member_id: str, platform: str, buyer_id: str) -> None:
        bind_buyer(member_id, Identity(platform, buyer_id), "a-test", self.stage.now)

    def settle(self, *keys: str) -> None:
        """What the stream does, where there is one."""
        for order in open_orders().orders(keys):
            settle_order(order, ledger=open_ledger(), book=programme_table.terms_book())

    @property
    def ledger(self) -> LedgerTable:
        return open_ledger()

    def account(self, member_id: str) -> Account:
        return self.ledger.read(member_id)

    def entries(self, member_id: str) -> list[Entry]:
        return self.ledger.entries(member_id, before_key=None, limit=100)

    def items(self, table: str) -> list[dict[str, Any]]:
        """All of one table."""
        return [decode_item(item) for item in self.stage.cloud.scan(TableName=table)["Items"]]

    def written(self) -> list[dict[str, Any]]:
        return sorted(self.stage.rows(), key=str)


@contextmanager
def open_outside(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> Iterator[Outside]:
    with open_stage(monkeypatch) as stage:
        publish(
            programme_table.open_programme(),
            version=1,
            document=plain_document(**changes),
            effective_from=SINCE,
            published_by="s1",
            now=SINCE,
        )
        programme_table.forget()
        outside = Outside(stage)
        outside.connect(ACCOUNTS)
        with _listening(outside.lines):
            yield outside
        for name, secret in SECRETS.items():
            assert not [line for line in outside.lines if secret in line], f"{name} stands in a log"
        assert not [line for line in outside.lines if "PRIVATE KEY" in line or "PUBLIC KEY" in line]


@contextmanager
def one_call_at_a_time() -> Iterator[None]:
    """Threads meet between calls to the store and never within one: what DynamoDB promises and moto does not."""
    lock, real = threading.Lock(), BaseClient._make_api_call

    def call(client: Any, *given: Any) -> Any:
        with lock:
            return real(client, *given)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(BaseClient, "_make_api_call", call)
        yield


@contextmanager
def _listening(lines: list[str]) -> Iterator[None]:
    """Everything that any logger says at INFO or above, ours included, which does not propagate."""
    handler = logging.Handler(logging.INFO)
    handler.emit = lambda record: lines.append(handler.format(record))  # type: ignore[method-assign]
    loggers = [logging.getLogger(), logging.getLogger("jifen.outcomes"), logging.getLogger("jifen")]
    for one in loggers:
        one.addHandler(handler)
    yield
    for one in loggers:
        one.removeHandler(handler)
