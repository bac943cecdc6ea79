"""What of changed stages is worse for members: benefits that go, stages with benefits that are harder to reach. Pure.

Documents are plain ones (difference.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Plain = Mapping[str, Any]
Worse = Iterator[tuple[str, Any, Any]]


def worse_stages(before: Plain, after: Plain) -> Worse:
    """(path, before, after) of each term that costs members a benefit. The emotional plan is nobody's claim."""
    old, new = before["stages"], after["stages"]
    if old is None:
        return
    following = {stage["id"]: stage for stage in new["stages"]} if new else {}
    for stage in old["stages"]:
        if stage["benefits"]:
            yield from _stage(f"stages.{stage['id']}", stage, following.get(stage["id"]))
    if new and _is_later(old["membership_from"], new["membership_from"], list(following)):
        yield "stages.membership_from", old["membership_from"], new["membership_from"]


def _stage(path: str, old: Plain, new: Plain | None) -> Worse:
    if new is None:
        yield path, old["name"], None
        return
    if not set(old["benefits"]) <= set(new["benefits"]):
        yield f"{path}.benefits", old["benefits"], new["benefits"]
    if old["reach"] != new["reach"] and not _is_easier(old["reach"], new["reach"]):
        yield f"{path}.reach", old["reach"], new["reach"]


def _is_easier(old: Plain | None, new: Plain | None) -> bool:
    """Whether less of the same is asked for, or nothing; what cannot be compared is no relief."""
    if new is None or old is None:
        return new is None
    if old["kind"] == new["kind"] == "activity":
        return bool(old["activity"] == new["activity"] and new["times"] <= old["times"])
    return False


def _is_later(old: str, new: str, ids: list[str]) -> bool:
    return old in ids and ids.index(new) > ids.index(old)
