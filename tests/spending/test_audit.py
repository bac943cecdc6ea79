"""The auditor of redemptions: what the mall itself wrote is clean, and each thing planted in it is named."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from chalicelib.ledger.audit import Finding
from chalicelib.runtime.dynamo import Item
from chalicelib.spending.goods.table import open_goods
from chalicelib.spending.mall.item import pool_stock
from local.audit import Report, audit
from local.audit_spending import SpendingAuditor
from tests.members.stage import NOON
from tests.spending.after_sales import SF, YTO, with_hats
from tests.spending.audited import Rows
from tests.spending.malls import Mall, open_mall

TABLE, LEDGER, JOURNAL = "test-spending", "test-ledger", "test-journal"


class World:
    """A mall in which everything has happened that can happen to redemptions."""

    def __init__(self, mall: Mall) -> None:
        self.mall, self.desks = mall, with_hats(mall, stock=9, limits=[{"pieces": 9, "period": "day"}])
        cloud = mall.counter.stage.cloud
        rows, self.ledger, self.journal = Rows(cloud, TABLE), Rows(cloud, LEDGER), Rows(cloud, JOURNAL)
        self.item, self.change, self.delete = rows.item, rows.change, rows.delete
        self.token, self.member_id = mall.member(9000)
        self.ids: dict[str, str] = {}
        self._parcels()
        self._goods()

    def _parcels(self) -> None:
        desks, token = self.desks, self.token
        for name in ("to_ship", "shipped", "reissued", "cancelled", "lost"):
            self.ids[name] = desks.parcel(token)["id"]
        for name in ("shipped", "reissued", "lost"):
            desks.staff(self.ids[name], "shipment", SF)
        desks.staff(self.ids["reissued"], "reissue", {**YTO, "reason": "快递丢件", "takes_stock": True})
        desks.give_up(token, self.ids["cancelled"])
        desks.take_back(self.ids["lost"], stock_back=False)

    def _goods(self) -> None:
        mall, token = self.mall, self.token
        mall.offer()
        mall.staff("POST", "/v1/staff/mall/code-pools/{pool}/codes", {"codes": ["A", "B", "C"]}, pool="video")
        mall.offer("vip", stock=0, good={"kind": "virtual", "pool": "video"})
        mall.offer("bottle", good={"kind": "parcel"}, prices=[{"id": "points", "points": 200, "cash_fen": 990}])
        for name, item in (("coupon", "coupon"), ("coupon_back", "coupon"), ("code", "vip"), ("code_back", "vip")):
            self.ids[name] = mall.bought(token, item).data["id"]
        for name in ("coupon_back", "code_back"):
            self.desks.take_back(self.ids[name])
        delivery = {"way": "ship", "name": "小美", "phone": "13800000000", "address": "上海市黄浦区某路1号"}
        self.ids["unpaid"] = mall.bought(token, "bottle", delivery=delivery).data["id"]

    def audit(self) -> tuple[list[Finding], dict[str, int]]:
        found: list[Finding] = []
        read: dict[str, int] = {}

        def add(findings: list[Finding], **counts: int) -> None:
            found.extend(findings)
            for name, count in counts.items():
                read[name] = read.get(name, 0) + count

        SpendingAuditor(self.mall.ledger, TABLE, add, NOON, "Asia/Shanghai", pause=lambda _seconds: None).run()
        return found, read

    def row(self, name: str) -> Item:
        return self.item(f"R#{self.ids[name]}", "R")

    def entry(self, name: str) -> Item:
        items = self.journal.all()
        return next(one for one in items if one["kind"] == "redeem" and one["cause_id"] == self.ids[name])


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with open_mall(monkeypatch) as mall:
        yield World(mall)


def test_what_the_mall_wrote_is_clean(world: World) -> None:
    found, read = world.audit()

    assert found == []
    assert read == {"redemptions": 10, "coupons": 2, "codes": 1, "limits": 1, "stocks": 4}


def entry_gone(world: World) -> None:
    world.journal.delete(world.entry("to_ship"))


def fewer_points_spent(world: World) -> None:
    row = world.row("to_ship")
    world.change(row, price=[row["price"][0], 300, 0])


def cancelled_without_its_points(world: World) -> None:
    world.change(world.row("to_ship"), state="cancelled", work_of=None, work_key=None, kept_pieces=1)


def points_back_but_still_to_be_sent(world: World) -> None:
    row = world.row("cancelled")
    work = {"work_of": "FULFIL#to_ship", "work_key": f"{row['made_at']}#{world.ids['cancelled']}"}
    world.change(row, state="to_ship", **work)


def hold_gone(world: World) -> None:
    world.ledger.delete(world.ledger.item(f"H#mall.{world.ids['unpaid']}", "G"))


def hold_released(world: World) -> None:
    world.ledger.change(world.ledger.item(f"H#mall.{world.ids['unpaid']}", "G"), taken={})


def paid_though_it_waits_for_its_money(world: World) -> None:
    world.change(world.row("unpaid"), money="paid")


def not_listed_as_work(world: World) -> None:
    world.change(world.row("to_ship"), work_of=None, work_key=None)


def not_listed_as_due(world: World) -> None:
    world.change(world.row("shipped"), due_at="2030-01-01T00:00:00.000Z")


def unreadable(world: World) -> None:
    world.change(world.row("to_ship"), state="nowhere")


def coupon_gone(world: World) -> None:
    world.delete(world.item(f"COUPON#{world.row('coupon')['codes'][0]}", "COUPON"))


def coupon_of_another(world: World) -> None:
    world.change(world.item(f"COUPON#{world.row('coupon')['codes'][0]}", "COUPON"), source_id="0" * 24)


def coupon_still_good(world: World) -> None:
    world.change(world.item(f"COUPON#{world.row('coupon_back')['codes'][0]}", "COUPON"), state="issued")


def code_free_again(world: World) -> None:
    item = world.item("POOL#video", f"C#{world.row('code')['codes'][0]}")
    world.change(item, given_to=None, source_id=None)


def code_unreadable(world: World) -> None:
    world.change(world.item("POOL#video", f"C#{world.row('code')['codes'][0]}"), code=None)


def item_unreadable(world: World) -> None:
    world.change(world.item("ITEMS", "vip"), document="{")


def a_piece_too_many_left(world: World) -> None:
    stock = world.item("STOCK#hat", "S#0")
    world.change(stock, left=stock["left"] + 1, taken=stock["taken"] - 1)


def a_pool_counts_wrong(world: World) -> None:
    stock = world.item(pool_stock("video"), "S#0")
    world.change(stock, left=stock["left"] + 1)


def fewer_than_none_left(world: World) -> None:
    world.change(world.item("STOCK#hat", "S#0"), left=-1)


def redemption_gone(world: World) -> None:
    world.delete(world.row("to_ship"))


def a_code_promised(world: World) -> str:
    """A redemption of a code whose money is awaited."""
    item = world.mall.item("vip")
    prices = [{"id": "mixed", "points": 200, "cash_fen": 990}]
    changed = {"version": item["version"], "item": {**item["item"], "prices": prices}}
    assert world.mall.staff("PUT", "/v1/staff/mall/items/{item_id}", changed, item_id="vip").status == 200
    world.mall.counter.stage.later(seconds=6)
    made = world.mall.bought(world.token, "vip", price="mixed").data
    assert world.audit()[0] == []
    world.ids["promised"] = made["id"]
    return str(made["id"])


def a_promise_forgotten(world: World) -> None:
    a_code_promised(world)
    world.change(world.row("promised"), promised=None)


def a_code_given_before_its_money(world: World) -> None:
    id = a_code_promised(world)
    (code,) = open_goods().free_codes("video", 1)
    world.change(world.item("POOL#video", f"C#{code.id}"), given_to="m1", source_id=id, work_of=None, work_key=None)
    world.change(world.row("promised"), codes=[code.id])


def a_promised_piece_put_back(world: World) -> None:
    a_code_promised(world)
    stock = world.item(pool_stock("video"), "S#0")
    world.change(stock, left=stock["left"] + 1, taken=stock["taken"] - 1)


def nothing_given_for_its_points(world: World) -> None:
    world.change(world.row("coupon"), codes=None)


def promised_though_it_was_given(world: World) -> None:
    world.change(world.row("coupon"), promised="{}")


PLANTED: list[tuple[Callable[[World], None], set[str]]] = [
    (entry_gone, {"entry"}),
    (fewer_points_spent, {"spent points"}),
    (cancelled_without_its_points, {"spent points", "pieces"}),
    (points_back_but_still_to_be_sent, {"spent points", "taken", "pieces"}),
    (hold_gone, {"entry"}),
    (hold_released, {"held points"}),
    (paid_though_it_waits_for_its_money, {"money"}),
    (not_listed_as_work, {"work_of", "work_key"}),
    (not_listed_as_due, {"due_at"}),
    (unreadable, {"redemption", "taken", "pieces"}),
    (coupon_gone, {"coupon"}),
    (coupon_of_another, {"source_id", "source"}),
    (coupon_still_good, {"state"}),
    (code_free_again, {"source_id", "taken", "left"}),
    (code_unreadable, {"code"}),
    (item_unreadable, {"row"}),
    (a_piece_too_many_left, {"taken"}),
    (a_pool_counts_wrong, {"left"}),
    (fewer_than_none_left, {"left"}),
    (redemption_gone, {"taken", "pieces"}),
    (a_promise_forgotten, {"promised"}),
    (a_code_given_before_its_money, {"codes", "taken", "left"}),
    (a_promised_piece_put_back, {"taken", "left"}),
    (nothing_given_for_its_points, {"codes", "source"}),
    (promised_though_it_was_given, {"promised"}),
]


@pytest.mark.parametrize(("plant", "named"), PLANTED, ids=[plant.__name__ for plant, _ in PLANTED])
def test_what_was_planted_is_named(world: World, plant: Callable[[World], None], named: set[str]) -> None:
    plant(world)

    found, _ = world.audit()

    assert {finding.what for finding in found} == named
    assert all(finding.table == TABLE and finding.expected != finding.found for finding in found)


def test_the_command_looks_at_redemptions_with_all_else(world: World) -> None:
    coupon_gone(world)
    found: list[Finding] = []
    report = Report(found.append)

    audit(report, segments=1)

    assert (report.read["redemptions"], report.read["coupons"], report.read["stocks"]) == (10, 1, 4)
    assert [finding.what for finding in found if finding.table == TABLE] == ["coupon"]


def test_pieces_of_other_rooms_and_staffs_changes_are_no_difference(world: World) -> None:
    world.change({"pk": "STOCK#lottery:prize", "sk": "S#0", "left": 3, "taken": 2})
    world.mall.stock("hat", 5)
    world.mall.stock("hat", -3)

    assert world.audit()[0] == []


def test_what_changes_while_it_is_looked_at_is_looked_at_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    fixed = world.row("to_ship")
    not_listed_as_work(world)
    found: list[Finding] = []

    def mended(_seconds: float) -> None:
        world.change(fixed)

    def add(findings: list[Finding], **_counts: int) -> None:
        found.extend(findings)

    SpendingAuditor(world.mall.ledger, TABLE, add, NOON, "Asia/Shanghai", pause=mended).run()

    assert found == []
