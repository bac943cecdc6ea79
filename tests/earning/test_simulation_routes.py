"""Simulations over HTTP, through the queue and the worker; who may ask, and what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.errors import Code
from chalicelib.programme import table as programme_table
from chalicelib.programme.publish import publish
from chalicelib.runtime import dynamo
from chalicelib.runtime.settings import settings
from tests.earning.programmes import plain_document
from tests.members.stage import ADMIN_KEY, NOON, Answer, Stage, invoke, open_stage
from tests.programme.builders import SINCE

PATH = "/v1/staff/programme/simulations"
ONE = f"{PATH}/{{simulation_id}}"
FEBRUARY = {"version": 1, "from_on": "2026-02-01", "to_on": "2026-02-28"}


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    with open_stage(monkeypatch) as opened:
        url = dynamo.service("sqs").create_queue(QueueName="simulations")["QueueUrl"]
        monkeypatch.setenv("SIMULATIONS_QUEUE_URL", url)
        settings.cache_clear()
        publish(
            programme_table.open_programme(),
            version=1,
            document=plain_document(),
            effective_from=SINCE,
            published_by="s1",
            now=SINCE,
        )
        yield opened


def call(method: str, path: str, body: Any = None, *, token: str = ADMIN_KEY, key: str = "", **given: Any) -> Answer:
    from app import app

    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    headers |= {"Idempotency-Key": key} if key else {}
    return invoke(app, method, path, headers=headers, body=json.dumps(body) if body is not None else None, **given)


def ask(key: str = "k1", **changes: Any) -> Answer:
    body = {name: value for name, value in {**FEBRUARY, **changes}.items() if value is not None}
    return call("POST", PATH, body, key=key)


def read(simulation_id: str) -> Any:
    return call("GET", ONE, path_parameters={"simulation_id": simulation_id}).data


class Context:
    def get_remaining_time_in_millis(self) -> int:
        return 900_000


def work() -> list[Any]:
    """Run the worker over what waits; the messages that must come again."""
    from chalicelib.earning.simulation_events import run_simulation

    found = dynamo.service("sqs").receive_message(QueueUrl=settings().simulations_queue_url, MaxNumberOfMessages=10)
    records = [{"messageId": one["MessageId"], "body": one["Body"]} for one in found.get("Messages", [])]
    failures: list[Any] = run_simulation({"Records": records}, Context())["batchItemFailures"]
    return failures


def staff(role: str) -> str:
    return str(call("POST", "/v1/staff/keys", {"name": role, "roles": [role]}).data["key"])


def check_in(stage: Stage) -> None:
    token = call("POST", "/v1/sessions", {"code": "demo-mei-0001"}).data["token"]
    assert call("POST", "/v1/me/check-ins", token=token).data["points"] == 2


def test_a_draft_is_simulated_from_the_question_to_the_answer(stage: Stage) -> None:
    stage.now = NOON.replace(month=2, day=10)
    check_in(stage)
    stage.now = NOON
    document = plain_document()
    document["rules"][0]["amount"]["points"] = 5
    draft_id = call("POST", "/v1/staff/programme/drafts", {"name": "三月", "document": document}, key="d").data["id"]

    asked = ask(draft_id=draft_id, version=None).data
    waiting = read(asked["id"])
    assert work() == []
    done = read(asked["id"])

    assert (asked["state"], asked["replayed"], asked["draft_version"]) == ("queued", False, 1)
    assert (waiting["state"], waiting["progress_percent"], waiting["result"]) == ("queued", 0, None)
    assert (done["state"], done["progress_percent"], done["failure"]) == ("done", 100, None)
    assert done["changed_at"].endswith("+08:00")
    (line,) = done["result"]["rules"]
    assert (line["rule"], line["before"]["points"], line["after"]["points"]) == ("check_in", 2, 5)
    assert done["result"]["members"] == 1


def test_the_same_key_asks_once(stage: Stage) -> None:
    first, again = ask().data, ask().data

    assert (first["id"], first["replayed"]) == (again["id"], False)
    assert again["replayed"] is True
    assert ask(sample_percent=10).json["code"] == Code.KEY_REUSED.number
    assert len(call("GET", PATH).data["list"]) == 1
    assert work() == []  # both messages, one run
    assert read(first["id"])["state"] == "done"


def test_a_draft_deleted_before_its_run_is_told(stage: Stage) -> None:
    draft = call("POST", "/v1/staff/programme/drafts", {"name": "d", "document": plain_document()}, key="d").data
    asked = ask(draft_id=draft["id"], version=None).data
    call("DELETE", "/v1/staff/programme/drafts/{draft_id}", path_parameters={"draft_id": draft["id"]})

    assert work() == []

    assert read(asked["id"])["failure"] == {"code": "draft_deleted", "text": "草稿已删除,请重新选择"}
    assert ask("k2", draft_id=draft["id"], version=None).json["code"] == Code.DRAFT_NOT_FOUND.number


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"version": None}, Code.INVALID_REQUEST, "draft_id"),
        ({"draft_id": "0" * 20}, Code.INVALID_REQUEST, "draft_id"),
        ({"draft_id": "0" * 20, "version": None}, Code.DRAFT_NOT_FOUND, None),
        ({"version": 9}, Code.VERSION_NOT_FOUND, None),
        ({"to_on": "2026-03-02"}, Code.WINDOW_REFUSED, "to_on"),
        ({"from_on": "2026-04-01", "to_on": "2026-04-02"}, Code.WINDOW_REFUSED, "to_on"),
        ({"from_on": "2026-02-28", "to_on": "2026-02-01"}, Code.WINDOW_REFUSED, "from_on"),
        ({"from_on": "2025-02-01", "to_on": "2026-02-02"}, Code.WINDOW_REFUSED, "from_on"),
        ({"from_on": "2026-02-30"}, Code.INVALID_REQUEST, "from_on"),
        ({"from_on": 20260201}, Code.INVALID_REQUEST, "from_on"),
        ({"sample_percent": 0}, Code.INVALID_REQUEST, "sample_percent"),
        ({"sample_percent": 101}, Code.INVALID_REQUEST, "sample_percent"),
        ({"more": 1}, Code.INVALID_REQUEST, "more"),
    ],
)
def test_what_cannot_be_simulated_is_refused_and_writes_nothing(
    stage: Stage, changes: dict[str, Any], code: Code, field: str | None
) -> None:
    before = stage.rows()
    answer = ask(**changes)

    assert (answer.json["code"], answer.json.get("field")) == (code.number, field)
    assert stage.rows() == before


def test_yesterday_may_be_simulated_and_a_key_is_needed(stage: Stage) -> None:
    assert ask(to_on="2026-03-01").status == 200
    assert ask(key="").json["field"] == "Idempotency-Key"
    assert ask(key="no spaces").json["field"] == "Idempotency-Key"


def test_the_list_goes_on_from_its_cursor(stage: Stage) -> None:
    ids = []
    for number in range(3):
        stage.later(seconds=1)
        ids.append(ask(f"k{number}").data["id"])

    first = call("GET", PATH, query={"limit": ["2"]}).data
    rest = call("GET", PATH, query={"limit": ["2"], "cursor": [first["next_cursor"]]}).data

    assert [one["id"] for one in first["list"]] == [ids[2], ids[1]]
    assert "result" not in first["list"][0]
    assert ([one["id"] for one in rest["list"]], rest["has_more"]) == ([ids[0]], False)
    assert call("GET", PATH, query={"cursor": ["x"]}).json["code"] == Code.INVALID_CURSOR.number
    assert call("GET", PATH, query={"limit": ["0"]}).json["field"] == "limit"


@pytest.mark.parametrize("simulation_id", ["x", "0" * 20, "V#000001"])
def test_an_unknown_simulation_is_not_found(stage: Stage, simulation_id: str) -> None:
    answer = call("GET", ONE, path_parameters={"simulation_id": simulation_id})

    assert (answer.status, answer.json["code"]) == (404, Code.SIMULATION_NOT_FOUND.number)


def test_operators_reviewers_and_finance_may_ask_and_nobody_else(stage: Stage) -> None:
    for role in ("operator", "reviewer", "finance"):
        assert call("GET", PATH, token=staff(role)).status == 200
    for role in ("guide", "customer_service", "store_manager"):
        assert call("GET", PATH, token=staff(role)).status == 403


def test_a_message_that_is_none_comes_again_and_ends_among_the_dead_letters(stage: Stage) -> None:
    dynamo.service("sqs").send_message(QueueUrl=settings().simulations_queue_url, MessageBody="{}")

    assert len(work()) == 1


def test_the_handler_loads_without_the_app() -> None:
    code = "import sys; from chalicelib.earning.simulation_events import run_simulation; sys.exit('app' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
