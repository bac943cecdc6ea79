"""A stage's connect table in moto, as the template makes it, and a stand-in for the outside world."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chalicelib.connect import tokens
from chalicelib.connect.table import ConnectTable
from tests.connect.stage import Outside, open_outside
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
