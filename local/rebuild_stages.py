"""The part of a rebuild that stages are about: members' milestones, and the report that the night makes of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from chalicelib.insight.close_stages import count_stages
from chalicelib.insight.keep_milestones import by_member
from chalicelib.insight.line import Line
from chalicelib.insight.milestones import NOTHING, Milestones, joined, taken_in
from chalicelib.insight.stage_items import Kept, row_key, row_of
from chalicelib.insight.stages_table import StagesTable
from chalicelib.ledger.carried import opened_from
from chalicelib.ledger.items import entry_of, member_pk
from chalicelib.ledger.model import Entry
from chalicelib.ledger.table import LedgerTable
from chalicelib.programme.model import Terms
from chalicelib.runtime.dynamo import Item, decode_item, encode_item, pages


@dataclass(frozen=True)
class StagesRebuild:
    """What stands of stages, held against the journal."""

    ledger: LedgerTable
    table: StagesTable
    line: Callable[[Entry], Line]
    """The line of an entry; KeyError or ValueError for one that cannot be read."""

    def lacking(self, lines: Iterable[Line]) -> int:
        """How many members' rows do not know what these lines say, of closed accounts also the survivors' rows."""
        own = by_member(lines)
        rows = self.table.rows(own)
        standing = {member_id: rows.get(member_id, Kept()).milestones for member_id in own}
        whole = {member_id: joined(standing[member_id], own[member_id]) for member_id in own}
        closed = {member_id: row for member_id, row in whole.items() if row.merged_into}
        rows = self.table.rows({row.merged_into for row in closed.values()})
        lacking = sum(whole[member_id] != standing[member_id] for member_id in own)
        for member_id, row in closed.items():
            survivors = rows.get(row.merged_into, Kept()).milestones
            lacking += taken_in(survivors, member_id, row) != survivors
        return lacking

    def held(self, rows: Sequence[Item]) -> tuple[Counter[str], list[Item]]:
        """What was found of rows as they stand, and those that have no ground in the journal.

        A row that says more than its member's entries do is set to what they say; what it lacked was added before.
        """
        found: Counter[str] = Counter()
        groundless: list[Item] = []
        for item in rows:
            member_id, kept = str(item["sk"]), row_of(item)
            lines, merged = self._lines(member_id)
            if not lines or row_key(member_id)["pk"] != item["pk"]:
                groundless.append(item)
                continue
            own = self._told(NOTHING, lines, merged)
            if self._told(kept.milestones, lines, merged) != own:
                found["milestones that said something else"] += 1
                self.table.put_row(member_id, own, kept)
        found["milestones without an entry"] = len(groundless)
        return found, groundless

    def _told(self, row: Milestones, lines: Sequence[Line], merged: Sequence[str]) -> Milestones:
        """A row with what a member's lines say, and with the rows of the accounts that were closed into his."""
        row = joined(row, lines)
        for member_id in merged:
            row = taken_in(row, member_id, self._told(NOTHING, *self._lines(member_id)))
        return row

    def _lines(self, member_id: str) -> tuple[list[Line], list[str]]:
        """A member's lines, and whose accounts his journal took in."""
        found: list[Line] = []
        merged: list[str] = []
        for page in pages(
            self.ledger.dynamo,
            TableName=self.ledger.journal,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues=encode_item({":pk": member_pk(member_id)}),
            ConsistentRead=True,
        ):
            for item in page:
                try:
                    entry = entry_of(decode_item(item))
                    found.append(self.line(entry))
                except (KeyError, ValueError):  # named already where the journal was read
                    continue
                merged += [closed_id] if (closed_id := opened_from(entry)) else []
        return found, merged

    def counted(self, terms: Terms | None, on: date, *, now: datetime, heard_until: datetime | None) -> str:
        """Set the report through `on` anew; what was wrong with the one that stood, empty when nothing was.

        Entries that it may not have heard of when it was made may have changed it: then it is only made new.
        """
        report = count_stages(self.table, terms, on, now=now) if terms else None
        if report is None:
            return ""
        standing = self.table.report()
        self.table.put_report(report)
        if standing is None:
            return "reports of stages that were missing"
        is_older = (standing.on, standing.terms_version) != (report.on, report.terms_version)
        if is_older or (heard_until and heard_until >= standing.counted_at):
            return ""
        same = standing._replace(counted_at=report.counted_at) == report
        return "" if same else "reports of stages that said something else"
