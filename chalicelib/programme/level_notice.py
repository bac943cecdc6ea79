"""What of changed growth and levels is worse for members. Pure; documents are plain ones (difference.py)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Plain = Mapping[str, Any]
Worse = Iterator[tuple[str, Any, Any]]


def worse_levels(before: Plain, after: Plain) -> Worse:
    """(path, before, after) of each term that costs members growth, a level or a privilege."""
    yield from _growth(before["growth"], after["growth"])
    old, new = before["levels"], after["levels"]
    if old is None or new is None:
        if old is not None:
            yield "levels", old, None
        return
    for name in ("valid_months", "grace_days"):
        if new[name] < old[name]:
            yield f"levels.{name}", old[name], new[name]
    if (old["refunds"], new["refunds"]) == ("keep", "recheck"):
        yield "levels.refunds", "keep", "recheck"
    if old["fall"] != new["fall"] and new["fall"] == "by_growth":
        yield "levels.fall", old["fall"], new["fall"]
    following = {level["id"]: level for level in new["levels"]}
    for level in old["levels"]:
        yield from _level(f"levels.{level['id']}", level, following.get(level["id"]))


def _growth(old: Plain | None, new: Plain | None) -> Worse:
    if old is None or new is None:
        if old is not None:
            yield "growth", old, None
        return
    if new["window_months"] < old["window_months"]:
        yield "growth.window_months", old["window_months"], new["window_months"]
    for name, is_less in (("order", _orders_bring_less), ("behaviour", _behaviours_bring_less)):
        if old[name] is not None and (new[name] is None or is_less(old[name], new[name])):
            yield f"growth.{name}", old[name], new[name]


def _orders_bring_less(old: Plain, new: Plain) -> bool:
    less_money = not set(new["less"]) <= set(old["less"])
    return bool(new["growth"] * old["fen"] < old["growth"] * new["fen"] or less_money)


def _behaviours_bring_less(old: Plain, new: Plain) -> bool:
    return bool(new["bp"] < old["bp"] or new["most_per_year"] < old["most_per_year"])


def _level(path: str, old: Plain, new: Plain | None) -> Worse:
    if new is None:
        yield path, old["name"], None
        return
    for name in ("from_growth", "keep_growth"):
        if new[name] > old[name]:
            yield f"{path}.{name}", old[name], new[name]
    had, has = old["privileges"], new["privileges"]
    if has["price_bp"] > had["price_bp"]:
        yield f"{path}.privileges.price_bp", had["price_bp"], has["price_bp"]
    if had["free_freight"] and not has["free_freight"]:
        yield f"{path}.privileges.free_freight", True, False
    if not set(had["gates"]) <= set(has["gates"]):
        yield f"{path}.privileges.gates", had["gates"], has["gates"]
