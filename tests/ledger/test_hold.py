"""Holds: points set aside, then captured or released, once; asked of moto and of the embedded cloud alike."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.apply import apply
from chalicelib.ledger.commands import Freeze
from chalicelib.ledger.expire import release_due
from chalicelib.ledger.hold import capture, hold
from chalicelib.ledger.model import Kind, LedgerTerms, Receipt
from chalicelib.ledger.release import release
from chalicelib.ledger.table import LedgerTable
from tests.ledger.builders import NOW, TERMS, a_cause, a_reversal, an_earn, bucket

DEC, NOV = date(2026, 12, 31), date(2027, 11, 30)
DEADLINE = NOW + timedelta(minutes=15)


@pytest.fixture
def funded(ledger: LedgerTable) -> LedgerTable:
    """Member m1 with 30 points that end in December and 70 that end a year later."""
    for points, on in ((30, DEC), (70, NOV)):
        earn = an_earn(points, on, cause=a_cause(id=f"tmall#{points}"))
        ledger.post("m1", lambda seen, earn=earn: apply(seen.account, [earn], TERMS, NOW))
    return ledger


def set_aside(ledger: LedgerTable, points: int = 50, id: str = "h1", now: datetime = NOW) -> Receipt:
    return hold(
        "m1", id, points, release_at=DEADLINE, activity="checkout", actor="m1", ledger=ledger, terms=TERMS, now=now
    )


def caught(
    ledger: LedgerTable,
    points: int = 50,
    id: str = "h1",
    member_id: str = "m1",
    now: datetime = NOW + timedelta(minutes=5),
) -> Receipt:
    return capture(member_id, id, points, actor="m1", ledger=ledger, terms=TERMS, now=now)


def let_go(ledger: LedgerTable, id: str = "h1", now: datetime = NOW) -> Receipt:
    return release("m1", id, actor="m1", ledger=ledger, terms=TERMS, now=now)


def state(ledger: LedgerTable) -> tuple[dict[str, int], int, int]:
    account = ledger.read("m1")
    return dict(account.buckets), account.held_points, account.deficit_points


def test_a_hold_takes_the_earliest_points_and_a_repeat_is_its_receipt(funded: LedgerTable) -> None:
    first, again = set_aside(funded), set_aside(funded, now=NOW + timedelta(seconds=9))

    assert state(funded) == ({bucket(NOV): 50}, 50, 0)
    assert (again.replayed, again.entries) == (True, first.entries)
    with pytest.raises(JifenError) as refused:
        set_aside(funded, 51)
    assert refused.value.code is Code.KEY_REUSED


def test_a_hold_is_captured_once_and_cannot_be_released_after(funded: LedgerTable) -> None:
    set_aside(funded)
    first, again = caught(funded), caught(funded)

    assert state(funded) == ({bucket(NOV): 50}, 0, 0)
    assert (again.replayed, again.entries) == (True, first.entries)
    with pytest.raises(JifenError) as refused:
        let_go(funded)
    assert refused.value.code is Code.HOLD_CLOSED


@pytest.mark.parametrize("late", [timedelta(), timedelta(days=2)])
def test_a_hold_cannot_be_captured_from_its_deadline_on_and_nothing_is_written(
    funded: LedgerTable, late: timedelta
) -> None:
    set_aside(funded)

    with pytest.raises(JifenError) as refused:
        caught(funded, now=DEADLINE + late)

    assert (refused.value.code, state(funded)[1]) == (Code.HOLD_CLOSED, 50)
    assert let_go(funded, now=DEADLINE + late).entries[0].kind is Kind.RELEASE


def test_a_capture_that_came_in_time_is_answered_again_after_the_deadline(funded: LedgerTable) -> None:
    set_aside(funded)
    first = caught(funded, now=DEADLINE - timedelta(milliseconds=1))

    again = caught(funded, now=DEADLINE + timedelta(days=2))

    assert (again.replayed, again.entries) == (True, first.entries)


@pytest.mark.parametrize("now", [DEADLINE, DEADLINE + timedelta(days=1)])
def test_a_hold_is_refused_whose_deadline_is_not_ahead_but_a_repeat_is_its_receipt(
    funded: LedgerTable, now: datetime
) -> None:
    with pytest.raises(JifenError) as refused:
        set_aside(funded, now=now)
    first = set_aside(funded)

    assert (refused.value.code, refused.value.field) == (Code.INVALID_REQUEST, "release_at")
    assert refused.value.msg == "预扣的截止时间应晚于现在"
    assert set_aside(funded, now=now).entries == first.entries


def test_what_a_capture_leaves_over_goes_back_and_that_is_no_release_of_the_hold(funded: LedgerTable) -> None:
    set_aside(funded)
    receipt = caught(funded, 20)

    assert [entry.kind for entry in receipt.entries] == [Kind.CAPTURE, Kind.RELEASE]
    assert state(funded) == ({bucket(DEC): 10, bucket(NOV): 70}, 0, 0)
    with pytest.raises(JifenError) as refused:
        let_go(funded)
    assert refused.value.code is Code.HOLD_CLOSED


def test_a_release_puts_every_point_back_where_it_was_and_ends_the_hold(funded: LedgerTable) -> None:
    before = state(funded)
    set_aside(funded)
    first, again = let_go(funded), let_go(funded)

    assert state(funded) == before
    assert (again.replayed, again.entries) == (True, first.entries)
    with pytest.raises(JifenError) as refused:
        caught(funded)
    assert refused.value.code is Code.HOLD_CLOSED


def test_more_than_was_held_cannot_be_captured_and_nobody_else_can(funded: LedgerTable) -> None:
    set_aside(funded)

    with pytest.raises(JifenError) as too_much:
        caught(funded, 51)
    with pytest.raises(JifenError) as stranger:
        caught(funded, 50, member_id="m2")

    assert (too_much.value.code, stranger.value.code) == (Code.INSUFFICIENT_POINTS, Code.HOLD_CLOSED)
    assert state(funded)[1] == 50


def test_the_sweep_releases_what_nobody_resolved_by_its_deadline_and_nothing_else(funded: LedgerTable) -> None:
    set_aside(funded)
    set_aside(funded, 10, "h2")
    caught(funded, 10, "h2")

    early = release_due(ledger=funded, terms=TERMS, now=DEADLINE - timedelta(seconds=1), has_time=lambda: True)
    late = release_due(ledger=funded, terms=TERMS, now=DEADLINE + timedelta(seconds=1), has_time=lambda: True)
    again = release_due(ledger=funded, terms=TERMS, now=DEADLINE + timedelta(seconds=2), has_time=lambda: True)

    assert (early.booked, late.booked, again.booked) == (0, 1, 0)
    assert state(funded)[1] == 0
    assert funded.read("m1").available_points == 90


@pytest.mark.parametrize(("grace_days", "left"), [(30, 100), (0, 70)])
def test_points_released_after_their_date_get_the_grace_of_the_programme_or_expire(
    funded: LedgerTable, grace_days: int, left: int
) -> None:
    terms = LedgerTerms(1, "Asia/Shanghai", TERMS.class_order, grace_days=grace_days)
    set_aside(funded)
    january = datetime(2027, 1, 9, 4, tzinfo=UTC)

    receipt = release("m1", "h1", actor="m1", ledger=funded, terms=terms, now=january)

    account = funded.read("m1")
    assert account.available_points == left
    if grace_days:
        assert account.buckets == {bucket(date(2027, 2, 8)): 30, bucket(NOV): 70}
        assert receipt.entries[0].facts["grace_points"] == 30
    else:
        assert [entry.kind for entry in receipt.entries] == [Kind.RELEASE, Kind.EXPIRE]


def test_a_release_pays_what_the_member_owes_first(funded: LedgerTable) -> None:
    set_aside(funded, 100)
    funded.post("m1", lambda seen: apply(seen.account, [a_reversal(40)], TERMS, NOW))
    assert state(funded) == ({}, 100, 40)

    receipt = let_go(funded)

    assert state(funded) == ({bucket(NOV): 60}, 0, 0)
    assert receipt.entries[0].facts["repaid_points"] == 40


def test_a_frozen_member_cannot_hold_but_what_was_held_before_is_honoured(funded: LedgerTable) -> None:
    set_aside(funded)
    freeze = Freeze(a_cause(Kind.ADJUST, "f1"), True, 1, "盗号嫌疑")
    funded.post("m1", lambda seen: apply(seen.account, [freeze], TERMS, NOW))

    with pytest.raises(JifenError) as refused:
        set_aside(funded, 10, "h2")
    caught(funded)

    assert refused.value.code is Code.MEMBER_FROZEN
    assert state(funded) == ({bucket(NOV): 50}, 0, 0)
