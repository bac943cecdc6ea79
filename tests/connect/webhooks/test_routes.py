"""Webhook endpoints over HTTP, up to a receiver that verifies what it is sent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from standardwebhooks import Webhook, WebhookVerificationError

from chalicelib.connect.webhooks import events
from chalicelib.connect.webhooks.model import MAX_ENDPOINTS
from chalicelib.connect.webhooks.send import send
from chalicelib.runtime.settings import settings
from tests.connect.webhooks.conftest import URL, Hooks
from tests.connect.webhooks.receiver import Receiver, receiving
from tests.ledger.builders import NOW
from tests.members.stage import ADMIN_KEY, Answer, invoke

PATH = "/v1/staff/webhook-endpoints"
ONE = PATH + "/{endpoint_id}"


@pytest.fixture
def receiver(hooks: Hooks, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A brand's own system; the stage is a laptop's, so its loopback may be told."""
    monkeypatch.setenv("OUTSIDE_URL", "http://127.0.0.1:9")
    monkeypatch.setattr(events, "send", send)
    settings.cache_clear()
    with receiving() as opened:
        yield opened


@dataclass
class Staff:
    """A caller of the staff's routes."""

    key: str = ADMIN_KEY

    def call(
        self, method: str, path: str, body: Any = None, *, id: str = "", key: str = "", query: Any = None
    ) -> Answer:
        from app import app

        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        headers |= {"Idempotency-Key": key} if key else {}
        raw = json.dumps(body, ensure_ascii=False).encode() if body is not None else None
        named = {"endpoint_id": id} if id else {}
        return invoke(app, method, path, headers=headers, body=raw, query=query, path_parameters=named)

    def register(self, url: str, *kinds: str, key: str = "k") -> Any:
        return self.call("POST", PATH, {"url": url, "kinds": list(kinds or ("points.earned",))}, key=key).data


def a_staff(role: str) -> Staff:
    made = Staff().call("POST", "/v1/staff/keys", {"name": role, "roles": [role]}).data
    return Staff(made["key"])


def verified(hooks: Hooks, receiver: Receiver, secret: str, place: int = -1) -> Any:
    got = receiver.received[place]
    with time_machine.travel(hooks.stage.now, tick=False):
        return Webhook(secret).verify(got.body, got.headers)


def test_an_event_arrives_signed_as_the_published_library_wants_it(hooks: Hooks, receiver: Receiver) -> None:
    made = Staff().register(receiver.url)
    entry = hooks.earn(30)
    hooks.tell()
    hooks.drain()

    told = verified(hooks, receiver, made["secret"])
    assert (told["type"], told["data"]["points"], told["data"]["member_id"]) == ("points.earned", 30, entry.member_id)
    assert receiver.received[0].headers["webhook-id"] == told["id"]
    assert receiver.received[0].headers["content-type"] == "application/json"


def test_after_a_rotation_both_secrets_verify_for_a_day_and_then_the_new_one(hooks: Hooks, receiver: Receiver) -> None:
    made = Staff().register(receiver.url)
    hooks.stage.later(seconds=1)
    rotated = Staff().call("POST", ONE + "/secret-rotation", {"version": 1}, id=made["id"]).data
    assert rotated["secret"] != made["secret"]
    assert (rotated["secrets_in_use"], rotated["version"]) == (2, 2)
    hooks.earn()
    hooks.tell()
    hooks.drain()
    for secret in (made["secret"], rotated["secret"]):
        assert verified(hooks, receiver, secret)["type"] == "points.earned"

    hooks.stage.later(hours=24)
    hooks.earn()
    hooks.tell()
    hooks.drain()

    assert verified(hooks, receiver, rotated["secret"])["type"] == "points.earned"
    with pytest.raises(WebhookVerificationError):
        verified(hooks, receiver, made["secret"])


def test_a_lost_answer_of_a_rotation_leaves_the_first_secret_good(hooks: Hooks, receiver: Receiver) -> None:
    made = Staff().register(receiver.url)
    for version in (1, 2):
        Staff().call("POST", ONE + "/secret-rotation", {"version": version}, id=made["id"]).data  # noqa: B018  # raises
        hooks.stage.later(minutes=1)
    hooks.earn()
    hooks.tell()
    hooks.drain()

    assert verified(hooks, receiver, made["secret"])["type"] == "points.earned"


