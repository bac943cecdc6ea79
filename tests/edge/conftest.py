"""The probe app, clean for each test; and the deployed app over a stage of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.edge import probe
from tests.members.stage import Answer, Stage, invoke, open_stage


@pytest.fixture
def ask() -> Iterator[Callable[..., Answer]]:
    """Calls the probe app as Lambda does."""
    probe.seen.clear()
    probe.failures.clear()

    def call(method: str, resource: str, **given: object) -> Answer:
        return invoke(probe.app, method, resource, **given)

    yield call
    probe.seen.clear()
    probe.failures.clear()


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    with open_stage(monkeypatch) as opened:
        yield opened
