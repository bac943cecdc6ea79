"""What a member reads: the balance with what is pending and held, and a statement that explains it."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.answers import balance_answer, entry_answer, pending_answer
from chalicelib.ledger.apply import apply
from chalicelib.ledger.buckets import PointsClass
from chalicelib.ledger.commands import Earn, Freeze
from chalicelib.ledger.hold import capture, hold
from chalicelib.ledger.model import Credit, Guard, Kind, Policy, Posting, start_of
from chalicelib.ledger.pending import activate_due
from chalicelib.ledger.statement import Open, balance_now, open_page, statement_page
from chalicelib.ledger.table import LedgerTable, Seen
from tests.ledger.builders import NOW, TERMS, TODAY_ON, a_cause, an_earn

ZONE = TERMS.zone


def pend(ledger: LedgerTable, number: int, points: int, activate_on: date, member_id: str = "m1") -> None:
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
        activate_on=activate_on,
        text="消费积分,收货后到账",
    )

    def decide(seen: Seen) -> Posting:
        posting = apply(seen.account, [Earn(cause, points, "", "order", 1)], TERMS, NOW)
        return posting._replace(guard=Guard(f"O#tmall#{number}", member_id, "order", cause.id, credits=(credit,)))

    ledger.post(member_id, decide, guard_key=f"O#tmall#{number}")


def held(ledger: LedgerTable, points: int) -> None:
    release_at = NOW + timedelta(hours=1)
    hold("m1", "h1", points, release_at=release_at, activity="mall", actor="m1", ledger=ledger, terms=TERMS, now=NOW)


def shown(ledger: LedgerTable, now: datetime = NOW, **given: Any) -> dict[str, Any]:
    return balance_answer(*balance_now(ledger.read("m1"), ledger=ledger, terms=TERMS, now=now), ZONE, **given)


def all_pages(ledger: LedgerTable, limit: int) -> Iterator[Open]:
    cursor = ""
    while True:
        page = open_page("m1", ledger=ledger, cursor=cursor, limit=limit)
        yield page
        cursor = page.next_cursor
        if not cursor:
            return


def test_a_balance_says_what_is_pending_until_when_and_what_is_held(ledger: LedgerTable) -> None:
    ledger.post("m1", lambda seen: apply(seen.account, [an_earn(50, cause=a_cause(id="tmall#9"))], TERMS, NOW))
    pend(ledger, 1, 30, TODAY_ON + timedelta(days=15))
    pend(ledger, 2, 20, TODAY_ON + timedelta(days=7))
    held(ledger, 5)

    answer = shown(ledger)

    assert (answer["available_points"], answer["pending_points"], answer["held_points"]) == (45, 50, 5)
    assert (answer["deficit_points"], answer["frozen"]) == (0, False)
    assert [(one["activate_on"], one["points"], one["id"]) for one in answer["pending"]] == [
        ("2026-11-29", 20, "tmall#2"),
        ("2026-12-07", 30, "tmall#1"),
    ]
    assert answer["pending"][0]["reason"] == "消费积分,收货后到账"
    assert "cause" not in answer["pending"][0]
    assert answer["holds"] == [{"activity": "mall", "id": "h1", "points": 5, "release_at": "2026-11-22T13:00:00+08:00"}]


def test_a_balance_counts_what_is_due_though_nothing_has_booked_it(ledger: LedgerTable) -> None:
    ledger.post("m1", lambda seen: apply(seen.account, [an_earn(50, cause=a_cause(id="tmall#9"))], TERMS, NOW))
    pend(ledger, 1, 30, TODAY_ON + timedelta(days=1))
    pend(ledger, 2, 20, TODAY_ON + timedelta(days=2))
    held(ledger, 5)
    entries = len(ledger.entries("m1", before_key=None, limit=9))

    before, after = (shown(ledger, start_of(TODAY_ON + timedelta(days=days), ZONE)) for days in (0, 1))

    names = ("available_points", "pending_points", "held_points")
    assert [before[name] for name in names] == [45, 50, 5]
    assert [after[name] for name in names] == [80, 20, 0]
    assert ([one["id"] for one in after["pending"]], after["holds"]) == (["tmall#2"], [])
    assert len(ledger.entries("m1", before_key=None, limit=9)) == entries


def test_a_balance_leaves_aside_what_became_due_after_its_account_was_read(ledger: LedgerTable) -> None:
    pend(ledger, 1, 30, TODAY_ON + timedelta(days=1))
    account = ledger.read("m1")
    pend(ledger, 2, 20, TODAY_ON)

    found, _open = balance_now(account, ledger=ledger, terms=TERMS, now=start_of(TODAY_ON + timedelta(days=1), ZONE))

    assert found.available_points + found.pending_points == 30


def test_staff_see_what_names_a_pending_credit(ledger: LedgerTable) -> None:
    pend(ledger, 1, 30, TODAY_ON + timedelta(days=1))

    (one,) = shown(ledger, for_staff=True)["pending"]

    assert (one["cause"], one["rule"]) == ("O#tmall#1", "order")


def test_a_balance_says_that_it_is_frozen_and_what_is_owed(ledger: LedgerTable) -> None:
    ledger.post("m1", lambda seen: apply(seen.account, [Freeze(a_cause(Kind.ADJUST, "f"), True, 1)], TERMS, NOW))

    assert shown(ledger)["frozen"] is True


def test_a_balance_with_nothing_open_is_one_request(moto_ledger: LedgerTable) -> None:
    moto_ledger.post("m1", lambda seen: apply(seen.account, [an_earn(50)], TERMS, NOW))
    asked: list[str] = []

    class Watched:
        def __getattr__(self, name: str) -> Any:
            asked.append(name)
            return getattr(moto_ledger.dynamo, name)

    shown(replace(moto_ledger, dynamo=Watched()))

    assert asked == ["batch_get_item"]


def test_pending_credits_are_paged_by_their_day(ledger: LedgerTable) -> None:
    for number, days in enumerate((9, 3, 3, 1, 5)):
        pend(ledger, number, 10, TODAY_ON + timedelta(days=days))
    pend(ledger, 77, 10, TODAY_ON, member_id="m2")

    pages = list(all_pages(ledger, 2))

    found = [one.guard.cause_id for page in pages for one in page.pending]
    assert [len(page.pending) for page in pages][:2] == [2, 2]
    assert (found[0], set(found[1:3]), found[3:]) == ("tmall#3", {"tmall#1", "tmall#2"}, ["tmall#4", "tmall#0"])


def test_another_members_pending_points_are_not_reached_by_any_cursor(ledger: LedgerTable) -> None:
    pend(ledger, 1, 10, TODAY_ON + timedelta(days=1), member_id="m2")
    pend(ledger, 2, 10, TODAY_ON + timedelta(days=1), member_id="m2")
    theirs = open_page("m2", ledger=ledger, cursor="", limit=1)

    mine = open_page("m1", ledger=ledger, cursor=theirs.next_cursor, limit=9)

    assert theirs.next_cursor
    assert mine == Open((), ())


@pytest.mark.parametrize(
    "place", ["", "x", "2026-11-22#m1", " O#1", "2026-11-22#m1 O#\n1", "2026-11-22#m1 " + "x" * 301]
)
def test_a_forged_cursor_is_refused(moto_ledger: LedgerTable, place: str) -> None:
    cursor = urlsafe_b64encode(place.encode()).decode() or "="

    with pytest.raises(JifenError) as refused:
        open_page("m1", ledger=moto_ledger, cursor=cursor, limit=9)

    assert refused.value.code is Code.INVALID_CURSOR


def test_the_statement_tells_available_pending_and_held_apart(ledger: LedgerTable) -> None:
    pend(ledger, 1, 30, TODAY_ON)
    activate_due("m1", "O#tmall#1", ledger=ledger, terms=TERMS, now=NOW)
    held(ledger, 12)
    capture("m1", "h1", 10, actor="mall", ledger=ledger, terms=TERMS, now=NOW)

    page = statement_page("m1", ledger=ledger, cursor="", limit=20)

    names = ("kind", "points", "available_points", "pending_points", "held_points", "balance_after_points")
    lines = [tuple(entry_answer(entry, ZONE)[name] for name in names) for entry in page.entries]
    assert lines == [
        ("release", 0, 2, 0, -2, 20),
        ("capture", -10, 0, 0, -10, 18),
        ("hold", 0, -12, 0, 12, 18),
        ("activate", 0, 30, -30, 0, 30),
        ("earn", 30, 0, 30, 0, 0),
    ]


def test_a_members_statement_names_no_other_person(ledger: LedgerTable) -> None:
    ledger.post(
        "m1",
        lambda seen: apply(
            seen.account, [an_earn(5, facts={"proposed_by": "s1", "from": "m9", "order_no": "7"})], TERMS, NOW
        ),
    )

    (entry,) = ledger.entries("m1", before_key=None, limit=9)

    assert {"proposed_by", "from", "actor"}.isdisjoint(entry_answer(entry, ZONE))
    assert entry_answer(entry, ZONE)["order_no"] == "7"


def test_a_credit_resolved_since_the_index_saw_it_is_left_out(moto_ledger: LedgerTable) -> None:
    pend(moto_ledger, 1, 30, TODAY_ON)

    class Stale:
        def __getattr__(self, name: str) -> Any:
            return getattr(moto_ledger.dynamo, name)

        def query(self, **request: Any) -> Any:
            answer = moto_ledger.dynamo.query(**request)
            activate_due("m1", "O#tmall#1", ledger=moto_ledger, terms=TERMS, now=NOW)
            return answer

    page = open_page("m1", ledger=replace(moto_ledger, dynamo=Stale()), cursor="", limit=9)

    assert [pending_answer(one) for one in page.pending] == []