def test_a_secret_is_shown_once_and_never_again(hooks: Hooks) -> None:
    made = Staff().register(URL)
    again = Staff().register(URL)

    assert made["secret"].startswith("whsec_")
    assert (again["id"], again["secret"], again["replayed"]) == (made["id"], None, True)
    for path, id in ((PATH, ""), (ONE, made["id"]), (ONE + "/deliveries", made["id"])):
        assert "whsec_" not in json.dumps(Staff().call("GET", path, id=id).json)


def test_the_same_key_with_other_content_is_refused_and_anothers_key_is_another(hooks: Hooks) -> None:
    Staff().register(URL)
    other = Staff().call("POST", PATH, {"url": URL, "kinds": ["level.changed"]}, key="k")

    assert other.json["code"] == 40900
    assert Staff().call("POST", PATH, {"url": URL, "kinds": ["level.changed"]}).json["code"] == 40000


@pytest.mark.parametrize("url", ["http://hooks.example.com/", "https://127.0.0.1/", "http://127.0.0.1:5000/", "x"])
def test_an_address_inside_or_in_the_clear_is_refused(hooks: Hooks, url: str) -> None:
    answer = Staff().call("POST", PATH, {"url": url, "kinds": ["points.earned"]}, key="k")
    made = Staff().register(URL)
    edited = {"url": url, "kinds": ["points.earned"], "enabled": True, "version": 1}
    changed = Staff().call("PUT", ONE, edited, id=made["id"])

    assert (answer.json["code"], answer.json["field"]) == (42295, "url")
    assert (changed.json["code"], changed.json["field"]) == (42295, "url")


@pytest.mark.parametrize("kinds", [[], ["points.stolen"], ["webhook.ping"], "points.earned", ["points.earned"] * 20])
def test_kinds_that_are_none_are_refused(hooks: Hooks, kinds: Any) -> None:
    assert Staff().call("POST", PATH, {"url": URL, "kinds": kinds}, key="k").status == 400


def test_there_are_only_so_many_endpoints_until_one_is_deleted(hooks: Hooks) -> None:
    made = [Staff().register(URL, key=f"k{number}") for number in range(MAX_ENDPOINTS)]
    body = {"url": URL, "kinds": ["points.earned"]}
    assert Staff().call("POST", PATH, body, key="one-more").json["code"] == 40995

    Staff().call("DELETE", ONE, id=made[0]["id"])

    assert Staff().call("POST", PATH, body, key="one-more").status == 200
    assert made[0]["id"] not in [one["id"] for one in Staff().call("GET", PATH).data["list"]]


def test_who_did_what_is_kept_in_order_and_a_change_needs_the_version_seen(hooks: Hooks, receiver: Receiver) -> None:
    operator = a_staff("operator")
    made = Staff().register(receiver.url)
    edited = {"url": URL, "kinds": ["level.changed"], "description": "ERP", "enabled": False, "version": 1}
    hooks.stage.later(seconds=1)
    assert Staff().call("PUT", ONE, edited, id=made["id"]).data["state"] == "disabled"
    assert Staff().call("PUT", ONE, edited, id=made["id"]).json["code"] == 40906
    hooks.stage.later(seconds=1)
    Staff().call("PUT", ONE, {**edited, "enabled": True, "version": 2}, id=made["id"])
    hooks.stage.later(seconds=1)
    for _ in range(2):
        operator.call("POST", ONE + "/test-events", id=made["id"], key="t")
        hooks.stage.later(seconds=1)
    Staff().call("DELETE", ONE, id=made["id"])
    assert Staff().call("DELETE", ONE, id=made["id"]).data["replayed"]

    shown = Staff().call("GET", ONE, id=made["id"]).data
    history = [(line["action"], line["by"]) for line in shown["history"]]
    actions = [action for action, _ in history]
    assert actions == ["deleted", "tested", "enabled", "disabled", "created"]
    assert history[1][1] != history[0][1] == "bootstrap-admin"
    assert (shown["state"], shown["kinds"], shown["version"]) == ("deleted", ["level.changed"], 4)


def test_a_deleted_endpoint_takes_no_change_test_or_replay(hooks: Hooks) -> None:
    made = Staff().register(URL)
    Staff().call("DELETE", ONE, id=made["id"])
    edited = {"url": URL, "kinds": ["level.changed"], "enabled": True, "version": 2}
    for answer in (
        Staff().call("PUT", ONE, edited, id=made["id"]),
        Staff().call("POST", ONE + "/secret-rotation", {"version": 2}, id=made["id"]),
        Staff().call("POST", ONE + "/test-events", id=made["id"], key="t"),
        Staff().call("POST", ONE + "/replays", {"delivery_id": "m1~~000000000001.1"}, id=made["id"], key="t"),
    ):
        assert answer.json["code"] == 40495


