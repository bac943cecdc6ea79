"""The balance over HTTP says what it buys, wherever its points came from."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from chalicelib.runtime import dynamo
from tests.ledger.counter import Counter, opened


@pytest.fixture
def counter(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter]:
    with opened(monkeypatch) as stage:
        yield stage


def test_a_balance_says_what_it_buys_and_what_is_missing_to_the_next(counter: Counter) -> None:
    token, member_id = counter.log_in()
    counter.give(member_id, 250)

    mine = counter.call("GET", "/v1/me/balance", token=token).data
    path, key = "/v1/staff/members/{member_id}/balance", counter.staff("customer_service")
    theirs = counter.call("GET", path, token=key, member_id=member_id).data

    assert mine["buys"] == {
        "affordable": "满199减10券",
        "next": {"name": "骑行帽", "missing_points": 650},
        "worth_fen": 250,
    }
    assert theirs["buys"] == mine["buys"]


def test_points_whose_date_has_passed_buy_nothing(counter: Counter) -> None:
    token, member_id = counter.log_in()
    counter.give(member_id, 250)
    counter.stage.now = datetime(2027, 3, 31, 16, 0, tzinfo=UTC)
    token = counter.call("POST", "/v1/sessions", {"code": "demo-mei-again"}).data["token"]

    found = counter.call("GET", "/v1/me/balance", token=token).data

    assert (found["available_points"], found["buys"]["affordable"], found["buys"]["worth_fen"]) == (0, None, 0)


def test_what_it_buys_costs_no_request(counter: Counter) -> None:
    token, member_id = counter.log_in()
    counter.give(member_id, 250)
    asked: list[str] = []
    events = dynamo.client().meta.events
    events.register("before-call.dynamodb", lambda model, **_given: asked.append(model.name), unique_id="asked")

    counter.call("GET", "/v1/me/balance", token=token)

    events.unregister("before-call.dynamodb", unique_id="asked")
    assert asked == ["GetItem", "BatchGetItem"], "the session, then the account"
