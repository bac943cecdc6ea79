"""What members allow, through the deployed app: their own alone, each report once."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.connect.allowing import ENDING, EXPIRING, MESSAGES, REMINDER, configure
from tests.members.stage import Answer, Stage, invoke
from tests.stand_in.outsiders import MINI, Admin

PATH = "/v1/me/message-grants"


def log_in(world: Admin, person: str = "mei") -> str:
    from app import app

    code = world.post("/login-codes", {"appid": MINI[0], "person": person})["code"]
    return str(invoke(app, "POST", "/v1/sessions", body=json.dumps({"code": code})).data["token"])


def report(token: str, results: Any, key: str = "k1") -> Answer:
    from app import app

    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
    return invoke(app, "POST", PATH, headers=headers, body=json.dumps({"results": results}))


def left(token: str) -> dict[str, int]:
    from app import app

    shown = invoke(app, "GET", PATH, headers={"Authorization": f"Bearer {token}"}).data
    return {line["template_id"]: line["left"] for line in shown["list"]}


@pytest.fixture
def mei(stage: Stage, world: Admin) -> str:
    configure(stage, world)
    return log_in(world)


def test_each_accept_is_one_message_and_what_is_left_is_shown_by_kind(mei: str) -> None:
    answer = report(mei, {REMINDER: "accept", EXPIRING: "reject", ENDING: "filter"})

    assert answer.data["replayed"] is False
    assert answer.data["list"] == [
        {"kind": "check_in_reminder", "template_id": REMINDER, "left": 1},
        {"kind": "points_expiring", "template_id": EXPIRING, "left": 0},
        {"kind": "level_ending", "template_id": ENDING, "left": 0},
    ]
    assert left(mei) == {REMINDER: 1, EXPIRING: 0, ENDING: 0}


def test_the_same_report_again_counts_once_and_another_tap_has_another_key(mei: str) -> None:
    answers = [report(mei, {REMINDER: "accept"}, key) for key in ("k1", "k1", "k2")]

    assert [answer.data["replayed"] for answer in answers] == [False, True, False]
    assert left(mei)[REMINDER] == 2


def test_a_key_that_stands_for_other_results_is_refused(mei: str) -> None:
    report(mei, {REMINDER: "accept"})

    answer = report(mei, {REMINDER: "accept", EXPIRING: "accept"})

    assert (answer.status, answer.json["code"]) == (409, 40900)
    assert left(mei) == {REMINDER: 1, EXPIRING: 0, ENDING: 0}


def test_a_key_is_the_members_own_and_so_is_what_is_allowed(mei: str, world: Admin) -> None:
    lan = log_in(world, "lan")
    report(mei, {REMINDER: "accept"})
    report(lan, {EXPIRING: "accept"})

    assert left(mei) == {REMINDER: 1, EXPIRING: 0, ENDING: 0}
    assert left(lan) == {REMINDER: 0, EXPIRING: 1, ENDING: 0}


@pytest.mark.parametrize(
    ("results", "field"),
    [
        ({"T-other": "accept"}, "results.T-other"),
        ({REMINDER: "yes"}, f"results.{REMINDER}"),
        ({}, "results"),
        ({REMINDER: "accept", EXPIRING: "accept", ENDING: "accept", "T-4": "accept"}, "results"),
        ({"a b": "accept"}, "results.a b.[key]"),
    ],
)
def test_what_no_question_can_have_answered_is_refused_and_counts_nothing(mei: str, results: Any, field: str) -> None:
    answer = report(mei, results)

    assert (answer.status, answer.json["field"]) == (400, field)
    assert left(mei) == {REMINDER: 0, EXPIRING: 0, ENDING: 0}


def test_a_report_needs_a_key(mei: str) -> None:
    answer = report(mei, {REMINDER: "accept"}, key="")

    assert (answer.status, answer.json["field"]) == (400, "Idempotency-Key")


def test_where_no_template_is_configured_there_is_nothing_to_allow(stage: Stage, world: Admin) -> None:
    token = log_in(world)

    assert left(token) == {}
    assert report(token, {REMINDER: "accept"}).status == 400


@pytest.mark.parametrize(
    ("messages", "field"),
    [
        ([], ""),
        ({"birthday": MESSAGES["level_ending"]}, ".birthday"),
        ({"level_ending": {**MESSAGES["level_ending"], "template_id": ""}}, ".level_ending.template_id"),
        ({"level_ending": {"template_id": "T"}}, ".level_ending.fields"),
        ({"level_ending": {"template_id": "T", "fields": {}}}, ".level_ending.fields"),
        ({"level_ending": {"template_id": "T", "fields": {"colour1": "红"}}}, ".level_ending.fields"),
        ({"level_ending": {"template_id": "T", "fields": {"thing1": "{points}"}}}, ".level_ending.fields.thing1"),
        ({"level_ending": {"template_id": "T", "fields": {"thing1": "{level"}}}, ".level_ending.fields.thing1"),
        ({"level_ending": {"template_id": "T", "fields": {"thing1": "{level.x}"}}}, ".level_ending.fields.thing1"),
        ({"level_ending": {"template_id": "T", "fields": {"thing1": "{level!r:9}"}}}, ".level_ending.fields.thing1"),
        ({"level_ending": {"template_id": "T", "fields": {"thing1": "{}"}}}, ".level_ending.fields.thing1"),
        ({"level_ending": {**MESSAGES["level_ending"], "pages": "x"}}, ".level_ending.pages"),
    ],
)
def test_a_template_that_cannot_be_is_told_by_its_place(stage: Stage, world: Admin, messages: Any, field: str) -> None:
    from app import app

    token = log_in(world)
    configure(stage, world, messages)
    stage.later(minutes=6)

    answer = invoke(app, "GET", PATH, headers={"Authorization": f"Bearer {token}"})

    assert (answer.status, answer.json["code"]) == (503, 50303)
    assert answer.json["field"] == f"mini_program.messages{field}"
