"""`make import FILE= PLATFORM= [STAGE=local]`: a shop's CSV of orders into a stage, on the signed feed's own path.

Resumable: what was written is noted under `.local/imports/`; an interrupted run goes on there, a finished one may be
repeated (every row is then a duplicate). Exit code 0: every row is in; 2: some rows were refused; 1: nothing was read.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from chalicelib.earning.order import OrderFact, Paid, Refund
from chalicelib.earning.order_csv import Row, Sheet, read_sheet
from chalicelib.earning.order_feed import order_fact
from chalicelib.earning.record_orders import Received, Result, record_orders
from chalicelib.earning.table import open_orders
from chalicelib.errors import JifenError
from chalicelib.members.buyers import find_members, phone_key
from chalicelib.programme.table import terms_at
from chalicelib.runtime.clock import utc_now
from chalicelib.sheets.rows import BadRow
from local import say
from local.in_process import EMBEDDED_STAGES, adopted, find_stack
from local.places import Mend, default_places
from local.progress import Progress

PLATFORM = re.compile(r"[a-z][a-z0-9_]{0,19}")
CHUNK = 200
"""Rows recorded at once; after each the run is saved. Below the feed's own 500, so that the bar moves."""
MOST_SHOWN = 200
"""Refused rows printed one by one; a file of nothing else is no longer a list to work through."""


@dataclass
class Run:
    """How far an import has come; kept in a file after every chunk."""

    file: Path
    next_row: int = 0
    counts: Counter[str] = field(default_factory=Counter)

    def save(self) -> None:
        self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished = self.file.with_suffix(".new")
        unfinished.write_text(json.dumps({"next_row": self.next_row, "counts": self.counts}))
        unfinished.rename(self.file)

    @classmethod
    def opened(cls, file: Path, rows: int) -> Run:
        """The run as it was left, or a new one when there was none or it was finished."""
        if not file.exists():
            return cls(file)
        kept: dict[str, Any] = json.loads(file.read_text())
        return cls(file) if kept["next_row"] >= rows else cls(file, kept["next_row"], Counter(kept["counts"]))


def import_orders(raw: bytes, *, platform: str, run_file: Path, own_dates: bool = False) -> Counter[str]:
    """Record every good row of a CSV and print every refused one, in the stage this process has adopted.

    The counts are by Result, those of an interrupted run included. Raises JifenError when the file is no order sheet.
    """
    zone = terms_at(utc_now()).zone
    sheet = read_sheet(raw, platform=platform, zone=zone)
    if sheet.columns.ignored:
        say.line(f"  columns not used: {'、'.join(sheet.columns.ignored)}")
    run = Run.opened(run_file, len(sheet.rows))
    if run.next_row:
        say.line(f"  continuing at row {sheet.rows[run.next_row].number}")
    bar = Progress("orders", len(sheet.rows), run.next_row)
    while run.next_row < len(sheet.rows):
        chunk = sheet.rows[run.next_row : run.next_row + CHUNK]
        results, refused = _record(chunk, sheet, zone, own_dates)
        _show(refused, most=MOST_SHOWN - run.counts[Result.REFUSED])
        run.counts.update(results)
        run.counts[Result.REFUSED] += len(refused)
        run.next_row += len(chunk)
        run.save()
        bar.advance(run.next_row)
    return run.counts


def _show(refused: Sequence[BadRow], *, most: int) -> None:
    for one in refused[: max(0, most)]:
        say.line(f"  第{one.number}行{f'「{one.column}」' if one.column else ''}{one.reason}")
    if 0 <= most < len(refused):
        say.line("  … 更多被拒绝的行只计数,不再逐行列出")


def _record(
    chunk: Sequence[Row | BadRow], sheet: Sheet, zone: str, own_dates: bool
) -> tuple[Counter[str], list[BadRow]]:
    """What became of the chunk's rows: counts of the recorded ones, and the refused ones in the file's order."""
    now = utc_now()
    refused: list[BadRow] = []
    numbers: list[int] = []
    received: list[Received] = []
    for row in chunk:
        if isinstance(row, BadRow):
            refused.append(row)
            continue
        try:
            fact = order_fact(row.record, now, phone_key=lambda: phone_key(now))
        except JifenError as error:
            refused.append(_bad_row(row.number, error, sheet))
            continue
        numbers.append(row.number)
        received.append(Received(fact, _own_date(fact) if own_dates else now))
    results: Counter[str] = Counter()
    answers = record_orders(received, orders=open_orders(), find_members=find_members, zone=zone)
    for number, answer in zip(numbers, answers, strict=True):
        if answer.error is None:
            results[answer.result] += 1
        else:
            refused.append(_bad_row(number, answer.error, sheet))
    return results, sorted(refused, key=lambda row: row.number)


def _own_date(fact: OrderFact) -> datetime:
    """The instant a fact itself gives: of its payment, its refund, or the receipt of its goods."""
    if isinstance(fact, Paid):
        return fact.paid_at
    return fact.refunded_at if isinstance(fact, Refund) else fact.received_at


def _bad_row(number: int, error: JifenError, sheet: Sheet) -> BadRow:
    name = error.field or ""
    return BadRow(number, sheet.columns.names.get(name, name), error.msg.removeprefix(name))


def _run(file: Path, platform: str, stage: str, own_dates: bool) -> int:
    if not PLATFORM.fullmatch(platform):
        raise Mend(f"PLATFORM is {platform!r}: lower-case letters, digits and _ only, e.g. PLATFORM=tmall")
    if own_dates and stage not in EMBEDDED_STAGES:
        raise Mend("--own-dates replays history: only for the stages local and replay")
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise Mend(f"FILE={file} cannot be read: {error.strerror}") from None
    name = hashlib.sha256(raw + f"\0{platform}\0{stage}\0{own_dates}".encode()).hexdigest()
    run_file = default_places().home / "imports" / name
    with adopted(find_stack(stage)):
        counts = import_orders(raw, platform=platform, run_file=run_file, own_dates=own_dates)
    say.line("  " + ", ".join(f"{counts[result]:,} {result.value}" for result in Result))
    if counts[Result.WAITING]:
        say.line("  waiting orders are credited as soon as their buyers are bound to members")
    return 2 if counts[Result.REFUSED] else 0


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m local.import_orders", description=__doc__)
    parser.add_argument("--file", type=Path, required=True)
    parser.add_argument("--platform", required=True)
    parser.add_argument("--stage", default="local")
    parser.add_argument(
        "--own-dates", action="store_true", help="each order is received at its own date (replays only)"
    )
    chosen = parser.parse_args(arguments)
    try:
        return _run(chosen.file, chosen.platform, chosen.stage, chosen.own_dates)
    except (Mend, JifenError) as refused:
        say.trouble(refused.msg if isinstance(refused, JifenError) else str(refused))
        return 1
    except KeyboardInterrupt:
        say.trouble("interrupted: the same command goes on from here")
        return 130


if __name__ == "__main__":
    sys.exit(main())
