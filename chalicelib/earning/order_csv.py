"""A shop's exported CSV as records of the order feed: `bytes -> Sheet`. No file, no clock, no table here.

A row is a paid order or a refund; each becomes the record that `order_feed.order_fact` takes, or a reason why not.
Nothing in a cell is ever evaluated.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.earning import order_cells as cells
from chalicelib.earning.order_columns import PAID, PAID_OPTIONAL, REFUND, Columns, columns_of, refused

MAX_ROW_CHARS = 10_000
"""Longer rows are no orders: most likely a quote was never closed."""
ENCODINGS = ("utf-8-sig", "gb18030")
"""Tried in this order; strict UTF-8 first, for hardly any GBK text is valid UTF-8 by chance."""
_KINDS = {
    **dict.fromkeys(("paid", "付款", "支付", "已付款", "订单"), "paid"),
    **dict.fromkeys(("refund", "退款", "已退款"), "refund"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One row that holds a record; `number` is the row as Excel counts it, the header being 1."""

    number: int
    record: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that holds none: its offending column as the file names it (empty: the row itself), and why, in Chinese."""

    number: int
    column: str
    reason: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """A whole file, rows in its order."""

    rows: tuple[Row | BadRow, ...]
    columns: Columns


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
    rows = tuple(_row(number, line, columns, platform, zone) for number, line in lines)
    if not rows:
        raise refused("文件只有表头,没有订单")
    return Sheet(rows, columns)


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


def _row(number: int, line: list[str] | str, columns: Columns, platform: str, zone: str) -> Row | BadRow:
    if isinstance(line, str):
        return BadRow(number, "", line)
    try:
        return Row(number, _record(_filled(line, columns), columns, platform, zone))
    except _RowError as error:
        return BadRow(number, columns.name(error.field), error.reason)


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


def _record(filled: Mapping[str, str], columns: Columns, platform: str, zone: str) -> dict[str, Any]:
    stated = cells.plain_text(filled.get("platform", platform))
    if stated != platform:
        raise _RowError("platform", f"是{stated[:20]},与导入的平台{platform}不同")
    kind = _kind(filled, columns)
    required, optional = (PAID, PAID_OPTIONAL) if kind == "paid" else (REFUND, ())
    record: dict[str, Any] = {"kind": kind, "platform": platform}
    for field in ("order_no", *required):
        if field not in filled:
            raise _RowError(field, "不能为空")
    for field in ("order_no", *required, *optional):
        if field in filled:
            record[field] = _value(field, filled[field], columns, zone)
    return record


def _kind(filled: Mapping[str, str], columns: Columns) -> str:
    if "kind" in filled:
        name = cells.plain_text(filled["kind"]).lower()
        if name not in _KINDS:
            raise _RowError("kind", f"应为付款或退款,而不是“{name[:20]}”")
        return _KINDS[name]
    if "refund_no" not in filled:
        if "refunded_fen" in filled and _value("refunded_fen", filled["refunded_fen"], columns, "UTC"):
            raise _RowError("refund_no", "有退款金额但没有退款单号")
        return "paid"
    if "paid_at" in filled and "paid_fen" in filled:
        # One of the two would be lost without a word.
        raise _RowError("refund_no", "同一行既有付款又有退款,请分成两行,或加一列“类型”写明付款或退款")
    return "refund"


def _value(field: str, cell: str, columns: Columns, zone: str) -> Any:
    try:
        return columns.value(field, cell, zone)
    except ValueError as error:
        raise _RowError(field, str(error)) from None
