"""Clients to which something happens at a chosen instant: another's request lands, or an answer is lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass
class Meanwhile:
    """A client that lets something else happen just before its first transaction (or update) goes out."""

    real: Any
    happen: Callable[[], object]
    calls: tuple[str, ...] = ("transact_write_items",)
    happened: bool = False

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.real, name)
        if name not in self.calls:
            return method

        def call(**request: Any) -> Any:
            if not self.happened:
                self.happened = True
                self.happen()
            return method(**request)

        return call


@dataclass
class Interrupted:
    """A client whose n-th transaction goes through, but whose answer never arrives; all is lost after it."""

    real: Any
    after: int = 1
    error: type[BaseException] = ConnectionError
    """`SystemExit` for a worker that dies of it."""
    made: int = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def transact_write_items(self, **request: Any) -> Any:
        self.made += 1
        answer = self.real.transact_write_items(**request)
        if self.made >= self.after:
            raise self.error
        return answer
