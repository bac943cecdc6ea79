"""Who did what to a coupon or a redemption: a row for each change, beside what was changed, never updated. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

from chalicelib.ledger.model import stamp
from chalicelib.runtime.dynamo import Item

_NONE: Mapping[str, str | int] = MappingProxyType({})
_OWN = frozenset({"pk", "sk", "action", "by", "at", "reason"})


class Line(NamedTuple):
    """One change: what was done, by whom (a member, a member of staff, the feed, or `jifen` itself), when and why."""

    action: str
    by: str
    at: datetime
    reason: str = ""
    facts: Mapping[str, str | int] = _NONE
    """What else it says: a tracking number, an order."""


def line_item(pk: str, version: int, line: Line) -> Item:
    """The row of a change that made what stands under `pk` its `version`."""
    own = {"pk": pk, "sk": f"L#{version:06d}", "action": line.action, "by": line.by, "at": stamp(line.at)}
    return {**own, **({"reason": line.reason} if line.reason else {}), **line.facts}


def line_of(item: Item) -> Line:
    """The other way round."""
    facts = {name: value for name, value in item.items() if name not in _OWN}
    return Line(item["action"], item["by"], datetime.fromisoformat(item["at"]), item.get("reason", ""), facts)
