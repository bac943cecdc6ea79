"""One ledger table on moto and one on the embedded cloud: the same contract is asked of both."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from chalicelib.ledger.table import LedgerTable
from tests.tables import create_tables


@pytest.fixture
def moto_ledger(monkeypatch: pytest.MonkeyPatch) -> Iterator[LedgerTable]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield _open(boto3.client("dynamodb", region_name="cn-north-1"))


@pytest.fixture(params=["moto", pytest.param("cloud", marks=pytest.mark.cloud)])
def ledger(request: pytest.FixtureRequest) -> LedgerTable:
    if request.param == "moto":
        return request.getfixturevalue("moto_ledger")  # type: ignore[no-any-return]
    return _open(request.getfixturevalue("cloud").client("dynamodb"))


def _open(dynamo: Any) -> LedgerTable:
    prefix = f"contract-{uuid.uuid4().hex[:8]}"
    names = create_tables(dynamo, prefix)
    return LedgerTable(dynamo, names["LEDGER_TABLE"], names["JOURNAL_TABLE"], 8, pause=lambda _seconds: None)
