"""How far members have come: dates of passing, and counts that are always all of those who entered."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.insight.breakage import months_on
from chalicelib.insight.milestones import Done, Milestones
from chalicelib.insight.progress import progress_of
from chalicelib.insight.stage_items import report_item, report_of
from chalicelib.insight.stages import EARLIER, Counts, StageReport, Tally, lower_median, passed_on
from chalicelib.programme.document import read_programme
from chalicelib.programme.model import Programme
from tests.programme.builders import demo_document

A_DAY = timedelta(days=1)
ON = date(2026, 11, 30)
COUNTED_AT = datetime(2026, 11, 30, 16, 50, tzinfo=UTC)
STRANGER, NEWCOMER, FIRST_BUYER, LOYAL, SUPER = range(5)


@pytest.fixture(scope="module")
def demo() -> Programme:
    """Known, registered, one order, three orders, diamond."""
    return read_programme(demo_document())


def back(days: int) -> date:
    return ON - days * A_DAY


def a_row(orders: tuple[int, ...] = (), *, registered: int | None = None, **given: Any) -> Milestones:
    """A member with orders, and a registration, so many days ago."""
    activities = {"order": tuple(sorted(Done(back(days), number) for number, days in enumerate(orders, 2)))}
    if registered is not None:
        activities["register"] = (Done(back(registered), 1),)
    dates = [one.on for done in activities.values() for one in done]
    values = {
        "first_on": min(dates, default=ON),
        "active_on": max(dates, default=None),
        "activities": {name: done for name, done in activities.items() if done},
    }
    return Milestones(**{**values, **given})


def passed(row: Milestones, programme: Programme, until: date = date.max) -> list[int | None]:
    """Days ago of each stage."""
    return [None if on is None else (ON - on).days for on in passed_on(row, programme, until)]


def counted(programme: Programme, *rows: Milestones, on: date = ON) -> StageReport:
    assert programme.stages is not None
    tally = Tally(programme, programme.stages, on)
    for row in rows:
        tally.add(row)
    return tally.report(COUNTED_AT, 1)


def counts(report: StageReport, place: int) -> tuple[int, int, int, int]:
    found = report.stages[place].counts
    return found.entered, found.moved_on, found.lost, found.staying


def test_each_stage_is_passed_on_its_own_date(demo: Programme) -> None:
    row = a_row((20, 15, 8), registered=30, first_on=back(40), levels={"gold": back(12), "diamond": back(3)})

    assert passed(row, demo) == [40, 30, 20, 8, 3]


def test_a_stage_that_was_skipped_is_passed_with_the_one_after_it(demo: Programme) -> None:
    unregistered = a_row((20,), first_on=back(40))
    late = a_row((20,), registered=10)
    at_once_diamond = a_row((20,), registered=30, levels={"diamond": back(20)})

    assert passed(unregistered, demo) == [40, 20, 20, None, None]
    assert passed(late, demo) == [20, 20, 20, None, None]
    assert passed(at_once_diamond, demo) == [30, 30, 20, 20, 20]


def test_a_level_that_fell_again_leaves_the_stage_as_far_as_it_came(demo: Programme) -> None:
    fell = a_row(registered=300, levels={"diamond": back(200), "platinum": back(50), "gold": back(20), "normal": ON})

    assert passed(fell, demo)[SUPER] == 200
    assert passed(a_row(registered=300, levels={"platinum": back(50)}), demo)[SUPER] is None


def test_a_higher_level_than_the_one_asked_for_is_enough(demo: Programme) -> None:
    document = demo_document()
    document["stages"]["stages"][-1]["reach"]["level"] = "gold"

    assert passed(a_row(registered=9, levels={"platinum": back(5)}), read_programme(document))[SUPER] == 5


def test_the_third_order_counts_by_when_it_occurred_not_when_it_was_told(demo: Programme) -> None:
    told_late = a_row((20, 5, 12))

    assert passed(told_late, demo)[LOYAL] == 5
    assert passed(a_row((20, 5)), demo)[LOYAL] is None


def test_what_comes_after_the_day_is_not_counted_yet(demo: Programme) -> None:
    row = a_row((0,), registered=5)

    assert passed(row, demo, until=back(1)) == [5, 5, None, None, None]
    today_only = counted(demo, a_row((0,)), on=back(1))
    assert (counts(today_only, STRANGER), today_only.strangers) == ((0, 0, 0, 0), 0)


def test_each_who_entered_has_moved_on_or_is_lost_or_is_staying(demo: Programme) -> None:
    rows = [
        a_row(registered=200),
        a_row(registered=10),
        a_row((5,), registered=10),
        a_row((180, 170, 160), registered=200, levels={"diamond": back(150)}),
        a_row(first_on=back(29)),
        a_row(first_on=back(30)),
    ]
    report = counted(demo, *rows)

    assert counts(report, STRANGER) == (6, 4, 1, 1)
    assert counts(report, NEWCOMER) == (4, 2, 1, 1)
    assert counts(report, FIRST_BUYER) == (2, 1, 0, 1)
    assert counts(report, LOYAL) == (1, 1, 0, 0)
    assert counts(report, SUPER) == (1, 0, 0, 1)
    assert (report.members, report.strangers) == (4, 2)


@pytest.mark.parametrize(("days", "is_lost"), [(89, False), (90, True), (91, True)])
def test_lost_is_who_did_nothing_for_so_many_whole_days(demo: Programme, days: int, is_lost: bool) -> None:
    report = counted(demo, a_row((days,), registered=300))

    assert counts(report, FIRST_BUYER) == (1, 0, int(is_lost), int(not is_lost))


def test_who_comes_back_is_lost_no_longer_and_who_moved_on_never_was(demo: Programme) -> None:
    gone = a_row((200,), registered=300)
    back_again = gone._replace(active_on=back(2))
    bought_again = a_row((200, 100, 99), registered=300)

    assert counts(counted(demo, gone), FIRST_BUYER) == (1, 0, 1, 0)
    assert counts(counted(demo, back_again), FIRST_BUYER) == (1, 0, 0, 1)
    assert counts(counted(demo, bought_again), FIRST_BUYER) == (1, 1, 0, 0)


def test_who_never_did_anything_himself_is_counted_from_when_he_was_first_known(demo: Programme) -> None:
    assert counts(counted(demo, Milestones(first_on=back(30))), STRANGER)[2] == 1
    assert counts(counted(demo, Milestones(first_on=back(29))), STRANGER)[2] == 0


def test_entering_on_the_last_day_of_a_month_is_of_that_month(demo: Programme) -> None:
    report = counted(demo, a_row(registered=0), a_row(registered=30), a_row(registered=29))

    assert report.stages[NEWCOMER].intakes == {"2026-10": Counts(1), "2026-11": Counts(2)}


def test_twelve_months_of_entering_are_told_apart_and_all_before_are_one(demo: Programme) -> None:
    rows = [a_row(registered=(ON - date(2025, month, 15)).days) for month in (1, 11, 12)]
    report = counted(demo, *rows, a_row(registered=0))

    assert list(report.stages[NEWCOMER].intakes) == [EARLIER, "2025-12", "2026-11"]
    assert report.stages[NEWCOMER].intakes[EARLIER].entered == 2


@pytest.mark.parametrize(("days", "median"), [((), None), ((4,), 4), ((1, 9), 1), ((9, 2, 2, 30, 3), 3), ((0, 0), 0)])
def test_the_lower_median_is_a_number_of_days_somebody_took(days: tuple[int, ...], median: int | None) -> None:
    assert lower_median({value: days.count(value) for value in days}) == median


def test_a_report_of_nobody_has_no_shares(demo: Programme) -> None:
    report = counted(demo)

    assert [one.counts for one in report.stages] == [Counts()] * 5
    assert Counts().share_bp(0) is None
    assert Counts(3, 1).share_bp(1) == 3333


@st.composite
def rows(draw: st.DrawFn) -> Milestones:
    def days() -> st.SearchStrategy[int]:
        return st.integers(0, 500)

    orders = tuple(draw(st.lists(days(), max_size=5)))
    registered = draw(st.none() | days())
    levels = draw(st.dictionaries(st.sampled_from(["gold", "platinum", "diamond"]), days().map(back)))
    return a_row(orders, registered=registered, levels=levels)


@given(st.lists(rows(), max_size=30), st.randoms(use_true_random=False))
def test_the_counts_close_in_all_and_by_month_for_any_members_in_any_order(
    members: list[Milestones], chance: random.Random
) -> None:
    programme = read_programme(demo_document())
    report = counted(programme, *members)
    chance.shuffle(members)

    assert counted(programme, *members) == report
    assert report_of(report_item(report)) == report
    for stage, following in zip(report.stages, (*report.stages[1:], None), strict=True):
        every = [stage.counts, *stage.intakes.values()]
        assert all(min(one) >= 0 and one.staying >= 0 for one in every)
        for part in range(3):
            assert sum(one[part] for one in stage.intakes.values()) == stage.counts[part]
        assert stage.counts.moved_on == (following.counts.entered if following else 0)
        assert all(not month or months_on("2026-11", -11) <= month <= "2026-11" for month in stage.intakes)
    assert report.members == report.stages[NEWCOMER].counts.entered
    assert report.members + report.strangers == report.stages[STRANGER].counts.entered


@pytest.mark.parametrize(
    ("row", "stage", "text", "done"),
    [
        (Milestones(), "stranger", "再完成1次注册", 0),
        (a_row(registered=3), "newcomer", "再下1单", 0),
        (a_row((2,), registered=3), "first_buyer", "再下2单", 1),
        (a_row((2, 1), registered=3), "first_buyer", "再下1单", 2),
        (a_row((2, 1, 1), registered=3), "loyal", "升到钻石等级", 0),
    ],
)
def test_what_is_missing_for_the_next_stage_is_said_in_words(
    demo: Programme, row: Milestones, stage: str, text: str, done: int
) -> None:
    shown = progress_of(row, demo)

    assert shown is not None
    assert shown.following is not None
    assert (shown.stage.id, shown.following.text, shown.following.done) == (stage, text, done)
    assert shown.is_member == (stage != "stranger")


def test_at_the_last_stage_nothing_follows_and_without_stages_there_is_none(demo: Programme) -> None:
    shown = progress_of(a_row(registered=3, levels={"diamond": ON}), demo)

    assert shown is not None
    assert (shown.stage.id, shown.since_on, shown.following) == ("super", ON, None)
    assert progress_of(Milestones(), read_programme({**demo_document(), "stages": None})) is None


def test_check_ins_and_a_first_redemption_may_lead_on_too() -> None:
    document = demo_document()
    _, second, third, *_ = document["stages"]["stages"]
    second["reach"] = {"kind": "activity", "activity": "check_in", "times": 7}
    third["reach"] = {"kind": "spent"}
    programme = read_programme(document)
    checked = Milestones(
        first_on=back(9), activities={"check_in": tuple(Done(back(day), day) for day in range(9, 2, -1))}
    )

    texts = [
        shown.following.text
        for row in (Milestones(), checked)
        if (shown := progress_of(row, programme)) and shown.following
    ]
    assert texts == ["再签到7次", "首次使用积分"]
    assert passed(checked._replace(spent_on=back(1)), programme)[:3] == [9, 3, 1]
