"""A closed month as a sheet for accounting (月结导出). Pure.

There are no columns for what WeChat Pay, Duiba and gifts cost: nothing here knows it yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from chalicelib.insight.model import Cells
from chalicelib.insight.month import COLUMNS, Closed, part_rows, rows_of
from chalicelib.sheets.written import written

HEADER = ("part", "name", *(f"{column}_points" for column in COLUMNS), "points", "fen")


def sheet(closed: Closed, names: Mapping[str, str]) -> str:
    """The whole sheet: the account, its parts, rules, campaigns and late entries, a row each."""
    return written(HEADER, _rows(closed, names))


def _rows(closed: Closed, names: Mapping[str, str]) -> Iterable[list[str | int]]:
    statement, empty = closed.statement, [""] * len(COLUMNS)
    for row in rows_of(statement):
        yield ["account", row.name, *(row.columns[column] for column in COLUMNS), row.points, row.fen]
    cells = [(part, name, points) for part, moved in part_rows(statement).items() for name, points in moved.items()]
    cells += [(f"rule:{name}", _named(rule, names), points) for rule, name, points in _sorted(statement.rules)]
    cells += [(f"campaign:{name}", campaign, points) for campaign, name, points in _sorted(statement.campaigns)]
    cells += [(f"late:{name}", month, points) for month, name, points in _sorted(statement.late)]
    cells += [("beside", "waived", statement.waived_points), ("beside", "charged", statement.charged_points)]
    for part, name, points in cells:
        yield [part, name, *empty, points, statement.value.fen_of(points)]
    yield ["beside", "growth", *empty, statement.growth, ""]
    yield ["beside", "entries", *empty, statement.entries, ""]


def _sorted(cells: Cells) -> Iterable[tuple[str, str, int]]:
    return ((name, movement, points) for name, cell in sorted(cells.items()) for movement, points in cell.items())


def _named(rule: str, names: Mapping[str, str]) -> str:
    return f"{names[rule]} {rule}" if rule in names else rule
