from __future__ import annotations

from datetime import UTC, datetime, timedelta

from chalicelib.publishing.answers import report_answer
from chalicelib.publishing.cadence import CADENCE, day_start, month_bounds
from chalicelib.publishing.cadence_report import Report, month_report, report
from chalicelib.publishing.model import PAGE, PUSHED, Heading, State
from chalicelib.publishing.table import PublishingTable
from tests.publishing.plans import MONDAY, a_heading, approved

AFTER_MARCH = datetime(2026, 4, 2, tzinfo=UTC)
W4, W11, W18, W25 = (datetime(2026, 3, day, 12, 0, tzinfo=UTC) for day in (4, 11, 18, 25))
LAST_OF_FEBRUARY = datetime(2026, 2, 25, 12, 0, tzinfo=UTC)


def march(*headings: Heading, last_before: datetime | None = None, now: datetime = AFTER_MARCH) -> Report:
    return report("2026-03", headings, [], last_before, now=now, cadence=CADENCE)


def test_a_month_in_rhythm_has_no_gap_and_whole_weeks_between_its_issues() -> None:
    kept = march(*(a_heading(n, at) for n, at in enumerate((W4, W11, W18, W25))), last_before=LAST_OF_FEBRUARY)

    assert [planned.is_gap for planned in kept.planned] == [False] * 4
    assert [planned.minutes_from_plan for planned in kept.planned] == [0] * 4
    assert kept.strays == ()
    assert (kept.intervals.count, kept.intervals.shortest_hours, kept.intervals.longest_hours) == (4, 168, 168)
    assert kept.longest_gap is not None
    assert kept.longest_gap.hours == 168


def test_gaps_and_random_posting_are_told_apart() -> None:
    off_hour = a_heading(1, W4 - timedelta(minutes=45))
    second = a_heading(2, W4 + timedelta(hours=2))
    random = a_heading(3, datetime(2026, 3, 13, 1, 0, tzinfo=UTC))
    draft = a_heading(4, W18, State.DRAFT)
    failed = a_heading(5, W25, State.FAILED)

    told = march(off_hour, second, random, draft, failed)

    assert [planned.day.day for planned in told.planned if planned.is_gap] == [11, 18, 25]
    assert [planned.drafts for planned in told.planned] == [0, 0, 1, 0]
    assert told.planned[0].minutes_from_plan == -45
    assert [(stray.issue.id, stray.reason) for stray in told.strays] == [
        (second.id, "second_on_day"),
        (random.id, "day_not_planned"),
    ]
    assert (told.intervals.count, told.intervals.shortest_hours, told.intervals.median_hours) == (2, 2, 2)


def test_the_longest_gap_reaches_over_the_edges_of_the_month() -> None:
    told = march(a_heading(1, W11), last_before=LAST_OF_FEBRUARY)
    _, after = month_bounds("2026-03")

    assert told.longest_gap is not None
    assert (told.longest_gap.since, told.longest_gap.until) == (W11, day_start(after))
    assert told.longest_gap.hours == 20 * 24 + 4  # to midnight of 1 April in Shanghai


def test_the_running_month_is_silent_only_up_to_now() -> None:
    told = march(a_heading(1, W4), now=W4 + timedelta(days=3, minutes=59))

    assert told.longest_gap is not None
    assert told.longest_gap.hours == 72
    assert [planned.is_past for planned in told.planned] == [True, False, False, False]


def test_a_month_without_any_issue_is_one_gap_from_its_first_day() -> None:
    told = march()

    assert told.intervals.count == 0
    assert told.intervals.median_hours is None
    assert told.longest_gap is not None
    assert told.longest_gap.hours == 31 * 24


def test_a_month_yet_to_come_has_no_silence() -> None:
    assert march(now=MONDAY - timedelta(days=20)).longest_gap is None


def test_a_leap_february_is_a_day_longer() -> None:
    now = datetime(2024, 3, 10, tzinfo=UTC)

    lengths = {
        month: report(month, [], [], None, now=at, cadence=CADENCE).longest_gap
        for month, at in (("2024-02", now), ("2026-02", AFTER_MARCH))
    }

    assert [gap.hours for gap in lengths.values() if gap] == [29 * 24, 28 * 24]


