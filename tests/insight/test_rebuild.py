"""The daybook made again from the journal: equal where it stood, put right where it did not."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from chalicelib.insight.items import day_key, line_item
from chalicelib.insight.milestones import Done
from chalicelib.insight.stage_items import Kept, row_item
from chalicelib.insight.stages import Counts
from chalicelib.programme.table import forget, open_programme
from chalicelib.runtime.dynamo import encode_item
from local import rebuild as tool
from local.rebuild import rebuild
from tests.insight.builders import a_line
from tests.insight.conftest import Books, document
from tests.ledger.builders import NOW, TODAY_ON, a_cause, a_redemption, an_earn

A_DAY = timedelta(days=1)
LATER = datetime(2026, 11, 25, 2, 0, tzinfo=UTC)


@pytest.fixture
def filled(books: Books, monkeypatch: pytest.MonkeyPatch) -> Books:
    """Three days of two members, recorded and summed."""
    for number in range(6):
        posted_at = NOW + number // 2 * A_DAY
        books.post(an_earn(50, cause=a_cause(id=f"o{number}")), at=posted_at, member_id=f"m{number % 2}")
    books.post(a_redemption(30), at=NOW + 2 * A_DAY, member_id="m0")
    books.record()
    books.stage.now = LATER
    monkeypatch.setattr(tool, "utc_now", lambda: LATER)
    books.night(datetime(2026, 11, 24, 16, 50, tzinfo=UTC))
    return books


@pytest.mark.parametrize("segments", [1, 4])
def test_what_stands_equals_what_is_rebuilt(filled: Books, segments: int) -> None:
    before = filled.rows()

    report = rebuild(segments)

    assert report.is_equal, report.found
    assert (report.read["entries"], report.read["lines"], report.read["days"]) == (7, 7, 3)
    assert report.read["milestones"] == 2
    assert filled.rows() == before


def test_a_lost_daybook_comes_back_whole_and_the_second_time_nothing_is_left_to_do(filled: Books) -> None:
    before = filled.rows()
    filled.table.remove([*filled.rows(), *[{"pk": "DAYS", "sk": mark.on.isoformat()} for mark in filled.table.marks()]])
    assert filled.rows() == []

    first, second = rebuild(1), rebuild(1)

    assert first.found["lines that were missing"] == 7
    assert first.found["totals of days that were missing"] == 3
    assert second.is_equal
    assert filled.rows() == before


def test_altered_lines_strays_and_totals_are_put_right_and_named(filled: Books) -> None:
    before = filled.rows()
    line = filled.lines(TODAY_ON)[0]
    filled.table.put_lines([line._replace(points=999, buckets={"zzzc": 999})])
    filled.table.put_lines([a_line(5, member_id="ghost"), line._replace(posted_on=date(2026, 11, 20))])
    day = filled.table.day(TODAY_ON + A_DAY)
    assert day is not None
    filled.table.put_day(day._replace(changes=day.changes._replace(entries=77)))
    filled.table.put_day(day._replace(on=date(2026, 10, 1)))
    filled.table.mark(date(2026, 10, 1), "what no line has made")

    report = rebuild(1)

    assert {what: count for what, count in report.found.items() if count} == {
        "lines that said something else": 1,
        "lines without an entry": 2,
        "totals of days that are none": 1,
        "totals of days that said something else": 1,
    }
    assert filled.rows() == before
    assert rebuild(1).is_equal


def test_an_entry_that_was_just_posted_is_no_difference(filled: Books) -> None:
    filled.post(an_earn(1, cause=a_cause(id="new")), at=LATER)

    assert rebuild(1).is_equal
    assert len(filled.lines(date(2026, 11, 25))) == 1


def test_cut_off_in_its_midst_it_goes_on(filled: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    before = filled.rows()
    filled.table.remove(filled.rows())
    with monkeypatch.context() as patched:
        patched.setattr(tool, "close_days", lambda *_given, **_named: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            rebuild(1)

    rebuild(1)

    assert filled.rows() == before


def test_an_entry_that_cannot_be_read_is_named_and_the_rest_goes_on(filled: Books) -> None:
    filled.post(an_earn(5, cause=a_cause(id="odd"), bucket="", rule="no_such_rule"), at=NOW + 2 * A_DAY)

    report = rebuild(1)

    assert {what: count for what, count in report.found.items() if count} == {"entries that cannot be read": 1}


def test_a_line_is_compared_as_it_is_stored(filled: Books) -> None:
    line = filled.lines(TODAY_ON)[0]
    key = {name: line_item(line)[name] for name in ("pk", "sk")}

    stored = filled.table.dynamo.get_item(TableName=filled.table.name, Key=encode_item(key))["Item"]

    assert stored == encode_item(line_item(line))
    assert filled.table.standing([day_key(TODAY_ON)])


def test_milestones_that_say_too_much_too_little_or_are_nobodys_are_put_right_and_named(filled: Books) -> None:
    stages = filled.table.stages
    before = {one: kept.milestones for one, kept in stages.rows(["m0", "m1"]).items()}
    assert len(before["m0"].activities["order"]) == 3
    one, other = (stages.rows([name])[name] for name in ("m0", "m1"))
    invented = {"order": (*one.milestones.activities["order"], Done(TODAY_ON, 99))}
    assert stages.put_row("m0", one.milestones._replace(activities=invented, levels={"gold": TODAY_ON}), one)
    assert stages.put_row("m1", other.milestones._replace(activities={}, first_on=None), other)
    assert stages.put_row("ghost", other.milestones, Kept())
    elsewhere = {**row_item("m0", one), "pk": "F#15" if row_item("m0", one)["pk"] == "F#14" else "F#14"}
    stages.dynamo.put_item(TableName=stages.name, Item=encode_item(elsewhere))

    report = rebuild(1)

    assert {what: count for what, count in report.found.items() if count} == {
        "milestones that lacked something": 1,
        "milestones that said something else": 1,
        "milestones without an entry": 2,
    }
    found = stages.rows(["m0", "m1", "ghost"])
    assert {name: kept.milestones for name, kept in found.items()} == before
    assert rebuild(1).is_equal


def test_a_lost_report_of_stages_and_a_doctored_one_are_named_and_made_again(filled: Books) -> None:
    stages = filled.table.stages
    before = stages.report()
    assert before is not None
    assert (before.on, before.members, before.strangers) == (date(2026, 11, 24), 2, 0)
    first, *others = before.stages
    stages.put_report(before._replace(stages=(first._replace(counts=Counts(9)), *others)))
    doctored = rebuild(1)
    filled.table.remove([{"pk": "STAGES", "sk": "NOW"}])
    lost = rebuild(1)

    assert doctored.found["reports of stages that said something else"] == 1
    assert lost.found["reports of stages that were missing"] == 1
    assert stages.report() == before._replace(counted_at=LATER)
    assert rebuild(1).is_equal


def test_what_happened_since_the_night_makes_the_report_new_and_is_no_difference(filled: Books) -> None:
    filled.post(an_earn(1, cause=a_cause(id="paid-before")), at=LATER - timedelta(hours=1), member_id="m9")
    filled.record()

    assert rebuild(1).is_equal
    report = filled.table.stages.report()
    assert report is not None
    assert report.members == 3


def test_a_programme_without_stages_has_no_report_to_miss(filled: Books) -> None:
    filled.table.remove([{"pk": "STAGES", "sk": "NOW"}])
    open_programme().put_version(2, {**document(), "stages": None}, NOW, "test", NOW)
    forget()

    assert rebuild(1).is_equal
    assert filled.table.stages.report() is None


def test_on_its_first_day_a_stage_misses_no_totals_and_no_report(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    books.post(an_earn(50, cause=a_cause(id="o1")), at=NOW, member_id="m1")
    books.record()
    monkeypatch.setattr(tool, "utc_now", lambda: NOW)

    report = rebuild(1)

    assert report.is_equal, report.found
    assert report.read["lines"] == 1
