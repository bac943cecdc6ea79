from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from chalicelib.publishing import lifecycle
from chalicelib.publishing.cadence import CADENCE, Cadence, month_before, month_bounds
from chalicelib.publishing.check_cadence import check_cadence
from chalicelib.publishing.model import ZONE, day_of
from chalicelib.publishing.table import PublishingTable
from tests.publishing.plans import MONDAY, PUBLISH_AT, a_draft, approved, stored

DAILY = Cadence(weekdays=frozenset(range(1, 8)), hour=8, zone=ZONE, ahead_days=1)


def test_the_plan_out_of_the_box_is_every_wednesday_at_twenty() -> None:
    assert [day.day for day in CADENCE.planned_days("2026-03")] == [4, 11, 18, 25]
    assert CADENCE.planned_at(date(2026, 3, 4)) == datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("month", "days"),
    [("2024-02", 29), ("2026-02", 28), ("2000-02", 29), ("2026-04", 30), ("2026-12", 31), ("2026-01", 31)],
)
def test_a_daily_cadence_plans_every_day_of_a_month_whatever_its_length(month: str, days: int) -> None:
    planned = DAILY.planned_days(month)

    assert len(planned) == days
    assert planned[0].day == 1
    assert planned[-1].day == days


def test_a_leap_day_can_be_a_planned_day() -> None:
    thursdays = Cadence(frozenset({4}), 20, ZONE, 2)

    assert thursdays.planned_days("2024-02")[-1] == date(2024, 2, 29)


def test_months_step_over_the_new_year() -> None:
    assert month_before("2026-01") == "2025-12"
    assert month_bounds("2025-12") == (date(2025, 12, 1), date(2026, 1, 1))


def test_a_day_is_a_day_of_the_zone_and_not_of_utc() -> None:
    assert day_of(datetime(2026, 2, 28, 15, 59, 59, 999_000, tzinfo=UTC)) == date(2026, 2, 28)
    assert day_of(datetime(2026, 2, 28, 16, 0, tzinfo=UTC)) == date(2026, 3, 1)


def test_the_lookahead_ends_with_the_hour_of_the_planned_day() -> None:
    before, at = PUBLISH_AT - timedelta(milliseconds=1), PUBLISH_AT

    assert CADENCE.next_planned_days(before) == (date(2026, 3, 4),)
    assert CADENCE.next_planned_days(at) == ()


@pytest.mark.parametrize(("weekday", "is_ahead"), [(1, False), (2, True), (3, True), (4, True), (5, False)])
def test_a_wednesday_is_looked_at_from_monday_on(weekday: int, is_ahead: bool) -> None:
    at_nine = datetime(2026, 3, weekday, 1, 0, tzinfo=UTC)

    assert bool(CADENCE.next_planned_days(at_nine)) is is_ahead


def test_nothing_approved_for_the_next_planned_day_is_alarmed_once_a_day_and_kept_once(
    table: PublishingTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[dict[str, object]] = []
    monkeypatch.setattr(
        "chalicelib.runtime.log.outcome", lambda event, **fields: lines.append({"event": event, **fields})
    )
    stored(table, a_draft())  # a draft fills no day

    first = check_cadence(table, now=MONDAY)
    again = check_cadence(table, now=MONDAY + timedelta(days=1))

    assert [alert.day for alert in (*first, *again)] == [date(2026, 3, 4)] * 2
    assert lines == [
        {"event": "cadence_alarm", "day": "2026-03-04", "days_ahead": 2},
        {"event": "cadence_alarm", "day": "2026-03-04", "days_ahead": 1},
    ]
    (kept,) = table.alerts("2026-03")
    assert kept.raised_at == MONDAY


def test_an_approved_issue_on_the_day_silences_the_alarm(table: PublishingTable) -> None:
    approved(table, publish_at=PUBLISH_AT - timedelta(hours=3))

    assert check_cadence(table, now=MONDAY) == ()
    assert table.alerts("2026-03") == []


def test_an_issue_that_was_cancelled_or_failed_fills_no_day(table: PublishingTable) -> None:
    issue = approved(table)
    table.save(lifecycle.cancel(issue, by="writer", at=MONDAY), seen_version=issue.version)

    assert len(check_cadence(table, now=MONDAY)) == 1


def test_the_lookahead_crosses_the_end_of_a_month(table: PublishingTable) -> None:
    first_of_april = datetime(2026, 4, 1, 12, 0, tzinfo=UTC)  # a Wednesday
    now = datetime(2026, 3, 30, 1, 0, tzinfo=UTC)

    alerts = check_cadence(table, now=now)
    approved(table, publish_at=first_of_april)

    assert [alert.planned_at for alert in alerts] == [first_of_april]
    assert [alert.day for alert in table.alerts("2026-04")] == [date(2026, 4, 1)]
    assert check_cadence(table, now=now) == ()
