"""What changed between two programme documents: path, before, after; and in words where a member's terms did. Pure.

Objects of a list that have an `id` are matched by it and named by it in the path, wherever they stand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Literal, NamedTuple

from pydantic import TypeAdapter

from chalicelib.programme import words
from chalicelib.programme.claims import claim_words
from chalicelib.programme.deduction import deduction_words
from chalicelib.programme.level_words import changed_level_words
from chalicelib.programme.model import Programme
from chalicelib.programme.stage_words import stage_change

Way = tuple[str, ...]


class Change(NamedTuple):
    """One difference; an absent value is None, and `kind` tells it from one that is null."""

    path: str
    kind: Literal["added", "removed", "changed"]
    before: Any
    after: Any
    text: str = ""
    """In Chinese, empty where no member's terms are touched."""


@cache
def _adapter() -> TypeAdapter[Programme]:
    return TypeAdapter(Programme)


def plain(programme: Programme) -> dict[str, Any]:
    """A programme as the document that states everything, defaults too: such documents can be compared."""
    document: dict[str, Any] = _adapter().dump_python(programme, mode="json", by_alias=True)
    return document


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Change, ...]:
    """What `after` does differently, in the order of the document, without words; any JSON objects will do."""
    return tuple(Change(".".join(way), kind, old, new) for way, kind, old, new in _walk((), before, after))


def difference_in_words(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Change, ...]:
    """The same for two plain programmes, with words where there are any."""
    return tuple(
        Change(".".join(way), kind, old, new, _text(way, before, after))
        for way, kind, old, new in _walk((), before, after)
    )


def lines(changes: Sequence[Change]) -> list[str]:
    """The words of changes, each once."""
    return list(dict.fromkeys(change.text for change in changes if change.text))


_Step = tuple[Way, Literal["added", "removed", "changed"], Any, Any]


def _walk(way: Way, before: Any, after: Any) -> Iterator[_Step]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in [*before, *(name for name in after if name not in before)]:
            yield from _named((*way, str(name)), name, before, after)
    elif _is_list(before) and _is_list(after):
        yield from _lists(way, before, after)
    elif before != after or type(before) is not type(after):
        yield way, "changed", before, after


def _named(way: Way, name: Any, before: Mapping[Any, Any], after: Mapping[Any, Any]) -> Iterator[_Step]:
    if name not in after:
        yield way, "removed", before[name], None
    elif name not in before:
        yield way, "added", None, after[name]
    else:
        yield from _walk(way, before[name], after[name])


def _lists(way: Way, before: Sequence[Any], after: Sequence[Any]) -> Iterator[_Step]:
    old, new = _by_id(before), _by_id(after)
    if old is not None and new is not None:
        yield from _walk(way, old, new)
        kept = [name for name in old if name in new]
        if kept != (order := [name for name in new if name in old]):
            yield way, "changed", kept, order
    elif len(before) == len(after):
        for place, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from _walk((*way, str(place)), one, other)
    else:
        yield way, "changed", before, after


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple))


def _by_id(values: Sequence[Any]) -> dict[str, Any] | None:
    """The objects of a list by their id; None when one has none, or two have the same."""
    found = {value["id"]: value for value in values if isinstance(value, Mapping) and isinstance(value.get("id"), str)}
    return found if len(found) == len(values) else None


def _text(way: Way, before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    if way[0] == "stages":
        return stage_change(way[1:], before, after)
    kind, name, *rest = (*way, "", "")
    old, new = _found(before, kind, name), _found(after, kind, name)
    if kind in ("rules", "tasks") and name:
        noun = "规则" if kind == "rules" else "任务"
        if old is None or new is None:
            return _whole(noun, old, new, after)
        label = f"「{new['name']}」{_LABELS.get(rest[0], '')}"
        return _change(label, _part(kind, rest[0], old, before), _part(kind, rest[0], new, after))
    if kind in ("growth", "levels"):
        return _change(*changed_level_words(way, before, after))
    if kind in _WHOLE:
        label, say = _WHOLE[kind]
        return _change(label, say(before), say(after))
    return ""


def _whole(noun: str, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None, after: Mapping[str, Any]) -> str:
    if new is None:
        return f"取消{noun}「{old['name']}」" if old else ""
    said = _part("rules", "amount", new, after) if noun == "规则" else _part("tasks", "goal", new, after)
    return f"新增{noun}「{new['name']}」:{said}"


def _change(label: str, before: str, after: str) -> str:
    if before == after:
        return ""
    return f"{label}:{before or '无'} → {after or '无'}"


def _found(document: Mapping[str, Any], kind: str, name: str) -> Mapping[str, Any] | None:
    values = document.get(kind)
    return (_by_id(values) or {}).get(name) if _is_list(values) else None  # type: ignore[arg-type]


_LABELS = {"amount": "积分", "when": "条件", "caps": "上限", "pending": "到账", "validity": "有效期", "name": "名称"}


Say = Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Any]], str]]

_BOTH: Say = {
    "name": lambda one, _document: str(one["name"]),
    "enabled": lambda one, _document: "开放" if one["enabled"] else "停用",
    "trial": lambda one, _document: "试行" if one["trial"] else "开放",
    "when": lambda one, document: ";".join(words.condition_words(one["when"], words.names_of_levels(document))),
    "validity": lambda one, document: words.validity_words(one["validity"], document["idle_months"]),
}
_RULE: Say = {
    **_BOTH,
    "amount": lambda rule, _document: ";".join(words.earning_words(rule["amount"])),
    "caps": lambda rule, _document: ";".join(words.cap_words(rule["caps"])),
    "pending": lambda rule, _document: ";".join(words.pending_words(rule["pending"])) or "即时到账",
}
_TASK: Say = {
    **_BOTH,
    **dict.fromkeys(
        ("points", "goal", "counts", "activity", "window"),
        lambda task, document: words.task_words(task, words.names_of_activities(document)),
    ),
}


def _part(kind: str, field: str, one: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    """One part of a rule or task in words; nothing for a part that has none."""
    say = (_RULE if kind == "rules" else _TASK).get(field)
    return say(one, document) if say else ""


def _shared_caps(document: Mapping[str, Any]) -> str:
    names = words.names_of_earners(document)
    return ";".join(words.shared_cap_words(cap, names) for cap in document["caps"])


_WHOLE: dict[str, tuple[str, Any]] = {
    "point_value": ("积分价值", lambda document: words.value_words(document["point_value"])),
    "reversal": ("退款", lambda document: words.refund_words(document["reversal"], 0)[0]),
    "grace_days": ("退回积分的宽限期", lambda document: f"{document['grace_days']}天"),
    "idle_months": ("不活跃到期", lambda document: f"{document['idle_months']}个月" if document["idle_months"] else ""),
    "notice_days": ("调整的提前公布期", lambda document: f"{document['notice_days']}天"),
    "caps": ("合计上限", _shared_caps),
    "transfer": ("转赠", lambda document: ";".join(words.transfer_words(document["transfer"]))),
    "deduction": ("积分抵扣", lambda document: ";".join(deduction_words(document["deduction"], None))),
    "claims": ("订单认领", lambda document: ";".join(claim_words(document["claims"]))),
    "stacking": ("倍率最高", lambda document: words.times(document["stacking"]["ceiling_bp"])),
}
