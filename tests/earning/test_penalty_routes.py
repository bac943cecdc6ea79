"""Penalties over HTTP: three members of the staff, the member, and what each is shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.earning.behaviour_stage import Http, open_http
from tests.members.stage import Answer


@pytest.fixture
def http(monkeypatch: pytest.MonkeyPatch) -> Iterator[Http]:
    with open_http(monkeypatch) as opened:
        yield opened


PATH = "/v1/staff/penalties"


def body(member_id: str, **given: Any) -> dict[str, Any]:
    values = {
        "member_id": member_id,
        "indicator": "malicious_review",
        "evidence": "https://shop.example/complaints/42",
        "reason": "经核实为恶意差评",
    }
    return {**values, **given}


def propose(http: Http, token: str, member_id: str, key: str = "k1", **given: Any) -> Answer:
    headers = {"Idempotency_Key": key} if key else {}
    return http.call("POST", PATH, body(member_id, **given), token=token, headers=headers)


def step(http: Http, token: str, penalty_id: str, name: str, note: str = "已核实") -> Answer:
    parameters = {"penalty_id": penalty_id}
    return http.call("POST", f"{PATH}/{{penalty_id}}/{name}", {"note": note}, token=token, path_parameters=parameters)


def appeal(http: Http, token: str, penalty_id: str, text: str = "不是我写的") -> Answer:
    path, parameters = "/v1/me/penalties/{penalty_id}/appeal", {"penalty_id": penalty_id}
    return http.call("POST", path, {"text": text}, token=token, path_parameters=parameters)


def posted(http: Http) -> tuple[str, str, str]:
    """(member's token, member id, penalty id) of one who was just penalised."""
    token, member_id = http.log_in()
    http.call("POST", "/v1/me/check-ins", token=token)
    penalty_id = propose(http, http.staff("operator"), member_id).data["id"]
    http.stage.later(hours=1)
    assert step(http, http.staff("reviewer", "second"), penalty_id, "approve").status == 200
    return token, member_id, penalty_id


def test_a_penalty_from_its_proposal_to_its_overturning(http: Http) -> None:
    token, member_id, penalty_id = posted(http)
    assert http.call("GET", "/v1/me/balance", token=token).data["deficit_points"] == 28

    (mine,) = http.call("GET", "/v1/me/penalties", token=token).data["list"]
    asked = appeal(http, token, penalty_id).data
    http.stage.later(days=1)
    heard = step(http, http.staff("reviewer", "third"), penalty_id, "overturn", "证据不足").data
    (after,) = http.call("GET", "/v1/me/penalties", token=token).data["list"]

    assert mine == {
        "id": penalty_id,
        "name": "恶意差评",
        "points": 30,
        "waived_points": 0,
        "reason": "经核实为恶意差评",
        "state": "posted",
        "posted_at": "2026-03-02T13:00:00+08:00",
        "appeal_until": "2026-03-17",
        "can_appeal": True,
        "appeal": None,
        "hearing": None,
    }
    assert (asked["state"], asked["can_appeal"], asked["appeal"]["text"]) == ("appealed", False, "不是我写的")
    assert (heard["state"], heard["member_id"], heard["taken_points"], heard["owed_points"]) == (
        "overturned",
        member_id,
        2,
        28,
    )
    assert after["hearing"]["note"] == "证据不足"
    balance = http.call("GET", "/v1/me/balance", token=token).data
    assert (balance["available_points"], balance["deficit_points"]) == (2, 0)


def test_the_member_is_told_neither_the_evidence_nor_any_name(http: Http) -> None:
    token, _member_id, penalty_id = posted(http)

    shown = str(http.call("GET", "/v1/me/penalties", token=token).data) + str(appeal(http, token, penalty_id).data)

    assert "complaints/42" not in shown
    assert "'by'" not in shown


def test_staff_see_every_step_and_list_by_state(http: Http) -> None:
    _token, member_id, penalty_id = posted(http)
    key = http.staff("customer_service")
    other = propose(http, key, member_id, "k2", reason="再次恶意差评").data
    parameters = {"penalty_id": penalty_id}

    one = http.call("GET", PATH + "/{penalty_id}", token=key, path_parameters=parameters).data
    first = http.call("GET", PATH, token=key, query={"limit": ["1"]}).data
    second = http.call("GET", PATH, token=key, query={"limit": ["1"], "cursor": [first["next_cursor"]]}).data
    proposed = http.call("GET", PATH, token=key, query={"state": ["proposed"]}).data

    assert one["evidence"] == "https://shop.example/complaints/42"
    assert one["proposed"]["at"] == "2026-03-02T12:00:00+08:00"
    assert one["decided"]["note"] == "已核实"
    assert (first["list"][0]["id"], first["has_more"]) == (other["id"], True)
    assert (second["list"][0]["id"], second["has_more"]) == (penalty_id, False)
    assert [found["id"] for found in proposed["list"]] == [other["id"]]
    assert http.call("GET", PATH, token=key, query={"state": ["gone"]}).status == 400
    assert http.call("GET", PATH, token=key, query={"cursor": ["~"]}).json["code"] == 40002


def test_a_proposal_needs_a_key_and_is_made_once(http: Http) -> None:
    _token, member_id = http.log_in()
    key = http.staff("operator")

    first, again = propose(http, key, member_id).data, propose(http, key, member_id).data

    assert again == {**first, "replayed": True}
    assert propose(http, key, member_id, reason="别的").json["code"] == 40900
    assert propose(http, key, member_id, key="").json["field"] == "Idempotency-Key"


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"indicator": "review"}, 400),
        ({"indicator": "unknown"}, 400),
        ({"member_id": "m" + "0" * 24}, 404),
        ({"member_id": "m1"}, 400),
        ({"evidence": ""}, 400),
        ({"evidence": "x" * 501}, 400),
        ({"reason": ""}, 400),
        ({"points": 5}, 400),
    ],
)
def test_a_bad_proposal_is_refused_and_stores_nothing(http: Http, wrong: dict[str, Any], status: int) -> None:
    _token, member_id = http.log_in()
    key = http.staff("operator")
    before = http.stage.rows()

    assert propose(http, key, **{"member_id": member_id, **wrong}).status == status
    assert http.stage.rows() == before


