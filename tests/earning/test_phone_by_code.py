"""A member binds his own phone by a tap: once a code, one owner a number, and the number itself is nowhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from app import app
from chalicelib.errors import Code
from chalicelib.programme.publish import publish
from chalicelib.programme.table import open_programme
from tests.members.stage import Stage, invoke, open_stage
from tests.outside_world import world as world
from tests.programme.builders import SINCE, demo_document
from tests.stand_in.outsiders import MINI, Admin

NUMBER = "13800000001"


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    with open_stage(monkeypatch) as opened:
        document = demo_document()
        publish(open_programme(), version=1, document=document, effective_from=SINCE, published_by="test", now=SINCE)
        yield opened


def log_in(name: str) -> Any:
    return invoke(app, "POST", "/v1/sessions", body=json.dumps({"code": f"demo-{name}-0001"})).data


def tap(world: Admin, person: str, number: str = NUMBER) -> str:
    """The code that a tap on the phone button gives."""
    return str(world.post("/phone-codes", {"appid": MINI[0], "person": person, "number": number})["code"])


def bind(token: str, code: str) -> Any:
    headers = {"Authorization": f"Bearer {token}"}
    return invoke(app, "POST", "/v1/me/phones", headers=headers, body=json.dumps({"code": code}))


def test_a_tap_binds_the_number_and_another_tap_of_the_same_is_a_repeat(stage: Stage, world: Admin) -> None:
    mei = log_in("mei")

    first, again = bind(mei["token"], tap(world, "mei")), bind(mei["token"], tap(world, "mei"))

    assert (first.data["member_id"], first.data["replayed"]) == (mei["member_id"], False)
    assert again.data["replayed"] is True


def test_the_number_stands_in_no_row_and_no_line_of_the_log(
    stage: Stage, world: Admin, caplog: pytest.LogCaptureFixture
) -> None:
    bind(log_in("mei")["token"], tap(world, "mei"))

    assert NUMBER not in json.dumps(stage.rows(), default=str)
    assert NUMBER not in caplog.text


def test_a_code_counts_once_and_a_made_up_one_not_at_all(stage: Stage, world: Admin) -> None:
    mei, code = log_in("mei"), tap(world, "mei")
    bind(mei["token"], code)
    before = stage.rows()

    used, made_up = bind(mei["token"], code), bind(mei["token"], "made-up")

    assert [one.json["code"] for one in (used, made_up)] == [Code.PHONE_CODE_INVALID.number] * 2
    assert stage.rows() == before


def test_a_number_has_one_owner_for_ever(stage: Stage, world: Admin) -> None:
    bind(log_in("mei")["token"], tap(world, "mei"))

    other = bind(log_in("lan")["token"], tap(world, "lan"))

    assert (other.status, other.json["code"]) == (409, Code.IDENTITY_TAKEN.number)


def test_a_stage_that_is_not_connected_says_so(stage: Stage, world: Admin) -> None:
    token, code = log_in("mei")["token"], tap(world, "mei")
    stage.rotate("connect", json.dumps({"nothing": "is connected"}))

    answer = bind(token, code)

    assert answer.json["code"] == Code.NOT_CONNECTED.number
