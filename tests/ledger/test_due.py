"""What is a member's by right can be spent before the night or the sweep has booked it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import pytest

from chalicelib.earning.make_up import make_up
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.apply import apply
from chalicelib.ledger.buckets import PointsClass
from chalicelib.ledger.commands import Earn
from chalicelib.ledger.hold import hold
from chalicelib.ledger.model import Credit, Guard, Kind, Policy, Posting, Receipt, start_of
from chalicelib.ledger.redeem import redeem
from chalicelib.ledger.table import LedgerTable, Seen
from chalicelib.ledger.transfer import show_code, transfer
from tests.earning.programmes import plain_terms
from tests.ledger.builders import NOW, TERMS, TODAY_ON, a_cause, an_earn

TOMORROW_ON = TODAY_ON + timedelta(days=1)
MIDNIGHT = start_of(TOMORROW_ON, TERMS.zone)
"""The first instant at which what waits for tomorrow is due; the night comes five minutes later."""
CODE = "0123456789"


class Limits(NamedTuple):
    min_points: int = 1
    max_points_per_day: int = 100
    times_per_day: int = 3


@dataclass
class Watched:
    """A client that says what was asked of it."""

    real: Any
    calls: list[str] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.real, name)

        def call(**request: Any) -> Any:
            self.calls.append(name)
            return method(**request)

        return call if callable(method) else method


def pend(ledger: LedgerTable, points: int, on: date, number: int = 1) -> None:
    """An order whose points wait for a day."""
    cause = a_cause(id=f"tmall#{number}")
    credit = Credit(
        "order",
        PointsClass.CONSUMPTION,
        points,
        Policy.DEFICIT,
        1,
        pending_points=points,
        validity={"kind": "months", "months": 12},
        activate_on=on,
    )

    def decide(seen: Seen) -> Posting:
        posting = apply(seen.account, [Earn(cause, points, "", "order", 1)], TERMS, NOW)
        return posting._replace(guard=Guard(f"O#tmall#{number}", "m1", "order", cause.id, credits=(credit,)))

    ledger.post("m1", decide, guard_key=f"O#tmall#{number}")


def have(ledger: LedgerTable, points: int) -> None:
    earn = an_earn(points, cause=a_cause(id="gift", at=NOW - timedelta(days=1)))
    ledger.post("m1", lambda seen: apply(seen.account, [earn], TERMS, NOW - timedelta(days=1)))


def set_aside(ledger: LedgerTable, points: int, id: str = "h0", now: datetime = NOW) -> Receipt:
    until = now + timedelta(minutes=15)
    return hold("m1", id, points, release_at=until, activity="mall", actor="m1", ledger=ledger, terms=TERMS, now=now)


def redeemed(ledger: LedgerTable, now: datetime, points: int = 20) -> Receipt:
    return redeem(
        "m1",
        "d1",
        points,
        activity="mall",
        at=MIDNIGHT,
        source="mini_program",
        actor="m1",
        ledger=ledger,
        terms=TERMS,
        now=now,
    )


def held(ledger: LedgerTable, now: datetime) -> Receipt:
    return set_aside(ledger, 20, "h1", now)


def passed_on(ledger: LedgerTable, now: datetime) -> Receipt:
    show_code("m2", CODE, ledger=ledger, limits=Limits(), now=now)
    return transfer("m1", CODE, 20, key="K#transfer#1", ledger=ledger, terms=TERMS, limits=Limits(), now=now)


def made_up(ledger: LedgerTable, now: datetime) -> Receipt:
    """A make-up card of the plain programme costs 20 points."""
    return make_up(
        "m1", TODAY_ON - timedelta(days=1), ledger=ledger, terms=plain_terms(), now=now, source="mini_program"
    )


SPENDERS = pytest.mark.parametrize("spend", [redeemed, held, passed_on, made_up])
Spend = Callable[[LedgerTable, datetime], Receipt]


@SPENDERS
def test_points_whose_day_has_come_are_spent_before_the_night_books_them(ledger: LedgerTable, spend: Spend) -> None:
    pend(ledger, 30, TOMORROW_ON)

    receipt = spend(ledger, MIDNIGHT)

    account = ledger.read("m1")
    assert (receipt.replayed, account.pending_points, account.available_points) == (False, 0, 10)
    kinds = [entry.kind for entry in ledger.entries("m1", before_key=None, limit=9)]
    assert kinds.count(Kind.ACTIVATE) == 1


@SPENDERS
def test_points_held_past_their_deadline_are_spent_before_the_sweep_releases_them(
    ledger: LedgerTable, spend: Spend
) -> None:
    have(ledger, 30)
    set_aside(ledger, 30)

    spend(ledger, MIDNIGHT)

    kinds = [entry.kind for entry in ledger.entries("m1", before_key=None, limit=9)]
    assert kinds.count(Kind.RELEASE) == 1
    assert ledger.read("m1").available_points == 10


@SPENDERS
def test_what_is_not_due_yet_cannot_be_spent_a_millisecond_early(ledger: LedgerTable, spend: Spend) -> None:
    pend(ledger, 30, TOMORROW_ON)
    have(ledger, 30)
    set_aside(ledger, 30, now=MIDNIGHT - timedelta(minutes=15))

    with pytest.raises(JifenError) as refused:
        spend(ledger, MIDNIGHT - timedelta(milliseconds=1))

    assert refused.value.code is Code.INSUFFICIENT_POINTS
    assert (ledger.read("m1").pending_points, ledger.read("m1").held_points) == (30, 30)
    assert spend(ledger, MIDNIGHT).entries


def test_who_has_too_little_even_with_all_that_is_due_is_told_how_much_is_missing(ledger: LedgerTable) -> None:
    for number in (1, 2):
        pend(ledger, 5, TOMORROW_ON, number)
    pend(ledger, 50, TOMORROW_ON + timedelta(days=1), 3)

    with pytest.raises(JifenError) as refused:
        redeemed(ledger, MIDNIGHT)

    assert (refused.value.code, refused.value.msg) == (Code.INSUFFICIENT_POINTS, "积分不足,还差10分")
    assert (ledger.read("m1").available_points, ledger.read("m1").pending_points) == (10, 50)


def test_a_repeat_that_points_no_longer_suffice_for_is_its_first_receipt(ledger: LedgerTable) -> None:
    pend(ledger, 30, TOMORROW_ON)
    first = redeemed(ledger, MIDNIGHT)

    again = redeemed(ledger, MIDNIGHT + timedelta(hours=1))

    assert (again.replayed, again.entries) == (True, first.entries)


READ, WRITE = "batch_get_item", "transact_write_items"


@pytest.mark.parametrize(
    ("available", "pending", "calls"),
    [
        pytest.param(30, 30, [READ, WRITE], id="enough is asked for no more than ever"),
        pytest.param(5, 0, [READ, "get_item"], id="nothing waits"),
        pytest.param(5, 5, [READ, "get_item", "query", READ, READ, WRITE, READ, "get_item"], id="too little waits"),
        pytest.param(5, 15, [READ, "get_item", "query", READ, READ, WRITE, READ, WRITE], id="enough was due"),
    ],
)
def test_only_who_has_too_little_pays_for_the_look(
    moto_ledger: LedgerTable, available: int, pending: int, calls: list[str]
) -> None:
    have(moto_ledger, available)
    if pending:
        pend(moto_ledger, pending, TOMORROW_ON)
    watched = Watched(moto_ledger.dynamo)

    try:
        redeemed(replace(moto_ledger, dynamo=watched), MIDNIGHT)
    except JifenError as refused:
        assert refused.code is Code.INSUFFICIENT_POINTS  # noqa: PT017

    assert watched.calls == calls
