"""The purchase log, and a stage under moto that this process has adopted, with the replay's own terms published."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from moto import mock_aws

from chalicelib.programme.publish import publish
from chalicelib.programme.table import open_programme
from chalicelib.runtime import dynamo
from chalicelib.runtime.settings import settings
from local.cdnow import log_file
from local.places import ROOT, Mend
from local.replay_steps import BEGINS_AT, TERMS_FILE
from tests.moto_cloud import moto_tables
from tests.tables import QUEUES

BESIDE = ROOT.parent / "shared" / "data" / "CDNOW_master.txt"


@pytest.fixture(scope="session")
def cdnow() -> Path:
    """The log from its wheel; a copy beside the project when the registry cannot be reached."""
    try:
        return log_file()
    except Mend:
        if not BESIDE.exists():
            raise
        return BESIDE


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    given = {"STAGE": "test", "LOGIN": "closed", "DUE_SHARDS": "1", "ADMIN_KEY_SECRET": "-"}
    given |= {
        "ORDER_FEED_SECRET": "-",
        "PHONE_SECRET": "-",
        "QUOTE_SECRET": "-",
        "CONNECT_SECRET": "-",
        "OUTSIDE_URL": "",
        "SUBSCRIBE_MESSAGES": "off",
    }
    given |= dict.fromkeys(QUEUES, "-") | {"AWS_DEFAULT_REGION": "cn-north-1"}
    given |= dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "testing")
    with mock_aws():
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        _reopen()
        for name, value in moto_tables(dynamo.client(), "test").items():
            monkeypatch.setenv(name, value)
        terms = json.loads(TERMS_FILE.read_text())
        publish(
            open_programme(), version=1, document=terms, effective_from=BEGINS_AT, published_by="test", now=BEGINS_AT
        )
        yield
    _reopen()


def _reopen() -> None:
    for cached in (settings, dynamo.client, dynamo.service):
        cached.cache_clear()
