"""What no emulator shows: transactions that meet. A seeded stub cancels them as DynamoDB does, reason by position."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.apply import Command, apply
from chalicelib.ledger.items import entry_item
from chalicelib.ledger.model import Receipt
from chalicelib.ledger.table import ATTEMPTS, LedgerTable
from chalicelib.runtime.dynamo import Cancelled, encode_item
from tests.ledger.builders import NOW, TERMS, a_cause, an_earn

TRANSIENT = ("TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded")


@dataclass
class Meeting:
    """A client whose transactions are cancelled with a chance of `percent`, or, `after_commit`, fail although they
    went through.
    """

    real: Any
    seed: int
    percent: int = 40
    codes: tuple[str, ...] = TRANSIENT
    after_commit: bool = False
    met: int = 0
    random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def transact_write_items(self, TransactItems: list[Any]) -> Any:  # noqa: N803  # botocore's own name
        if self.random.randrange(100) >= self.percent:
            return self.real.transact_write_items(TransactItems=TransactItems)
        self.met += 1
        if self.after_commit:
            self.real.transact_write_items(TransactItems=TransactItems)
        place = self.random.randrange(len(TransactItems))
        reasons = [{"Code": "None"} for _ in TransactItems]
        reasons[place] = {"Code": self.random.choice(self.codes), "Message": "met"}
        raise self.real.exceptions.TransactionCanceledException(
            {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons}, "TransactWriteItems"
        )


def post(ledger: LedgerTable, command: Command) -> Receipt:
    return ledger.post("m1", lambda seen: apply(seen.account, [command], TERMS, NOW))


@pytest.mark.parametrize("seed", range(12))
def test_whatever_meets_each_credit_is_booked_once_or_refused_as_busy(moto_ledger: LedgerTable, seed: int) -> None:
    meeting = Meeting(moto_ledger.dynamo, seed)
    ledger = replace(moto_ledger, dynamo=meeting)
    booked = 0
    refusals: list[JifenError] = []

    for number in range(20):
        try:
            booked += len(post(ledger, an_earn(1, cause=a_cause(id=f"tmall#{number}"))).entries)
        except JifenError as refused:
            refusals.append(refused)

    assert meeting.met > 0
    assert {(refused.code, refused.retry_after_seconds) for refused in refusals} <= {(Code.BUSY, 1)}
    assert moto_ledger.read("m1").available_points == booked


@pytest.mark.parametrize("seed", range(6))
def test_a_commit_whose_answer_was_lost_is_found_again_not_repeated(moto_ledger: LedgerTable, seed: int) -> None:
    ledger = replace(moto_ledger, dynamo=Meeting(moto_ledger.dynamo, seed, percent=60, after_commit=True))

    receipts = [post(ledger, an_earn(1, cause=a_cause(id=f"tmall#{number}"))) for number in range(10)]

    assert any(receipt.replayed for receipt in receipts)
    assert moto_ledger.read("m1").available_points == 10


def test_endless_meetings_end_in_a_clear_busy_after_a_bounded_number_of_tries(moto_ledger: LedgerTable) -> None:
    meeting = Meeting(moto_ledger.dynamo, seed=1, percent=100)
    waits: list[float] = []
    ledger = replace(moto_ledger, dynamo=meeting, pause=waits.append)

    with pytest.raises(JifenError) as refused:
        post(ledger, an_earn(1))

    assert refused.value.code is Code.BUSY
    assert meeting.met == ATTEMPTS
    assert len(waits) == ATTEMPTS - 1
    assert max(waits) < 1


def test_what_no_retry_can_mend_is_not_retried(moto_ledger: LedgerTable) -> None:
    meeting = Meeting(moto_ledger.dynamo, seed=1, percent=100, codes=("ValidationError",))

    with pytest.raises(Cancelled):
        post(replace(moto_ledger, dynamo=meeting), an_earn(1))

    assert meeting.met == 1


def test_the_stub_raises_what_botocore_raises(moto_ledger: LedgerTable) -> None:
    meeting = Meeting(moto_ledger.dynamo, seed=1, percent=100)

    with pytest.raises(ClientError):
        meeting.transact_write_items(TransactItems=[{}])


def test_an_operation_starts_no_attempt_after_its_deadline(moto_ledger: LedgerTable) -> None:
    meeting = Meeting(moto_ledger.dynamo, seed=1, percent=100)
    seconds = iter([0.0, 3.0, 9.0])
    ledger = replace(moto_ledger, dynamo=meeting, stopwatch=lambda: next(seconds))

    with pytest.raises(JifenError) as refused:
        post(ledger, an_earn(1))

    assert refused.value.code is Code.BUSY
    assert meeting.met == 2


def test_a_conflict_on_the_account_beside_a_standing_entry_is_judged_again(moto_ledger: LedgerTable) -> None:
    """The other transaction has written the entry both wanted and still holds the account."""
    other = post(moto_ledger, an_earn(5, cause=a_cause(id="tmall#other")))
    seen: list[int] = []

    class Held:
        def __getattr__(self, name: str) -> Any:
            return getattr(moto_ledger.dynamo, name)

        def transact_write_items(self, TransactItems: list[Any]) -> Any:  # noqa: N803  # botocore's own name
            seen.append(len(TransactItems))
            if len(seen) > 1:
                return moto_ledger.dynamo.transact_write_items(TransactItems=TransactItems)
            standing = encode_item(entry_item(other.entries[0]))
            reasons = [{"Code": "TransactionConflict"}, {"Code": "ConditionalCheckFailed", "Item": standing}]
            raise moto_ledger.dynamo.exceptions.TransactionCanceledException(
                {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons},
                "TransactWriteItems",
            )

    receipt = post(replace(moto_ledger, dynamo=Held()), an_earn(1, cause=a_cause(id="tmall#mine")))

    assert (receipt.replayed, len(seen)) == (False, 2)
    assert moto_ledger.read("m1").available_points == 6
