"""Somebody acts just before a chosen call of somebody else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from chalicelib.connect import outside
from chalicelib.connect.outside import Reply
from chalicelib.runtime import dynamo


@contextmanager
def meanwhile(monkeypatch: pytest.MonkeyPatch, at: int, happen: Callable[[], object]) -> Iterator[list[int]]:
    """Within it something happens just before the `at`-th call of a store or of a system outside; yields a list that
    has an element once it did.
    """
    events, real, calls, happened = dynamo.client().meta.events, outside._sent, [0], list[int]()

    def called(**_given: Any) -> None:
        calls[0] += 1
        if calls[0] == at and not happened:
            happened.append(at)
            happen()

    def sent(host: str, method: str, target: str, request: Mapping[str, Any]) -> Reply:
        called()
        return real(host, method, target, request)

    events.register("before-call.dynamodb", called, unique_id="meanwhile")
    try:
        with monkeypatch.context() as patch:
            patch.setattr(outside, "_sent", sent)
            yield happened
    finally:
        events.unregister("before-call.dynamodb", unique_id="meanwhile")
