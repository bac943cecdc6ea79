"""The auditor on moto: tables that the ledger itself wrote are clean, and each thing planted in them is named."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

import pytest
from moto import mock_aws

from chalicelib.earning.order import Paid
from chalicelib.earning.table import OrdersTable
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.apply import apply
from chalicelib.ledger.audit import Finding
from chalicelib.ledger.buckets import PointsClass
from chalicelib.ledger.commands import Freeze
from chalicelib.ledger.counters import Counted
from chalicelib.ledger.hold import capture, hold
from chalicelib.ledger.items import entry_item, entry_of
from chalicelib.ledger.model import Budget, Credit, Guard, Kind, Policy, Posting, digest
from chalicelib.ledger.pending import taken_back
from chalicelib.ledger.table import LedgerTable, Seen
from chalicelib.runtime.dynamo import Item, decode_item, encode_item
from local import audit as tool
from local.audit import Auditor, Report
from local.places import Mend
from tests.ledger.builders import NOW, TERMS, TODAY_ON, a_cause, a_redemption, an_earn, bucket
from tests.moto_cloud import moto_client, moto_tables

BUDGET = Budget("b1", "2026-11", limit_points=100, shards=2, points=5)


@dataclass
class World:
    """Two members with everything a ledger can hold, and the auditor beside them."""

    dynamo: Any
    ledger: LedgerTable
    orders: OrdersTable
    pauses: list[float] = field(default_factory=list)

    def audit(self, **given: Any) -> list[Finding]:
        found: list[Finding] = []
        auditor = self.auditor(Report(found.append), **given)
        auditor.run(segments=2)
        return found

    def auditor(self, report: Report, **given: Any) -> Auditor:
        known = {"b1": [BUDGET]}
        made = Auditor(self.ledger, self.orders, TERMS, known, TODAY_ON, report, pause=self.pauses.append)
        return replace(made, **given)

    def item(self, table: str, pk: str, sk: str = "A") -> Item:
        key = {"pk": pk, "sk": sk} if sk else {"pk": pk}
        return decode_item(self.dynamo.get_item(TableName=table, Key=encode_item(key))["Item"])

    def entry(self, pk: str, kind: str) -> Item:
        items = map(decode_item, self.dynamo.scan(TableName=self.ledger.journal)["Items"])
        return next(item for item in items if item["pk"] == pk and item["kind"] == kind)

    def put(self, table: str, item: Item) -> None:
        self.dynamo.put_item(TableName=table, Item=encode_item(item))

    def delete(self, table: str, item: Item) -> None:
        key = {name: item[name] for name in ("pk", "sk") if name in item}
        self.dynamo.delete_item(TableName=table, Key=encode_item(key))

    def change(self, table: str, item: Item, **values: Any) -> None:
        self.put(table, {name: value for name, value in {**item, **values}.items() if value is not None})


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        dynamo = moto_client("dynamodb")
        names = moto_tables(dynamo, "audit")
        ledger = LedgerTable(dynamo, names["LEDGER_TABLE"], names["JOURNAL_TABLE"], 8, pause=lambda _seconds: None)
        made = World(dynamo, ledger, OrdersTable(dynamo, names["ORDERS_TABLE"]))
        _live(made)
        yield made


def _live(world: World) -> None:
    ledger, later = world.ledger, NOW + timedelta(hours=1)
    paid = Paid("tmall", "1", "b1", NOW, 9900)
    world.orders.put_paid(paid, "m1", NOW, TODAY_ON)
    _credit_order(ledger)
    _refund_order(ledger)
    ledger.post("m1", lambda seen: apply(seen.account, [a_redemption(20)], TERMS, later))
    common: dict[str, Any] = {"actor": "a1", "ledger": ledger, "terms": TERMS, "now": later}
    hold("m1", "h1", 10, release_at=later + timedelta(days=1), activity="mall", **common)
    hold("m1", "h2", 10, release_at=later + timedelta(days=1), activity="mall", **common)
    capture("m1", "h2", 6, **common)
    frozen = Freeze(a_cause(Kind.ADJUST, "f1"), True, 1)
    checked_in = an_earn(5, cause=a_cause(id="d1", activity="check_in"), checked_in_on=TODAY_ON)
    counted = checked_in._replace(counts=(Counted("check_in:pm", date(2026, 11, 30), 5),))

    def check_in(seen: Seen) -> Posting:
        return apply(seen.account, [counted, frozen], TERMS, NOW)._replace(budgets=(BUDGET,))

    ledger.post("m2", check_in)


def _credit_order(ledger: LedgerTable) -> None:
    credits = (
        Credit("order", PointsClass.CONSUMPTION, 99, Policy.DEFICIT, 1, bucket=bucket(date(2027, 11, 30))),
        Credit(
            "late",
            PointsClass.CONSUMPTION,
            50,
            Policy.DEFICIT,
            1,
            pending_points=50,
            validity={"kind": "never"},
            activate_on=date(2026, 12, 7),
        ),
    )
    second = an_earn(50, cause=a_cause(id="tmall#1~late"), rule="late")._replace(bucket="")
    commands = [an_earn(99), second]

    def decide(seen: Seen) -> Posting:
        guard = Guard("O#tmall#1", "m1", "order", "tmall#1", credits=credits, state={"refunds": {}})
        return apply(seen.account, commands, TERMS, NOW)._replace(guard=guard)

    ledger.post("m1", decide, guard_key="O#tmall#1")


def _refund_order(ledger: LedgerTable) -> None:
    def decide(seen: Seen) -> Posting:
        assert seen.guard
        cause = a_cause(Kind.REVERSE, "tmall#1:r1")
        command, left = taken_back(seen.guard.credits[0], 9, cause, "退款")
        after = seen.guard._replace(credits=(left, seen.guard.credits[1]), version=2)
        return apply(seen.account, [command], TERMS, NOW)._replace(guard=after)

    ledger.post("m1", decide, guard_key="O#tmall#1")


def test_what_the_ledger_wrote_is_clean_and_every_item_was_read(world: World) -> None:
    report = Report(lambda finding: pytest.fail(str(finding)))

    world.auditor(report).run(segments=2)

    assert report.read == {"accounts": 2, "entries": 10, "guards": 3, "orders": 1, "budgets": 1}
    assert world.pauses == []


def entry_changed(world: World) -> None:
    world.change(world.ledger.journal, world.entry("M#m1", "redeem"), text="改过")


def entry_changed_and_hashed_again(world: World) -> None:
    item = world.entry("M#m1", "redeem")
    changed = entry_item(entry_of({**item, "points": -19, "buckets": {bucket(date(2027, 11, 30)): -19}}))
    del changed["hash"]
    world.put(world.ledger.journal, {**changed, "hash": bytes.fromhex(digest(changed))})


def entry_missing(world: World) -> None:
    world.delete(world.ledger.journal, world.entry("M#m1", "redeem"))


def last_entry_missing(world: World) -> None:
    world.delete(world.ledger.journal, world.entry("M#m2", "adjust"))


def entry_slipped_in(world: World) -> None:
    last = entry_of(world.entry("M#m2", "adjust"))
    account = world.ledger.read("m2")
    (entry,) = apply(account, [an_earn(1000, cause=a_cause(id="gift"))], TERMS, NOW).entries
    bare = entry_item(entry._replace(previous_hash=last.hash))
    world.put(world.ledger.journal, {**bare, "hash": bytes.fromhex(digest(bare))})


def entry_of_nobody(world: World) -> None:
    world.put(world.ledger.journal, {**world.entry("M#m2", "earn"), "pk": "M#m9"})


def entry_moved_to_another_key(world: World) -> None:
    item = world.entry("M#m1", "redeem")
    world.delete(world.ledger.journal, item)
    world.put(world.ledger.journal, {**item, "sk": item["sk"].replace("#r1", "#r2")})


def entry_with_a_fraction(world: World) -> None:
    item = world.entry("M#m1", "redeem")
    typed = {**encode_item(item), "points": {"N": "-20.5"}}
    world.dynamo.put_item(TableName=world.ledger.journal, Item=typed)


def bucket_changed(world: World) -> None:
    account = world.item(world.ledger.ledger, "M#m1")
    ((key, points),) = account["buckets"].items()
    world.change(world.ledger.ledger, account, buckets={key: points + 1}, available=points + 1)


def bucket_moved_to_a_later_date(world: World) -> None:
    account = world.item(world.ledger.ledger, "M#m1")
    (points,) = account["buckets"].values()
    world.change(world.ledger.ledger, account, buckets={bucket(None): points})


def account_missing(world: World) -> None:
    world.delete(world.ledger.ledger, world.item(world.ledger.ledger, "M#m2"))


def thawed_without_an_entry(world: World) -> None:
    world.change(world.ledger.ledger, world.item(world.ledger.ledger, "M#m2"), frozen=None)


def check_in_days_changed(world: World) -> None:
    account = world.item(world.ledger.ledger, "M#m2")
    last_on, _, _ = account["check_ins"].split(".")
    world.change(world.ledger.ledger, account, check_ins=f"{last_on}.3.2")


def counter_changed(world: World) -> None:
    account = world.item(world.ledger.ledger, "M#m2")
    ((name, text),) = account["counters"].items()
    world.change(world.ledger.ledger, account, counters={name: text.replace(".5", ".4")})


def pending_total_wrong(world: World) -> None:
    world.change(world.ledger.ledger, world.item(world.ledger.ledger, "M#m1"), pending=49)


def held_total_wrong(world: World) -> None:
    world.change(world.ledger.ledger, world.item(world.ledger.ledger, "M#m1"), held=None)


def due_key_missing(world: World) -> None:
    world.change(world.ledger.ledger, world.item(world.ledger.ledger, "M#m1"), due_key=None)


def due_key_too_late(world: World) -> None:
    world.change(world.ledger.ledger, world.item(world.ledger.ledger, "M#m1"), due_key="2028-01-01#m1")


def guard_missing(world: World) -> None:
    world.delete(world.ledger.ledger, {"pk": "O#tmall#1", "sk": "G"})


def hold_missing(world: World) -> None:
    world.delete(world.ledger.ledger, {"pk": "H#h2", "sk": "G"})


def guard_out_of_the_index(world: World) -> None:
    guard = world.item(world.ledger.ledger, "O#tmall#1", "G")
    world.change(world.ledger.ledger, guard, due_shard=None, due_key=None, open_of=None)


def guard_gave_more(world: World) -> None:
    guard = world.item(world.ledger.ledger, "O#tmall#1", "G")
    first, second = guard["credits"]
    world.change(world.ledger.ledger, guard, credits=[{**first, "points": 199}, second])


def guard_took_back_less(world: World) -> None:
    guard = world.item(world.ledger.ledger, "O#tmall#1", "G")
    first, second = guard["credits"]
    world.change(world.ledger.ledger, guard, credits=[{**first, "reversed": 0}, second])


def guard_given_to_another(world: World) -> None:
    world.change(world.ledger.ledger, world.item(world.ledger.ledger, "O#tmall#1", "G"), member_id="m2")


def order_given_to_another(world: World) -> None:
    world.change(world.orders.name, world.item(world.orders.name, "tmall#1", ""), member_id="m2")


def order_missing(world: World) -> None:
    world.delete(world.orders.name, {"pk": "tmall#1"})


def budget_overspent(world: World) -> None:
    items = map(decode_item, world.dynamo.scan(TableName=world.ledger.ledger)["Items"])
    shard = next(item for item in items if item["pk"].startswith("B#"))
    world.change(world.ledger.ledger, shard, spent=51)


@pytest.mark.parametrize(
    ("plant", "key", "what"),
    [
        pytest.param(plant, key, what, id=plant.__name__)
        for plant, key, what in [
            (entry_changed, "#redeem#order#r1", "hash"),
            (entry_changed_and_hashed_again, "#redeem#order#r1", "available, pending, held, deficit after"),
            (entry_changed_and_hashed_again, "#hold#mall#h1", "previous_hash"),
            (entry_missing, "#hold#mall#h1", "sequence"),
            (entry_missing, "#hold#mall#h1", "previous_hash"),
            (last_entry_missing, "M#m2 A", "sequence"),
            (last_entry_missing, "M#m2 A", "last_hash"),
            (entry_slipped_in, "M#m2 A", "last_hash"),
            (entry_slipped_in, "M#m2 A", "available"),
            (entry_of_nobody, "M#m9 A", "account"),
            (entry_moved_to_another_key, "#redeem#order#r2", "key"),
            (entry_with_a_fraction, "#redeem#order#r1", "entry"),
            (bucket_changed, "M#m1 A", "buckets"),
            (bucket_moved_to_a_later_date, "M#m1 A", "buckets"),
            (account_missing, "M#m2 A", "account"),
            (thawed_without_an_entry, "M#m2 A", "frozen"),
            (check_in_days_changed, "M#m2 A", "check_ins"),
            (counter_changed, "M#m2 A", "counters.check_in:pm"),
            (pending_total_wrong, "M#m1 A", "pending"),
            (held_total_wrong, "M#m1 A", "held"),
            (due_key_missing, "M#m1 A", "due_key"),
            (due_key_too_late, "M#m1 A", "due_key"),
            (guard_missing, "O#tmall#1 G", "guard"),
            (hold_missing, "H#h2 G", "guard"),
            (guard_out_of_the_index, "O#tmall#1 G", "open_of"),
            (guard_gave_more, "O#tmall#1 G", "credits.order.points"),
            (guard_took_back_less, "O#tmall#1 G", "credits.order.reversed"),
            (guard_given_to_another, "O#tmall#1 G", "member_id"),
            (order_given_to_another, "O#tmall#1 G", "member_id"),
            (order_missing, "O#tmall#1 G", "order"),
            (budget_overspent, "B#b1#2026-11 S#", "spent"),
        ]
    ],
)
def test_what_was_planted_is_named(world: World, plant: Callable[[World], None], key: str, what: str) -> None:
    plant(world)

    found = world.audit()

    assert [finding for finding in found if finding.what == what and key in finding.key]
    assert all(finding.expected != finding.found for finding in found)


def test_one_wrong_member_is_the_only_one_named(world: World) -> None:
    bucket_changed(world)

    assert {finding.key for finding in world.audit()} == {"M#m1 A"}


def test_a_counter_that_was_forgotten_since_is_no_finding(world: World) -> None:
    world.change(world.ledger.ledger, world.item(world.ledger.ledger, "M#m2"), counters=None)

    assert [finding.what for finding in world.audit()] == ["counters.check_in:pm"]
    assert world.audit(today_on=date(2026, 12, 1)) == []


def test_a_posting_that_lands_while_a_member_is_read_is_read_again_not_called_wrong(world: World) -> None:
    landed: list[int] = []

    class Busy:
        def __getattr__(self, name: str) -> Any:
            return getattr(world.dynamo, name)

        def query(self, **request: Any) -> Any:
            if request["TableName"] == world.ledger.journal and len(landed) < 2:
                landed.append(1)
                earn = an_earn(1, cause=a_cause(id=f"late#{len(landed)}", activity="other"))
                world.ledger.post("m1", lambda seen: apply(seen.account, [earn], TERMS, NOW))
            return world.dynamo.query(**request)

    found: list[Finding] = []
    world.auditor(Report(found.append), ledger=replace(world.ledger, dynamo=Busy())).member("m1")

    assert (found, len(landed)) == ([], 2)
    assert world.pauses


@pytest.fixture
def audited(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The command line, its stage being this world."""

    def audit(report: Report, *, segments: int, member_id: str = "") -> None:
        auditor = world.auditor(report)
        if member_id:
            auditor.member(member_id)
        else:
            auditor.run(segments)

    monkeypatch.setattr(tool, "find_stack", lambda stage: stage)
    monkeypatch.setattr(tool, "adopted", lambda stack: nullcontext())
    monkeypatch.setattr(tool, "audit", audit)
    return world


