"""Redemptions and their way back, of captured holds likewise; asked of moto and of the embedded cloud alike."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.apply import apply
from chalicelib.ledger.commands import Freeze
from chalicelib.ledger.hold import capture, hold
from chalicelib.ledger.model import Also, Kind, Receipt
from chalicelib.ledger.redeem import Purchase, redeem, redemption_key, restore
from chalicelib.ledger.release import hold_key
from chalicelib.ledger.table import LedgerTable
from chalicelib.runtime.dynamo import encode_item
from tests.ledger.builders import NOW, TERMS, a_cause, an_earn, bucket

DEC, NOV = date(2026, 12, 31), date(2027, 11, 30)
LATER = NOW + timedelta(hours=1)
SOLD_OUT = JifenError(Code.BUDGET_SPENT, "已兑完")


@pytest.fixture
def funded(ledger: LedgerTable) -> LedgerTable:
    """Member m1 with 30 points that end in December and 70 that end a year later."""
    for points, on in ((30, DEC), (70, NOV)):
        earn = an_earn(points, on, cause=a_cause(id=f"tmall#{points}"))
        ledger.post("m1", lambda seen, earn=earn: apply(seen.account, [earn], TERMS, NOW))
    return ledger


def spent(
    ledger: LedgerTable, points: int = 50, id: str = "d1", *, member_id: str = "m1", now: datetime = NOW, **given: Any
) -> Receipt:
    values: dict[str, Any] = {"activity": "mall", "source": "mini_program", "actor": "m1", "terms": TERMS, **given}
    values.setdefault("at", NOW)
    return redeem(member_id, id, points, ledger=ledger, now=now, **values)


def redeemed(id: str) -> str:
    return redemption_key(id, activity="mall", at=NOW)


def caught(ledger: LedgerTable) -> None:
    until = NOW + timedelta(minutes=15)
    hold("m1", "h1", 60, release_at=until, activity="mall", actor="m1", ledger=ledger, terms=TERMS, now=NOW)
    capture("m1", "h1", 50, actor="m1", ledger=ledger, terms=TERMS, now=NOW)


WAYS = [
    pytest.param(spent, redeemed("d1"), id="redeemed at once"),
    pytest.param(caught, hold_key("h1"), id="captured from a hold"),
]
ways = pytest.mark.parametrize(("spend", "guard_key"), WAYS)


def back(
    ledger: LedgerTable, guard_key: str, points: int, id: str = "c1", *, now: datetime = LATER, **given: Any
) -> Receipt:
    member_id = given.pop("member_id", "m1")
    return restore(member_id, guard_key, id, points, actor="s1", ledger=ledger, terms=TERMS, now=now, **given)


def refusal(call: Callable[[], Receipt]) -> Code:
    with pytest.raises(JifenError) as refused:
        call()
    return refused.value.code


def buckets(ledger: LedgerTable) -> dict[str, int]:
    return dict(ledger.read("m1").buckets)


def stocked(ledger: LedgerTable, left: int) -> tuple[Also, ...]:
    """A stock of `left` pieces, and the write that takes one of them."""
    key = encode_item({"pk": "S#lamp", "sk": "0"})
    one, none = {"N": "1"}, {"N": "0"}
    if left:
        ledger.dynamo.put_item(TableName=ledger.ledger, Item={**key, "pieces": {"N": str(left)}})
    write = {
        "TableName": ledger.ledger,
        "Key": key,
        "UpdateExpression": "SET pieces = pieces - :one",
        "ConditionExpression": "pieces > :none",
        "ExpressionAttributeValues": {":one": one, ":none": none},
    }
    return (Also({"Update": write}, SOLD_OUT),)


def test_a_redemption_takes_the_earliest_points_and_a_repeat_is_its_receipt(funded: LedgerTable) -> None:
    first, again = spent(funded), spent(funded, now=LATER)

    assert buckets(funded) == {bucket(NOV): 50}
    assert [(entry.kind, entry.points, entry.text) for entry in first.entries] == [(Kind.REDEEM, -50, "积分兑换")]
    assert (again.replayed, again.entries) == (True, first.entries)


def test_what_names_a_redemption_stands_for_one_redemption_of_a_member_for_ever(funded: LedgerTable) -> None:
    spent(funded)

    assert refusal(lambda: spent(funded, 49)) is Code.KEY_REUSED
    assert buckets(funded) == {bucket(NOV): 50}


@pytest.mark.parametrize(("points", "code"), [(101, Code.INSUFFICIENT_POINTS), (0, Code.INVALID_REQUEST)])
def test_what_cannot_be_redeemed_leaves_nothing_and_its_id_free(funded: LedgerTable, points: int, code: Code) -> None:
    assert refusal(lambda: spent(funded, points)) is code
    assert spent(funded, 100).entries[0].points == -100


def test_a_frozen_member_redeems_nothing(funded: LedgerTable) -> None:
    freeze = Freeze(a_cause(Kind.ADJUST, "f1"), True, 1, "盗号嫌疑")
    funded.post("m1", lambda seen: apply(seen.account, [freeze], TERMS, NOW))

    assert refusal(lambda: spent(funded)) is Code.MEMBER_FROZEN


def test_the_last_piece_goes_to_one_redemption_and_the_next_is_told_so_and_keeps_its_points(
    funded: LedgerTable,
) -> None:
    also = stocked(funded, 1)

    first, again = (spent(funded, buy=lambda _: Purchase(also), now=at) for at in (NOW, LATER))
    late = refusal(lambda: spent(funded, 10, "d2", buy=lambda _: Purchase(stocked(funded, 0))))

    assert (again.replayed, again.entries) == (True, first.entries)
    assert late is Code.BUDGET_SPENT
    assert buckets(funded) == {bucket(NOV): 50}


@ways
def test_what_was_spent_is_restored_to_the_same_buckets_part_by_part_and_no_further(
    funded: LedgerTable, spend: Callable[[LedgerTable], object], guard_key: str
) -> None:
    spend(funded)

    first, again = back(funded, guard_key, 35), back(funded, guard_key, 35, now=LATER + timedelta(days=1))
    assert buckets(funded) == {bucket(DEC): 15, bucket(NOV): 70}
    assert (again.replayed, again.entries) == (True, first.entries)
    assert refusal(lambda: back(funded, guard_key, 16, "c2")) is Code.INSUFFICIENT_POINTS
    back(funded, guard_key, 15, "c2")

    assert buckets(funded) == {bucket(DEC): 30, bucket(NOV): 70}
    assert refusal(lambda: back(funded, guard_key, 1, "c3")) is Code.NOTHING_TO_RESTORE
    assert back(funded, guard_key, 35).entries == first.entries
    assert refusal(lambda: back(funded, guard_key, 34)) is Code.KEY_REUSED


@ways
def test_points_restored_after_their_date_get_the_grace_of_the_programme(
    funded: LedgerTable, spend: Callable[[LedgerTable], object], guard_key: str
) -> None:
    spend(funded)

    receipt = back(funded, guard_key, 50, now=datetime(2027, 1, 9, 4, tzinfo=UTC))

    assert buckets(funded) == {bucket(date(2027, 2, 8)): 30, bucket(NOV): 70}
    assert receipt.entries[-1].facts["grace_points"] == 30


@ways
def test_nobody_else_gets_it_back_nor_what_was_never_spent(
    funded: LedgerTable, spend: Callable[[LedgerTable], object], guard_key: str
) -> None:
    assert refusal(lambda: back(funded, guard_key, 1)) is Code.NOTHING_TO_RESTORE
    spend(funded)

    assert refusal(lambda: back(funded, guard_key, 1, member_id="m2")) is Code.NOTHING_TO_RESTORE
    assert refusal(lambda: back(funded, guard_key, 0)) is Code.INVALID_REQUEST
    assert buckets(funded) == {bucket(NOV): 50} if spend is spent else buckets(funded)[bucket(NOV)] == 50


def test_a_hold_that_is_still_open_has_nothing_to_restore(funded: LedgerTable) -> None:
    until = NOW + timedelta(minutes=15)
    hold("m1", "h1", 60, release_at=until, activity="mall", actor="m1", ledger=funded, terms=TERMS, now=NOW)

    assert refusal(lambda: back(funded, hold_key("h1"), 1)) is Code.NOTHING_TO_RESTORE


def test_a_redemption_and_a_hold_of_one_id_are_restored_apart(funded: LedgerTable) -> None:
    caught(funded)
    spent(funded, 20, "h1")

    back(funded, hold_key("h1"), 20)
    back(funded, redeemed("h1"), 20)

    assert funded.read("m1").available_points == 100 - 50 - 20 + 20 + 20


def test_a_restoring_whose_own_write_is_refused_gives_nothing_back(funded: LedgerTable) -> None:
    spent(funded)

    assert refusal(lambda: back(funded, redeemed("d1"), 50, also=stocked(funded, 0))) is Code.BUDGET_SPENT
    assert buckets(funded) == {bucket(NOV): 50}
