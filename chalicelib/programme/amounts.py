"""Whether an amount pays less than the one before it: by what both pay at every place where either changes. Pure.

A kind that has no entry here, and a field that no entry explains, counts as worse when it changes: a new kind of rule
is safe before anybody thinks of this module.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

Plain = Mapping[str, Any]
Pays = Callable[[Plain, Sequence[int]], list[Fraction]]

LONGEST_RUN = 366


def worse_amount(before: Plain, after: Plain) -> list[tuple[str, Any, Any]]:
    """(field, before, after) of what makes the later amount pay less than the earlier."""
    if before["kind"] != after["kind"]:
        return [("kind", before["kind"], after["kind"])]
    changed = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    fields, pays = _KINDS.get(before["kind"], ((), None))
    worse = [
        name for name in changed if name not in fields and _FIELDS.get(name, _always)(before.get(name), after.get(name))
    ]
    if pays and any(name in fields for name in changed):
        places = sorted({*_places(before), *_places(after)})
        if any(new < old for old, new in zip(pays(before, places), pays(after, places), strict=True)):
            worse += [name for name in changed if name in fields]
    return [(name, before.get(name), after.get(name)) for name in worse]


def _places(amount: Plain) -> list[int]:
    """Where what an amount pays may change: times, days or characters."""
    steps = [*amount.get("steps", ()), *amount.get("rewards", ())]
    return [1, *(value for step in steps for name, value in step.items() if name != "points")]


def _streak(amount: Plain, _places: Sequence[int]) -> list[Fraction]:
    rewards = {one["day"]: one["points"] for one in amount["rewards"]}
    last = max(rewards, default=1)
    days = range(LONGEST_RUN)
    places = [day % last + 1 if amount["repeats"] else day + 1 for day in days]
    return [Fraction(amount["points"] + rewards.get(place, 0)) for place in places]


def _ladder(amount: Plain, places: Sequence[int]) -> list[Fraction]:
    return [_last([(step["from"], step["points"]) for step in amount["steps"]], time) for time in places]


def _by_length(amount: Plain, places: Sequence[int]) -> list[Fraction]:
    return [_last([(step["over"], step["points"]) for step in amount["steps"]], length) for length in places]


def _cumulative(amount: Plain, places: Sequence[int]) -> list[Fraction]:
    return [Fraction(sum(one["points"] for one in amount["rewards"] if one["days"] <= days)) for days in places]


def _last(steps: Sequence[tuple[int, int]], place: int) -> Fraction:
    return Fraction(max(((at, points) for at, points in steps if at <= place), default=(0, 0))[1])


_KINDS: Mapping[str, tuple[tuple[str, ...], Pays]] = {
    "fixed": (("points",), lambda amount, _places: [Fraction(amount["points"])]),
    "per_amount": (("points", "fen"), lambda amount, _places: [Fraction(amount["points"], amount["fen"])]),
    "multiplier": (("bp",), lambda amount, _places: [Fraction(amount["bp"])]),
    "streak": (("points", "rewards", "repeats"), _streak),
    "ladder": (("steps",), _ladder),
    "by_length": (("steps",), _by_length),
    "cumulative": (("rewards",), _cumulative),
}
"""By kind: the fields that together say what it pays, and what that is at some places."""


def _always(_before: Any, _after: Any) -> bool:
    return True


def _lower_rounding(before: str, after: str) -> bool:
    ranks = ("floor", "half_up", "ceiling")
    return ranks.index(after) < ranks.index(before)


def _less_make_up(before: Plain | None, after: Plain | None) -> bool:
    if before is None or after is None:
        return after is None
    lower = any(after[name] < before[name] for name in ("look_back_days", "per_month"))
    return lower or bool(after["price_points"] > before["price_points"])


_FIELDS: Mapping[str, Callable[[Any, Any], bool]] = {
    "rounding": _lower_rounding,
    "less": lambda before, after: not set(after) <= set(before),
    "claim": lambda _before, after: bool(after == "by_hand"),
    "make_up": _less_make_up,
}
