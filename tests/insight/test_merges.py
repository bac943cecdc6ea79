"""A merge in the books: it comes to nothing, keeps its classes, and leaves one member where two were counted."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.insight.close_days import close_days
from chalicelib.insight.close_month import close_month
from chalicelib.insight.milestones import NOTHING, Done, Milestones, joined, taken_in
from chalicelib.insight.model import problems_of
from chalicelib.insight.stage_items import Kept, row_item, row_of
from chalicelib.insight.stages import Tally
from chalicelib.ledger.hold import capture, hold
from chalicelib.ledger.pending import activate_due
from chalicelib.ledger.release import release
from chalicelib.programme.document import read_programme
from chalicelib.programme.table import terms_book
from local import rebuild as tool
from local.rebuild import rebuild
from tests.insight.builders import ON, a_line
from tests.insight.conftest import Books
from tests.ledger.builders import NOW, TERMS, TODAY_ON, a_cause, a_redemption, an_earn
from tests.ledger.merges import NEW, OLD, merge, wait
from tests.programme.builders import demo_document

A_DAY = timedelta(days=1)
LATER = datetime(2026, 11, 25, 2, 0, tzinfo=UTC)


@pytest.fixture
def merged(books: Books, monkeypatch: pytest.MonkeyPatch) -> Books:
    """Both members earned, the old one has pending and held points; then they are one, who spends all of it."""
    ledger = books.ledger
    for number, member_id in enumerate((OLD, NEW, OLD)):
        books.post(an_earn(50, cause=a_cause(id=f"o{number}")), member_id=member_id)
    key = wait(ledger, 20)
    for name, points in (("h1", 12), ("h2", 8)):
        given: dict[str, Any] = {"activity": "checkout", "actor": OLD, "ledger": ledger, "terms": TERMS, "now": NOW}
        hold(OLD, name, points, release_at=NOW + A_DAY, **given)
    merge(ledger)
    capture(NEW, "h1", 10, actor=NEW, ledger=ledger, terms=TERMS, now=NOW)
    release(OLD, "h2", actor=OLD, ledger=ledger, terms=TERMS, now=NOW)
    activate_due(OLD, key, ledger=ledger, terms=TERMS, now=NOW + A_DAY)
    books.post(a_redemption(160), at=NOW + A_DAY, member_id=OLD)
    books.stage.now = LATER
    monkeypatch.setattr(tool, "utc_now", lambda: LATER)
    return books


def summed(books: Books) -> None:
    books.night(datetime(2026, 11, 24, 16, 50, tzinfo=UTC))


def test_the_days_of_a_merge_add_up_by_class_and_its_transfers_to_nothing(merged: Books) -> None:
    merged.record()
    summed(merged)

    day, last = merged.table.day(TODAY_ON), merged.table.day(TODAY_ON + A_DAY)
    assert day
    assert last
    flows = day.changes.flows
    assert flows["transferred_in"] == {"ac": 80, "pc": 20, "hc": 20}
    assert flows["transferred_out"] == {column: -points for column, points in flows["transferred_in"].items()}
    assert (day.closing.pending, day.closing.held, last.closing.pending, last.closing.held) == ({"c": 20}, {}, {}, {})
    assert sum(last.closing.buckets.values()) == 0
    assert (problems_of(day.closing, last), day.changes.problems) == ((), frozenset())


def test_the_month_of_a_merge_closes_and_its_transfers_come_to_nothing(merged: Books) -> None:
    merged.record()
    third = datetime(2026, 12, 3, 4, 0, tzinfo=UTC)
    close_days(merged.table, third.date())

    done = close_month(merged.table, "2026-11", by="s1", book=terms_book(), now=third, zone="Asia/Shanghai")

    flows = done.closed.statement.flows
    assert sum(flows["transferred_in"].values()) == 120
    assert sum(flows["transferred_out"].values()) == -120
    assert (done.closed.statement.closing.pending, done.closed.statement.closing.held) == ({}, {})


def test_a_rebuild_of_the_books_of_a_merge_finds_nothing(merged: Books) -> None:
    merged.record()
    summed(merged)

    report = rebuild(1)

    assert report.is_equal, report.found
    assert report.read["milestones"] == 2


def test_a_lost_daybook_comes_back_with_the_survivors_milestones(merged: Books) -> None:
    merged.record()
    summed(merged)
    before = milestones(merged)
    gone = [row for row in merged.stage.rows() if row["pk"][:2] in ("D#", "T#", "F#")]
    merged.table.remove([*gone, *[{"pk": "DAYS", "sk": mark.on.isoformat()} for mark in merged.table.marks()]])

    rebuild(1)

    assert milestones(merged) == before
    assert rebuild(1).is_equal


def test_a_survivors_row_that_lost_or_made_up_what_the_closed_one_did_is_put_right_and_named(merged: Books) -> None:
    merged.record()
    summed(merged)
    before = milestones(merged)
    stages = merged.table.stages
    kept = stages.rows([NEW])[NEW]
    stages.put_row(NEW, kept.milestones._replace(activities={}), kept)

    lost = rebuild(1)
    kept = stages.rows([NEW])[NEW]
    stages.put_row(NEW, kept.milestones._replace(first_on=ON - 9 * A_DAY), kept)
    made_up = rebuild(1)

    assert lost.found["milestones that lacked something"] >= 1
    assert made_up.found["milestones that said something else"] == 1
    assert milestones(merged) == before


def milestones(books: Books) -> dict[str, Milestones]:
    return {member_id: kept.milestones for member_id, kept in books.table.stages.rows([OLD, NEW]).items()}


def test_the_survivors_milestones_are_those_of_both_and_the_closed_row_is_marked(merged: Books) -> None:
    merged.record()

    found = milestones(merged)
    assert len(found[NEW].activities["order"]) == 4
    assert found[NEW].spent_on == TODAY_ON
    assert found[OLD].merged_into == NEW
    assert merged.table.stages.row(OLD) == found[NEW]


def test_records_of_a_merge_that_come_late_twice_and_shuffled_make_the_same_rows(merged: Books) -> None:
    records = merged.records()
    merged.record(records)
    expected = milestones(merged)
    keys = [{"pk": row["pk"], "sk": row["sk"]} for row in merged.stage.rows() if row["pk"].startswith("F#")]

    for seed in range(4):
        merged.table.remove(keys)
        shuffled = records * 2
        random.Random(seed).shuffle(shuffled)
        for record in shuffled:
            merged.record([record])

        assert milestones(merged) == expected


def test_times_of_one_number_on_one_day_in_both_journals_are_two() -> None:
    own = joined(NOTHING, [a_line(5)])

    together = taken_in(own, "m2", own)

    assert len(together.activities["order"]) == 2
    assert taken_in(together, "m2", own) == together


def test_three_rows_in_a_chain_count_each_time_once() -> None:
    first, second = joined(NOTHING, [a_line(5)]), joined(NOTHING, [a_line(5)])
    at_once = taken_in(taken_in(NOTHING, "m2", second), "m2", taken_in(second, "m3", first))

    again = taken_in(at_once, "m2", taken_in(second, "m3", first))

    assert again == at_once
    assert len(again.activities["order"]) == 2


def test_a_row_that_went_into_another_is_stored_so_and_no_longer_counted() -> None:
    row = Milestones(ON, ON, None, {}, {"order": (Done(ON, 1),)}, merged_into="m1")
    programme = read_programme(demo_document())
    assert programme.stages
    tally = Tally(programme, programme.stages, ON)

    tally.add(row)
    tally.add(row._replace(merged_into=""))

    assert row_of(row_item("m2", Kept(row, 3))) == Kept(row, 3)
    assert tally.known == 1
