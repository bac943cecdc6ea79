"""Transfer: off unless allowed, within limits, never to oneself, both members' entries or neither."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any, NamedTuple

import pytest

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.apply import apply
from chalicelib.ledger.buckets import PointsClass
from chalicelib.ledger.commands import Command, Freeze
from chalicelib.ledger.model import Kind, Policy, Receipt
from chalicelib.ledger.rebuild import rebuild
from chalicelib.ledger.table import LedgerTable
from chalicelib.ledger.transfer import CODE_LIFE, show_code, transfer
from tests.ledger.builders import NOW, TERMS, a_cause, a_redemption, a_reversal, an_earn, bucket
from tests.ledger.item_size import item_bytes
from tests.ledger.meetings import Interrupted, Meanwhile

JAN_ON, NOV_ON = date(2027, 1, 31), date(2027, 11, 30)
CODE = "0123456789"


class Limits(NamedTuple):
    min_points: int = 10
    max_points_per_day: int = 100
    times_per_day: int = 3


def post(ledger: LedgerTable, *commands: Command, member_id: str = "m1") -> None:
    ledger.post(member_id, lambda seen: apply(seen.account, commands, TERMS, NOW))


def shown(ledger: LedgerTable, member_id: str = "m2", code: str = CODE) -> str:
    show_code(member_id, code, ledger=ledger, limits=Limits(), now=NOW)
    return code


def sent(ledger: LedgerTable, points: int = 20, *, key: str = "1", sender_id: str = "m1", **given: Any) -> Receipt:
    values: dict[str, Any] = {"terms": TERMS, "limits": Limits(), "now": NOW, "code": CODE}
    given = {**values, **given}
    return transfer(sender_id, given.pop("code"), points, key=f"K#transfer#{key * 64}", ledger=ledger, **given)


def refusal(ledger: LedgerTable, *args: Any, **given: Any) -> Code:
    with pytest.raises(JifenError) as refused:
        sent(ledger, *args, **given)
    return refused.value.code


def balances(ledger: LedgerTable) -> tuple[int, int]:
    return ledger.read("m1").available_points, ledger.read("m2").available_points


@pytest.fixture
def rich(ledger: LedgerTable) -> LedgerTable:
    return with_points(ledger)


@pytest.fixture
def moto_rich(moto_ledger: LedgerTable) -> LedgerTable:
    return with_points(moto_ledger)


def with_points(ledger: LedgerTable) -> LedgerTable:
    post(ledger, an_earn(15, JAN_ON), an_earn(500, cause=a_cause(id="tmall#2"), bucket=bucket(NOV_ON)))
    shown(ledger)
    return ledger


def test_points_keep_their_class_and_their_last_day(rich: LedgerTable) -> None:
    sent(rich, 20)

    assert rich.read("m1").buckets == {bucket(NOV_ON): 495}
    assert rich.read("m2").buckets == {bucket(JAN_ON): 15, bucket(NOV_ON): 5}


def test_both_journals_make_their_accounts_and_sum_to_nothing(rich: LedgerTable) -> None:
    sent(rich, 20)

    sums = 0
    for member_id in ("m1", "m2"):
        account = rich.read(member_id)
        entries = sorted(rich.entries(member_id, before_key=None, limit=9), key=lambda entry: entry.sequence)
        assert rebuild(member_id, account.due_shard, entries).buckets == account.buckets
        assert entries[-1].kind is Kind.TRANSFER
        sums += entries[-1].points
    assert sums == 0


def test_it_takes_one_read_of_all_and_one_transaction_of_ten_units(moto_rich: LedgerTable) -> None:
    written: list[Any] = []
    reads: list[str] = []

    class Watched:
        def __getattr__(self, name: str) -> Any:
            reads.append(name)
            return getattr(moto_rich.dynamo, name)

        def transact_write_items(self, **request: Any) -> Any:
            written.extend(request["TransactItems"])
            return moto_rich.dynamo.transact_write_items(**request)

    sent(replace(moto_rich, dynamo=Watched()))

    assert reads == ["batch_get_item", "batch_get_item"]  # whose code it is, then both accounts and the guard
    assert len(written) == 5
    assert max(item_bytes(write["Put"]["Item"]) for write in written) <= 1024


def test_without_a_word_in_the_programme_there_is_no_transfer(rich: LedgerTable) -> None:
    with pytest.raises(JifenError) as refused:
        show_code("m2", CODE, ledger=rich, limits=None, now=NOW)

    assert refused.value.code is Code.TRANSFER_OFF
    assert refusal(rich, limits=None) is Code.TRANSFER_OFF
    assert balances(rich) == (515, 0)


def test_the_same_key_again_is_the_first_receipt_whatever_changed_since(rich: LedgerTable) -> None:
    first = sent(rich)
    post(rich, Freeze(a_cause(Kind.ADJUST, "f"), True, 1))

    again = sent(rich, now=NOW + timedelta(days=2), limits=None)

    assert (again.replayed, again.entries) == (True, first.entries)
    assert balances(rich) == (495, 20)


def test_a_repeat_is_answered_when_the_code_was_forgotten(moto_rich: LedgerTable) -> None:
    first = sent(moto_rich)
    for item in moto_rich.dynamo.scan(TableName=moto_rich.ledger)["Items"]:
        if item["sk"]["S"] == "TC":
            moto_rich.dynamo.delete_item(TableName=moto_rich.ledger, Key={"pk": item["pk"], "sk": item["sk"]})

    assert sent(moto_rich).entries == first.entries
    assert refusal(moto_rich, key="2") is Code.TRANSFER_CODE_INVALID


def test_the_same_key_with_other_points_or_another_code_is_refused(rich: LedgerTable) -> None:
    sent(rich)

    assert refusal(rich, 21) is Code.KEY_REUSED
    assert refusal(rich, code=shown(rich, "m3", "ABCDEFABCD")) is Code.KEY_REUSED
    assert balances(rich) == (495, 20)


def test_one_key_twice_at_once_moves_points_once(moto_rich: LedgerTable) -> None:
    meanwhile = Meanwhile(moto_rich.dynamo, lambda: sent(moto_rich, now=NOW - timedelta(seconds=1)))

    receipt = sent(replace(moto_rich, dynamo=meanwhile))

    assert receipt.replayed
    assert balances(moto_rich) == (495, 20)


def test_two_at_once_do_not_pass_the_days_limit(moto_rich: LedgerTable) -> None:
    meanwhile = Meanwhile(moto_rich.dynamo, lambda: sent(moto_rich, 60, key="2"))

    assert refusal(replace(moto_rich, dynamo=meanwhile), 60) is Code.TRANSFER_LIMIT
    assert balances(moto_rich) == (455, 60)


def test_two_members_who_send_to_each_other_at_once_both_do(moto_rich: LedgerTable) -> None:
    post(moto_rich, an_earn(100), member_id="m2")
    back = shown(moto_rich, "m1", "AAAAAAAAAA")
    meanwhile = Meanwhile(moto_rich.dynamo, lambda: sent(moto_rich, 30, key="2", sender_id="m2", code=back))

    sent(replace(moto_rich, dynamo=meanwhile), 20)

    assert balances(moto_rich) == (525, 90)


def test_a_receiver_frozen_meanwhile_gets_nothing_and_nothing_leaves(moto_rich: LedgerTable) -> None:
    freeze = Freeze(a_cause(Kind.ADJUST, "f"), True, 1)
    meanwhile = Meanwhile(moto_rich.dynamo, lambda: post(moto_rich, freeze, member_id="m2"))

    assert refusal(replace(moto_rich, dynamo=meanwhile)) is Code.TRANSFER_REFUSED
    assert balances(moto_rich) == (515, 0)


def test_a_transfer_whose_answer_was_lost_is_found_again(moto_rich: LedgerTable) -> None:
    with pytest.raises(ConnectionError):
        sent(replace(moto_rich, dynamo=Interrupted(moto_rich.dynamo)))

    assert sent(moto_rich, now=NOW + timedelta(minutes=1)).replayed
    assert balances(moto_rich) == (495, 20)


def test_a_code_ends_after_ten_minutes_whether_or_not_the_table_has_forgotten_it(rich: LedgerTable) -> None:
    in_time = sent(rich, now=NOW + CODE_LIFE - timedelta(milliseconds=1))

    assert not in_time.replayed
    assert refusal(rich, key="2", now=NOW + CODE_LIFE) is Code.TRANSFER_CODE_INVALID


@pytest.mark.parametrize("code", ["ZZZZZZZZZZ", "m2", "TC#1"])
def test_another_members_id_or_a_guess_is_no_code(rich: LedgerTable, code: str) -> None:
    assert refusal(rich, code=code) is Code.TRANSFER_CODE_INVALID
    assert balances(rich) == (515, 0)


def test_a_code_is_nowhere_in_the_table(moto_rich: LedgerTable) -> None:
    assert CODE not in str(moto_rich.dynamo.scan(TableName=moto_rich.ledger)["Items"])


def test_nobody_sends_to_himself(rich: LedgerTable) -> None:
    assert refusal(rich, code=shown(rich, "m1", "BBBBBBBBBB")) is Code.TRANSFER_TO_SELF
    assert rich.read("m1").sequence == 2


def test_limits_of_one_transfer_and_of_a_day(rich: LedgerTable) -> None:
    too_small = refusal(rich, 9)
    too_much = refusal(rich, 101)
    for key in ("2", "3", "4"):
        sent(rich, 10, key=key)
    too_often = refusal(rich, 10, key="5")
    next_day = sent(rich, 100, key="6", now=NOW + timedelta(days=1), code=tomorrow(rich))

    assert (too_small, too_much, too_often) == (
        Code.TRANSFER_TOO_SMALL,
        Code.TRANSFER_LIMIT,
        Code.TRANSFER_LIMIT,
    )
    assert not next_day.replayed
    assert balances(rich) == (385, 130)


def tomorrow(ledger: LedgerTable) -> str:
    show_code("m2", "CCCCCCCCCC", ledger=ledger, limits=Limits(), now=NOW + timedelta(days=1))
    return "CCCCCCCCCC"


def test_nobody_sends_more_than_he_has_nor_what_has_ended(rich: LedgerTable) -> None:
    all_points = Limits(max_points_per_day=10**6)

    assert refusal(rich, 516, limits=all_points) is Code.INSUFFICIENT_POINTS
    later = NOW + timedelta(days=80)
    show_code("m2", "DDDDDDDDDD", ledger=rich, limits=Limits(), now=later)
    assert refusal(rich, 501, limits=all_points, code="DDDDDDDDDD", now=later) is Code.INSUFFICIENT_POINTS
    assert balances(rich) == (515, 0)


@pytest.mark.parametrize(("frozen", "code"), [("m1", Code.MEMBER_FROZEN), ("m2", Code.TRANSFER_REFUSED)])
def test_a_frozen_member_neither_sends_nor_receives(rich: LedgerTable, frozen: str, code: Code) -> None:
    post(rich, Freeze(a_cause(Kind.ADJUST, "f"), True, 1), member_id=frozen)

    assert refusal(rich) is code
    assert balances(rich) == (515, 0)


def test_a_receiver_who_owes_pays_first(rich: LedgerTable) -> None:
    post(rich, an_earn(12), member_id="m2")
    post(rich, a_redemption(12), member_id="m2")
    post(rich, a_reversal(12, policy=Policy.DEFICIT), member_id="m2")

    sent(rich, 20)

    assert balances(rich) == (495, 8)
    assert rich.read("m2").deficit_points == 0


def test_points_of_every_class_arrive_as_what_they_were(ledger: LedgerTable) -> None:
    keys = [bucket(NOV_ON, points_class) for points_class in PointsClass]
    post(ledger, *(an_earn(10, cause=a_cause(id=key), bucket=key) for key in keys))
    shown(ledger)

    sent(ledger, 30)

    assert ledger.read("m2").buckets == dict.fromkeys(keys, 10)
    assert ledger.read("m1").buckets == {}
