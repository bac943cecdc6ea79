"""The process dies after any call to the store or to the partner: every exchange is charged once or not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.client import BaseClient

from chalicelib.connect import outside
from chalicelib.spending.exchange.model import State
from chalicelib.spending.exchange.table import open_exchanges
from tests.spending.exchanges import Airport


class Died(BaseException):
    """Nothing of the process is left to catch it."""


class Calls:
    """Counts calls to the store and outside, and dies right after one of them: it took effect, its answer is lost.

    What dies before a call died after the one before it. Queries write nothing and are not counted.
    """

    def __init__(self, die_at: int = 0) -> None:
        self.made = 0
        self._die_at = die_at

    def through(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            self.made += "Query" not in given
            dies = self.made == self._die_at and "Query" not in given
            try:
                return real(*given, **named)
            finally:
                if dies:
                    raise Died

        return call


@contextmanager
def counted(calls: Calls) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(BaseClient, "_make_api_call", calls.through(BaseClient._make_api_call))
        patched.setattr(outside, "exchange", calls.through(outside.exchange))
        yield


def ends(airport: Airport, state: str) -> None:
    """What is pending at the partner ends there."""
    for one in airport.world.get("/partner-exchanges")["exchanges"]:
        if one["state"] == "pending":
            airport.world.post("/partner-decisions", {"id": one["id"], "state": state})


Story = tuple[Callable[[Airport], None], Callable[[Airport], None], int]
STORIES: dict[str, Story] = {
    "done": (lambda a: None, lambda a: None, 900),
    "refused": (lambda a: a.plan("refused"), lambda a: None, 1000),
    "lost, then done": (lambda a: a.fault("timeout_after"), lambda a: None, 900),
    "never came there": (lambda a: a.fault("timeout_before"), lambda a: None, 900),
    "pending, then refused": (lambda a: a.plan("pending"), lambda a: ends(a, "refused"), 1000),
}


def settled(airport: Airport, ending: Callable[[Airport], None]) -> None:
    for _ in range(2):
        airport.later(minutes=31)
        ending(airport)
        if not airport.sweep().waiting:
            return


def audited(airport: Airport, member_id: str, since: set[str]) -> int:
    """The available points, after checking that the books of both sides agree."""
    theirs = [one for one in airport.world.get("/partner-exchanges")["exchanges"] if one["id"] not in since]
    rows = {one["id"]: open_exchanges().exchange(one["id"]) for one in theirs}
    units = sum(one["units"] * one["paid"] for one in theirs)
    for one in theirs:
        row = rows[one["id"]]
        assert one["paid"] <= 1
        assert row is not None
        assert row.state is (State.DONE if one["paid"] else State.REFUSED)
    available, held = airport.points(member_id)
    assert held == 0
    assert 10 * units == 3 * (1000 - available)
    return available


def begun(airport: Airport, prepare: Callable[[Airport], None]) -> tuple[str, str, set[str]]:
    token, member_id = airport.mall.member()
    airport.world.post("/faults", {"clear": True})
    since = {one["id"] for one in airport.world.get("/partner-exchanges")["exchanges"]}
    prepare(airport)
    return token, member_id, since


@pytest.mark.parametrize("story", STORIES)
def test_who_asked_and_died_anywhere_leaves_an_exchange_that_the_sweep_ends(airport: Airport, story: str) -> None:
    prepare, ending, left = STORIES[story]
    airport.partner(member_times_per_day=1, all_points_per_day=10**6)
    token, member_id, since = begun(airport, prepare)
    whole = Calls()
    with counted(whole):
        airport.exchange(token)
    settled(airport, ending)
    assert audited(airport, member_id, since) == left

    for die_at in range(1, whole.made + 1):
        token, member_id, since = begun(airport, prepare)
        with counted(Calls(die_at)), pytest.raises(Died):
            airport.exchange(token, key="the-key")
        settled(airport, ending)
        before = audited(airport, member_id, since)
        again = airport.exchange(token, key="the-key")
        settled(airport, ending)

        assert before in (left, 1000)
        assert again.status == 200
        assert audited(airport, member_id, since) == left, die_at
        airport.assert_sound(member_id)


@pytest.mark.parametrize("end", ["done", "refused", "voided"])
def test_a_sweep_that_died_anywhere_is_ended_by_the_next(airport: Airport, end: str) -> None:
    def waiting() -> tuple[str, str]:
        token, member_id = airport.mall.member()
        airport.fault("timeout_before") if end == "voided" else airport.plan("pending")
        made = airport.exchange(token).data["id"]
        if end != "voided":
            airport.world.post("/partner-decisions", {"id": made, "state": end})
        airport.later(minutes=2) if end != "voided" else airport.later(hours=24)
        return member_id, made

    waiting()
    whole = Calls()
    with counted(whole):
        airport.sweep()
    assert whole.made >= 5  # terms, exchange, partner, its answer, the account, the end

    for die_at in range(1, whole.made + 1):
        member_id, made = waiting()
        with counted(Calls(die_at)), pytest.raises(Died):
            airport.sweep()
        airport.later(hours=1)
        airport.sweep()

        row, theirs = airport.row(made), airport.theirs(made)
        assert (row.state, theirs["state"]) == (end, end)
        assert airport.points(member_id) == ((900, 0) if end == "done" else (1000, 0))
        assert theirs["paid"] == (end == "done")
        airport.assert_sound(member_id)