def test_an_operator_looks_tries_out_and_replays_but_changes_nothing(hooks: Hooks) -> None:
    made, operator = Staff().register(URL), a_staff("operator")

    assert operator.call("GET", PATH).status == 200
    assert operator.call("POST", ONE + "/test-events", id=made["id"], key="t").status == 200
    assert operator.call("POST", PATH, {"url": URL, "kinds": ["points.earned"]}, key="k").status == 403
    assert operator.call("DELETE", ONE, id=made["id"]).status == 403


def test_a_ping_says_what_came_of_it(hooks: Hooks, receiver: Receiver) -> None:
    made = Staff().register(receiver.url)
    receiver.answers = [418]
    Staff().call("POST", ONE + "/test-events", id=made["id"], key="t")
    hooks.drain()

    (shown,) = Staff().call("GET", ONE + "/deliveries", id=made["id"]).data["list"]
    assert (shown["kind"], shown["state"], shown["response_status"]) == ("webhook.ping", "waiting", 418)
    assert (shown["attempts"], shown["member_id"]) == (1, None)
    assert verified(hooks, receiver, made["secret"])["data"] == {"endpoint_id": made["id"]}


def test_deliveries_come_newest_first_page_by_page_each_once(hooks: Hooks) -> None:
    made = Staff().register(URL)
    for _ in range(5):
        hooks.earn()
        hooks.stage.later(seconds=1)
    hooks.tell()
    seen: list[str] = []
    query: dict[str, list[str]] = {"limit": ["2"]}
    while True:
        page = Staff().call("GET", ONE + "/deliveries", id=made["id"], query=query).data
        seen += [one["id"] for one in page["list"]]
        if not page["has_more"]:
            break
        query = {"limit": ["2"], "cursor": [page["next_cursor"]]}

    assert seen == [f"m1~~{number:012d}.1" for number in (5, 4, 3, 2, 1)]
    bad = Staff().call("GET", ONE + "/deliveries", id=made["id"], query={"cursor": ["eA=="]})
    assert bad.json["code"] == 40002


def test_a_span_is_replayed_by_the_deployed_worker(hooks: Hooks, receiver: Receiver) -> None:
    made = Staff().register(receiver.url)
    receiver.answers = [410]
    hooks.earn()
    hooks.tell()
    hooks.drain()
    edited = {"url": receiver.url, "kinds": ["points.earned"], "enabled": True, "version": 2}
    assert Staff().call("PUT", ONE, edited, id=made["id"]).data["why_disabled"] is None
    span = {"from": NOW.isoformat(), "to": (hooks.stage.now + timedelta(hours=1)).isoformat()}
    hooks.stage.later(seconds=1)
    for _ in range(2):
        asked = Staff().call("POST", ONE + "/replays", span, id=made["id"], key="again").data
        hooks.drain()
    assert (asked["queued"], asked["is_done"]) == (1, True)

    first, again = receiver.received
    assert (first.body, first.headers["webhook-id"]) == (again.body, again.headers["webhook-id"])
    shown = Staff().call("GET", ONE + "/deliveries", id=made["id"]).data["list"]
    assert [(one["state"], one["replay"]) for one in shown] == [("delivered", asked["replay"]), ("dead", None)]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"from": "2026-11-22T00:00:00+08:00"},
        {"from": "2026-11-22T00:00:00", "to": "2026-11-23T00:00:00"},
        {"from": "2026-11-23T00:00:00+08:00", "to": "2026-11-22T00:00:00+08:00"},
        {"from": "2026-11-01T00:00:00+08:00", "to": "2026-12-22T00:00:00+08:00"},
        {"delivery_id": "m1~~000000000001.1", "from": "2026-11-22T00:00:00+08:00", "to": "2026-11-23T00:00:00+08:00"},
    ],
)
def test_a_replay_of_nothing_definite_is_refused(hooks: Hooks, body: dict[str, str]) -> None:
    made = Staff().register(URL)

    assert Staff().call("POST", ONE + "/replays", body, id=made["id"], key="r").status == 400


def test_another_endpoints_delivery_is_not_found(hooks: Hooks) -> None:
    hooks.register(number=2)
    made = Staff().register(URL, "level.changed")
    hooks.earn()
    hooks.tell()

    body = {"delivery_id": "m1~~000000000001.1"}
    assert Staff().call("POST", ONE + "/replays", body, id=made["id"], key="r").json["code"] == 40496
