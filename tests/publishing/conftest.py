"""The room's table, and those of the staff keys, made in moto from the template the stage is deployed with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest
from moto import mock_aws

from chalicelib.publishing.table import PublishingTable
from chalicelib.runtime import dynamo
from chalicelib.runtime.settings import Settings, settings

RESOURCES = Path(__file__).parents[2] / ".chalice" / "resources.json"
MADE_BY_THE_TABLE_CALL = {
    "AttributeDefinitions",
    "BillingMode",
    "GlobalSecondaryIndexes",
    "KeySchema",
    "StreamSpecification",
}


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Iterator[PublishingTable]:
    """The publishing table of a stage named `test`; the members table stands beside it."""
    given = {"due_shards": "8", "login": "demo", "outside_url": "", "subscribe_messages": "off"}
    for field in fields(Settings):
        monkeypatch.setenv(field.name.upper(), given.get(field.name, field.name))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    settings.cache_clear()
    dynamo.service.cache_clear()
    dynamo.client.cache_clear()
    with mock_aws():
        client = dynamo.client()
        _create(client, "PublishingTable", "publishing_table")
        _create(client, "MembersTable", "members_table")
        yield PublishingTable(client, "publishing_table")
    settings.cache_clear()
    dynamo.service.cache_clear()
    dynamo.client.cache_clear()


def _create(client: dynamo.Client, resource: str, name: str) -> None:
    properties = json.loads(RESOURCES.read_text())["Resources"][resource]["Properties"]
    client.create_table(
        TableName=name, **{key: value for key, value in properties.items() if key in MADE_BY_THE_TABLE_CALL}
    )
