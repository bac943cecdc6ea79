"""A partner's file of a business day held against ours: every difference is named, nothing is changed. Pure."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple

from chalicelib.connect.partner.words import Word
from chalicelib.sheets import cells
from chalicelib.sheets.rows import RowError, filled_cells, header_key, header_of, lines_of, named_once, refused
from chalicelib.spending.exchange.model import Exchange, State

BOM = "\ufeff"
MOST_ROWS = 10_000
"""Of a day; more than that and it is another way of exchanging files that is needed."""
MOST_KEPT = 500
"""Differences that are kept and shown one by one; all are counted."""
GIVEN = (State.DONE, State.UNCHARGED, State.WAIVED)
"""States in which the partner gave the units."""

_NAMES = {"id": ("兑换单号", "订单号", "单号"), "state": ("状态",), "units": ("数量", "单位数量")}
_FIELD_OF = {header_key(name): field for field, names in _NAMES.items() for name in (field, *names)}
_STATES = {"成功": Word.DONE, "已完成": Word.DONE, "失败": Word.REFUSED, "已撤销": Word.VOIDED, "处理中": Word.PENDING}
_ID = re.compile(r"[0-9a-f]{24}")


class Kind(StrEnum):
    """How the two sides differ in an exchange."""

    MISSING_THEIRS = "missing_at_theirs"
    MISSING_OURS = "missing_at_ours"
    OTHER_AMOUNT = "other_amount"
    OTHER_STATE = "other_state"
    OTHER_DAY = "other_day"
    """Both have it done, but by our record on another day."""
    TWICE = "twice"
    """It stands twice in the partner's file."""


class Row(NamedTuple):
    """A row of the partner's file."""

    id: str
    state: str
    units: int


class Difference(NamedTuple):
    """One exchange that the sides do not agree on; units as either has them."""

    kind: str
    id: str
    our_state: str = ""
    their_state: str = ""
    our_units: int = 0
    their_units: int = 0


class Reconciliation(NamedTuple):
    """One comparison: when, by whom, of how many rows, with what result."""

    id: str
    on: date
    at: datetime
    by: str
    rows: int
    differing: int
    differences: tuple[Difference, ...]


def rows_of(raw: bytes) -> list[Row]:
    """The rows of a partner's file, a CSV in UTF-8 or GBK with the columns 兑换单号, 状态 and 数量.

    Raises JifenError INVALID_REQUEST, with the row's number, for the first one that cannot be read: half a file would
    say that half of a day is missing.
    """
    lines = lines_of(raw)
    header = header_of(lines)
    fields = [_FIELD_OF.get(header_key(name), "") for name in header]
    names = named_once(fields, header)
    for field, (name, *_) in _NAMES.items():
        if field not in names:
            raise refused(f"缺少“{name}”列")
    found: list[Row] = []
    for number, line in lines:
        try:
            found.append(_row(line, fields))
        except RowError as error:
            raise refused(f"第{number}行{names.get(error.field, '')}:{error.reason}") from None
        if len(found) > MOST_ROWS:
            raise refused(f"一天最多{MOST_ROWS}行")
    return found


def _row(line: list[str] | str, fields: Sequence[str]) -> Row:
    if isinstance(line, str):
        raise RowError("", line)
    filled = filled_cells(line, fields)
    for field in _NAMES:
        if field not in filled:
            raise RowError(field, "不能为空")
    id, state = cells.plain_text(filled["id"]).lower(), cells.plain_text(filled["state"])
    if not _ID.fullmatch(id):
        raise RowError("id", "不是兑换单号")
    if state not in _STATES and state not in set(Word):
        raise RowError("state", "不是已知的状态")
    try:
        units = cells.whole(filled["units"])
    except ValueError as error:
        raise RowError("units", str(error)) from None
    return Row(id, str(_STATES.get(state, state)), units)


def differences(theirs: Sequence[Row], ours: Mapping[str, Exchange], on: date) -> list[Difference]:
    """Every difference of a day. `ours` are the partner's exchanges done on that day, and those that the file names,
    whatever became of them.
    """
    found = [Difference(Kind.TWICE, id) for id, times in Counter(row.id for row in theirs).items() if times > 1]
    rows = {row.id: row for row in theirs}
    for row in rows.values():
        one = ours.get(row.id)
        kind = _kind(row, one, on)
        if kind and one is None:
            found.append(Difference(kind, row.id, their_state=row.state, their_units=row.units))
        elif kind and one:
            found.append(Difference(kind, row.id, str(one.state), row.state, one.units, row.units))
    for one in ours.values():
        if one.id not in rows and one.state in GIVEN and one.done_on == on:
            found.append(Difference(Kind.MISSING_THEIRS, one.id, our_state=str(one.state), our_units=one.units))
    return sorted(found, key=lambda each: (each.kind, each.id))


def _kind(row: Row, one: Exchange | None, on: date) -> Kind | None:
    is_given = row.state == Word.DONE
    if one is None:
        return Kind.MISSING_OURS if is_given else None
    if is_given != (one.state in GIVEN):
        return Kind.OTHER_STATE
    if not is_given:
        return None
    if row.units != one.units:
        return Kind.OTHER_AMOUNT
    return None if one.done_on == on else Kind.OTHER_DAY


def sheet(exchanges: Iterable[Exchange], zone_time: Mapping[str, str]) -> str:
    """Our side of a day as a CSV that a spreadsheet opens; `zone_time` says each one's done_at in the programme's zone.

    Accounts are not in it: the id is what both sides know an exchange by.
    """
    text = io.StringIO()
    text.write(BOM)
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(("兑换单号", "状态", "数量", "积分", "完成时间"))
    for one in exchanges:
        writer.writerow((one.id, "成功", one.units, one.points, zone_time[one.id]))
    return text.getvalue()
