"""The part of a rebuild that stages are about: members' milestones, and the report that the night makes of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from chalicelib.insight.close_stages import count_stages
from chalicelib.insight.keep_milestones import by_member
from chalicelib.insight.line import Line
from chalicelib.insight.milestones import NOTHING, joined
from chalicelib.insight.stage_items import Kept, row_key, row_of
from chalicelib.insight.stages_table import StagesTable
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
        """How many members' rows do not know what these lines say."""
        own = by_member(lines)
        rows = self.table.rows(own)
        standing = {member_id: rows.get(member_id, Kept()).milestones for member_id in own}
        return sum(joined(standing[member_id], own[member_id]) != standing[member_id] for member_id in own)

    def held(self, rows: Sequence[Item]) -> tuple[Counter[str], list[Item]]:
        """What was found of rows as they stand, and those that have no ground in the journal.

        A row that says more than its member's entries do is set to what they say; what it lacked was added before.
        """
        found: Counter[str] = Counter()
        groundless: list[Item] = []
        for item in rows:
            member_id, kept = str(item["sk"]), row_of(item)
            lines = self._lines(member_id)
            if not lines or row_key(member_id)["pk"] != item["pk"]:
                groundless.append(item)
                continue
            own = joined(NOTHING, lines)
            if joined(kept.milestones, lines) != own:
                found["milestones that said something else"] += 1
                self.table.put_row(member_id, own, kept)
        found["milestones without an entry"] = len(groundless)
        return found, groundless

    def _lines(self, member_id: str) -> list[Line]:
        found: list[Line] = []
        for page in pages(
            self.ledger.dynamo,
            TableName=self.ledger.journal,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues=encode_item({":pk": member_pk(member_id)}),
            ConsistentRead=True,
        ):
            for item in page:
                try:
                    found.append(self.line(entry_of(decode_item(item))))
                except (KeyError, ValueError):  # named already where the journal was read
                    continue
        return found

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
