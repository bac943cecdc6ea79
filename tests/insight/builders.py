"""Lines and days with sensible defaults: a test names only what it is about."""

from __future__ import annotations

from datetime import date
from typing import Any

from chalicelib.insight.line import Line, Movement
from chalicelib.insight.model import Closing, Day, followed
from chalicelib.insight.totals import sum_lines

ON = date(2026, 11, 22)
C, B, A = "g4sc", "g4sb", "g4sa"
"""Buckets that end on 2027-03-31, one of each class."""


def a_line(points: int = 100, movement: Movement = Movement.ISSUED, **given: Any) -> Line:
    """Points of consumption that moved in a bucket, unless parts are given."""
    parts = {"buckets", "pending", "held", "deficit_points"}
    own = {} if parts & set(given) else {"buckets": {C: points}}
    posted_on = given.get("posted_on", ON)
    values: dict[str, Any] = {
        "member_id": "m1",
        "sequence": 1,
        "posted_on": posted_on,
        "occurred_on": posted_on,
        "entry": "k",
        "kind": "earn",
        "movement": movement,
        "activity": "order",
        "rule": "order",
        "campaign": "",
        "source": "tmall",
        "points": points,
        "buckets": {},
        "pending": {},
        "held": {},
        "deficit_points": 0,
        "growth": 0,
        "waived_points": 0,
        "charged_points": 0,
    }
    return Line(**{**values, **own, **given})


def a_day(on: date, *lines: Line, before: Closing = Closing()) -> Day:  # noqa: B008  # a named tuple
    """The totals of a day after a closing."""
    changes = sum_lines(lines)
    return Day(on, changes, followed(before, on, changes))
