"""Covers go to the Official Account once for their content."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import pytest

from app import app
from chalicelib.errors import Code
from tests.members.stage import ADMIN_KEY, Stage, invoke, open_stage
from tests.outside_world import world as world
from tests.stand_in.official import JPG, PNG
from tests.stand_in.outsiders import Admin

ADD = "/cgi-bin/material/add_material"


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    with open_stage(monkeypatch) as opened:
        yield opened


def bring(content: bytes) -> Any:
    body = json.dumps({"picture": b64encode(content).decode()})
    return invoke(app, "POST", "/v1/staff/covers", headers={"Authorization": f"Bearer {ADMIN_KEY}"}, body=body)


def test_a_picture_is_brought_once_and_known_by_its_content(stage: Stage, world: Admin) -> None:
    first, again, other = bring(PNG), bring(PNG), bring(JPG)

    ids = [one.data["cover_media_id"] for one in (first, again, other)]
    assert ids[0] == ids[1] != ids[2]
    assert [one.data["replayed"] for one in (first, again, other)] == [False, True, False]
    assert len(world.get("/received", path=ADD)["received"]) == 2


@pytest.mark.parametrize("content", [b"GIF89a", b"<svg/>", PNG[1:]])
def test_what_is_no_picture_of_these_kinds_is_refused_and_not_sent(stage: Stage, world: Admin, content: bytes) -> None:
    before = stage.rows()

    answer = bring(content)

    assert (answer.status, answer.json["code"]) == (422, Code.COVER_REFUSED.number)
    assert world.get("/received", path=ADD)["received"] == []
    assert stage.rows() == before


def test_without_an_account_it_says_so(stage: Stage, world: Admin) -> None:
    stage.rotate("connect", json.dumps({"nothing": "is connected"}))

    answer = bring(PNG)

    assert answer.json["code"] == Code.NOT_CONNECTED.number


def test_a_refusal_of_wechat_is_told_and_nothing_is_kept(stage: Stage, world: Admin) -> None:
    world.post("/faults", {"api": ADD, "kind": "errcode", "errcode": 40009, "times": 1})

    refused, then = bring(PNG), bring(PNG)

    assert refused.json["code"] == Code.COVER_REFUSED.number
    assert "40009" in refused.json["msg"]
    assert then.data["replayed"] is False


@pytest.mark.parametrize("picture", ["", 5, None])
def test_what_is_no_base64_is_refused_by_its_field(stage: Stage, world: Admin, picture: object) -> None:
    headers = {"Authorization": f"Bearer {ADMIN_KEY}"}

    answer = invoke(app, "POST", "/v1/staff/covers", headers=headers, body=json.dumps({"picture": picture}))

    assert (answer.status, answer.json["code"], answer.json["field"]) == (400, 40000, "picture")
