"""Transfer over HTTP: a code shown, points passed on, nobody's id told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.ledger.counter import Counter, opened

LIMITS = {"min_points": 10, "max_points_per_day": 100, "times_per_day": 2}


@pytest.fixture
def counter(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter]:
    with opened(monkeypatch, transfer=LIMITS) as stage:
        yield stage


def test_points_go_to_whoever_shows_the_code(counter: Counter) -> None:
    (mei, mei_id), (lan, lan_id) = counter.log_in(), counter.log_in()
    counter.give(mei_id, 50)
    shown = counter.call("GET", "/v1/me/transfer-code", token=lan).data
    body = {"code": shown["code"], "points": 20}

    first = counter.call("POST", "/v1/me/transfers", body, token=mei, key="k").data
    again = counter.call("POST", "/v1/me/transfers", body, token=mei, key="k").data
    entries = [counter.call("GET", "/v1/me/entries", token=token).data["list"][0] for token in (mei, lan)]

    assert shown["expires_at"] == "2026-03-02T12:10:00+08:00"
    assert (first["points"], first["balance_after_points"], first["replayed"]) == (20, 30, False)
    assert again == {**first, "replayed": True}
    assert [(entry["kind"], entry["points"], entry["reason"]) for entry in entries] == [
        ("transfer", -20, "转赠20分给好友"),
        ("transfer", 20, "收到好友转赠20分"),
    ]
    assert lan_id not in str(entries[0])
    assert mei_id not in str(entries[1])


def test_refusals_say_which(counter: Counter) -> None:
    (mei, mei_id), (lan, _) = counter.log_in(), counter.log_in()
    counter.give(mei_id, 50)
    code = counter.call("GET", "/v1/me/transfer-code", token=lan).data["code"]
    own = counter.call("GET", "/v1/me/transfer-code", token=mei).data["code"]

    answers = [
        counter.call("POST", "/v1/me/transfers", {"code": sent, "points": points}, token=mei, key=str(number))
        for number, (sent, points) in enumerate(
            ((own, 20), ("0" * 10, 20), (code, 9), (code, 101), (code, 51), (code, 0), ("x", 20))
        )
    ]
    without_key = counter.call("POST", "/v1/me/transfers", {"code": code, "points": 20}, token=mei)

    assert [answer.json["code"] for answer in answers] == [42263, 42262, 42264, 40966, 40901, 40000, 40000]
    assert (without_key.status, without_key.json["field"]) == (400, "Idempotency-Key")


def test_it_is_off_unless_the_programme_allows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(monkeypatch) as counter:
        token, _ = counter.log_in()
        code = counter.call("GET", "/v1/me/transfer-code", token=token)
        sent = counter.call("POST", "/v1/me/transfers", {"code": "0" * 10, "points": 20}, token=token, key="k")

    assert [(answer.status, answer.json["msg"]) for answer in (code, sent)] == [(409, "积分转赠暂未开放")] * 2
