"""A CSV as spreadsheets and other systems write it: `bytes -> rows of cells`, and what is said of a bad one. Pure.

Nothing in a cell is ever evaluated.
"""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from chalicelib.errors import Code, JifenError
from chalicelib.sheets import cells

MAX_ROW_CHARS = 10_000
"""Longer rows are none: most likely a quote was never closed."""
ENCODINGS = ("utf-8-sig", "gb18030")
"""Tried in this order; strict UTF-8 first, for hardly any GBK text is valid UTF-8 by chance."""


class BadRow(NamedTuple):
    """A row that cannot be taken: `number` as Excel counts it, the header being 1; its offending column as the file
    names it (empty: the row itself); and why, in Chinese.
    """

    number: int
    column: str
    reason: str


class RowError(Exception):
    """What is wrong with the row that is being read; `field` is ours, empty for the row itself."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field
        self.reason = reason


def refused(reason: str) -> JifenError:
    """The answer to a file that is no such sheet at all."""
    return JifenError(Code.INVALID_REQUEST, reason, field="file")


def lines_of(raw: bytes) -> Iterator[tuple[int, list[str] | str]]:
    """(Excel's row number, its cells or why they cannot be read) of a CSV in UTF-8, with or without BOM, or GB18030.

    Blank rows are counted and left out. Raises JifenError INVALID_REQUEST when the file cannot be decoded.
    """
    reader = csv.reader(io.StringIO(_decoded(raw), newline=""), strict=True)
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


def header_of(lines: Iterator[tuple[int, list[str] | str]]) -> list[str]:
    """The first row's names; JifenError INVALID_REQUEST when there is none that can be read."""
    first = next(lines, None)
    if first is None:
        raise refused("文件是空的")
    if isinstance(first[1], str):
        raise refused(f"表头无法读取:{first[1]}")
    if any("\0" in name for name in first[1]):
        raise refused("表头含有空字符(NUL),文件可能是UTF-16,请另存为“CSV UTF-8”后再导入")
    return first[1]


def header_key(name: str) -> str:
    """A column's name as it is looked up: full-width characters made plain, no blanks, lower case."""
    return unicodedata.normalize("NFKC", cells.plain_text(name)).lower().replace(" ", "")


def named_once(fields: Sequence[str], header: Sequence[str]) -> dict[str, str]:
    """Our fields with the file's own names of their columns; JifenError when one stands twice. An empty field is not
    ours.
    """
    names: dict[str, str] = {}
    for field, name in zip(fields, header, strict=True):
        if field in names:
            raise refused(f"表头中“{names[field]}”与“{cells.plain_text(name)}”是同一项,请只保留一列")
        if field:
            names[field] = cells.plain_text(name)
    return names


def filled_cells(line: Sequence[str], fields: Sequence[str]) -> dict[str, str]:
    """The row's cells that are ours and not blank, by field. Raises RowError."""
    if sum(map(len, line)) > MAX_ROW_CHARS:
        raise RowError("", f"这一行超过{MAX_ROW_CHARS}个字符,可能有引号没有配对")
    if any(cell.strip() for cell in line[len(fields) :]):
        raise RowError("", "这一行比表头多出了列,可能有内容含逗号而没有加引号")
    found = {field: cell for field, cell in zip(fields, line, strict=False) if field and cells.plain_text(cell)}
    for field, cell in found.items():
        if "\0" in cell:
            raise RowError(field, "含有空字符(NUL)")
    return found


def _decoded(raw: bytes) -> str:
    for encoding in ENCODINGS:
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise refused("无法识别文件编码,请另存为“CSV UTF-8”后再导入")
