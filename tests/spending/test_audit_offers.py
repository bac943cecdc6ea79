"""The auditor of groups and offers: formed, open, failed, left and sold is clean, and what is planted is named."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from chalicelib.ledger.audit import Finding
from chalicelib.ledger.release import hold_key, release_overdue
from chalicelib.programme.table import terms_at
from chalicelib.runtime.dynamo import Item
from chalicelib.runtime.settings import settings
from chalicelib.spending.mall import needs
from tests.spending.audited import Rows, differences
from tests.spending.malls import open_mall
from tests.spending.offers import FLASH, GROUP, Offers, offers_of

FLASH_STOCK, GROUP_STOCK = "STOCK#offer:sale", "STOCK#offer:weekend"


class World:
    """A group that failed on its deadline, one that formed, one that is open, from which somebody went and to which he
    came back, one that all have left; and a sale by which two pieces went, one of which came back.
    """

    def __init__(self, offers: Offers) -> None:
        self.offers, mall = offers, offers.mall
        names, cloud = settings(), mall.counter.stage.cloud
        self.rows, self.ledger = Rows(cloud, names.spending_table), Rows(cloud, names.ledger_table)
        offers.on({**GROUP, "hours": 2, "per_member": 9}, pieces=9, until_at="2026-03-20T00:00:00+08:00")
        offers.on(FLASH, "sale", until_at="2026-03-20T00:00:00+08:00")
        (mei, self.mei_id), (lan, self.lan_id), (yun, self.yun_id) = (mall.member(5000) for _ in range(3))
        self.failed = offers.open(mei).data["id"]
        offers.later(hours=3)
        offers.sweep()
        self.formed = offers.open(mei).data["id"]
        self.made_id = offers.join(lan, self.formed).data["place"]["redemption_id"]
        self.left = offers.open(lan).data["id"]
        offers.leave(lan, self.left)
        self.open = offers.open(yun).data["id"]
        bigger = offers.shown()["offer"]["template"] | {"size": 3}
        offers.change(template=bigger)
        self.wide = offers.open(mei).data["id"]
        offers.join(lan, self.wide)
        offers.leave(lan, self.wide)
        offers.join(lan, self.wide)
        for token in (mei, lan):
            self.sold_id = offers.bought(token, "sale").data["id"]
        offers.cancel(self.sold_id)

    def group(self, group_id: str) -> Item:
        return self.rows.item(f"GROUP#{group_id}", "G")

    def place(self, group_id: str, member_id: str) -> Item:
        return self.rows.item(f"GROUP#{group_id}", f"P#{member_id}")

    def hold(self, place: Item) -> Item:
        return self.ledger.item(f"H#mall.{place['redemption']}", "G")

    def limit(self, member_id: str) -> Item:
        return self.rows.item(f"LIMIT#offer:weekend#{member_id}", "ever")


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(needs, "_done", lambda *_asked: needs._Done([f"lump-{number}" for number in range(9)], 0))
    with open_mall(monkeypatch) as mall:
        yield World(offers_of(mall, stock=20, task="three_orders"))


def test_what_groups_and_offers_wrote_is_clean(world: World) -> None:
    groups = {name: world.group(getattr(world, name)) for name in ("failed", "formed", "left", "open", "wide")}

    assert {name: (one["state"], one["taken"]) for name, one in groups.items()} == {
        "failed": ("failed", 1),
        "formed": ("formed", 2),
        "left": ("failed", 0),
        "open": ("open", 1),
        "wide": ("open", 2),
    }
    assert differences() == []


def joined_and_holding_nothing(world: World) -> None:
    world.ledger.change(world.hold(world.place(world.open, world.yun_id)), taken=None)


def failed_and_still_holding(world: World) -> None:
    world.ledger.change(world.hold(world.place(world.failed, world.mei_id)), taken={"zzzb": 120})


def failed_and_spent(world: World) -> None:
    hold = world.hold(world.place(world.failed, world.mei_id))
    world.ledger.change(hold, state={**hold["state"], "spent": {"zzzb": 120}})


def hold_gone(world: World) -> None:
    world.ledger.delete(world.hold(world.place(world.open, world.yun_id)))


def unreadable_hold(world: World) -> None:
    world.ledger.change(world.hold(world.place(world.open, world.yun_id)), version=None)


def formed_without_a_redemption(world: World) -> None:
    world.rows.delete(world.rows.item(f"R#{world.made_id}", "R"))


def redemption_of_another_group(world: World) -> None:
    world.rows.change(world.rows.item(f"R#{world.made_id}", "R"), group=world.open)


def failed_with_a_redemption(world: World) -> None:
    place = world.place(world.failed, world.mei_id)
    made = world.rows.item(f"R#{world.made_id}", "R")
    world.rows.change(place, redemption=made["pk"][2:])


def failed_and_given(world: World) -> None:
    world.rows.change(world.place(world.failed, world.mei_id), state="given")


def settled_with_a_place_that_is_not(world: World) -> None:
    world.rows.change(world.place(world.formed, world.lan_id), state="joined")


def more_taken_than_places(world: World) -> None:
    world.rows.change(world.group(world.wide), taken=1)


def full_and_open(world: World) -> None:
    world.rows.change(world.group(world.wide), size=2)


def formed_and_not_full(world: World) -> None:
    group = world.group(world.formed)
    world.rows.change(group, size=3)


def place_gone(world: World) -> None:
    world.rows.delete(world.place(world.wide, world.mei_id))


def group_gone(world: World) -> None:
    world.rows.delete(world.group(world.left))


def not_due(world: World) -> None:
    world.rows.change(world.group(world.open), due_at="2030-01-01T00:00:00.000Z")


def unreadable_group(world: World) -> None:
    world.rows.change(world.group(world.open), state="nowhere")


def unreadable_place(world: World) -> None:
    world.rows.change(world.place(world.left, world.lan_id), joined_at="yesterday")


def place_not_listed(world: World) -> None:
    world.rows.change(world.place(world.left, world.lan_id), listed_key="group#0")


def limit_counts_too_much(world: World) -> None:
    limit = world.limit(world.mei_id)
    world.rows.change(limit, pieces=limit["pieces"] + 1)


def places_limit_gone(world: World) -> None:
    world.rows.delete(world.limit(world.yun_id))


def places_lump_is_free_again(world: World) -> None:
    (lump,) = [row for row in world.rows.all(f"LIMIT#coupon#{world.yun_id}") if row["sk"].startswith("task#")]
    world.rows.change(lump, pieces=0)


def tally_counts_too_little(world: World) -> None:
    stock = world.rows.item(FLASH_STOCK, "S#0")
    world.rows.change(stock, h3=stock["h3"] - 1)


def tally_counts_too_much(world: World) -> None:
    stock = world.rows.item(FLASH_STOCK, "S#0")
    world.rows.change(stock, h1=1)


def tally_of_groups_counts_too_little(world: World) -> None:
    stock = world.rows.item(GROUP_STOCK, "S#0")
    world.rows.change(stock, h3=1)


def pieces_that_nobody_set_aside(world: World) -> None:
    stock = world.rows.item(FLASH_STOCK, "S#0")
    world.rows.change(stock, left=stock["left"] + 1)


PLANTED: list[tuple[Callable[[World], None], set[str]]] = [
    (joined_and_holding_nothing, {"held points"}),
    (failed_and_still_holding, {"held points"}),
    (failed_and_spent, {"spent points"}),
    (hold_gone, {"hold"}),
    (unreadable_hold, {"hold"}),
    (formed_without_a_redemption, {"redemption", "pieces", "taken", "source"}),
    (redemption_of_another_group, {"redemption"}),
    (failed_with_a_redemption, {"redemption", "spent points"}),
    (failed_and_given, {"state", "redemption"}),
    (settled_with_a_place_that_is_not, {"state", "redemption", "spent points", "held points", "pieces", "taken"}),
    (more_taken_than_places, {"taken"}),
    (full_and_open, {"state"}),
    (formed_and_not_full, {"state"}),
    (place_gone, {"taken", "pieces"}),
    (group_gone, {"group"}),
    (not_due, {"due_at"}),
    (unreadable_group, {"group", "pieces"}),
    (unreadable_place, {"place"}),
    (place_not_listed, {"listed_key"}),
    (limit_counts_too_much, {"pieces"}),
    (places_limit_gone, {"limit"}),
    (places_lump_is_free_again, {"pieces"}),
    (tally_counts_too_little, {"tally"}),
    (tally_counts_too_much, {"tally"}),
    (tally_of_groups_counts_too_little, {"tally"}),
    (pieces_that_nobody_set_aside, {"left and taken"}),
]


@pytest.mark.parametrize(("plant", "named"), PLANTED, ids=[plant.__name__ for plant, _ in PLANTED])
def test_what_was_planted_is_named(world: World, plant: Callable[[World], None], named: set[str]) -> None:
    plant(world)

    found: list[Finding] = differences()

    assert {finding.what for finding in found} == named


def test_a_hold_that_the_ledger_ended_by_itself_is_no_difference(world: World) -> None:
    place, offers = world.place(world.open, world.yun_id), world.offers
    offers.later(days=3)
    terms = terms_at(offers.now).ledger
    key = hold_key(f"mall.{place['redemption']}")
    release_overdue(world.yun_id, key, ledger=offers.mall.ledger, terms=terms, now=offers.now)

    assert world.hold(place).get("taken") is None
    assert differences() == []


def test_an_offer_that_is_over_needs_no_pieces(world: World) -> None:
    world.offers.switch("off", "sale")

    assert world.offers.left("sale") == (0, 1)
    assert differences() == []
