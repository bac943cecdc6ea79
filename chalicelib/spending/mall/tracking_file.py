"""A file of tracking numbers, as a warehouse sends it back: `bytes -> rows`. Pure.

Three columns count: 兑换编号, 快递公司 and 快递单号; the ship list with two columns more is such a file.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from chalicelib.sheets.cells import number_text, plain_text
from chalicelib.sheets.rows import BadRow, RowError, filled_cells, header_key, header_of, lines_of, named_once, refused
from chalicelib.spending.mall.model import Tracking

MAX_ROWS = 300
"""So many are sent within the time of one call."""
MARK = "R"
"""Before an id in a sheet: some ids would be numbers to a spreadsheet else."""
_COLUMNS = {
    **dict.fromkeys(("兑换编号", "redemption_id"), "redemption_id"),
    **dict.fromkeys(("快递公司", "物流公司", "carrier"), "carrier"),
    **dict.fromkeys(("快递单号", "运单号", "物流单号", "number"), "number"),
}
_NEEDED = {"redemption_id": "兑换编号", "carrier": "快递公司", "number": "快递单号"}
_ID = re.compile(r"[0-9a-f]{24}")
_CARRIER = re.compile(r"[^\x00-\x1f\x7f-\x9f]{1,20}")
_NUMBER = re.compile(r"[0-9A-Za-z-]{4,40}")


class TrackedRow(NamedTuple):
    """A row that says under which number a redemption was sent; `number` is Excel's, the header being 1."""

    number: int
    redemption_id: str
    tracking: Tracking


def read_tracking(raw: bytes) -> list[TrackedRow | BadRow]:
    """All rows of a CSV (UTF-8 with or without BOM, or GB18030), each a shipment or a reason why not.

    Raises JifenError INVALID_REQUEST when the file as a whole is no such sheet.
    """
    lines = lines_of(raw)
    header = header_of(lines)
    fields = [_COLUMNS.get(header_key(name), "") for name in header]
    names = named_once(fields, header)
    if missing := [name for field, name in _NEEDED.items() if field not in names]:
        raise refused(f"缺少列:{'、'.join(missing)}")
    rows: list[TrackedRow | BadRow] = []
    first: dict[str, int] = {}
    for number, line in lines:
        if len(rows) == MAX_ROWS:
            raise refused(f"一次最多{MAX_ROWS}行,请拆开导入")
        row = _row(number, line, fields, names)
        if isinstance(row, TrackedRow) and (before := first.setdefault(row.redemption_id, number)) != number:
            row = BadRow(number, names["redemption_id"], f"与第{before}行是同一笔兑换")
        rows.append(row)
    if not rows:
        raise refused("文件只有表头,没有内容")
    return rows


def _row(number: int, line: list[str] | str, fields: Sequence[str], names: dict[str, str]) -> TrackedRow | BadRow:
    if isinstance(line, str):
        return BadRow(number, "", line)
    try:
        found = filled_cells(line, fields)
        id = _cell(found, "redemption_id").removeprefix(MARK).lower()
        tracking = Tracking(plain_text(found.get("carrier", "")), _cell(found, "number"))
        _require_form("redemption_id", id, _ID)
        _require_form("carrier", tracking.carrier, _CARRIER)
        _require_form("number", tracking.number, _NUMBER)
    except RowError as wrong:
        return BadRow(number, names.get(wrong.field, ""), wrong.reason)
    return TrackedRow(number, id, tracking)


def _require_form(field: str, value: str, form: re.Pattern[str]) -> None:
    if not form.fullmatch(value):
        raise RowError(field, "的格式不对" if value else "必填")


def _cell(found: dict[str, str], field: str) -> str:
    try:
        return number_text(found.get(field, ""))
    except ValueError as wrong:
        raise RowError(field, str(wrong)) from None
