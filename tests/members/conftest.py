"""The stage, and the deployed app called as Lambda calls it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.members.stage import Answer, Stage, invoke, open_stage

Http = Callable[..., Answer]


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    with open_stage(monkeypatch) as opened:
        yield opened


@pytest.fixture
def http(stage: Stage) -> Http:
    """`http("POST", "/v1/sessions", body=...)`. The one real app: Chalice registers a blueprint once per process."""
    from app import app

    def call(method: str, resource: str, *, token: str | None = None, **given: object) -> Answer:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return invoke(app, method, resource, headers=headers, **given)

    return call
