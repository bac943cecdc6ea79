"""Rows of milestones and the report of stages as DynamoDB items, both ways. Empty attributes are left out.

F#<shard 00..15>   <member>   what a member has reached; `version` rises with each change
STAGES             NOW        the report of all stages, as the last night found it
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, NamedTuple
from zlib import crc32

from chalicelib.insight.items import SHARDS
from chalicelib.insight.milestones import NOTHING, Done, Milestones
from chalicelib.insight.stages import Counts, StageCount, StageReport
from chalicelib.ledger.model import stamp

Item = dict[str, Any]
REPORT_KEY: Item = {"pk": "STAGES", "sk": "NOW"}


class Kept(NamedTuple):
    """A row as it stands; version 0 when there is none."""

    milestones: Milestones = NOTHING
    version: int = 0


def row_pk(shard: int) -> str:
    """The partition of a shard of rows."""
    return f"F#{shard:02d}"


def row_key(member_id: str) -> Item:
    """Where a member's row stands."""
    return {"pk": row_pk(crc32(member_id.encode()) % SHARDS), "sk": member_id}


def row_item(member_id: str, kept: Kept) -> Item:
    """A row as stored."""
    row = kept.milestones
    plain = {
        "first_on": _text(row.first_on),
        "active_on": _text(row.active_on),
        "spent_on": _text(row.spent_on),
        "levels": {level: on.isoformat() for level, on in row.levels.items()},
        "activities": {
            activity: " ".join(f"{one.on}.{one.sequence}" for one in done) for activity, done in row.activities.items()
        },
        "merged_into": row.merged_into,
    }
    return {**row_key(member_id), **{name: value for name, value in plain.items() if value}, "version": kept.version}


def row_of(item: Mapping[str, Any]) -> Kept:
    """The row a stored item holds."""
    return Kept(
        Milestones(
            first_on=_date(item.get("first_on")),
            active_on=_date(item.get("active_on")),
            spent_on=_date(item.get("spent_on")),
            levels={level: date.fromisoformat(on) for level, on in item.get("levels", {}).items()},
            activities={
                activity: tuple(Done(date.fromisoformat(one[:10]), int(one[11:])) for one in done.split())
                for activity, done in item.get("activities", {}).items()
            },
            merged_into=item.get("merged_into", ""),
        ),
        item["version"],
    )


def report_item(report: StageReport) -> Item:
    """The report as stored."""
    return {
        **REPORT_KEY,
        "on": report.on.isoformat(),
        "counted_at": stamp(report.counted_at),
        "terms": report.terms_version,
        "members": report.members,
        "strangers": report.strangers,
        "stages": [
            {
                "id": stage.id,
                "counts": list(stage.counts),
                "intakes": {month or "-": list(counts) for month, counts in stage.intakes.items()},
                **({} if stage.median_days is None else {"median_days": stage.median_days}),
            }
            for stage in report.stages
        ],
    }


def report_of(item: Mapping[str, Any]) -> StageReport:
    """The report a stored item holds."""
    return StageReport(
        on=date.fromisoformat(item["on"]),
        counted_at=datetime.fromisoformat(item["counted_at"]),
        terms_version=item["terms"],
        stages=tuple(
            StageCount(
                id=stage["id"],
                counts=Counts(*stage["counts"]),
                median_days=stage.get("median_days"),
                intakes={month.strip("-"): Counts(*counts) for month, counts in sorted(stage["intakes"].items())},
            )
            for stage in item["stages"]
        ),
        members=item["members"],
        strangers=item["strangers"],
    )


def _text(on: date | None) -> str:
    return on.isoformat() if on else ""


def _date(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