APRIL = [datetime(2026, 4, day, 12, 0, tzinfo=UTC) for day in (1, 8, 15, 22, 29)]


def april(*headings: Heading, now: datetime = MONDAY) -> Report:
    return report("2026-04", headings, [], None, now=now, cadence=CADENCE)


def suggested(told: Report) -> list[str | None]:
    return [planned.suggested_channel for planned in told.planned]


def test_a_fifth_week_is_suggested_without_push() -> None:
    told = april()

    assert suggested(told) == [PUSHED, PUSHED, PUSHED, PUSHED, PAGE]
    assert (told.pushes.planned, told.pushes.left) == (0, 4)


def test_only_what_is_sent_to_all_counts_against_the_four_of_a_month() -> None:
    pushed = [a_heading(n, at, channel=PUSHED) for n, at in enumerate(APRIL[:2])]
    page, outbox = a_heading(3, APRIL[2], channel=PAGE), a_heading(4, APRIL[2] + timedelta(days=1))
    failed = a_heading(5, APRIL[3], State.FAILED, channel=PUSHED)
    draft = a_heading(6, APRIL[4], State.DRAFT, channel=PUSHED)

    told = april(*pushed, page, outbox, failed, draft, now=APRIL[2])

    assert (told.pushes.planned, told.pushes.left, told.pushes.over) == (2, 2, ())
    assert suggested(told) == [None, None, None, PUSHED, PUSHED]


def test_a_page_published_early_leaves_the_last_week_its_push() -> None:
    told = april(a_heading(1, APRIL[0], channel=PAGE), now=APRIL[0])

    assert suggested(told) == [None, PUSHED, PUSHED, PUSHED, PUSHED]


def test_a_stray_push_takes_one_of_the_four() -> None:
    told = april(a_heading(1, APRIL[0] + timedelta(days=2), channel=PUSHED), now=APRIL[0])

    assert suggested(told) == [None, PUSHED, PUSHED, PUSHED, PAGE]


def test_what_is_planned_beyond_the_four_is_named() -> None:
    told = april(*(a_heading(n, at, State.APPROVED, channel=PUSHED) for n, at in enumerate(APRIL)))

    answer = report_answer(told)["pushes"]

    assert (answer["most"], answer["planned"], answer["left"]) == (4, 5, 0)
    assert [one["id"] for one in answer["over"]] == [f"{4:016x}"]
    assert suggested(told) == [None] * 5


def test_the_last_evening_of_a_month_belongs_to_it_in_the_zone(table: PublishingTable) -> None:
    last_minute = datetime(2026, 3, 31, 15, 59, tzinfo=UTC)
    approved(table, "1" * 16, publish_at=last_minute)
    approved(table, "2" * 16, publish_at=last_minute + timedelta(minutes=1))

    assert [heading.id for heading in table.all_headings("2026-03")] == ["1" * 16]
    assert [heading.id for heading in table.all_headings("2026-04")] == ["2" * 16]


def test_the_report_reads_the_interval_that_crosses_into_the_month(table: PublishingTable) -> None:
    approved(table, "1" * 16, publish_at=LAST_OF_FEBRUARY)
    approved(table, "2" * 16, publish_at=W4)
    approved(table, "3" * 16, publish_at=W11)

    answer = report_answer(month_report(table, "2026-03", now=W11))

    assert answer["intervals"] == {
        "count": 2,
        "shortest_hours": 168,
        "median_hours": 168,
        "longest_hours": 168,
        "shortest_days": 7,
        "median_days": 7,
        "longest_days": 7,
    }
    assert answer["gaps"] == [{"day": "2026-03-18", "is_past": False}, {"day": "2026-03-25", "is_past": False}]
    assert answer["cadence"] == {
        "weekdays": [3],
        "hour": 20,
        "zone": "Asia/Shanghai",
        "ahead_days": 2,
        "most_pushes": 4,
    }
    assert answer["pushes"] == {"most": 4, "planned": 0, "left": 4, "over": []}
    assert [planned["suggested_channel"] for planned in answer["planned"]] == [None, None, PUSHED, PUSHED]
