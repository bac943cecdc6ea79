"""A programme's table under moto, and documents with one place changed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

from moto import mock_aws

from chalicelib.programme import table as programme_table
from chalicelib.programme.publish import Published, publish
from chalicelib.programme.table import ProgrammeTable
from tests.moto_cloud import moto_client, moto_tables

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
"""Noon in Shanghai."""

SMALL: dict[str, Any] = {
    "name": "小方案",
    "zone": "Asia/Shanghai",
    "class_order": ["activity", "behaviour", "consumption"],
    "reversal": "deficit",
    "point_value": {"points": 100, "fen": 100},
    "notice_days": 30,
    "indicators": [{"id": "review", "name": "评价", "dimension": "transaction"}],
    "caps": [{"id": "small", "points": 600, "period": "month", "rules": ["check_in", "review"]}],
    "rules": [
        {
            "id": "check_in",
            "name": "签到",
            "activity": "check_in",
            "points_class": "behaviour",
            "amount": {
                "kind": "streak",
                "points": 2,
                "cycle": "run",
                "repeats": True,
                "rewards": [{"day": 7, "points": 10}],
            },
            "validity": {"kind": "months", "months": 12},
        },
        {
            "id": "order",
            "name": "消费",
            "activity": "order",
            "points_class": "consumption",
            "amount": {"kind": "per_amount", "fen": 100, "points": 1, "rounding": "floor", "less": ["freight"]},
            "pending": {"kind": "receipt", "days": 7, "fallback_days": 22, "pos_fallback_days": 7},
            "validity": {"kind": "months", "months": 12},
        },
        {
            "id": "review",
            "name": "评价",
            "activity": "review",
            "points_class": "behaviour",
            "amount": {"kind": "fixed", "points": 5},
            "caps": [{"times": 3, "period": "day"}],
            "validity": {"kind": "months", "months": 12},
        },
    ],
}
CHECK_IN, ORDER, REVIEW = range(3)


def small(changes: dict[str, Any] | None = None) -> dict[str, Any]:
    """The small document, changed at paths such as `rules.0.amount.points`; a value of None at a rule removes
    it, and a place just behind a list's last adds to it."""
    document: Any = deepcopy(SMALL)
    for path, value in (changes or {}).items():
        place = document
        *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]
        for step in way:
            place = place[step]
        if isinstance(place, list) and last == len(place):
            place.append(None)
        place[last] = deepcopy(value)
    document["rules"] = [rule for rule in document["rules"] if rule is not None]
    return document  # type: ignore[no-any-return]


class Counting:
    """A client that counts its calls by name."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.client, name)
        if not callable(found) or name == "exceptions":
            return found

        def call(*given: Any, **named: Any) -> Any:
            self.calls.append(name)
            return found(*given, **named)

        return call


@contextmanager
def open_table() -> Iterator[ProgrammeTable]:
    """An empty table; its client counts."""
    with mock_aws():
        client = moto_client("dynamodb")
        name = moto_tables(client, "rules")["PROGRAMME_TABLE"]
        programme_table.forget()
        yield ProgrammeTable(Counting(client), name)
        programme_table.forget()


def published(
    table: ProgrammeTable,
    version: int = 1,
    changes: dict[str, Any] | None = None,
    *,
    effective_from: datetime = NOON,
    now: datetime = NOON,
    **given: Any,
) -> Published:
    """The small document published with some changes."""
    return publish(
        table,
        version=version,
        document=small(changes),
        effective_from=effective_from,
        published_by="s1",
        now=now,
        **given,
    )


def all_items(table: ProgrammeTable) -> list[dict[str, Any]]:
    """Every item, so that a test can say that nothing was written."""
    return sorted(table.dynamo.scan(TableName=table.name)["Items"], key=str)
