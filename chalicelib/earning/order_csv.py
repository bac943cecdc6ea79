"""A shop's exported CSV as records of the order feed: `bytes -> Sheet`. No file, no clock, no table here.

A row is a paid order, a refund or a receipt of goods; each becomes the record that `order_feed.order_fact` takes, or a
reason why not. A paid or refund row that names the time of receipt gives that record too. Where a column numbers the
sub-orders (子订单编号), the rows of one order are its lines and become one record. Nothing in a cell is ever evaluated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from chalicelib.earning.order_columns import (
    LINE_OPTIONAL,
    PAID,
    PAID_OPTIONAL,
    RECEIPT,
    REFUND,
    Columns,
    columns_of,
)
from chalicelib.sheets import cells
from chalicelib.sheets.rows import BadRow, RowError, filled_cells, header_of, lines_of, refused

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


def read_sheet(raw: bytes, *, platform: str, zone: str) -> Sheet:
    """All rows of a CSV (UTF-8 with or without BOM, or GB18030).

    Instants without an offset are in `zone`; every record is of `platform`. Raises JifenError INVALID_REQUEST when the
    file as a whole is no order sheet: undecodable, empty, no rows, required columns missing or named twice.
    """
    lines = lines_of(raw)
    columns = columns_of(header_of(lines))
    read = [_read(number, line, columns, platform, zone) for number, line in lines]
    if not read:
        raise refused("文件只有表头,没有订单")
    return Sheet(tuple(sorted(_rows(read, columns), key=lambda row: row.number)), columns)


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
        filled = filled_cells(line, columns.fields)
        if "line_no" in filled and "order_no" in filled:
            order_no = str(_value("order_no", filled["order_no"], columns, zone))
        kind = _kind(filled, columns)
        order_no = order_no if kind == "paid" else ""
        return _Read(number, _record(kind, filled, columns, platform, zone), order_no)
    except RowError as error:
        return _Read(number, BadRow(number, columns.name(error.field), error.reason), order_no)


def _record(kind: str, filled: Mapping[str, str], columns: Columns, platform: str, zone: str) -> dict[str, Any]:
    stated = cells.plain_text(filled.get("platform", platform))
    if stated != platform:
        raise RowError("platform", f"是{stated[:20]},与导入的平台{platform}不同")
    required, optional = _FIELDS[kind]
    record: dict[str, Any] = {"kind": kind, "platform": platform}
    for field in ("order_no", *required):
        if field not in filled:
            raise RowError(field, "不能为空")
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
        raise RowError("line_paid_fen", "不能为空")
    paid_fen = _value("line_paid_fen", filled["line_paid_fen"], columns, zone)
    rest = {field: _value(field, filled[field], columns, zone) for field in LINE_OPTIONAL if field in filled}
    return {"paid_fen": paid_fen, **rest}


def _kind(filled: Mapping[str, str], columns: Columns) -> str:
    if "kind" in filled:
        name = cells.plain_text(filled["kind"]).lower()
        if name not in _KINDS:
            raise RowError("kind", f"应为付款、退款或收货,而不是“{name[:20]}”")
        return _KINDS[name]
    if "refund_no" not in filled:
        if "refunded_fen" in filled and _value("refunded_fen", filled["refunded_fen"], columns, "UTC"):
            raise RowError("refund_no", "有退款金额但没有退款单号")
        return "receipt" if "received_at" in filled and not {"paid_at", "paid_fen"} & filled.keys() else "paid"
    if "paid_at" in filled and "paid_fen" in filled:
        # One of the two would be lost without a word.
        raise RowError("refund_no", "同一行既有付款又有退款,请分成两行,或加一列“类型”写明付款或退款")
    return "refund"


def _value(field: str, cell: str, columns: Columns, zone: str) -> Any:
    try:
        return columns.value(field, cell, zone)
    except ValueError as error:
        raise RowError(field, str(error)) from None
