"""What only real deployed handlers show: the stream, the queues, the schedules and many callers at once."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.ledger.apply import apply
from chalicelib.ledger.table import LedgerTable
from local.http_client import Api, Refused
from local.nights import run_night, scheduled_event
from local.stack import Stack
from tests.flows.stage import at_once, deliver, log_in, paid, points, refund, until
from tests.ledger.builders import TERMS, a_cause, an_earn

pytestmark = pytest.mark.cloud


def test_a_member_who_checks_in_from_twelve_phones_at_once_is_paid_once(cloud: Stack, admin: Api, name: str) -> None:
    phones = [log_in(cloud, name) for _ in range(12)]

    answers = at_once(12, lambda place: phones[place].post("/v1/me/check-ins"))

    assert sum(not answer["replayed"] for answer in answers) == 1
    assert {answer["points"] for answer in answers} == {2}
    assert points(phones[0]) == 2
    entries = phones[0].get("/v1/me/entries")["list"]
    assert [entry["points"] for entry in entries if entry["activity"] == "check_in"] == [2]


def test_one_order_delivered_by_eight_callers_at_once_is_credited_once(cloud: Stack, admin: Api, name: str) -> None:
    member = log_in(cloud, name)
    order = paid(name, 1, 4200)

    results = [result for answer in at_once(8, lambda _place: deliver(cloud, order)) for result in answer]

    assert sorted(results) == ["accepted"] + ["duplicate"] * 7
    until(lambda: points(member) == 42)
    deliver(cloud, refund(name, 1, 1000))
    until(lambda: points(member) == 32)


def test_a_refund_before_its_order_and_many_orders_of_one_member_add_up(cloud: Stack, admin: Api, name: str) -> None:
    member = log_in(cloud, name)
    deliver(cloud, *(refund(name, number, 100) for number in range(20)))
    deliver(cloud, *(paid(name, number, 1000) for number in range(20)))

    until(lambda: points(member) == 20 * 9)
    time.sleep(1)
    assert points(member) == 20 * 9


def test_a_poison_record_is_parked_and_replayed_when_it_is_mended(cloud: Stack, admin: Api, name: str) -> None:
    member = log_in(cloud, name)
    orders, table = cloud.client("dynamodb"), cloud.setting("ORDERS_TABLE")
    key = {"pk": {"S": f"wechat#{name}-9"}}
    poison = {"kind": {"S": "order"}, "input_hash": {"S": "x"}, "changed_on": {"S": "2026-01-01#0"}}
    orders.put_item(TableName=table, Item={**key, **poison})
    deliver(cloud, paid(name, 1, 700))
    until(lambda: points(member) == 7)

    def parked() -> Any:
        waiting = admin.get("/v1/staff/parked-orders")["list"]
        return next((one for one in waiting if json.loads(one["payload"])["order"] == key["pk"]["S"]), None)

    record = until(parked)
    assert json.loads(record["payload"])["record"]["dynamodb"]["NewImage"]["input_hash"] == {"S": "x"}
    with pytest.raises(Refused):
        admin.post(f"/v1/staff/parked-orders/{record['id']}/replays")
    orders.delete_item(TableName=table, Key=key)
    assert deliver(cloud, paid(name, 9, 900)) == ["accepted"]
    until(lambda: points(member) == 16)
    assert admin.post(f"/v1/staff/parked-orders/{record['id']}/replays")["points"] == 0
    assert parked() is None


def test_a_night_expires_through_its_rule_queue_and_workers_and_twice_is_once(
    cloud: Stack, admin: Api, name: str
) -> None:
    ledger = LedgerTable(
        cloud.client("dynamodb"),
        cloud.setting("LEDGER_TABLE"),
        cloud.setting("JOURNAL_TABLE"),
        int(cloud.setting("DUE_SHARDS")),
    )
    last_year = datetime.now(UTC) - timedelta(days=430)
    members = [f"{name}-{number}" for number in range(5)]
    earn = an_earn(7, last_year.date() + timedelta(days=30), cause=a_cause(id=f"tmall#{name}", at=last_year))
    for member in members:
        ledger.post(member, lambda seen: apply(seen.account, [earn], TERMS, last_year))

    at_once(2, lambda _place: run_night(cloud, datetime.now(UTC)))

    statements = [ledger.entries(member, before_key=None, limit=9) for member in members]
    assert [[entry.points for entry in statement] for statement in statements] == [[-7, 7]] * 5


def test_the_reconciliation_credits_an_order_whose_stream_record_was_lost(cloud: Stack, admin: Api, name: str) -> None:
    """The stream's consumer is off while the order arrives and its position is behind it when it comes back."""
    member = log_in(cloud, name)
    lambdas = cloud.client("lambda")
    mapping = next(
        one
        for one in lambdas.list_event_source_mappings()["EventSourceMappings"]
        if "stream" in one["EventSourceArn"] and "SettleOrders" in one["FunctionArn"]
    )
    lambdas.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    try:
        deliver(cloud, paid(name, 1, 800))
        cloud.invoke("reconcile_orders", scheduled_event(datetime.now(UTC)))
        assert points(member) == 8
    finally:
        lambdas.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)
    deliver(cloud, paid(name, 2, 100))
    until(lambda: points(member) == 9)


def test_two_sweeps_at_once_send_an_issue_once(cloud: Stack, admin: Api, name: str) -> None:
    from local.places import ROOT

    at = datetime.now(UTC) + timedelta(minutes=2)
    plan = {**json.loads((ROOT / "local/issue.json").read_text()), "publish_at": at.isoformat()}
    issue = admin.post("/v1/staff/issues", plan, Idempotency_Key=name)
    admin.post(f"/v1/staff/issues/{issue['id']}/approval", {"version": issue["version"]})
    sweep = scheduled_event(at + timedelta(minutes=1))

    at_once(4, lambda _place: cloud.invoke("send_due_issues", sweep))

    sent = admin.get(f"/v1/staff/issues/{issue['id']}")
    copies = admin.get(f"/v1/staff/outbox?month={sent['publish_at'][:7]}&limit=100")["list"]
    assert (sent["state"], sent["attempts"]) == ("sent", 1)
    assert [copy["issue_id"] for copy in copies].count(issue["id"]) == 1
