"""Which events an entry of the journal is, and what is said of them. Pure: the same entry, the same bytes, for ever.

No personal data: ids, numbers, and the words the member reads beside them.
"""

from __future__ import annotations

import json
from typing import Any, Literal, get_args

from chalicelib.connect.webhooks.model import event_id
from chalicelib.ledger.model import Entry, Kind, stamp

EventKind = Literal[
    "points.earned",
    "points.pending",
    "points.activated",
    "points.redeemed",
    "points.restored",
    "points.expired",
    "points.reversed",
    "points.held",
    "points.captured",
    "points.released",
    "points.adjusted",
    "points.transferred",
    "level.changed",
]
"""Every kind that an endpoint may ask for."""
EVENT_KINDS: tuple[str, ...] = get_args(EventKind)

_OF_POINTS = {
    Kind.EARN: "points.earned",
    Kind.ACTIVATE: "points.activated",
    Kind.REDEEM: "points.redeemed",
    Kind.EXPIRE: "points.expired",
    Kind.REVERSE: "points.reversed",
    Kind.HOLD: "points.held",
    Kind.CAPTURE: "points.captured",
    Kind.RELEASE: "points.released",
    Kind.ADJUST: "points.adjusted",
    Kind.TRANSFER: "points.transferred",
}


def kinds_of(entry: Entry) -> tuple[str, str]:
    """The entry's event of points and its event of the level, each empty where it has none."""
    return _kind_of_points(entry), "level.changed" if entry.level_before != entry.level_after else ""


def _kind_of_points(entry: Entry) -> str:
    moved = (entry.points, entry.pending_points, entry.held_points, entry.deficit_points, *entry.buckets.values())
    if not any(moved):
        return ""
    if entry.kind is Kind.EARN and entry.pending_points:
        return "points.pending"
    if entry.kind is Kind.REVERSE and entry.debit == "redeemed":
        return "points.restored"
    return _OF_POINTS.get(entry.kind, "")


def event_body(entry: Entry, kind: str) -> bytes:
    """What an endpoint is sent of an entry."""
    data: dict[str, Any] = {
        "member_id": entry.member_id,
        "entry_id": entry.hash[:24],
        "sequence": entry.sequence,
        "activity": entry.activity,
        "points": entry.points,
        "changes": {
            "available": sum(entry.buckets.values()),
            "pending": entry.pending_points,
            "held": entry.held_points,
            "deficit": entry.deficit_points,
        },
        "balance_after": {
            "available": entry.available_after,
            "pending": entry.pending_after,
            "held": entry.held_after,
            "deficit": entry.deficit_after,
        },
        "reason": entry.text,
        "rule": entry.rule or None,
        "source": entry.cause.source,
        "occurred_at": stamp(entry.cause.occurred_at),
        "posted_at": stamp(entry.posted_at),
    }
    if kind == "level.changed":
        data |= {"level_before": entry.level_before or None, "level_after": entry.level_after or None}
    return _told(event_id(entry.member_id, entry.key, kind), kind, stamp(entry.posted_at), data)


def ping_body(id: str, kind: str, at: str, endpoint_id: str) -> bytes:
    """What an endpoint is sent to see whether it hears."""
    return _told(id, kind, at, {"endpoint_id": endpoint_id})


def _told(id: str, kind: str, at: str, data: dict[str, Any]) -> bytes:
    told = {"id": id, "type": kind, "timestamp": at, "data": data}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
