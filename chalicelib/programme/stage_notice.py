"""What of changed stages is worse for members: benefits that go, and benefits that are harder to come by. Pure.

A stage is passed with any later one, so the ways to its benefits are its own condition and those of all after it.
Documents are plain ones (difference.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Plain = Mapping[str, Any]
Worse = Iterator[tuple[str, Any, Any]]


def worse_stages(before: Plain, after: Plain) -> Worse:
    """(path, before, after) of each term that costs members a benefit. The emotional plan is nobody's claim."""
    if before["stages"] is None:
        return
    old: Sequence[Plain] = before["stages"]["stages"]
    new: Sequence[Plain] = after["stages"]["stages"] if after["stages"] else ()
    for stage in old:
        if stage["benefits"]:
            yield from _stage(stage, old, new)
    if new:
        begins, will_begin = before["stages"]["membership_from"], after["stages"]["membership_from"]
        if begins != will_begin and _lost_ways(_ways(old, begins), _ways(new, will_begin)):
            yield "stages.membership_from", begins, will_begin


def _stage(stage: Plain, old: Sequence[Plain], new: Sequence[Plain]) -> Worse:
    path, other = f"stages.{stage['id']}", next((one for one in new if one["id"] == stage["id"]), None)
    if other is None:
        yield path, stage["name"], None
        return
    if not set(stage["benefits"]) <= set(other["benefits"]):
        yield f"{path}.benefits", stage["benefits"], other["benefits"]
    if lost := _lost_ways(_ways(old, stage["id"]), _ways(new, stage["id"])):
        yield f"{path}.reach", lost, _ways(new, stage["id"])


def _ways(stages: Sequence[Plain], id: str) -> list[Plain | None]:
    """The conditions of which any one passes a stage; None is what everybody meets."""
    place = [stage["id"] for stage in stages].index(id)
    return [stage["reach"] for stage in stages[place:]]


def _lost_ways(old: Sequence[Plain | None], new: Sequence[Plain | None]) -> list[Plain | None]:
    return [way for way in old if not any(_is_no_harder(way, other) for other in new)]


def _is_no_harder(old: Plain | None, new: Plain | None) -> bool:
    """Whether whoever met the old condition meets the new one; what cannot be compared does not count as such."""
    if new is None or old == new:
        return True
    if old is None:
        return False
    if old["kind"] == new["kind"] == "activity":
        return bool(old["activity"] == new["activity"] and new["times"] <= old["times"])
    return False
