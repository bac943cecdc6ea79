"""`make rebuild [STAGE=local]`: the daybook, its totals and members' milestones made again from the journal, in place.

Reads the journal in segments and puts each line that is missing or other than its entry says, removes lines that no
entry stands for, holds milestones against their member's entries, then sums every day and counts the stages anew. Says
whether what was rebuilt equals what stood. Cut off, it is run again: what was done is found done. May run beside
traffic. Exit code 0: all of it stood already; 1: something was put right; 2: it could not run.
"""

from __future__ import annotations

import argparse
import secrets
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from threading import Lock
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.errors import JifenError
from chalicelib.insight import items
from chalicelib.insight.close_days import close_days
from chalicelib.insight.keep_milestones import keep_milestones
from chalicelib.insight.line import Line
from chalicelib.insight.month import last_of
from chalicelib.insight.record_entries import line_from, put_lines
from chalicelib.insight.table import InsightTable, open_insight
from chalicelib.ledger.items import entry_of, member_pk
from chalicelib.ledger.model import business_on
from chalicelib.ledger.table import LedgerTable, open_ledger
from chalicelib.programme.model import TermsBook
from chalicelib.programme.table import open_programme, terms_at
from chalicelib.runtime import log
from chalicelib.runtime.clock import utc_now
from chalicelib.runtime.dynamo import Item, batch_get, decode_item
from local import say
from local.in_process import EMBEDDED_STAGES, adopted, find_stack
from local.places import Mend
from local.rebuild_stages import StagesRebuild

SEGMENTS_ON_AWS = 8
YOUNG = timedelta(minutes=5)
"""An entry that was posted so lately may still be on its way to the daybook."""
MOST_SHOWN = 20


@dataclass
class Report:
    """What was read, and what did not stand as the journal has it."""

    read: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    days: set[date] = field(default_factory=set)
    """Days that have lines."""
    totals: dict[date, Item] = field(default_factory=dict)
    """Keys of the totals that stood."""
    last_booked_at: datetime | None = None
    """When the last entry was booked."""
    lock: Lock = field(default_factory=Lock)

    @property
    def is_equal(self) -> bool:
        """Whether everything stood already."""
        return not self.found.total()


@dataclass(frozen=True)
class Rebuild:
    """One stage's journal and daybook."""

    ledger: LedgerTable
    table: InsightTable
    book: TermsBook
    now: datetime
    report: Report = field(default_factory=Report)

    def run(self, today_on: date, segments: int) -> Report:
        """Lines, then what is no line, then totals."""
        with ThreadPoolExecutor(segments) as pool:
            for work in (self._journal_segment, self._daybook_segment):
                for _ in pool.map(work, range(segments), [segments] * segments):
                    pass
        self._totals(today_on)
        if min(self.report.days, default=today_on) < today_on:  # else its first night is still to come
            wrong = self.stages.counted(
                self.book.at(self.now),
                today_on - timedelta(days=1),
                now=self.now,
                heard_until=self.report.last_booked_at and self.report.last_booked_at + YOUNG,
            )
            self.report.found.update([wrong] if wrong else [])
        return self.report

    @property
    def stages(self) -> StagesRebuild:
        """The part of it that stages are about."""
        return StagesRebuild(
            self.ledger, self.table.stages, lambda entry: line_from(entry, ledger=self.ledger, book=self.book)
        )

    def _journal_segment(self, segment: int, segments: int) -> None:
        for page in _scan(self.ledger.dynamo, self.ledger.journal, segment, segments):
            lines = [line for item in page if (line := self._line(item))]
            posted = {item["sk"]: datetime.fromisoformat(item["posted_at"]) for item in page if "posted_at" in item}
            self._compare(lines, posted)

    def _line(self, item: Item) -> Line | None:
        """The line of an entry as stored; None, and counted, when it cannot be read."""
        try:
            return line_from(entry_of(item), ledger=self.ledger, book=self.book)
        except (KeyError, ValueError) as error:
            log.defect("entry_unreadable", error)
            with self.report.lock:
                self.report.found["entries that cannot be read"] += 1
            return None

    def _compare(self, lines: Sequence[Line], posted: Mapping[str, datetime]) -> None:
        standing = self.table.standing([items.line_key(line) for line in lines])
        put: list[Line] = []
        found: Counter[str] = Counter()
        for line in lines:
            item = items.line_item(line)
            known = standing.get((item["pk"], item["sk"]))
            if known == item:
                continue
            put.append(line)
            if known is not None:
                found["lines that said something else"] += 1
            elif posted[line.entry] + YOUNG < self.now:
                found["lines that were missing"] += 1
        old = [line for line in lines if posted[line.entry] + YOUNG < self.now]
        found["milestones that lacked something"] = self.stages.lacking(old)
        put_lines(put, table=self.table, token=secrets.token_hex(8))
        keep_milestones(lines, table=self.table.stages)
        with self.report.lock:
            report = self.report
            report.read["entries"] += len(lines)
            report.found.update(found)
            report.days.update(line.posted_on for line in lines)
            last = [report.last_booked_at] if report.last_booked_at else []
            report.last_booked_at = max([*last, *posted.values()], default=None)

    def _daybook_segment(self, segment: int, segments: int) -> None:
        """Lines without an entry go; totals are remembered by their day."""
        for page in _scan(self.table.dynamo, self.table.name, segment, segments):
            lines = [item for item in page if item["pk"].startswith("D#")]
            keys = [{"pk": member_pk(item["sk"].rpartition("#")[0]), "sk": str(item.get("entry"))} for item in lines]
            found = map(decode_item, batch_get(self.ledger.dynamo, self.ledger.journal, _each_once(keys)))
            own = {(line.member_id, line.entry): items.line_key(line) for item in found if (line := self._line(item))}
            stray = [
                item
                for item, key in zip(lines, keys, strict=True)
                if own.get((key["pk"][2:], key["sk"])) != {"pk": item["pk"], "sk": item["sk"]}
            ]
            rows = [item for item in page if item["pk"].startswith("F#")]
            found_of_rows, groundless = self.stages.held(rows)
            self.table.remove([*stray, *groundless])
            for on in {date.fromisoformat(item["pk"][2:12]) for item in stray}:
                self.table.mark(on, secrets.token_hex(8))
            with self.report.lock:
                self.report.read["lines"] += len(lines)
                self.report.found["lines without an entry"] += len(stray)
                self.report.read["milestones"] += len(rows)
                self.report.found.update(found_of_rows)
                for item in page:
                    if item["pk"].startswith("T#"):
                        self.report.totals[date.fromisoformat(item["sk"])] = item

    def _totals(self, today_on: date) -> None:
        """Every day is summed anew; marks and totals of days that are none go."""
        report = self.report
        for mark in self.table.marks(until=today_on - timedelta(days=1)):
            if mark.token and mark.on not in report.days:
                self.table.mark(mark.on, "")
        first_on = min(report.days, default=today_on)
        outside = [key for on, key in report.totals.items() if not first_on <= on < today_on]
        self.table.remove(outside)
        done = close_days(self.table, today_on, everything=True)
        report.read["days"] += done.days
        report.found["totals of days that are none"] += len(outside)
        report.found["totals of days that were missing"] += len([on for on in done.changed if on not in report.totals])
        report.found["totals of days that said something else"] += len(
            [on for on in done.changed if on in report.totals]
        )
        report.found["days that still cannot be believed"] += len(done.wrong)
        for closed in self.table.closes():
            day = self.table.day(last_of(closed.statement.month))
            if closed.reopened is None and (day is None or day.closing != closed.statement.closing):
                report.found[f"closed month {closed.statement.month} no longer agrees"] += 1


