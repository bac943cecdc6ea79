"""A stage's connect table in moto, as the template makes it, and a stand-in for the outside world."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from chalicelib.connect import tokens
from chalicelib.connect.table import ConnectTable
from local.http_client import Api
from local.stack import Stack
from tests.connect import pushes
from tests.connect.stage import ACCOUNTS, Outside, open_outside
from tests.flows.conftest import admin as admin
from tests.members.stage import Stage, open_stage
from tests.outside_world import world as world


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    tokens.forget()
    with open_stage(monkeypatch) as opened:
        yield opened
    tokens.forget()


@pytest.fixture
def table(stage: Stage) -> ConnectTable:
    return ConnectTable(stage.cloud, "test-connect")


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch) -> Iterator[Outside]:
    with open_outside(monkeypatch) as opened:
        yield opened


@pytest.fixture(scope="module")
def connected(cloud: Stack, admin: Api) -> Stack:
    """The run's stage with all systems connected that call us: functions hold a secret for minutes, so it is one."""
    known = json.dumps({**ACCOUNTS, **pushes.ACCOUNTS})
    cloud.client("secretsmanager").put_secret_value(SecretId=cloud.setting("CONNECT_SECRET"), SecretString=known)
    return cloud
