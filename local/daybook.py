"""`make daybook MONTH=2026-11 [FILE=...] [STAGE=local]`: the lines of a month's daybook as CSV, for accounting's files.

One row an entry, by day posted and then by member, with the day of its cause beside; UTF-8 with a byte order mark, no
cell a formula. Day by day, so that a month of any size fits. Exit code 2: it could not run.
"""

from __future__ import annotations

import argparse
import csv
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TextIO

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.errors import JifenError
from chalicelib.insight.line import Line
from chalicelib.insight.month import first_of, last_of
from chalicelib.insight.table import InsightTable, open_insight
from chalicelib.ledger.buckets import PointsClass
from chalicelib.sheets.written import BOM, safe
from local import say
from local.in_process import adopted, find_stack
from local.places import Mend

PARTS = [f"{part}_{one.value}" for part in ("available", "pending", "held") for one in PointsClass]
HEADER = ("posted_on", "occurred_on", "member", "number", "movement", "kind", "activity", "rule", "campaign", "source")
TOTALS = ("deficit", "points", "growth", "waived", "charged", "entry")


def write_lines(table: InsightTable, month: str, to: TextIO) -> int:
    """Write a month's lines; how many there were."""
    to.write(BOM)
    writer = csv.writer(to, lineterminator="\r\n")
    writer.writerow([*HEADER, *PARTS, *TOTALS])
    count = 0
    for line in _lines(table, month):
        writer.writerow([safe(cell) if isinstance(cell, str) else cell for cell in _row(line)])
        count += 1
    return count


def _lines(table: InsightTable, month: str) -> Iterator[Line]:
    on = first_of(month)
    while on <= last_of(month):
        yield from table.lines(on)
        on += timedelta(days=1)


def _row(line: Line) -> list[str | int]:
    available: dict[str, int] = {}
    for key, change in line.buckets.items():
        available[key[3]] = available.get(key[3], 0) + change
    named: list[str | int] = [line.posted_on.isoformat(), line.occurred_on.isoformat(), line.member_id, line.sequence]
    named += [line.movement.value, line.kind, line.activity, line.rule, line.campaign, line.source]
    by_part: tuple[Mapping[str, int], ...] = (available, line.pending, line.held)
    parts = [part.get(one.letter, 0) for part in by_part for one in PointsClass]
    totals: list[str | int] = [
        line.deficit_points,
        line.points,
        line.growth,
        line.waived_points,
        line.charged_points,
        line.entry,
    ]
    return [*named, *parts, *totals]


def _month(text: str) -> str:
    if not re.fullmatch(r"[12][0-9]{3}-(0[1-9]|1[0-2])", text):
        raise Mend("name a month: make daybook MONTH=2026-11")
    return text


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m local.daybook", description=__doc__)
    parser.add_argument("--month", required=True)
    parser.add_argument("--file", default="")
    parser.add_argument("--stage", default="local")
    chosen = parser.parse_args(arguments)
    try:
        month = _month(chosen.month)
        file = Path(chosen.file or f"jifen-{month}-lines.csv")
        with adopted(find_stack(chosen.stage)), file.open("w", encoding="utf-8", newline="") as to:
            count = write_lines(open_insight(), month, to)
        say.line(f"  {count:,} lines in {file}")
    except (Mend, JifenError) as refused:
        say.trouble(refused.msg if isinstance(refused, JifenError) else str(refused))
        return 2
    except (BotoCoreError, ClientError, OSError) as error:
        say.trouble(f"the daybook could not be written: {error!r}")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
