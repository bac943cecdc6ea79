"""The daily look ahead: a planned day that nothing is approved for is alarmed while there is still time."""

from __future__ import annotations

from datetime import date, datetime

from chalicelib.publishing.cadence import CADENCE, Cadence
from chalicelib.publishing.model import LIVE, Alert, day_of, month_of
from chalicelib.publishing.table import PublishingTable
from chalicelib.runtime import log


def check_cadence(table: PublishingTable, *, now: datetime, cadence: Cadence = CADENCE) -> tuple[Alert, ...]:
    """Alarm every planned day of the lookahead without an approved issue: one log line a day, one stored alert each.

    A day counts as filled by an issue on that day at whatever hour.
    """
    days = cadence.next_planned_days(now)
    filled = _filled_days(table, {month_of(day) for day in days})
    alerts = tuple(Alert(day, cadence.planned_at(day), now) for day in days if day not in filled)
    for alert in alerts:
        table.raise_alert(alert)
        log.outcome("cadence_alarm", day=alert.day.isoformat(), days_ahead=(alert.day - day_of(now)).days)
    return alerts


def _filled_days(table: PublishingTable, months: set[str]) -> set[date]:
    headings = [heading for month in months for heading in table.all_headings(month)]
    return {day_of(heading.publish_at) for heading in headings if heading.state in LIVE}
