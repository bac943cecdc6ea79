"""What the gate promises, asked of moto and of the embedded cloud alike."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.apply import apply
from chalicelib.ledger.commands import Command, Expire
from chalicelib.ledger.model import Guard, Posting, Receipt, digest
from chalicelib.ledger.rebuild import rebuild
from chalicelib.ledger.table import LedgerTable, Seen
from tests.ledger.builders import NOW, TERMS, a_cause, a_redemption, an_earn, bucket

NIGHT = datetime(2027, 1, 31, 16, 5, tzinfo=UTC)


def post(ledger: LedgerTable, *commands: Command, now: datetime = NOW, member_id: str = "m1") -> Receipt:
    return ledger.post(member_id, lambda seen: apply(seen.account, list(commands), TERMS, now))


def an_order_credit(points: int, at: datetime = NOW) -> Any:
    return an_earn(points, cause=a_cause(at=at, input_hash=digest({"points": points})))


def test_what_is_posted_is_read_back_whole(ledger: LedgerTable) -> None:
    receipt = post(ledger, an_order_credit(12)._replace(checked_in_on=date(2026, 11, 22), text="消费12.00元"))

    account = ledger.read("m1")
    assert account == receipt.account
    assert ledger.entry("m1", receipt.entries[0].key) == receipt.entries[0]


def test_the_same_cause_again_returns_the_first_receipt(ledger: LedgerTable) -> None:
    first = post(ledger, an_order_credit(12))

    again = post(ledger, an_order_credit(12))

    assert again.replayed
    assert again.entries == first.entries
    assert ledger.read("m1").available_points == 12


def test_the_same_cause_with_other_input_is_refused(ledger: LedgerTable) -> None:
    post(ledger, an_order_credit(12))

    with pytest.raises(JifenError) as refused:
        post(ledger, an_order_credit(13))

    assert refused.value.code is Code.KEY_REUSED
    assert ledger.read("m1").available_points == 12


def test_a_refusal_is_answered_only_when_the_cause_has_no_entry(ledger: LedgerTable) -> None:
    post(ledger, an_order_credit(12))
    first = post(ledger, a_redemption(10))

    again = post(ledger, a_redemption(10))
    with pytest.raises(JifenError) as refused:
        post(ledger, a_redemption(10, "r2"))

    assert (again.replayed, again.entries) == (True, first.entries)
    assert refused.value.code is Code.INSUFFICIENT_POINTS
    assert ledger.read("m1").available_points == 2


def test_an_expiry_that_another_operation_books_first_is_not_taken_for_ones_own_receipt(ledger: LedgerTable) -> None:
    post(ledger, an_earn(100, date(2027, 1, 31)))
    post(ledger, an_earn(50, cause=a_cause(id="tmall#2")))

    def decide(seen: Seen) -> Posting:
        if seen.account.version == 2:
            post(ledger, Expire(), now=NIGHT)
        return apply(seen.account, [a_redemption(40)], TERMS, NIGHT)

    receipt = ledger.post("m1", decide)

    assert (receipt.replayed, [entry.kind for entry in receipt.entries]) == (False, ["redeem"])
    assert ledger.read("m1").available_points == 10


def test_of_two_writers_who_read_the_same_account_both_are_booked_one_after_the_other(ledger: LedgerTable) -> None:
    reads: list[int] = []

    def decide(seen: Seen) -> Posting:
        reads.append(seen.account.version)
        if len(reads) == 1:
            post(ledger, an_earn(5, cause=a_cause(id="tmall#other")))
        return apply(seen.account, [an_order_credit(12)], TERMS, NOW)

    ledger.post("m1", decide)

    assert reads == [0, 1]
    assert ledger.read("m1").available_points == 17


def test_of_two_writers_of_one_cause_the_second_gets_the_firsts_receipt(ledger: LedgerTable) -> None:
    def decide(seen: Seen) -> Posting:
        if seen.account.version == 0:
            post(ledger, an_order_credit(12))
        return apply(seen.account, [an_order_credit(12)], TERMS, NOW)

    receipt = ledger.post("m1", decide)

    assert receipt.replayed
    assert ledger.read("m1").available_points == 12


def test_two_members_cannot_both_own_a_guarded_cause(ledger: LedgerTable) -> None:
    def claim(member_id: str) -> Receipt:
        def decide(seen: Seen) -> Posting:
            guard = seen.guard
            if guard is not None and guard.member_id != member_id:
                raise JifenError(Code.KEY_REUSED)
            if member_id == "m1" and not ledger.guards(["O#1"]):
                claim("m2")
            posting = apply(seen.account, [an_order_credit(12)], TERMS, NOW)
            return posting._replace(guard=Guard("O#1", member_id, version=guard.version + 1 if guard else 1))

        return ledger.post(member_id, decide, guard_key="O#1")

    with pytest.raises(JifenError):
        claim("m1")

    assert ledger.read("m1").available_points == 0
    assert ledger.read("m2").available_points == 12


def test_entries_are_paged_newest_first(ledger: LedgerTable) -> None:
    for minute in range(5):
        at = NOW + timedelta(minutes=minute)
        post(ledger, an_earn(1, cause=a_cause(id=f"tmall#{minute}", at=at)), now=at)

    first = ledger.entries("m1", before_key=None, limit=3)
    rest = ledger.entries("m1", before_key=first[-1].key, limit=3)

    assert [entry.sequence for entry in first + rest] == [5, 4, 3, 2, 1]
    rebuilt = rebuild("m1", first[0].member_id and ledger.fresh("m1").due_shard, reversed(first + rest))
    assert rebuilt.available_points == 5


def test_a_member_is_listed_while_something_is_due_and_leaves_when_done(ledger: LedgerTable) -> None:
    post(ledger, an_earn(10, date(2027, 1, 31)))
    shard = int(ledger.fresh("m1").due_shard)

    before = [due.member_id for page in ledger.due(shard, date(2027, 1, 31)) for due in page]
    on_the_day = [due.member_id for page in ledger.due(shard, date(2027, 2, 1)) for due in page]
    post(ledger, Expire(), now=NIGHT)
    after = [due.member_id for page in ledger.due(shard, date(2027, 2, 1)) for due in page]

    assert (before, on_the_day, after) == ([], ["m1"], [])
    assert ledger.read("m1").buckets == {}


def test_a_spent_bucket_costs_the_night_one_move_and_no_entry(ledger: LedgerTable) -> None:
    post(ledger, an_earn(10, date(2027, 1, 31)))
    post(ledger, an_earn(10, date(2027, 11, 30), cause=a_cause(id="tmall#2")))
    post(ledger, a_redemption(10))

    night = post(ledger, Expire(), now=NIGHT)

    assert night.entries == ()
    assert ledger.read("m1").due_on == date(2027, 12, 1)
    assert ledger.read("m1").buckets == {bucket(date(2027, 11, 30)): 10}