@pytest.mark.usefixtures("audited")
def test_the_command_says_what_it_read_and_that_all_agrees(capsys: pytest.CaptureFixture[str]) -> None:
    assert tool.main([]) == 0

    printed = capsys.readouterr().out
    assert "2 accounts, 10 entries, 3 guards, 1 orders, 1 budgets" in printed
    assert "all of it agrees" in printed


def test_the_command_names_what_it_found_and_fails(audited: World, capsys: pytest.CaptureFixture[str]) -> None:
    pending_total_wrong(audited)

    assert tool.main(["--member", "m1"]) == 1

    printed = capsys.readouterr().out
    assert "M#m1 A" in printed
    assert "pending: 50, the sum of the member's guards" in printed
    assert "found: 49" in printed


def test_for_programs_it_prints_one_finding_a_line_and_a_summary(
    audited: World, capsys: pytest.CaptureFixture[str]
) -> None:
    counter_changed(audited)

    assert tool.main(["--json"]) == 1

    finding, summary = map(json.loads, capsys.readouterr().out.splitlines())
    assert (finding["key"], finding["what"]) == ("M#m2 A", "counters.check_in:pm")
    assert summary["found"] == {"counters.check_in:pm": 1}


@pytest.mark.parametrize("trouble", [Mend("not running"), JifenError(Code.TERMS_MISSING)])
def test_an_audit_that_cannot_run_says_so_with_another_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], trouble: Exception
) -> None:
    def find_stack(stage: str) -> None:
        raise trouble

    monkeypatch.setattr(tool, "find_stack", find_stack)

    assert tool.main([]) == 2
    assert capsys.readouterr().err.strip()
