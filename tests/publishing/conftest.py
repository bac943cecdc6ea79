"""The room's table, and that of the staff keys, in moto, as the template deploys them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

import pytest
from moto import mock_aws

from chalicelib.publishing.table import PublishingTable
from chalicelib.runtime import dynamo
from chalicelib.runtime.settings import Settings, settings
from tests.moto_cloud import REGION, moto_tables


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Iterator[PublishingTable]:
    """The publishing table of a stage named `test`; the members table stands beside it."""
    given = {"due_shards": "8", "login": "demo", "outside_url": "", "subscribe_messages": "off"}
    for field in fields(Settings):
        monkeypatch.setenv(field.name.upper(), given.get(field.name, field.name))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    settings.cache_clear()
    with mock_aws():
        client = dynamo.client()
        names = moto_tables(client, "issues")
        for room in ("PUBLISHING_TABLE", "MEMBERS_TABLE"):
            monkeypatch.setenv(room, names[room])
        yield PublishingTable(client, names["PUBLISHING_TABLE"])
    settings.cache_clear()
