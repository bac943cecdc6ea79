"""Which conditions of a rule hold less often than before. Pure.

A condition without a judge here is taken for a list of which one must hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any

Plain = Mapping[str, Any]


def narrowed(before: Plain | None, after: Plain | None, on: date) -> Iterator[tuple[str, Any, Any]]:
    """(condition, before, after) of what leaves members out on and after `on`, from the plain `when` of both rules."""
    known, following = before or {}, after or {}
    for name in {**known, **following}:
        old, new = known.get(name) or None, following.get(name) or None
        if old != new and _JUDGES.get(name, _narrower)(old, new, on):
            yield name, old, new


def _narrower(before: Any, after: Any, _on: date) -> bool:
    """A list of which one must hold: none is no condition."""
    return after is not None and (before is None or not set(before) <= set(after))


def _fewer_hours(before: Any, after: Any, _on: date) -> bool:
    return not _hours(before) <= _hours(after)


def _hours(spans: Any) -> frozenset[int]:
    if not spans:
        return frozenset(range(24))
    return frozenset(hour for first, end in spans for hour in range(first, end))


_JUDGES: Mapping[str, Callable[[Any, Any, date], bool]] = {
    "hours": _fewer_hours,
    "from_on": lambda before, after, on: after is not None and after > max(before or "", on.isoformat()),
    "until_on": lambda before, after, _on: after is not None and (before is None or after < before),
    "first": lambda _before, after, _on: bool(after),
    "buyers": lambda _before, after, _on: bool(after),
    "gate": lambda _before, after, _on: after is not None,
    "min_fen": lambda before, after, _on: (after or 0) > (before or 0),
    "within_days_of_joining": lambda before, after, _on: after is not None and (before is None or after < before),
}
