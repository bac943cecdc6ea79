"""Holds that may never be made; asked of moto and of the embedded cloud alike."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.apply import apply
from chalicelib.ledger.bar_hold import bar_hold
from chalicelib.ledger.hold import capture, hold
from chalicelib.ledger.model import Guard, Receipt
from chalicelib.ledger.release import release
from chalicelib.ledger.table import LedgerTable
from tests.ledger.builders import NOW, TERMS, a_cause, an_earn

DEADLINE = NOW + timedelta(minutes=15)


@pytest.fixture
def funded(ledger: LedgerTable) -> LedgerTable:
    """Member m1 with 30 points that end in December and 70 that end a year later."""
    for points, on in ((30, date(2026, 12, 31)), (70, date(2027, 11, 30))):
        earn = an_earn(points, on, cause=a_cause(id=f"tmall#{points}"))
        ledger.post("m1", lambda seen, earn=earn: apply(seen.account, [earn], TERMS, NOW))
    return ledger


def barred(ledger: LedgerTable, why: str = "GIVEN_UP", **given: object) -> Guard:
    now = given.get("now", NOW)
    return bar_hold("m1", "h1", activity="mall", why=why, ledger=ledger, terms=TERMS, now=now)  # type: ignore[arg-type]


def held(ledger: LedgerTable) -> Receipt:
    return hold("m1", "h1", 50, release_at=DEADLINE, activity="mall", actor="m1", ledger=ledger, terms=TERMS, now=NOW)


def test_a_barred_hold_is_never_made(funded: LedgerTable) -> None:
    guard = barred(funded)

    assert (guard.state["barred"], guard.state["available"], guard.taken) == ("GIVEN_UP", 100, {})
    with pytest.raises(JifenError) as refused:
        held(funded)
    assert refused.value.code is Code.KEY_REUSED
    assert funded.read("m1").held_points == 0


def test_barring_again_changes_nothing(funded: LedgerTable) -> None:
    first = barred(funded)
    version = funded.read("m1").version

    again = barred(funded, "ANOTHER_REASON", now=NOW + timedelta(days=1))

    assert again == first
    assert funded.read("m1").version == version


def test_a_hold_that_stands_is_left_as_it_is(funded: LedgerTable) -> None:
    held(funded)

    guard = barred(funded)

    assert "barred" not in guard.state
    assert sum(guard.taken.values()) == funded.read("m1").held_points == 50


def test_nothing_can_be_captured_or_released_of_it(funded: LedgerTable) -> None:
    barred(funded)

    for ask in (
        lambda: capture("m1", "h1", 1, actor="m1", ledger=funded, terms=TERMS, now=NOW),
        lambda: release("m1", "h1", actor="m1", ledger=funded, terms=TERMS, now=NOW),
    ):
        with pytest.raises(JifenError) as refused:
            ask()
        assert refused.value.code is Code.HOLD_CLOSED


def test_points_that_have_ended_do_not_count_as_available(funded: LedgerTable) -> None:
    guard = barred(funded, now=NOW.replace(year=2027, month=2, day=1))

    assert guard.state["available"] == 70
    assert funded.read("m1").available_points == 70


def test_a_member_without_an_account_can_be_told_no(ledger: LedgerTable) -> None:
    assert barred(ledger).state["available"] == 0
