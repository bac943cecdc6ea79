"""One ledger table on moto and one on the embedded cloud: the same contract is asked of both."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from moto import mock_aws

from chalicelib.ledger.table import LedgerTable
from local.stack import Stack
from tests.moto_cloud import moto_client, moto_tables
from tests.tables import create_tables


@pytest.fixture
def moto_ledger(monkeypatch: pytest.MonkeyPatch) -> Iterator[LedgerTable]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        dynamo = moto_client("dynamodb")
        yield _open(dynamo, moto_tables(dynamo, "contract"))


@pytest.fixture
def cloud_ledger(cloud: Stack) -> LedgerTable:
    dynamo = cloud.client("dynamodb")
    return _open(dynamo, create_tables(dynamo, f"contract-{uuid.uuid4().hex[:8]}"))


@pytest.fixture(params=["moto", pytest.param("cloud", marks=pytest.mark.cloud)])
def ledger(request: pytest.FixtureRequest) -> LedgerTable:
    if request.param == "moto":
        return request.getfixturevalue("moto_ledger")  # type: ignore[no-any-return]
    return request.getfixturevalue("cloud_ledger")  # type: ignore[no-any-return]


def _open(dynamo: Any, names: Mapping[str, str]) -> LedgerTable:
    return LedgerTable(dynamo, names["LEDGER_TABLE"], names["JOURNAL_TABLE"], 8, pause=lambda _seconds: None)