def test_another_members_penalty_cannot_be_appealed_or_seen(http: Http) -> None:
    _token, _member_id, penalty_id = posted(http)
    stranger, _ = http.log_in("ann")

    assert appeal(http, stranger, penalty_id).json["code"] == 40471
    assert appeal(http, stranger, "no-such-id").json["code"] == 40471
    assert http.call("GET", "/v1/me/penalties", token=stranger).data["list"] == []


def test_the_person_who_proposed_cannot_approve_even_as_admin(http: Http) -> None:
    _token, member_id = http.log_in()
    admin = http.staff("admin")
    penalty_id = propose(http, admin, member_id).data["id"]

    answer = step(http, admin, penalty_id, "approve")

    assert (answer.status, answer.json["msg"]) == (403, "须由另一位员工处理")


def test_a_second_approval_by_the_same_person_is_repeated(http: Http) -> None:
    _token, member_id = http.log_in()
    penalty_id = propose(http, http.staff("operator"), member_id).data["id"]
    reviewer = http.staff("reviewer")

    first, again = (step(http, reviewer, penalty_id, "approve").data for _ in range(2))

    assert (first["replayed"], first["state"], first["owed_points"]) == (False, "posted", 30)
    assert again == {**first, "replayed": True}
    assert step(http, http.staff("reviewer", "third"), penalty_id, "approve").json["code"] == 40970


def test_the_entry_tells_the_member_why(http: Http) -> None:
    token, _member_id, _penalty_id = posted(http)

    entry = http.call("GET", "/v1/me/entries", token=token).data["list"][0]

    assert (entry["kind"], entry["points"], entry["reason"]) == ("reverse", -30, "恶意差评:经核实为恶意差评")
