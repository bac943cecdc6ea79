"""A shop's exported CSV as records of the order feed: `bytes -> Sheet`. No file, no clock, no table here.

A row is a paid order, a refund or a receipt of goods; each becomes the record that `order_feed.order_fact` takes, or a
reason why not. A paid or refund row that names the time of receipt gives that record too. Where a column numbers the
sub-orders (子订单编号), the rows of one order are its lines and become one record. Nothing in a cell is ever evaluated.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from chalicelib.earning import order_cells as cells
from chalicelib.earning.order_columns import (
    LINE_OPTIONAL,
    PAID,
    PAID_OPTIONAL,
    RECEIPT,
    REFUND,
    Columns,
    columns_of,
    refused,
)

MAX_ROW_CHARS = 10_000
"""Longer rows are no orders: most likely a quote was never closed."""
ENCODINGS = ("utf-8-sig", "gb18030")
"""Tried in this order; strict UTF-8 first, for hardly any GBK text is valid UTF-8 by chance."""
_KINDS = {
    **dict.fromkeys(("paid", "付款", "支付", "已付款", "订单"), "paid"),
    **dict.fromkeys(("refund", "退款", "已退款"), "refund"),
    **dict.fromkeys(("receipt", "收货", "确认收货"), "receipt"),
}
_FIELDS = {"paid": (PAID, (*PAID_OPTIONAL, *RECEIPT)), "refund": (REFUND, RECEIPT), "receipt": (RECEIPT, ())}
"""What a record of each kind needs, and what it may have."""


class Row(NamedTuple):
    """One record; `number` is the row (of several lines: the first) as Excel counts it, the header being 1."""

    number: int
    record: Mapping[str, Any]


class BadRow(NamedTuple):
    """A row that holds none: its offending column as the file names it (empty: the row itself), and why, in Chinese."""

    number: int
    column: str
    reason: str


class Sheet(NamedTuple):
    """A whole file, rows in its order; one that holds two records stands twice."""

    rows: tuple[Row | BadRow, ...]
    columns: Columns


class _Read(NamedTuple):
    """A row by itself: its record (of an order's line: with that line alone), or why it has none."""

    number: int
    content: dict[str, Any] | BadRow
    order_no: str
    """Of an order's line; empty for any other row, which stands for itself."""


class _RowError(Exception):
    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field
        self.reason = reason


def read_sheet(raw: bytes, *, platform: str, zone: str) -> Sheet:
    """All rows of a CSV (UTF-8 with or without BOM, or GB18030).

    Instants without an offset are in `zone`; every record is of `platform`. Raises JifenError INVALID_REQUEST when the
    file as a whole is no order sheet: undecodable, empty, no rows, required columns missing or named twice.
    """
    lines = _lines(_decoded(raw))
    first = next(lines, None)
    if first is None:
        raise refused("文件是空的")
    if isinstance(first[1], str):
        raise refused(f"表头无法读取:{first[1]}")
    columns = columns_of(first[1])
    read = [_read(number, line, columns, platform, zone) for number, line in lines]
    if not read:
        raise refused("文件只有表头,没有订单")
    return Sheet(tuple(sorted(_rows(read, columns), key=lambda row: row.number)), columns)


def _decoded(raw: bytes) -> str:
    for encoding in ENCODINGS:
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise refused("无法识别文件编码,请另存为“CSV UTF-8”后再导入")


def _lines(text: str) -> Iterator[tuple[int, list[str] | str]]:
    """(Excel's row number, its cells or why they cannot be read); blank rows are counted and left out."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    number = 0
    while True:
        number += 1
        before = reader.line_num
        try:
            line = next(reader)
        except StopIteration:
            return
        except csv.Error:
            if reader.line_num - before > 1:
                # Which of the swallowed lines were rows of their own cannot be told any more.
                yield number, "引号没有配对,从这一行起的内容没有读取"
                return
            yield number, "引号没有配对,或内容过长"
            continue
        if any(cell.strip() for cell in line):
            yield number, line


def _rows(read: Sequence[_Read], columns: Columns) -> Iterator[Row | BadRow]:
    """The rows' records, lines of one order brought together wherever they stand."""
    orders: dict[str, list[_Read]] = {}
    for row in read:
        if row.order_no:
            orders.setdefault(row.order_no, []).append(row)
        else:
            yield from _records(row.number, row.content)
    for lines in orders.values():
        yield from _order_of_lines(lines, columns)


def _records(number: int, content: dict[str, Any] | BadRow) -> Iterator[Row | BadRow]:
    if isinstance(content, BadRow):
        yield content
        return
    if content["kind"] == "receipt" or "received_at" not in content:
        yield Row(number, content)
        return
    order = {name: content[name] for name in ("platform", "order_no")}
    yield Row(number, {name: value for name, value in content.items() if name != "received_at"})
    yield Row(number, {"kind": "receipt", **order, "received_at": content["received_at"]})


def _order_of_lines(lines: Sequence[_Read], columns: Columns) -> Iterator[Row | BadRow]:
    """One order of all its lines, or every one of them refused: an order without one of its lines is another order."""
    order: dict[str, Any] = {}
    faults: dict[int, BadRow] = {}
    received: list[datetime | None] = []
    for number, content, _ in lines:
        if isinstance(content, BadRow):
            faults[number] = content
            continue
        received.append(content.pop("received_at", None))
        line = content.pop("lines")
        differs = next((name for name in content if order.get(name, content[name]) != content[name]), None)
        if differs:
            faults[number] = BadRow(number, columns.name(differs), "与同一订单前面的行不同")
        order = {**content, **order, "lines": [*order.get("lines", ()), *line]}
    if not faults:
        # The order is received with the last of its lines; until then it is not.
        instants = [instant for instant in received if instant]
        if len(instants) == len(lines):
            order["received_at"] = max(instants)
        yield from _records(lines[0].number, order)
        return
    because = f"同一订单的第{min(faults)}行有误,整单没有导入"
    yield from (faults.get(line.number, BadRow(line.number, "", because)) for line in lines)


def _read(number: int, line: list[str] | str, columns: Columns, platform: str, zone: str) -> _Read:
    if isinstance(line, str):
        return _Read(number, BadRow(number, "", line), "")
    order_no = ""
    try:
        filled = _filled(line, columns)
        if "line_no" in filled and "order_no" in filled:
            order_no = str(_value("order_no", filled["order_no"], columns, zone))
        kind = _kind(filled, columns)
        order_no = order_no if kind == "paid" else ""
        return _Read(number, _record(kind, filled, columns, platform, zone), order_no)
    except _RowError as error:
        return _Read(number, BadRow(number, columns.name(error.field), error.reason), order_no)


def _filled(line: Sequence[str], columns: Columns) -> dict[str, str]:
    """The row's cells that are ours and not blank, by field."""
    if sum(map(len, line)) > MAX_ROW_CHARS:
        raise _RowError("", f"这一行超过{MAX_ROW_CHARS}个字符,可能有引号没有配对")
    if any(cell.strip() for cell in line[len(columns.fields) :]):
        raise _RowError("", "这一行比表头多出了列,可能有内容含逗号而没有加引号")
    filled = {
        field: cell for field, cell in zip(columns.fields, line, strict=False) if field and cells.plain_text(cell)
    }
    for field, cell in filled.items():
        if "\0" in cell:
            raise _RowError(field, "含有空字符(NUL)")
    return filled


def _record(kind: str, filled: Mapping[str, str], columns: Columns, platform: str, zone: str) -> dict[str, Any]:
    stated = cells.plain_text(filled.get("platform", platform))
    if stated != platform:
        raise _RowError("platform", f"是{stated[:20]},与导入的平台{platform}不同")
    required, optional = _FIELDS[kind]
    record: dict[str, Any] = {"kind": kind, "platform": platform}
    for field in ("order_no", *required):
        if field not in filled:
            raise _RowError(field, "不能为空")
    for field in ("order_no", *required, *optional):
        if field in filled:
            record[field] = _value(field, filled[field], columns, zone)
    if "line_no" in filled and kind != "receipt":
        line = {"line_no": _value("line_no", filled["line_no"], columns, zone)}
        rest = _line(filled, columns, zone) if kind == "paid" else {"refunded_fen": record["refunded_fen"]}
        record["lines"] = [line | rest]
    return record


def _line(filled: Mapping[str, str], columns: Columns, zone: str) -> dict[str, Any]:
    if "line_paid_fen" not in filled:
        raise _RowError("line_paid_fen", "不能为空")
    paid_fen = _value("line_paid_fen", filled["line_paid_fen"], columns, zone)
    rest = {field: _value(field, filled[field], columns, zone) for field in LINE_OPTIONAL if field in filled}
    return {"paid_fen": paid_fen, **rest}


def _kind(filled: Mapping[str, str], columns: Columns) -> str:
    if "kind" in filled:
        name = cells.plain_text(filled["kind"]).lower()
        if name not in _KINDS:
            raise _RowError("kind", f"应为付款、退款或收货,而不是“{name[:20]}”")
        return _KINDS[name]
    if "refund_no" not in filled:
        if "refunded_fen" in filled and _value("refunded_fen", filled["refunded_fen"], columns, "UTC"):
            raise _RowError("refund_no", "有退款金额但没有退款单号")
        return "receipt" if "received_at" in filled and not {"paid_at", "paid_fen"} & filled.keys() else "paid"
    if "paid_at" in filled and "paid_fen" in filled:
        # One of the two would be lost without a word.
        raise _RowError("refund_no", "同一行既有付款又有退款,请分成两行,或加一列“类型”写明付款或退款")
    return "refund"


def _value(field: str, cell: str, columns: Columns, zone: str) -> Any:
    try:
        return columns.value(field, cell, zone)
    except ValueError as error:
        raise _RowError(field, str(error)) from None
