"""A sheet as spreadsheets open it: CSV with the byte order mark that Excel needs for Chinese. Pure.

A text that a spreadsheet would take for a formula gets an apostrophe before it; numbers are numbers.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

BOM = "\ufeff"
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def written(header: Sequence[str], rows: Iterable[Sequence[str | int]]) -> str:
    """The whole sheet as text; its first character is the mark."""
    text = io.StringIO()
    text.write(BOM)
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(header)
    for row in rows:
        writer.writerow([safe(cell) if isinstance(cell, str) else cell for cell in row])
    return text.getvalue()


def safe(cell: str) -> str:
    """The cell as text that no spreadsheet computes."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
