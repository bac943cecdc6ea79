"""A programme document, checked: types and bounds by pydantic, sense by us; every error names the path in the
document.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import TypeAdapter, ValidationError

from chalicelib.errors import Code, JifenError
from chalicelib.programme.model import Programme
from chalicelib.runtime.bodies import invalid


@cache
def _adapter() -> TypeAdapter[Programme]:
    return TypeAdapter(Programme)


def read_programme(document: Mapping[str, Any]) -> Programme:
    """The programme a JSON document describes; raises JifenError INVALID_TERMS with the path of the first fault."""
    try:
        programme = _adapter().validate_json(json.dumps(document))
    except ValidationError as error:
        raise invalid(error, Code.INVALID_TERMS, document) from None
    for path, reason in _faults(programme):
        raise JifenError(Code.INVALID_TERMS, f"{path}{reason}", field=path)
    return programme


def _faults(programme: Programme) -> list[tuple[str, str]]:
    faults: list[tuple[str, str]] = []
    try:
        ZoneInfo(programme.zone)
    except (ZoneInfoNotFoundError, ValueError):
        faults.append(("zone", "不是已知时区"))
    if len(set(programme.class_order)) < len(programme.class_order):
        faults.append(("class_order", "有重复项"))
    ids: set[str] = set()
    activities: set[str] = set()
    for place, rule in enumerate(programme.rules):
        path = f"rules.{place}"
        if rule.id in ids:
            faults.append((f"{path}.id", "与前面的规则重复"))
        if rule.activity in activities:
            faults.append((f"{path}.activity", "已有规则,一种行为只能有一条规则"))
        if rule.activity not in rule.amount.ANSWERS:
            faults.append((f"{path}.amount.kind", "不适用于这种行为"))
        if problem := rule.amount.problem():
            faults.append((f"{path}.amount.{problem[0]}", problem[1]))
        ids.add(rule.id)
        activities.add(rule.activity)
    return faults
