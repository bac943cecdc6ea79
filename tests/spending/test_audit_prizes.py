"""The auditor of prizes: what was drawn, claimed, lapsed and cancelled is clean, and what is planted is named."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from chalicelib.ledger.audit import Finding
from chalicelib.runtime.dynamo import Item
from chalicelib.runtime.settings import settings
from chalicelib.spending.lottery.items import draw_key
from chalicelib.spending.lottery.model import claimed_as
from tests.spending.audited import Rows, differences
from tests.spending.malls import open_mall
from tests.spending.prizes import DEADLINE, Booth


class World:
    """Three bottles of three: one is claimed, one was cancelled and came back, one lapsed."""

    def __init__(self, booth: Booth) -> None:
        self.booth, mall = booth, booth.mall
        rows = Rows(mall.counter.stage.cloud, settings().spending_table)
        self.item, self.change, self.delete = rows.item, rows.change, rows.delete
        token, self.member_id = mall.member(100)
        self.claimed, self.cancelled, self.lapsed = (booth.draw(token) for _ in range(3))
        for one in (self.claimed, self.cancelled):
            booth.claim(token, one)
        booth.desks.take_back(claimed_as(self.cancelled))
        booth.until(DEADLINE)
        booth.desks.sweep()

    def row(self, draw_id: str) -> Item:
        return self.item(f"R#{claimed_as(draw_id)}", "R")

    def drawn(self, draw_id: str) -> Item:
        return self.item(*draw_key(self.booth.id, draw_id).values())

    def stock(self) -> Item:
        return self.item(f"CAMPAIGN#{self.booth.id}#P#bottle#0", "S#0")


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with open_mall(monkeypatch) as mall:
        yield World(Booth(mall, monkeypatch))


def test_what_was_drawn_claimed_lapsed_and_cancelled_is_clean(world: World) -> None:
    assert differences() == []
    assert world.booth.bottles() == (2, 1)


def draw_gone(world: World) -> None:
    world.delete(world.drawn(world.claimed))


def drawn_by_another(world: World) -> None:
    world.change(world.drawn(world.claimed), member_id="m" + "0" * 24)


def drawn_of_another_kind(world: World) -> None:
    world.change(world.drawn(world.claimed), kind="coupon")


def still_due(world: World) -> None:
    world.change(world.drawn(world.claimed), due_shard="prize#0", due_at="2026-03-12T00:00:00.000Z")


def unreadable_draw(world: World) -> None:
    world.change(world.drawn(world.claimed), ticket=None)


def paid_for(world: World) -> None:
    world.change(world.row(world.claimed), price=["prize", 5, 0])


def lapsed_without_its_piece(world: World) -> None:
    world.change(world.stock(), left=world.stock()["left"] - 1, taken=world.stock()["taken"] + 1)


def a_piece_that_nobody_published(world: World) -> None:
    world.change(world.stock(), left=world.stock()["left"] + 1)


def lapsed_row_gone(world: World) -> None:
    world.delete(world.row(world.lapsed))


def stock_gone(world: World) -> None:
    world.delete(world.stock())


PLANTED: list[tuple[Callable[[World], None], set[str]]] = [
    (draw_gone, {"draw", "taken"}),
    (drawn_by_another, {"member"}),
    (drawn_of_another_kind, {"won good"}),
    (still_due, {"due_at"}),
    (unreadable_draw, {"draw"}),
    (paid_for, {"points"}),
    (lapsed_without_its_piece, {"taken"}),
    (a_piece_that_nobody_published, {"left and taken"}),
    (lapsed_row_gone, {"taken"}),
    (stock_gone, {"taken", "left and taken"}),
]


@pytest.mark.parametrize(("plant", "named"), PLANTED, ids=[plant.__name__ for plant, _ in PLANTED])
def test_what_was_planted_is_named(world: World, plant: Callable[[World], None], named: set[str]) -> None:
    plant(world)

    found: list[Finding] = differences()

    assert {finding.what for finding in found} == named
