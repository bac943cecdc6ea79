"""The sweep of redemptions in parts: money first, each with its share of the time, none stopped by another's fault."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from chalicelib.spending.mall import events, sweep
from chalicelib.spending.mall.close_unpaid import close_unpaid
from chalicelib.spending.mall.events import STOP_BEFORE_MS, SweepUnfinished, sweep_redemptions
from chalicelib.spending.mall.model import Redemption, RedemptionState
from chalicelib.spending.mall.sweep import Sweep
from chalicelib.spending.mall.table import MallTable, open_mall
from chalicelib.spending.mall.turns import HasTime, Swept, in_turns, twice_in_turns
from chalicelib.spending.turned import turned
from local.nights import scheduled_event
from tests.spending.cash import Till, open_till


@pytest.fixture
def till(monkeypatch: pytest.MonkeyPatch) -> Iterator[Till]:
    with open_till(monkeypatch) as till:
        yield till


@dataclass
class Work:
    """Parts that have so much to do, each piece of which takes a second of the time."""

    left_ms: int
    waiting: dict[str, int]
    acts: list[str] = field(default_factory=list)

    def part(self, name: str, has_time: HasTime) -> Swept:
        done = 0
        while self.waiting[name]:
            if not has_time():
                return Swept(done, finished=False)
            self.waiting[name] -= 1
            self.left_ms -= 1_000
            self.acts.append(name)
            done += 1
        return Swept(done)

    def parts(self, *names: str) -> dict[str, events.Part]:
        return {name: lambda has_time, name=name: self.part(name, has_time) for name in names}


def test_each_part_has_its_share_whatever_waits_before_it() -> None:
    work = Work(12_000, {"closed": 100, "refunds": 100, "prizes": 100})

    swept = in_turns(work.parts("closed", "refunds", "prizes"), lambda: work.left_ms)

    assert {name: one.done for name, one in swept.items()} == {"closed": 4, "refunds": 4, "prizes": 4}
    assert [one.finished for one in swept.values()] == [False] * 3


def test_what_a_part_does_not_need_is_the_next_ones() -> None:
    work = Work(12_000, {"closed": 0, "refunds": 2, "prizes": 100})

    swept = in_turns(work.parts("closed", "refunds", "prizes"), lambda: work.left_ms)

    assert [one.done for one in swept.values()] == [0, 2, 10]


def test_what_all_leave_over_goes_to_who_is_not_finished_in_order() -> None:
    work = Work(12_000, {"closed": 7, "refunds": 0, "prizes": 1})
    parts = work.parts("closed", "refunds", "prizes")

    swept = twice_in_turns(parts, {"closed": parts["closed"]}, lambda: work.left_ms)

    assert swept["closed"] == Swept(7)
    assert work.acts == ["closed"] * 4 + ["prizes"] + ["closed"] * 3


def test_a_part_that_stopped_or_broke_has_no_second_turn_and_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    turns: list[str] = []

    def stops(_has_time: HasTime) -> Swept:
        turns.append("stops")
        return Swept(failed=1, finished=False, is_stopped=True)

    def breaks(_has_time: HasTime) -> Swept:
        turns.append("breaks")
        raise KeyError("13800138000")

    work = Work(12_000, {"last": 1})
    first = {"stops": stops, "breaks": breaks}

    swept = twice_in_turns(first | work.parts("last"), first, lambda: work.left_ms)

    assert (turns, swept["last"]) == (["stops", "breaks"], Swept(1))
    assert swept["breaks"] == Swept(failed=1, finished=False, is_stopped=True)
    (told,) = [line.message for line in caplog.records if "sweep_part_failed" in line.message]
    assert '"part":"breaks"' in told
    assert "13800138000" not in told


def test_money_comes_before_all_else(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    names = {"close": "closed", "refund": "refunds", "report": "reports", "receive": "received"}
    for method, name in names.items():
        monkeypatch.setattr(Sweep, method, lambda *_given, name=name: order.append(name) or Swept())
    monkeypatch.setattr(events, "_lapse_prizes", lambda *_given: order.append("prizes") or Swept())
    monkeypatch.setattr(events, "_tell_restocked", lambda *_given: order.append("restock") or Swept())

    till.sweep()

    assert order == ["closed", "refunds", "reports", "received", "prizes", "restock"]


def test_a_flood_of_unpaid_ones_leaves_parcels_their_share_and_nothing_is_done_twice(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, _, parcel = till.paid()
    till.desks.staff(parcel, "shipment", {"carrier": "圆通速递", "number": "YT9876543210"})
    till.later(days=10)
    till.mall.stock("bottle", 30, key="more")
    ids = [till.redeem(till.buyer()[0]) for _ in range(10)]
    till.later(minutes=16)
    left, closed = [STOP_BEFORE_MS + 6_000], []

    def closing(id: str, **given: object) -> Redemption:
        left[0] -= 1_000
        closed.append(id)
        return close_unpaid(id, **given)  # type: ignore[arg-type]

    monkeypatch.setattr(sweep, "close_unpaid", closing)
    sweep_redemptions(scheduled_event(till.now), SimpleNamespace(get_remaining_time_in_millis=lambda: left[0]))

    assert till.row(parcel).state is RedemptionState.DONE
    assert (len(closed), len(set(closed))) == (6, 6)
    assert sum(till.row(id).state is RedemptionState.LAPSED for id in ids) == 6


def test_what_failed_is_not_tried_again_with_the_time_that_is_left_over(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [till.redeem(till.buyer()[0]) for _ in range(4)]
    till.later(minutes=16)
    left, tried = [STOP_BEFORE_MS + 12_000], []

    def failing(id: str, **_given: object) -> Redemption:
        left[0] -= 1_000
        tried.append(id)
        raise KeyError

    monkeypatch.setattr(sweep, "close_unpaid", failing)
    with pytest.raises(SweepUnfinished, match="4 left"):
        sweep_redemptions(scheduled_event(till.now), SimpleNamespace(get_remaining_time_in_millis=lambda: left[0]))

    assert sorted(tried) == sorted(ids)


def test_each_sweep_begins_with_another_partition(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def due(_table: MallTable, shard: str, _now: datetime) -> Iterator[str]:
        asked.append(shard)
        return iter(())

    monkeypatch.setattr(MallTable, "unpaid_until", due)
    firsts = set()
    for number in range(8):
        Sweep(till.now + number * timedelta(minutes=5), lambda: True).close(till.desk, None)
        firsts.add(asked[-8])
        assert len(set(asked[-8:])) == 8

    assert len(firsts) == 8


@pytest.mark.parametrize("defect", [AssertionError("13800138000"), KeyError("price")])
def test_a_redemption_with_a_defect_keeps_no_other_from_being_swept(
    till: Till, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, defect: Exception
) -> None:
    ids = [till.redeem(till.buyer()[0]) for _ in range(3)]
    till.later(minutes=16)
    broken: list[str] = []

    def closing(id: str, **given: object) -> Redemption:
        if not broken or id in broken:
            broken.append(id)
            raise defect
        return close_unpaid(id, **given)  # type: ignore[arg-type]

    monkeypatch.setattr(sweep, "close_unpaid", closing)
    caplog.clear()
    with pytest.raises(SweepUnfinished):
        till.sweep()
    first = {id: str(open_mall().redemption(id).state) for id in ids}  # type: ignore[union-attr]
    monkeypatch.setattr(sweep, "close_unpaid", close_unpaid)
    till.sweep()

    assert first == {id: "unpaid" if id in broken else "lapsed" for id in ids}
    (told,) = [line.message for line in caplog.records if "redemption_sweep_failed" in line.message]
    assert f'"error":"{type(defect).__name__}"' in told
    assert "13800138000" not in told
    assert all(till.row(id).state is RedemptionState.LAPSED for id in ids)


def test_every_partition_is_once_the_first_and_each_is_looked_at_in_every_sweep() -> None:
    noon = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
    sweeps = [[*turned(8, noon + minute * timedelta(minutes=1))] for minute in range(8)]

    assert sorted(numbers[0] for numbers in sweeps) == [*range(8)]
    assert all(sorted(numbers) == [*range(8)] for numbers in sweeps)
    assert [*turned(8, noon, every_s=300)] == [*turned(8, noon + timedelta(seconds=299), every_s=300)]
