"""The close of a month (月结): opening + what moved = closing, by class, in points and in money. Pure.

A month holds what was posted in it. Points are valued at the end of the month; what the opening is worth more or less
than at the close before is a line of its own, and so is what rounding each line by itself leaves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from chalicelib.insight.line import Movement
from chalicelib.insight.model import DEFICIT, LETTERS, Cells, Closing, Day, Flow, merged
from chalicelib.insight.value import Value
from chalicelib.ledger.buckets import PointsClass

OWED = "deficit"
"""The column of what members owe; it counts against the total."""
COLUMNS = (*(points_class.value for points_class in PointsClass), OWED)
SETTLING_DAYS = 2
"""Days after a month's last one that must be summed as well: lines may come a day late, and each night sums again."""


class Statement(NamedTuple):
    """A month's account: everything in it follows from the totals of its days."""

    month: str
    value: Value
    """At the month's end."""
    opening_value: Value
    """By which the opening was valued when it was the closing of the month before."""
    opening: Closing
    closing: Closing
    entries: int
    growth: int
    waived_points: int
    charged_points: int
    flows: Mapping[str, Flow]
    rules: Cells
    campaigns: Cells
    late: Cells


class Reopened(NamedTuple):
    """Who reopened a closed month, when and why."""

    by: str
    at: datetime
    reason: str


class Closed(NamedTuple):
    """A month as it was closed; the first time is number 1. Never changed: a reopening stands beside it."""

    statement: Statement
    number: int
    by: str
    at: datetime
    reopened: Reopened | None = None


def first_of(month: str) -> date:
    """The first day of a month `YYYY-MM`."""
    return date.fromisoformat(f"{month}-01")


def last_of(month: str) -> date:
    """The last day of a month."""
    return (first_of(month) + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def month_before(month: str) -> str:
    """The month before."""
    return (first_of(month) - timedelta(days=1)).isoformat()[:7]


def month_after(month: str) -> str:
    """The month after."""
    return (last_of(month) + timedelta(days=1)).isoformat()[:7]


def statement_of(month: str, opening: Closing, days: Sequence[Day], *, value: Value, opening_value: Value) -> Statement:
    """The account of a month from its days, earliest first."""
    changes = [day.changes for day in days]
    return Statement(
        month=month,
        value=value,
        opening_value=opening_value,
        opening=opening,
        closing=days[-1].closing,
        entries=sum(one.entries for one in changes),
        growth=sum(one.growth for one in changes),
        waived_points=sum(one.waived_points for one in changes),
        charged_points=sum(one.charged_points for one in changes),
        flows=merged(one.flows for one in changes),
        rules=merged(one.rules for one in changes),
        campaigns=merged(one.campaigns for one in changes),
        late=merged(one.late for one in changes),
    )


def columns_of(closing: Closing) -> dict[str, int]:
    """What stands by class; what is owed counts against it."""
    found = {points_class.value: closing.of_class(points_class.letter) for points_class in PointsClass}
    return {**found, OWED: -closing.deficit_points}


def moved_columns(flow: Flow) -> dict[str, int]:
    """What a movement changes, by class and of what is owed."""
    found = {
        points_class.value: sum(flow.get(part + points_class.letter, 0) for part in "aph")
        for points_class in PointsClass
    }
    return {**found, OWED: -flow.get(DEFICIT, 0)}


class Row(NamedTuple):
    """One line of the account: points by column and in all, and what they are worth."""

    name: str
    columns: Mapping[str, int]
    points: int
    fen: int


def rows_of(statement: Statement) -> list[Row]:
    """Opening, each movement, closing: the points of each column add up exactly, the money with the last two rows."""
    value = statement.value
    opening, closing = columns_of(statement.opening), columns_of(statement.closing)
    nothing = dict.fromkeys(COLUMNS, 0)
    moved = [
        (movement.value, moved_columns(statement.flows[movement.value]))
        for movement in Movement
        if movement.value in statement.flows
    ]
    opened_fen = statement.opening_value.fen_of(sum(opening.values()))
    revalued_fen = value.fen_of(sum(opening.values())) - opened_fen
    rows = [Row("opening", opening, sum(opening.values()), opened_fen)]
    rows += [Row(name, columns, sum(columns.values()), value.fen_of(sum(columns.values()))) for name, columns in moved]
    closing_fen = value.fen_of(sum(closing.values()))
    rounded_fen = closing_fen - revalued_fen - sum(row.fen for row in rows)
    return [
        *rows,
        Row("revaluation", nothing, 0, revalued_fen),
        Row("rounding", nothing, 0, rounded_fen),
        Row("closing", closing, sum(closing.values()), closing_fen),
    ]


def part_rows(statement: Statement) -> dict[str, dict[str, int]]:
    """Pending, held and owed points each: opening, what each movement changed of them, closing."""
    found: dict[str, dict[str, int]] = {}
    for name, part in (("available", "a"), ("pending", "p"), ("held", "h"), (OWED, DEFICIT)):
        columns = [part] if part == DEFICIT else [part + letter for letter in LETTERS]
        moved = {
            movement.value: sum(statement.flows.get(movement.value, {}).get(column, 0) for column in columns)
            for movement in Movement
        }
        found[name] = {
            "opening": _standing(statement.opening, part),
            **{movement: points for movement, points in moved.items() if points},
            "closing": _standing(statement.closing, part),
        }
    return found


def is_exact(statement: Statement) -> bool:
    """Whether opening and movements make the closing, in every column and in every part."""
    rows = [row for row in rows_of(statement) if row.name != "closing"]
    closing = columns_of(statement.closing)
    by_class = all(sum(row.columns[column] for row in rows) == closing[column] for column in COLUMNS)
    by_part = all(2 * cells["closing"] == sum(cells.values()) for cells in part_rows(statement).values())
    return by_class and by_part


def _standing(closing: Closing, part: str) -> int:
    if part == DEFICIT:
        return closing.deficit_points
    return sum({"a": closing.available, "p": closing.pending, "h": closing.held}[part].values())
