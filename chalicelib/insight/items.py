"""Lines, day totals, marks and closed months as DynamoDB items, both ways. Zero and empty attributes are left out.

D#<posted date>#<shard 00..15>   <member>#<sequence>         a line of the daybook
DAYS                             <date>                      mark of a day: whether its totals have seen all its lines
T#<month>                        <date>                      totals of a day
CLOSES                           <month>#<number>            a month as it was closed, and `...#reopened`

Rows of milestones and the report of stages have their shapes in stage_items.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from zlib import crc32

from chalicelib.insight.line import Line, Movement
from chalicelib.insight.model import Changes, Closing, Day, Mark, month_of
from chalicelib.insight.month import Closed, Reopened, Statement
from chalicelib.insight.value import Value
from chalicelib.ledger.model import stamp

Item = dict[str, Any]
SHARDS = 16
"""Partitions of a day's lines; fixed, or lines would move."""
DAYS, CLOSES = "DAYS", "CLOSES"


def line_pk(on: date, shard: int) -> str:
    """The partition of a shard of a day's lines."""
    return f"D#{on}#{shard:02d}"


def line_key(line: Line) -> Item:
    """Where a line stands: told by its entry alone."""
    shard = crc32(line.member_id.encode()) % SHARDS
    return {"pk": line_pk(line.posted_on, shard), "sk": f"{line.member_id}#{line.sequence:08d}"}


def line_item(line: Line) -> Item:
    """The line as stored."""
    item: Item = {
        **line_key(line),
        "entry": line.entry,
        "kind": line.kind,
        "movement": line.movement.value,
        "activity": line.activity,
        "rule": line.rule,
        "campaign": line.campaign,
        "source": line.source,
        "points": line.points,
        "buckets": dict(line.buckets),
        "pending": dict(line.pending),
        "held": dict(line.held),
        "deficit": line.deficit_points,
        "growth": line.growth,
        "waived": line.waived_points,
        "charged": line.charged_points,
        "level": line.level,
        "merged_into": line.merged_into,
        "occurred_on": line.occurred_on.isoformat(),
    }
    return _without_blanks(item)


def line_of_item(item: Mapping[str, Any]) -> Line:
    """The line a stored item holds."""
    member_id, _, sequence = item["sk"].rpartition("#")
    return Line(
        member_id=member_id,
        sequence=int(sequence),
        posted_on=date.fromisoformat(item["pk"][2:12]),
        occurred_on=date.fromisoformat(item["occurred_on"]),
        entry=item["entry"],
        kind=item["kind"],
        movement=Movement(item["movement"]),
        activity=item.get("activity", ""),
        rule=item.get("rule", ""),
        campaign=item.get("campaign", ""),
        source=item.get("source", ""),
        points=item.get("points", 0),
        buckets=item.get("buckets", {}),
        pending=item.get("pending", {}),
        held=item.get("held", {}),
        deficit_points=item.get("deficit", 0),
        growth=item.get("growth", 0),
        waived_points=item.get("waived", 0),
        charged_points=item.get("charged", 0),
        level=item.get("level", ""),
        merged_into=item.get("merged_into", ""),
    )


def day_key(on: date) -> Item:
    """Where the totals of a day stand."""
    return {"pk": f"T#{month_of(on)}", "sk": on.isoformat()}


def day_item(day: Day) -> Item:
    """The totals of a day as stored."""
    changes, closing = day.changes, day.closing
    plain = {
        "entries": changes.entries,
        "members": changes.members,
        "points": changes.points,
        "growth": changes.growth,
        "waived": changes.waived_points,
        "charged": changes.charged_points,
        "flows": _dicts(changes.flows),
        "buckets": dict(changes.buckets),
        "expired": dict(changes.expired),
        "rules": _dicts(changes.rules),
        "campaigns": _dicts(changes.campaigns),
        "late": _dicts(changes.late),
        "problems": sorted(changes.problems),
        "seen": day.seen,
    }
    return {**day_key(day.on), **_without_blanks(plain), "closing": closing_map(closing)}


