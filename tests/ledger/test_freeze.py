"""Freezing: once per key, said why and by whom, and no spending until it is undone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.apply import apply
from chalicelib.ledger.commands import Command
from chalicelib.ledger.freeze import set_frozen
from chalicelib.ledger.model import Kind, Receipt
from chalicelib.ledger.table import LedgerTable
from tests.ledger.builders import NOW, TERMS, a_redemption, an_earn
from tests.ledger.meetings import Interrupted, Meanwhile


def frozen(ledger: LedgerTable, frozen: bool = True, *, key: str = "1", member_id: str = "m1", **given: Any) -> Receipt:
    values: dict[str, Any] = {"reason": "疑似盗号", "by": "clerk", "now": NOW}
    return set_frozen(member_id, frozen, key=f"K#freeze#{key * 64}", ledger=ledger, terms=TERMS, **{**values, **given})


def post(ledger: LedgerTable, *commands: Command) -> Receipt:
    return ledger.post("m1", lambda seen: apply(seen.account, commands, TERMS, NOW))


def test_a_frozen_member_may_not_spend_until_released(ledger: LedgerTable) -> None:
    post(ledger, an_earn(10))
    frozen(ledger)
    with pytest.raises(JifenError) as refused:
        post(ledger, a_redemption(1))
    during = ledger.read("m1").frozen
    frozen(ledger, False, key="2", reason="本人确认")
    post(ledger, a_redemption(1))

    assert refused.value.code is Code.MEMBER_FROZEN
    assert (during, ledger.read("m1").frozen) == (True, False)
    assert ledger.read("m1").available_points == 9


def test_the_entry_moves_no_points_and_says_who_and_why(ledger: LedgerTable) -> None:
    (entry,) = frozen(ledger).entries

    assert (entry.kind, entry.activity, entry.points, entry.text) == (Kind.ADJUST, "freeze", 0, "疑似盗号")
    assert (entry.cause.actor, entry.facts) == ("clerk", {"frozen": 1})


def test_the_same_key_again_is_the_first_receipt_even_after_a_release(ledger: LedgerTable) -> None:
    first = frozen(ledger)
    frozen(ledger, False, key="2")

    again = frozen(ledger, now=NOW + timedelta(days=3))

    assert (again.replayed, again.entries) == (True, first.entries)
    assert not ledger.read("m1").frozen


@pytest.mark.parametrize("other", [{"reason": "别的"}, {"member_id": "m2"}, {"frozen": False}])
def test_the_same_key_for_something_else_is_refused(ledger: LedgerTable, other: dict[str, Any]) -> None:
    frozen(ledger)

    with pytest.raises(JifenError) as refused:
        frozen(ledger, **other)

    assert refused.value.code is Code.KEY_REUSED
    assert (ledger.read("m1").frozen, ledger.read("m2").version) == (True, 0)


@pytest.mark.parametrize("wanted", [True, False])
def test_what_is_so_already_is_refused_and_leaves_no_entry(ledger: LedgerTable, wanted: bool) -> None:
    if wanted:
        frozen(ledger)

    with pytest.raises(JifenError) as refused:
        frozen(ledger, wanted, key="2")

    assert refused.value.code is Code.FREEZE_STATE
    assert ledger.read("m1").sequence == int(wanted)


def test_one_key_twice_at_once_is_one_entry(moto_ledger: LedgerTable) -> None:
    meanwhile = Meanwhile(moto_ledger.dynamo, lambda: frozen(moto_ledger, now=NOW - timedelta(seconds=1)))

    receipt = frozen(replace(moto_ledger, dynamo=meanwhile))

    assert receipt.replayed
    assert moto_ledger.read("m1").sequence == 1


def test_two_keys_at_once_freeze_once(moto_ledger: LedgerTable) -> None:
    meanwhile = Meanwhile(moto_ledger.dynamo, lambda: frozen(moto_ledger, key="2"))

    with pytest.raises(JifenError) as refused:
        frozen(replace(moto_ledger, dynamo=meanwhile))

    assert refused.value.code is Code.FREEZE_STATE
    assert moto_ledger.read("m1").sequence == 1


def test_a_freeze_whose_answer_was_lost_is_found_again(moto_ledger: LedgerTable) -> None:
    with pytest.raises(ConnectionError):
        frozen(replace(moto_ledger, dynamo=Interrupted(moto_ledger.dynamo)))

    assert frozen(moto_ledger, now=NOW + timedelta(minutes=1)).replayed
