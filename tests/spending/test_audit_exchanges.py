"""The auditor of exchanges: what began, was done, refused and charged late is clean, and what is planted is named."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.ledger.audit import Finding
from chalicelib.ledger.release import hold_key, release_overdue
from chalicelib.ledger.table import open_ledger
from chalicelib.programme.table import terms_at
from chalicelib.runtime.dynamo import Item
from chalicelib.runtime.settings import settings
from chalicelib.spending.audit_exchanges import PartnerDays, keys_of_exchange
from chalicelib.spending.exchange.items import exchange_of
from chalicelib.spending.exchange.model import HELD_FOR
from tests.spending.audited import Rows, differences
from tests.spending.exchanges import Airport, open_airport


class World:
    """One exchange charged after its hold had ended; and a month later, of another member, one done, one refused, one
    refused after its day, one that nobody knows the end of.
    """

    def __init__(self, airport: Airport) -> None:
        self.airport, names = airport, settings()
        cloud = airport.mall.counter.stage.cloud
        self.rows, self.ledger = Rows(cloud, names.spending_table), Rows(cloud, names.ledger_table)
        self.journal = Rows(cloud, names.journal_table)
        self.ids: dict[str, str] = {}
        airport.partner(member_points_per_day=1000, all_points_per_day=10_000)
        self._charged_late()
        token, self.member_id = airport.mall.member()
        airport.plan("pending")
        self.ids["refused_late"] = airport.exchange(token).data["id"]
        airport.later(days=1)
        airport.world.post("/partner-decisions", {"id": self.ids["refused_late"], "state": "refused"})
        airport.sweep()
        token, self.member_id = airport.mall.member()
        self.ids["done"] = airport.exchange(token).data["id"]
        airport.plan("refused")
        self.ids["refused"] = airport.exchange(token).data["id"]
        airport.plan("pending")
        self.ids["asked"] = airport.exchange(token).data["id"]
        self.kept = {rows: rows.all() for rows in (self.rows, self.ledger, self.journal)}

    def _charged_late(self) -> None:
        airport = self.airport
        token, member_id = airport.mall.member()
        airport.plan("pending")
        self.ids["late"] = made = airport.exchange(token).data["id"]
        airport.later(days=HELD_FOR.days, seconds=1)
        terms = terms_at(airport.now).ledger
        release_overdue(member_id, hold_key(f"exchange.{made}"), ledger=open_ledger(), terms=terms, now=airport.now)
        airport.world.post("/partner-decisions", {"id": made, "state": "done"})
        airport.sweep()

    def put_back(self) -> None:
        """What was planted is gone, so that the stage agrees with its partner once more."""
        for rows, items in self.kept.items():
            for item in rows.all():
                rows.delete(item)
            for item in items:
                rows.change(item)

    def row(self, name: str) -> Item:
        return self.rows.item(f"EXCHANGE#{self.ids[name]}", "E")

    def hold(self, name: str) -> Item:
        return self.ledger.item(f"H#exchange.{self.ids[name]}", "G")

    def day(self, member_id: str = "") -> Item:
        whose = f"#{member_id}" if member_id else ""
        return self.rows.item(f"LIMIT#exchange:miles{whose}", self.airport.now.date().isoformat())


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with open_airport(monkeypatch) as airport:
        world = World(airport)
        yield world
        world.put_back()


def test_what_exchanges_wrote_is_clean(world: World) -> None:
    states = {name: world.row(name)["state"] for name in world.ids}

    assert states == {
        "late": "done",
        "refused_late": "refused",
        "done": "done",
        "refused": "refused",
        "asked": "asked",
    }
    assert world.row("late")["charged_late"] is True
    assert differences() == []


def asked_and_given_back(world: World) -> None:
    world.ledger.change(world.hold("asked"), taken=None)


def done_and_never_captured(world: World) -> None:
    hold = world.hold("done")
    world.ledger.change(hold, state={"held_at": hold["state"]["held_at"]})


def captured_for_fewer(world: World) -> None:
    world.rows.change(world.row("done"), points=90)


def refused_and_still_held(world: World) -> None:
    world.ledger.change(world.hold("refused"), taken={"zzzb": 100})


def refused_and_spent_all_the_same(world: World) -> None:
    hold = world.hold("refused")
    world.ledger.change(hold, state={**hold["state"], "spent": {"zzzb": 100}})


def done_though_it_was_asked(world: World) -> None:
    row = world.row("asked")
    done = {"done_at": "2026-04-02T04:00:00.000Z", "done_on": "2026-04-02", "ended_at": "2026-04-02T04:00:00.000Z"}
    work = {"work_of": "EXCHANGED#miles#2026-04-02", "work_key": f"{done['done_at']}#{world.ids['asked']}"}
    world.rows.change(row, **done, **work, state="done", due_at=None, due_shard=None, waits=None)


def hold_gone(world: World) -> None:
    world.ledger.delete(world.hold("asked"))


def hold_of_another(world: World) -> None:
    world.ledger.change(world.hold("asked"), member_id="m" + "0" * 24)


def unreadable_hold(world: World) -> None:
    world.ledger.change(world.hold("asked"), version=None)


def late_entry_gone(world: World) -> None:
    one = exchange_of(world.row("late"))
    world.journal.delete(world.journal.item(f"M#{one.member_id}", keys_of_exchange(one).late))


def charged_late_and_captured(world: World) -> None:
    row = exchange_of(world.row("late"))
    (entry,) = [item for item in world.journal.all() if item["sk"] == keys_of_exchange(row).late]
    own = exchange_of(world.row("done"))
    world.journal.change(entry, pk=f"M#{own.member_id}", sk=keys_of_exchange(own).late)


def nobody_looks_at_it(world: World) -> None:
    world.rows.change(world.row("asked"), due_shard=None)


def not_listed_with_its_day(world: World) -> None:
    world.rows.change(world.row("done"), work_of=None)


def unreadable(world: World) -> None:
    world.rows.change(world.row("asked"), state="nowhere")


def exchange_gone(world: World) -> None:
    world.rows.delete(world.row("done"))


def members_day_counts_too_much(world: World) -> None:
    day = world.day(world.member_id)
    world.rows.change(day, points=day["points"] + 1)


def members_day_counts_too_often(world: World) -> None:
    day = world.day(world.member_id)
    world.rows.change(day, times=day["times"] + 1)


def members_day_gone(world: World) -> None:
    world.rows.delete(world.day(world.member_id))


def day_of_all_counts_too_little(world: World) -> None:
    day = world.day()
    world.rows.change(day, points=day["points"] - 1)


def day_of_all_counts_too_often(world: World) -> None:
    day = world.day()
    world.rows.change(day, times=day["times"] + 1)


def day_of_all_gone(world: World) -> None:
    world.rows.delete(world.day())


PLANTED: list[tuple[Callable[[World], None], set[str]]] = [
    (asked_and_given_back, {"held points"}),
    (done_and_never_captured, {"spent points"}),
    (captured_for_fewer, {"spent points", "points"}),
    (refused_and_still_held, {"held points"}),
    (refused_and_spent_all_the_same, {"spent points"}),
    (done_though_it_was_asked, {"held points", "spent points"}),
    (hold_gone, {"hold"}),
    (hold_of_another, {"member"}),
    (unreadable_hold, {"points"}),
    (late_entry_gone, {"points charged late"}),
    (charged_late_and_captured, {"points charged late"}),
    (nobody_looks_at_it, {"due_shard"}),
    (not_listed_with_its_day, {"work_of"}),
    (unreadable, {"exchange", "points", "times"}),
    (exchange_gone, {"points", "times"}),
    (members_day_counts_too_much, {"points"}),
    (members_day_counts_too_often, {"times"}),
    (members_day_gone, {"limit"}),
    (day_of_all_counts_too_little, {"points"}),
    (day_of_all_counts_too_often, {"times"}),
    (day_of_all_gone, {"limit"}),
]


@pytest.mark.parametrize(("plant", "named"), PLANTED, ids=[plant.__name__ for plant, _ in PLANTED])
def test_what_was_planted_is_named(world: World, plant: Callable[[World], None], named: set[str]) -> None:
    plant(world)

    found: list[Finding] = differences()

    assert {finding.what for finding in found} == named


def test_a_hold_that_the_ledger_ended_by_itself_is_no_difference(world: World) -> None:
    airport, made = world.airport, world.ids["asked"]
    airport.later(days=HELD_FOR.days, seconds=1)
    terms = terms_at(airport.now).ledger
    key = hold_key(f"exchange.{made}")
    release_overdue(world.member_id, key, ledger=open_ledger(), terms=terms, now=airport.now)

    found = differences()
    world.kept = {rows: rows.all() for rows in (world.rows, world.ledger, world.journal)}

    assert world.row("asked")["state"] == "asked"
    assert found == []


def test_days_that_may_be_forgotten_are_not_missed(world: World) -> None:
    members_day_gone(world)
    day_of_all_gone(world)
    world.airport.later(days=9)

    assert differences() == []


def test_an_exchange_that_went_back_after_its_day_still_counts_on_it(world: World) -> None:
    one = exchange_of(world.row("refused_late"))
    days = PartnerDays("Asia/Shanghai")
    last_moment = datetime(one.on.year, one.on.month, one.on.day, 15, 59, 59, tzinfo=UTC)
    for ended_at in (last_moment, last_moment + timedelta(seconds=1)):
        days.add({**world.row("refused_late"), "ended_at": ended_at.isoformat()})

    assert list(days.times.values()) == [1]