def day_of_item(item: Mapping[str, Any]) -> Day:
    """The totals of a day that a stored item holds."""
    changes = Changes(
        entries=item.get("entries", 0),
        members=item.get("members", 0),
        points=item.get("points", 0),
        growth=item.get("growth", 0),
        waived_points=item.get("waived", 0),
        charged_points=item.get("charged", 0),
        flows=item.get("flows", {}),
        buckets=item.get("buckets", {}),
        expired=item.get("expired", {}),
        rules=item.get("rules", {}),
        campaigns=item.get("campaigns", {}),
        late=item.get("late", {}),
        problems=frozenset(item.get("problems", ())),
    )
    return Day(date.fromisoformat(item["sk"]), changes, closing_of(item["closing"]), item.get("seen", ""))


def closing_map(closing: Closing) -> Item:
    """A closing as part of an item."""
    return _without_blanks(
        {
            "buckets": dict(closing.buckets),
            "pending": dict(closing.pending),
            "held": dict(closing.held),
            "deficit": closing.deficit_points,
            "expired": dict(closing.expired),
        }
    )


def closing_of(item: Mapping[str, Any]) -> Closing:
    """The closing that part of an item holds."""
    return Closing(
        buckets=item.get("buckets", {}),
        pending=item.get("pending", {}),
        held=item.get("held", {}),
        deficit_points=item.get("deficit", 0),
        expired=item.get("expired", {}),
    )


def mark_of(item: Mapping[str, Any]) -> Mark:
    """The mark of a day that a stored item holds."""
    return Mark(
        date.fromisoformat(item["sk"]), item.get("token", ""), item.get("seen"), tuple(item.get("problems", ()))
    )


def closed_sk(month: str, number: int) -> str:
    """The sort key of a month's closing of that number, from 1."""
    return f"{month}#{number:02d}"


def closed_item(closed: Closed) -> Item:
    """A closed month as stored for ever."""
    statement = closed.statement
    plain = {
        "closed_by": closed.by,
        "closed_at": stamp(closed.at),
        "value": list(statement.value),
        "opening_value": list(statement.opening_value),
        "opening": closing_map(statement.opening),
        "closing": closing_map(statement.closing),
        "entries": statement.entries,
        "growth": statement.growth,
        "waived": statement.waived_points,
        "charged": statement.charged_points,
        "flows": _dicts(statement.flows),
        "rules": _dicts(statement.rules),
        "campaigns": _dicts(statement.campaigns),
        "late": _dicts(statement.late),
    }
    return {"pk": CLOSES, "sk": closed_sk(statement.month, closed.number), **_without_blanks(plain)}


def closed_of(item: Mapping[str, Any], reopened: Mapping[str, Any] | None) -> Closed:
    """A closed month from its item, and from its reopening's when there is one."""
    month, _, number = item["sk"].partition("#")
    statement = Statement(
        month=month,
        value=Value(*item["value"]),
        opening_value=Value(*item["opening_value"]),
        opening=closing_of(item.get("opening", {})),
        closing=closing_of(item.get("closing", {})),
        entries=item.get("entries", 0),
        growth=item.get("growth", 0),
        waived_points=item.get("waived", 0),
        charged_points=item.get("charged", 0),
        flows=item.get("flows", {}),
        rules=item.get("rules", {}),
        campaigns=item.get("campaigns", {}),
        late=item.get("late", {}),
    )
    undone = (
        Reopened(reopened["reopened_by"], datetime.fromisoformat(reopened["reopened_at"]), reopened["reason"])
        if reopened
        else None
    )
    return Closed(statement, int(number), item["closed_by"], datetime.fromisoformat(item["closed_at"]), undone)


def reopened_item(closed: Closed, reopened: Reopened) -> Item:
    """The trace of a reopening as stored for ever."""
    return {
        "pk": CLOSES,
        "sk": f"{closed_sk(closed.statement.month, closed.number)}#reopened",
        "reopened_by": reopened.by,
        "reopened_at": stamp(reopened.at),
        "reason": reopened.reason,
    }


def _dicts(cells: Mapping[str, Mapping[str, int]]) -> Item:
    return {name: dict(cell) for name, cell in cells.items()}


def _without_blanks(item: Item) -> Item:
    return {name: value for name, value in item.items() if value}
