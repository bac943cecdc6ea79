"""Stages in words for members, from the plain form of a document. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.programme.words import names_of_activities

Plain = Mapping[str, Any]

INNER = ("emotion", "lost_after_days")
"""Parts of a stage that are not for members."""


def stages_for_members(document: Plain) -> dict[str, Any] | None:
    """The stages of a plain document without what is not for members; `reach` is in words."""
    stages = document["stages"]
    if not stages:
        return None
    shown = [
        {**{name: value for name, value in stage.items() if name not in INNER}, "reach": reach_words(stage, document)}
        for stage in stages["stages"]
    ]
    return {**stages, "stages": shown}


def reach_words(stage: Plain, document: Plain) -> str:
    """How a stage is reached; empty for the first one, which holds everybody."""
    reach = stage["reach"]
    if not reach or isinstance(reach, str):
        return reach or ""
    if reach["kind"] == "activity":
        name, times = names_of_activities(document).get(reach["activity"], reach["activity"]), reach["times"]
        return f"完成{name}" if times == 1 else f"累计{name}{times}次"
    if reach["kind"] == "level":
        levels = document["levels"]["levels"] if document["levels"] else ()
        return f"升到{next((level['name'] for level in levels if level['id'] == reach['level']), reach['level'])}等级"
    return "首次使用积分"


def stage_lines(document: Plain) -> list[str]:
    """A line for each stage of the members' document: its name, how it is reached, what it brings."""
    stages = document["stages"]
    if not stages:
        return []
    lines = []
    for stage in stages["stages"]:
        parts = [part for part in (reach_words(stage, document), "、".join(stage["benefits"])) if part]
        starts = "(会员从这里开始)" if stage["id"] == stages["membership_from"] else ""
        lines.append(f"{stage['name']}{starts}" + (":" + ";".join(parts) if parts else ""))
    return lines


def stage_change(way: Sequence[str], before: Plain, after: Plain) -> str:
    """What a difference at a path within `stages` means for members; empty where it means nothing to them."""
    old, new = before["stages"], after["stages"]
    if not old or not new:
        if way:
            return ""
        return f"{'取消' if old else '新增'}会员阶段:{'、'.join(one['name'] for one in (old or new)['stages'])}"
    if way[0] == "membership_from":
        return f"会员从哪一阶段开始:{_name(old)} → {_name(new)}"
    if len(way) < 2:
        return f"会员阶段的顺序:{'、'.join(one['name'] for one in new['stages'])}"
    was, comes = _by_id(old).get(way[1]), _by_id(new).get(way[1])
    if was is None or comes is None:
        named = comes or was or {}
        return f"{'新增' if comes else '取消'}会员阶段「{named['name']}」"
    return _field_change(way[2], was, comes, before, after)


def _field_change(field: str, was: Plain, comes: Plain, before: Plain, after: Plain) -> str:
    label = {"name": "名称", "reach": "条件", "benefits": "权益"}.get(field)
    if label is None:
        return ""
    said = [
        reach_words(one, document) if field == "reach" else "、".join(one[field]) if field == "benefits" else one[field]
        for one, document in ((was, before), (comes, after))
    ]
    return f"会员阶段「{comes['name']}」{label}:{said[0] or '无'} → {said[1] or '无'}"


def _by_id(stages: Plain) -> dict[str, Plain]:
    return {one["id"]: one for one in stages["stages"]}


def _name(stages: Plain) -> str:
    return str(_by_id(stages)[stages["membership_from"]]["name"])
