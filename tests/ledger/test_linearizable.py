"""Several threads on one member: what was accepted happened one after another, and as it was seen to happen (I16).

Each call notes a tick before it begins and one after it has its answer. An operation that was answered before another
began must have the smaller numbers in the journal; a read must see all that was answered before it, and nothing that
had not begun.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from threading import Barrier, Lock
from typing import Any, NamedTuple

import pytest

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.apply import apply
from chalicelib.ledger.hold import capture, hold
from chalicelib.ledger.items import entry_of
from chalicelib.ledger.model import Account, Receipt
from chalicelib.ledger.rebuild import followed
from chalicelib.ledger.redeem import redeem, redemption_key, restore
from chalicelib.ledger.release import release
from chalicelib.ledger.table import LedgerTable
from tests.ledger.builders import NOW, TERMS, a_cause, an_earn
from tests.ledger.reference_store import MemoryDynamo

THREADS, ROUNDS = 4, 12


class Done(NamedTuple):
    """One call as its caller saw it. Of a read both numbers are the account's."""

    began: int
    ended: int
    first: int
    """The number of its first entry."""
    last: int
    is_read: bool = False


@dataclass
class OneAtATime:
    """A store in memory that many threads may call: each call by itself is atomic, as DynamoDB's are."""

    real: MemoryDynamo
    lost: int = 0
    lock: Any = field(default_factory=Lock)

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.real, name)
        if not callable(method) or name == "exceptions":
            return method

        def call(**request: Any) -> Any:
            with self.lock:
                try:
                    return method(**request)
                except self.real.exceptions.TransactionCanceledException:
                    self.lost += 1
                    raise

        return call


@dataclass
class Witness:
    """Calls of one thread, with what it saw of each."""

    ledger: LedgerTable
    thread: int
    ticks: Iterator[int]
    seen: list[Done] = field(default_factory=list)

    def asks(self, call: Callable[[], Receipt]) -> None:
        began = next(self.ticks)
        try:
            receipt = call()
        except JifenError as refused:
            if refused.code not in (Code.BUSY, Code.INSUFFICIENT_POINTS, Code.HOLD_CLOSED, Code.NOTHING_TO_RESTORE):
                raise
            return
        if not receipt.replayed:
            numbers = [entry.sequence for entry in receipt.entries]
            self.seen.append(Done(began, next(self.ticks), numbers[0], numbers[-1]))

    def looks(self) -> None:
        began = next(self.ticks)
        number = self.ledger.read("m1").sequence
        self.seen.append(Done(began, next(self.ticks), number, number, is_read=True))

    def lives(self) -> list[Done]:
        """Earns, spends, holds, captures, releases and gives back, some of it twice or together with others."""
        common: Any = {"ledger": self.ledger, "terms": TERMS, "now": NOW}
        until = NOW + timedelta(hours=1)
        for number in range(ROUNDS):
            own, shared = f"{self.thread}-{number}", f"all-{number}"
            earn = an_earn(50, cause=a_cause(id=own))
            self.asks(lambda earn=earn: self.ledger.post("m1", lambda seen: apply(seen.account, [earn], TERMS, NOW)))  # type: ignore[misc]
            self.looks()
            for id in (own, shared):
                self.asks(
                    lambda id=id: redeem("m1", id, 20, activity="mall", at=NOW, source="test", actor="m1", **common)  # type: ignore[misc]
                )
                self.asks(
                    lambda id=id: hold("m1", id, 20, release_at=until, activity="mall", actor="m1", **common)  # type: ignore[misc]
                )
            self.looks()
            self.asks(lambda own=own: capture("m1", own, 20, actor="m1", **common))  # type: ignore[misc]
            self.asks(lambda shared=shared: release("m1", shared, actor="m1", **common))  # type: ignore[misc]
            self.asks(
                lambda own=own: restore(
                    "m1", redemption_key(own, activity="mall", at=NOW), "c", 20, actor="m1", **common
                )
            )  # type: ignore[misc]
        return self.seen


def out_of_order(history: Sequence[Done]) -> list[tuple[Done, Done]]:
    """Pairs of which the second began when the first had been answered, and yet stands before it."""
    return [
        (one, other)
        for one in history
        for other in history
        if one.ended < other.began and (other.first < one.last or (other.first == one.last and not other.is_read))
    ]


def shared_numbers(history: Sequence[Done]) -> list[int]:
    """Numbers of entries that two operations were told to be theirs."""
    numbers = [number for one in history if not one.is_read for number in range(one.first, one.last + 1)]
    return sorted({number for number in numbers if numbers.count(number) > 1})


@contextmanager
def threads_that_change_often() -> Iterator[None]:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)


def witnessed(ledger: LedgerTable) -> list[Done]:
    """What all threads saw, begun together."""
    ticks, together = count(1), Barrier(THREADS)

    def live(thread: int) -> list[Done]:
        together.wait()
        return Witness(ledger, thread, ticks).lives()

    with threads_that_change_often(), ThreadPoolExecutor(THREADS) as pool:
        return [done for seen in pool.map(live, range(THREADS)) for done in seen]


def test_what_threads_were_answered_is_one_history() -> None:
    store = OneAtATime(MemoryDynamo("ledger", "journal"))

    history = witnessed(LedgerTable(store, "ledger", "journal", 8, pause=lambda _seconds: None))

    assert store.lost > THREADS
    assert len(history) > THREADS * ROUNDS
    assert (out_of_order(history), shared_numbers(history)) == ([], [])
    account = Account("m1", "")
    for entry in sorted(map(entry_of, store.real.items("journal")), key=lambda entry: entry.sequence):
        account = followed(account, entry)
    assert account.sequence >= max(done.last for done in history)


def write(began: int, ended: int, first: int, last: int = 0) -> Done:
    return Done(began, ended, first, last or first)


def read(began: int, ended: int, number: int) -> Done:
    return Done(began, ended, number, number, is_read=True)


@pytest.mark.parametrize(
    ("history", "is_one"),
    [
        pytest.param([write(1, 4, 2), write(2, 3, 1)], True, id="two at once may stand either way"),
        pytest.param([write(1, 2, 2), write(3, 4, 1)], False, id="a later one stands before"),
        pytest.param([write(1, 2, 1, 2), write(3, 4, 2, 3)], False, id="two share a number"),
        pytest.param([write(1, 2, 1), read(3, 4, 1)], True, id="a read sees what was answered"),
        pytest.param([write(1, 2, 1), read(3, 4, 0)], False, id="a read misses what was answered"),
        pytest.param([read(1, 2, 1), write(3, 4, 1)], False, id="a read sees what had not begun"),
        pytest.param([read(1, 2, 2), read(3, 4, 1)], False, id="a later read sees less"),
    ],
)
def test_a_history_is_told_from_one_that_cannot_be(history: list[Done], is_one: bool) -> None:
    assert (not out_of_order(history) and not shared_numbers(history)) == is_one
