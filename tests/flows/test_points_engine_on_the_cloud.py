"""The whole points engine through its deployed handlers: behaviours, budgets, people, terms; many callers at once."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.ledger.apply import apply
from chalicelib.ledger.hold import hold
from chalicelib.ledger.table import LedgerTable
from local.http_client import Api, Refused
from local.nights import scheduled_event
from local.stack import Stack
from tests.flows.stage import at_once, log_in, points, signed, until
from tests.ledger.builders import TERMS, a_cause, an_earn

pytestmark = pytest.mark.cloud


def event(name: str, indicator: str, event_id: str) -> dict[str, Any]:
    return {
        "source": "shop",
        "event_id": event_id,
        "indicator": indicator,
        "member": {"platform": "wechat", "buyer_id": f"demo-{name}"},
        "occurred_at": datetime.now(UTC).isoformat(),
    }


def tell(cloud: Stack, *events: dict[str, Any]) -> list[str]:
    return [one["result"] for one in signed(cloud, "/v1/ingest/events", {"events": list(events)})["list"]]


def ledger_of(cloud: Stack) -> LedgerTable:
    tables = (cloud.setting("LEDGER_TABLE"), cloud.setting("JOURNAL_TABLE"))
    return LedgerTable(cloud.client("dynamodb"), *tables, int(cloud.setting("DUE_SHARDS")))


@pytest.fixture(scope="module", autouse=True)
def paused_and_resumed(cloud: Stack, admin: Api) -> Iterator[Future[list[Any]]]:
    """What came of a rule's pause and of its end, tried beside this file's other tests: it waits for a minute."""
    name = secrets.token_hex(6)

    def told(event_id: str, ready: Callable[[], Any]) -> Any:
        time.sleep(31)
        tell(cloud, event(name, "report", event_id))
        return until(ready)

    def tried() -> list[Any]:
        member = log_in(cloud, name)
        admin.post("/v1/staff/programme/rules/report/pause", {"reason": "有人刷分"})
        refused = told(f"{name}.1", lambda: member.get("/v1/me/refused-awards")["list"])
        admin.post("/v1/staff/programme/rules/report/resume", {"reason": "已处理"})
        return [refused[0]["refused"][0]["code"], told(f"{name}.2", lambda: points(member))]

    with ThreadPoolExecutor(1) as aside:
        yield aside.submit(tried)


def test_an_event_told_by_six_callers_at_once_is_paid_once_and_the_second_of_a_day_says_why_not(
    cloud: Stack, admin: Api, name: str
) -> None:
    member = log_in(cloud, name)
    first = event(name, "review", f"{name}.1")

    at_once(6, lambda _place: tell(cloud, first))
    until(lambda: points(member) == 5)
    tell(cloud, event(name, "review", f"{name}.2"))

    refused = until(lambda: member.get("/v1/me/refused-awards")["list"])
    assert refused[0]["refused"][0]["code"] == "capped"
    assert points(member) == 5


def test_a_budget_of_fifty_points_pays_five_of_twelve_members_at_once_at_most(
    cloud: Stack, admin: Api, name: str
) -> None:
    members = [log_in(cloud, f"{name}{place}") for place in range(12)]

    at_once(12, lambda place: tell(cloud, event(f"{name}{place}", "ride", f"{name}.r{place}")))

    def settled() -> bool:
        refused = [bool(member.get("/v1/me/refused-awards")["list"]) for member in members]
        return sum(points(member) for member in members) // 10 + sum(refused) == 12

    until(settled)
    # Three shards of 17, 17 and 16 points hold one ride each: nothing is ever over-issued, some of it may stay.
    assert sum(points(member) for member in members) == 30


def staff(admin: Api, name: str, role: str) -> Api:
    return admin.as_caller(admin.post("/v1/staff/keys", {"name": f"{role}-{name}", "roles": [role]})["key"])


def test_an_adjustment_needs_a_second_person_and_many_approvals_are_one(cloud: Stack, admin: Api, name: str) -> None:
    member = log_in(cloud, name)
    member_id = member.get("/v1/me")["member_id"]
    operator, reviewer = staff(admin, name, "operator"), staff(admin, name, "reviewer")
    asked = {
        "member_id": member_id,
        "points": 88,
        "points_class": "activity",
        "expires_on": f"{datetime.now(UTC) + timedelta(days=90):%Y-%m-%d}",
        "reason": "活动补发",
    }
    proposal = operator.post("/v1/staff/adjustments", asked, Idempotency_Key=name)
    path = f"/v1/staff/adjustments/{proposal['id']}/approve"
    with pytest.raises(Refused):
        operator.post(path)

    def approve(_place: int) -> Any:
        return reviewer.post(path)

    at_once(6, approve)

    assert points(member) == 88


def test_a_hold_past_its_deadline_is_released_by_its_rule(cloud: Stack, admin: Api, name: str) -> None:
    ledger, now = ledger_of(cloud), datetime.now(UTC)
    earn = an_earn(50, (now + timedelta(days=60)).date(), cause=a_cause(id=f"tmall#{name}", at=now))
    ledger.post(name, lambda seen: apply(seen.account, [earn], TERMS, now))
    hold(
        name,
        name,
        30,
        release_at=now + timedelta(minutes=1),
        activity="checkout",
        actor=name,
        ledger=ledger,
        terms=TERMS,
        now=now,
    )
    assert ledger.read(name).held_points == 30

    cloud.invoke("release_holds", scheduled_event(now + timedelta(minutes=2)))

    account = ledger.read(name)
    assert (account.held_points, account.available_points) == (0, 50)


def test_a_registration_told_by_the_log_in_reaches_the_ledger_once(cloud: Stack, admin: Api, name: str) -> None:
    member_id = log_in(cloud, name).get("/v1/me")["member_id"]
    for _ in range(3):
        log_in(cloud, name)
    ledger = ledger_of(cloud)

    until(lambda: ledger.read(member_id).joined_on)

    time.sleep(1)
    assert [entry.activity for entry in ledger.entries(member_id, before_key=None, limit=9)] == ["register"]


def test_a_paused_rule_stops_within_the_terms_cache_and_pays_again_when_it_is_resumed(
    paused_and_resumed: Future[list[Any]],
) -> None:
    assert paused_and_resumed.result() == ["rule_paused", 20]
