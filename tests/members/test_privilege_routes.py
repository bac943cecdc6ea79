"""What the brand's own shop and tills ask: a member's privileges now."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from app import app
from chalicelib.programme import table as programme_table
from chalicelib.programme.publish import publish
from chalicelib.programme.table import open_programme
from tests.members.stage import ADMIN_KEY, Answer, Stage, invoke
from tests.members.test_level_by_hand import gives
from tests.programme.builders import a_document, demo_document

SINCE = datetime(2026, 1, 1, tzinfo=UTC)


def published(stage: Stage, document: dict[str, Any]) -> None:
    publish(open_programme(), version=1, document=document, effective_from=SINCE, published_by="s1", now=stage.now)
    programme_table.forget()


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    yield
    programme_table.forget()


def opened(http: Any) -> tuple[str, str]:
    session = http("POST", "/v1/sessions", body=json.dumps({"code": "demo-mei-0001"})).data
    return session["member_id"], session["token"]


def asked(member_id: str, **query: list[str]) -> Answer:
    return invoke(
        app,
        "GET",
        "/v1/staff/members/{member_id}/privileges",
        path_parameters={"member_id": member_id},
        headers={"Authorization": f"Bearer {ADMIN_KEY}"},
        query=query or None,
    )


def test_a_till_is_told_what_the_member_has_and_pays(http: Any, stage: Stage) -> None:
    published(stage, demo_document())
    member_id, token = opened(http)
    gives(member_id, "diamond", "2026-12-31")

    answer = asked(member_id, price_fen=["1001"])

    assert answer.data == {
        "level": {"id": "diamond", "name": "钻石"},
        "until_on": "2026-12-31",
        "is_trial": False,
        "price_bp": 9500,
        "free_freight": True,
        "gates": ["own_ip"],
        "texts": ["消费积分×1.5"],
        "member_price_fen": 950,
    }
    assert http("GET", "/v1/me/privileges", token=token).data == {**answer.data, "member_price_fen": None}


def test_a_trials_privileges_are_said_to_be_a_trials(http: Any, stage: Stage) -> None:
    published(stage, demo_document())
    member_id, token = opened(http)
    http("POST", "/v1/me/level-trials", token=token, body=json.dumps({"level": "gold"}))

    shown = asked(member_id).data
    stage.later(days=7)

    assert (shown["level"]["id"], shown["until_on"], shown["is_trial"]) == ("gold", "2026-03-08", True)
    assert (asked(member_id).data["level"]["id"], asked(member_id).data["is_trial"]) == ("normal", False)


@pytest.mark.parametrize("price", ["", "-1", "1.5", "01", "1000000001", "九"])
def test_what_is_no_price_is_refused(http: Any, stage: Stage, price: str) -> None:
    published(stage, demo_document())
    member_id, _ = opened(http)

    answer = asked(member_id, price_fen=[price])

    assert (answer.status, answer.json["field"]) == (400, "price_fen")


def test_without_levels_or_a_member_there_is_nothing_to_tell(http: Any, stage: Stage) -> None:
    published(stage, a_document())
    member_id, _ = opened(http)

    assert asked(member_id).json["code"] == 40980
    assert asked("m" + "0" * 23 + "9").json["code"] == 40401
