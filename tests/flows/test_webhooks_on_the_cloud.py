"""Webhooks through their deployed handlers: what the API books reaches a receiver, signed and in order."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from standardwebhooks import Webhook

from local.http_client import Api
from local.stack import Stack
from tests.connect.webhooks.receiver import Receiver, receiving
from tests.flows.stage import deliver, log_in, paid, points, until

pytestmark = pytest.mark.cloud
PATH = "/v1/staff/webhook-endpoints"
KINDS = ["points.earned", "points.reversed", "level.changed"]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as opened:
        yield opened


@pytest.fixture
def endpoint(admin: Api, receiver: Receiver, name: str) -> Iterator[Any]:
    """An endpoint of the receiver's, deleted when the test is over."""
    made = admin.post(PATH, {"url": receiver.url, "kinds": KINDS}, Idempotency_Key=name)
    yield made
    admin.delete(f"{PATH}/{made['id']}")


def told(receiver: Receiver, member_id: str) -> list[dict[str, Any]]:
    """The member's events as they came, each once."""
    bodies = [json.loads(got.body) for got in list(receiver.received)]
    own = {body["id"]: body for body in bodies if body["data"].get("member_id") == member_id}
    return list(own.values())


def test_what_is_booked_is_told_signed_and_in_order_though_the_first_attempt_fails(
    cloud: Stack, admin: Api, endpoint: Any, receiver: Receiver, name: str
) -> None:
    receiver.answers = [500]
    member = log_in(cloud, name)
    member_id = member.get("/v1/me")["member_id"]
    member.post("/v1/me/check-ins")
    deliver(cloud, paid(name, 1, 12_900))
    until(lambda: points(member) >= 131)

    events = until(lambda: found if len(found := told(receiver, member_id)) >= 2 else None)

    numbers = [event["data"]["sequence"] for event in events]
    assert numbers == sorted(numbers)
    assert sum(event["data"]["points"] for event in events) == points(member)
    for got in receiver.received:
        assert Webhook(endpoint["secret"]).verify(got.body, got.headers)["type"] in KINDS
    path = f"{PATH}/{endpoint['id']}/deliveries?limit=100"
    shown = until(lambda: _all_delivered(admin.get(path)["list"], member_id, len(events)))
    assert max(one["attempts"] for one in shown) == 2


def _all_delivered(deliveries: list[Any], member_id: str, count: int) -> list[Any] | None:
    own = [one for one in deliveries if one["member_id"] == member_id and one["state"] == "delivered"]
    return own if len(own) == count else None
