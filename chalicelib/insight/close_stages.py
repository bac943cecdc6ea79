"""The night counts stages: every member's milestones under the present definition, over all history.

Nothing is counted up, so any night may run again, and a changed definition is answered from the next night on. Rows are
read a page at a time; whoever is cut off leaves the report of the night before.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

from chalicelib.insight.stages import StageReport, Tally
from chalicelib.insight.stages_table import StagesTable
from chalicelib.programme.model import Terms


def close_stages(
    table: StagesTable, terms: Terms, on: date, *, now: datetime, has_time: Callable[[], bool] = lambda: True
) -> bool:
    """Set the report of all stages through the business day `on`; False when the time was too short for all rows."""
    if terms.programme.stages is None:
        return True
    report = count_stages(table, terms, on, now=now, has_time=has_time)
    if report is not None:
        table.put_report(report)
    return report is not None


def count_stages(
    table: StagesTable, terms: Terms, on: date, *, now: datetime, has_time: Callable[[], bool] = lambda: True
) -> StageReport | None:
    """The report of all stages through `on`; None without stages, or when the time was too short for all rows."""
    if terms.programme.stages is None:
        return None
    tally = Tally(terms.programme, terms.programme.stages, on)
    for page in table.all_rows():
        if not has_time():
            return None
        for row in page:
            tally.add(row)
    return tally.report(now, terms.version)
