"""The file of a bulk adjustment: CSV text to rows, or what is wrong with it, line by line. Pure.

Columns, in any order: member_id, points, class, expires_on, reason. A deduction leaves class and expires_on empty, or
names with both the batch to take first; `never` is an expires_on too. Cells are texts that nothing ever computes; an id
has one exact form, so that nothing a spreadsheet would take for a formula can be one.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

from chalicelib.ledger.adjustments import Change, Row
from chalicelib.ledger.buckets import PointsClass

COLUMNS = ("member_id", "points", "class", "expires_on", "reason")
NEVER = "never"
MAX_ROWS = 2_000
MAX_REASON_CHARS = 80
_MEMBER_ID = re.compile(r"m[0-9a-f]{24}")
_POINTS = re.compile(r"[+-]?[0-9]{1,9}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class RowError(NamedTuple):
    """What is wrong with one line; the header is line 1."""

    line: int
    field: str
    msg: str


class _Wrong(ValueError):
    """(field, reason in Chinese)."""


def read_rows(text: str, today_on: date) -> tuple[list[Row], list[RowError]]:
    """Every row of a file, and every line that cannot be taken; the rows count only when there is no error."""
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    lines: list[tuple[int, list[str]]] = []
    try:
        header = [name.strip() for name in next(reader, [])]
        lines = [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
    except csv.Error:
        return [], [RowError(reader.line_num, "row", "不是合法的CSV")]
    if sorted(header) != sorted(COLUMNS):
        return [], [RowError(1, "header", f"表头应为{','.join(COLUMNS)}")]
    if not 1 <= len(lines) <= MAX_ROWS:
        return [], [RowError(1, "rows", f"应有1至{MAX_ROWS}行数据")]
    rows: list[Row] = []
    errors: list[RowError] = []
    first: dict[tuple[object, ...], int] = {}
    for line, cells in lines:
        try:
            change = _change(cells, header, today_on)
        except _Wrong as wrong:
            errors.append(RowError(line, *wrong.args))
            continue
        same_line = first.setdefault((*change[:-1], change.validity is None), line)
        if same_line == line:
            rows.append(Row(line, change))
        else:
            errors.append(RowError(line, "row", f"与第{same_line}行完全相同"))
    return rows, errors


def _change(cells: list[str], header: list[str], today_on: date) -> Change:
    if len(cells) != len(header):
        raise _Wrong("row", f"应有{len(header)}列")
    row: Mapping[str, str] = dict(zip(header, (cell.strip() for cell in cells), strict=True))
    if not _MEMBER_ID.fullmatch(row["member_id"]):
        raise _Wrong("member_id", "不是会员编号")
    if not _POINTS.fullmatch(row["points"]):
        raise _Wrong("points", "应为不超过9位的整数")
    if not 1 <= len(row["reason"]) <= MAX_REASON_CHARS or _CONTROL.search(row["reason"]):
        raise _Wrong("reason", f"应为1至{MAX_REASON_CHARS}个字")
    for name in ("class", "expires_on"):
        if not row[name] and not row["points"].startswith("-"):
            raise _Wrong(name, "增加积分时必填")
    change = Change(
        member_id=row["member_id"],
        points=int(row["points"]),
        reason=row["reason"],
        points_class=_class(row["class"]),
        expires_on=_day(row["expires_on"]) if row["expires_on"] != NEVER else None,
        validity={"kind": NEVER} if row["expires_on"] == NEVER else None,
    )
    problem = change.problem(today_on)
    if problem:
        raise _Wrong(*problem)
    return change


def _class(text: str) -> PointsClass | None:
    if not text:
        return None
    try:
        return PointsClass(text)
    except ValueError:
        raise _Wrong("class", f"应为{'、'.join(PointsClass)}之一") from None


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        # fromisoformat alone would also take 20261231 and 2026-W53-4
        return date.fromisoformat(text if _DAY.fullmatch(text) else "")
    except ValueError:
        raise _Wrong("expires_on", "应为YYYY-MM-DD或never") from None
