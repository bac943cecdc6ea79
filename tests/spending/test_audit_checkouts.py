"""The auditor of deductions: captured, in part and refunded is clean, and what is planted is named."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from chalicelib.runtime.dynamo import Item
from chalicelib.spending.checkout.deduct import Order
from chalicelib.spending.checkout.deducted import LineRefund
from tests.spending.audited import Rows
from tests.spending.checkouts import ORDER, Till, open_till

POS = Order("pos", "1")


class World:
    """An order whose helmets came back in part and one of which nothing did; what was planted goes at the end."""

    def __init__(self, till: Till) -> None:
        self.till = till
        self.rows, self.ledger = Rows(till.table.dynamo, till.table.name), Rows(till.table.dynamo, till.ledger.ledger)
        till.paid_for(1000)
        till.refund("R1", LineRefund("2", quantity=1))
        till.refund("R2", LineRefund("1", refunded_fen=1))
        till.paid_for(500, order=POS)

    def order(self, order: Order = ORDER) -> Item:
        return self.rows.item(f"CHECKOUT#{order.platform}#{order.order_no}", "C")

    def hold(self, order: Order = ORDER) -> Item:
        return self.ledger.item(f"H#{self.order(order)['hold_id']}", "G")

    def named(self) -> set[str]:
        return {finding.what for finding in self.till.audit() if finding.table == self.rows.table}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with open_till(monkeypatch) as till:
        world = World(till)
        kept = [(rows, rows.all()) for rows in (world.rows, world.ledger)]
        yield world
        for rows, items in kept:
            for item in items:
                rows.change(item)


def test_what_checkouts_wrote_is_clean(world: World) -> None:
    lines = {refund_no: lines for refund_no, (_, _, lines) in world.order()["refunds"].items()}

    assert [line[:2] for line in lines["R1"]] == [["2", 100]]
    assert lines["R2"] == []
    assert world.named() == set()


def never_captured(world: World) -> None:
    hold = world.hold(POS)
    world.ledger.change(hold, state={"held_at": hold["state"]["held_at"]})


def still_held(world: World) -> None:
    world.ledger.change(world.hold(POS), taken={"zzzb": 5})


def captured_for_fewer(world: World) -> None:
    spent: dict[str, Any] = world.hold(POS)["state"]["spent"]
    first = next(iter(spent))
    world.ledger.change(world.hold(POS), state={**world.hold(POS)["state"], "spent": {first: spent[first] - 1}})


def refunded_and_not_restored(world: World) -> None:
    hold = world.hold()
    state = {name: value for name, value in hold["state"].items() if name != "restored"}
    world.ledger.change(hold, state=state)


def restored_and_not_refunded(world: World) -> None:
    hold = world.hold(POS)
    world.ledger.change(hold, state={**hold["state"], "restored": {"R9": "2026-03-02T04:00:00.000Z"}})


def refund_forgotten(world: World) -> None:
    order = world.order()
    world.rows.change(order, refunds={"R2": order["refunds"]["R2"]})


def refunded_more_of_a_line(world: World) -> None:
    order = world.order()
    world.rows.change(order, refunded={**order["refunded"], "3": [1000, 1]})


def lines_do_not_come_to_the_points(world: World) -> None:
    world.rows.change(world.order(POS), points=501)


def lines_do_not_come_to_the_fen(world: World) -> None:
    world.rows.change(world.order(POS), fen=499)


def hold_gone(world: World) -> None:
    world.ledger.delete(world.hold(POS))


def hold_of_another(world: World) -> None:
    world.ledger.change(world.hold(POS), member_id="m2")


def unreadable_hold(world: World) -> None:
    world.ledger.change(world.hold(POS), version=None)


def unreadable(world: World) -> None:
    world.rows.change(world.order(POS), shares="none")


def with_what_nobody_writes(world: World) -> None:
    world.rows.change(world.order(POS), note="x")


PLANTED: list[tuple[Callable[[World], None], set[str]]] = [
    (never_captured, {"spent points"}),
    (still_held, {"held points"}),
    (captured_for_fewer, {"spent points"}),
    (refunded_and_not_restored, {"refund R1"}),
    (restored_and_not_refunded, {"refund R9"}),
    (refund_forgotten, {"line 2", "spent points", "refund R1"}),
    (refunded_more_of_a_line, {"line 3"}),
    (lines_do_not_come_to_the_points, {"points", "spent points"}),
    (lines_do_not_come_to_the_fen, {"fen"}),
    (hold_gone, {"hold"}),
    (hold_of_another, {"member"}),
    (unreadable_hold, {"hold"}),
    (unreadable, {"deduction"}),
    (with_what_nobody_writes, {"note"}),
]


@pytest.mark.parametrize(("plant", "named"), PLANTED, ids=[plant.__name__ for plant, _ in PLANTED])
def test_what_was_planted_is_named(world: World, plant: Callable[[World], None], named: set[str]) -> None:
    plant(world)

    assert world.named() == named
