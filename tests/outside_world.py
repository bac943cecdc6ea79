"""A stage whose outside world is a stand-in of its own: fixtures for the tests of any room that talks to it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from chalicelib.connect import tokens
from chalicelib.runtime.settings import settings
from tests.members.stage import Stage
from tests.stand_in.outsiders import CORP, MINI, SERVICE, Admin
from tests.stand_in_fixtures import serving_stand_in

ACCOUNTS = {
    "mini_program": {"appid": MINI[0], "secret": MINI[1]},
    "official_account": {"appid": SERVICE[0], "secret": SERVICE[1]},
    "wecom": {"appid": CORP[0], "secret": CORP[1]},
}


@contextmanager
def open_world(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Iterator[Admin]:
    """The admin of a stand-in that the stage's accounts live in; its clock stands at the stage's instant."""
    with serving_stand_in() as serving:
        monkeypatch.setenv("OUTSIDE_URL", serving.url)
        settings.cache_clear()
        tokens.forget()
        stage.rotate("connect", json.dumps(ACCOUNTS))
        admin = Admin(serving.url)
        admin.post("/reset", {"at": stage.now.isoformat()})
        yield admin
    settings.cache_clear()
    tokens.forget()


@pytest.fixture
def world(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Iterator[Admin]:
    """The admin of the stand-in that the stage's accounts live in; its clock stands at the stage's noon."""
    with open_world(stage, monkeypatch) as admin:
        yield admin