def rebuild(segments: int) -> Report:
    """Rebuild the stage this process has adopted. Raises JifenError while no terms are published."""
    now = utc_now()
    zone = terms_at(now).zone
    made = Rebuild(open_ledger(), open_insight(), open_programme().book(), now)
    return made.run(business_on(now, zone), segments)


def _scan(dynamo: Any, table: str, segment: int, segments: int) -> Iterator[list[Item]]:
    request: dict[str, Any] = {"TableName": table, "ConsistentRead": True}
    if segments > 1:
        request |= {"Segment": segment, "TotalSegments": segments}
    while True:
        page = dynamo.scan(**request)
        yield [decode_item(item) for item in page["Items"]]
        if "LastEvaluatedKey" not in page:
            return
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _each_once(keys: Sequence[Item]) -> list[Item]:
    return list({(key["pk"], key["sk"]): key for key in keys}.values())


def _run(stage: str, segments: int) -> int:
    began = time.monotonic()
    with adopted(find_stack(stage)):
        report = rebuild(segments or (1 if stage in EMBEDDED_STAGES else SEGMENTS_ON_AWS))
    seconds = round(time.monotonic() - began, 1)
    read = ", ".join(f"{report.read[what]:,} {what}" for what in ("entries", "lines", "milestones", "days"))
    say.line(f"  {stage}: {read} in {seconds} s")
    for what, count in report.found.most_common(MOST_SHOWN):
        if count:
            say.line(f"  {count:,} × {what}")
    say.line("  what was rebuilt equals what stood" if report.is_equal else "  put right from the journal")
    return 0 if report.is_equal else 1


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m local.rebuild", description=__doc__)
    parser.add_argument("--stage", default="local")
    parser.add_argument("--segments", type=int, default=0, help="parts of a table read side by side")
    chosen = parser.parse_args(arguments)
    try:
        return _run(chosen.stage, chosen.segments)
    except (Mend, JifenError) as refused:
        say.trouble(refused.msg if isinstance(refused, JifenError) else str(refused))
        return 2
    except (BotoCoreError, ClientError, KeyError) as error:
        say.trouble(f"the daybook could not be rebuilt: {error!r}")
        return 2
    except KeyboardInterrupt:
        say.trouble("interrupted: run it again, it goes on from what is done")
        return 2


if __name__ == "__main__":
    sys.exit(main())
