"""What is still to happen, by its instant: jobs that end, events that leave, attempts that are repeated."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import NamedTuple

Task = Callable[[int], None]
"""Called with the instant at which it happens."""


class _Due(NamedTuple):
    at: int
    number: int
    task: Task


class Agenda:
    """Tasks in the order of their instants; of one instant in the order they were added."""

    def __init__(self) -> None:
        self._due: list[_Due] = []
        self._added = 0

    def add(self, at: int, task: Task) -> None:
        self._added += 1
        heapq.heappush(self._due, _Due(at, self._added, task))

    def pop(self, until: int) -> tuple[int, Task] | None:
        """The next task up to an instant, removed; or None."""
        if not self._due or self._due[0].at > until:
            return None
        next_up = heapq.heappop(self._due)
        return next_up.at, next_up.task

    def __len__(self) -> int:
        return len(self._due)
