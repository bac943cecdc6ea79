"""A process that breaks at a chosen call which may change something: a store's write, or a request to the outside.

What is only read changes nothing, so to break beside it is to break after the write before it, or before the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import pytest

from chalicelib.connect import outside
from chalicelib.connect.outside import Reply, Unanswered, Unreached
from chalicelib.runtime import dynamo

_WRITES = ("TransactWriteItems", "PutItem", "UpdateItem")


class Died(BaseException):
    """The process is gone: nothing of it runs any more."""


class How(StrEnum):
    """What happens at the call."""

    DIES_BEFORE = "dies before"
    DIES_AFTER = "dies after"
    UNREACHED = "nothing is heard"
    UNANSWERED = "no answer comes"


@dataclass
class Breaking:
    """Counts the calls that may change something, and breaks the `at`-th."""

    at: int
    how: How
    made: int = 0
    is_outside: bool = False
    """Whether that was a request to the outside."""

    @property
    def is_broken(self) -> bool:
        return self.made >= self.at

    def before(self, *, is_outside: bool) -> None:
        self.made += 1
        if self.made != self.at:
            return
        self.is_outside = is_outside
        if self.how is How.DIES_BEFORE:
            raise Died
        if self.how is How.UNREACHED:
            raise Unreached("broken") if is_outside else ConnectionError("broken")

    def after(self, *, is_outside: bool) -> None:
        if self.made != self.at:
            return
        if self.how is How.DIES_AFTER:
            raise Died
        if self.how is How.UNANSWERED:
            raise Unanswered("broken") if is_outside else ConnectionError("broken")


@contextmanager
def breaking(monkeypatch: pytest.MonkeyPatch, at: int, how: How) -> Iterator[Breaking]:
    """Within it the `at`-th such call breaks, counted from 1."""
    one, events, real = Breaking(at, how), dynamo.client().meta.events, outside._sent

    def sent(host: str, method: str, target: str, request: Mapping[str, Any]) -> Reply:
        if method == "GET":
            return real(host, method, target, request)
        one.before(is_outside=True)
        reply = real(host, method, target, request)
        one.after(is_outside=True)
        return reply

    def before(**_given: Any) -> None:
        one.before(is_outside=False)

    def after(**_given: Any) -> None:
        one.after(is_outside=False)

    for name in _WRITES:
        events.register(f"before-call.dynamodb.{name}", before, unique_id=f"before-{name}")
        events.register(f"after-call.dynamodb.{name}", after, unique_id=f"after-{name}")
    try:
        with monkeypatch.context() as patch:
            patch.setattr(outside, "_sent", sent)
            yield one
    finally:
        for name in _WRITES:
            events.unregister(f"before-call.dynamodb.{name}", unique_id=f"before-{name}")
            events.unregister(f"after-call.dynamodb.{name}", unique_id=f"after-{name}")
