"""Pausing a rule: at once, as an interval, once however often, kept with who and why."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from chalicelib.errors import Code, JifenError
from chalicelib.programme import items
from chalicelib.programme.book import Interval, Pause, paused_at
from chalicelib.programme.pause import pause_rule, resume_rule
from chalicelib.programme.table import ProgrammeTable
from tests.programme.builders import demo_document
from tests.programme.published import NOON, all_items, open_table, published

HOUR = timedelta(hours=1)


@pytest.fixture
def table() -> Iterator[ProgrammeTable]:
    with open_table() as opened:
        published(opened)
        yield opened


def pause(table: ProgrammeTable, now: datetime = NOON, **given: Any) -> Any:
    return pause_rule(table, given.pop("rule", "review"), **{"reason": "刷分", "by": "s1", "now": now, **given})


def resume(table: ProgrammeTable, now: datetime, **given: Any) -> Any:
    return resume_rule(table, given.pop("rule", "review"), **{"reason": "已修复", "by": "s2", "now": now, **given})


def paused(table: ProgrammeTable, instant: datetime) -> frozenset[str]:
    terms = table.book(NOON + timedelta(days=9)).at(instant)
    assert terms is not None
    return terms.paused


def test_a_pause_holds_from_its_instant_and_a_resumption_ends_it(table: ProgrammeTable) -> None:
    pause(table)
    resume(table, NOON + HOUR)

    moment = timedelta(milliseconds=1)
    assert paused(table, NOON - moment) == frozenset()
    assert paused(table, NOON) == {"review"}
    assert paused(table, NOON + HOUR - moment) == {"review"}
    assert paused(table, NOON + HOUR) == frozenset()


def test_a_pause_needs_no_query_of_its_own(table: ProgrammeTable) -> None:
    pause(table)
    table.dynamo.calls.clear()

    book = table.book(NOON)

    assert book.pauses[0].is_paused
    assert table.dynamo.calls == ["query"] * 2  # the partition, and the one document


def test_paused_terms_are_the_same_object_while_the_book_lasts(table: ProgrammeTable) -> None:
    pause(table)
    book = table.book(NOON)

    assert book.at(NOON) is book.at(NOON + HOUR)


def test_a_pause_outlasts_a_new_version(table: ProgrammeTable) -> None:
    pause(table)

    done = published(table, 2, {"name": "新"}, effective_from=NOON + HOUR, now=NOON + HOUR)

    assert paused(table, NOON + 2 * HOUR) == {"review"}
    assert [(one["path"], one["code"]) for one in done.warnings if one["code"] == "rule_paused"] == [
        ("rules.2", "rule_paused")
    ]


def test_a_refund_of_before_is_not_touched_by_a_pause(table: ProgrammeTable) -> None:
    pause(table)

    assert table.book(NOON).version(1).paused == frozenset()


def test_pausing_again_changes_nothing_and_names_the_first(table: ProgrammeTable) -> None:
    pause(table)
    before = all_items(table)

    again = pause(table, NOON + HOUR, by="s9", reason="又一次")

    assert (again.replayed, again.pause.by, again.pause.reason) == (True, "s1", "刷分")
    assert all_items(table) == before


def test_resuming_what_was_never_paused_changes_nothing(table: ProgrammeTable) -> None:
    before = all_items(table)

    assert resume(table, NOON) == (None, True)
    assert all_items(table) == before


@pytest.mark.parametrize("change", [pause, resume])
def test_a_rule_that_no_version_has_is_refused(table: ProgrammeTable, change: Any) -> None:
    with pytest.raises(JifenError) as refused:
        change(table, NOON, rule="nowhere")

    assert refused.value.code is Code.RULE_NOT_FOUND


def test_a_task_is_paused_and_resumed_like_a_rule(table: ProgrammeTable) -> None:
    task = demo_document()["tasks"][0]
    done = published(table, 2, {"tasks": [task]}, effective_from=NOON, now=NOON)

    assert not done.warnings
    assert not pause(table, rule="three_orders").replayed
    assert paused(table, NOON) == {"three_orders"}
    again = published(table, 3, {"tasks": [task], "name": "新"}, effective_from=NOON + HOUR, now=NOON + HOUR)
    assert [(one["path"], one["code"]) for one in again.warnings] == [("tasks.0", "rule_paused")]
    assert not resume(table, NOON + HOUR, rule="three_orders").replayed
    assert paused(table, NOON + HOUR) == frozenset()


def test_a_rule_of_a_coming_version_can_be_paused_before_it_begins(table: ProgrammeTable) -> None:
    rule = {"rules.2.id": "review_2", "caps": [], "notice_days": 30}
    published(table, 2, rule, effective_from=NOON + timedelta(days=40))

    assert not pause(table, rule="review_2").replayed


def test_a_rule_that_a_new_version_dropped_can_still_be_resumed(table: ProgrammeTable) -> None:
    pause(table)
    published(table, 2, {"rules.2": None, "caps": []}, effective_from=NOON + timedelta(days=31))

    assert not resume(table, NOON + timedelta(days=60)).replayed


def test_a_late_retry_with_its_key_does_not_undo_what_came_after(table: ProgrammeTable) -> None:
    pause(table, key="click-1")
    resume(table, NOON + HOUR, key="click-1")

    retry = pause(table, NOON + 2 * HOUR, key="click-1")
    anew = pause(table, NOON + 3 * HOUR, key="click-2")

    assert retry.replayed
    assert not retry.pause.is_paused
    assert not anew.replayed
    assert anew.pause.is_paused


def test_of_two_pauses_at_once_one_is_kept_and_the_other_finds_it(
    table: ProgrammeTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_pause = ProgrammeTable.save_pause

    def overtaken(self: ProgrammeTable, *given: Any, **named: Any) -> None:
        monkeypatch.setattr(ProgrammeTable, "save_pause", save_pause)
        pause(table, by="s7")
        save_pause(self, *given, **named)

    monkeypatch.setattr(ProgrammeTable, "save_pause", overtaken)
    done = pause(table)

    assert (done.replayed, done.pause.by) == (True, "s7")
    assert len(table.pause_lines(below="~", limit=9)) == 1


def test_a_rule_that_others_change_all_the_time_is_busy(table: ProgrammeTable, monkeypatch: pytest.MonkeyPatch) -> None:
    def taken(*_given: Any, **_named: Any) -> None:
        raise JifenError(Code.VERSION_TAKEN)

    monkeypatch.setattr(ProgrammeTable, "save_pause", taken)
    with pytest.raises(JifenError) as refused:
        pause(table)

    assert refused.value.code is Code.BUSY


def test_the_history_says_who_when_and_why_newest_first(table: ProgrammeTable) -> None:
    pause(table)
    resume(table, NOON + HOUR)
    pause(table, NOON + HOUR, reason="还是不对")

    lines = table.pause_lines(below="~", limit=2)
    rest = table.pause_lines(below=items.pause_line_sk(lines[-1]), limit=2)

    assert [(line.action, line.by, line.reason) for line in lines] == [
        ("pause", "s1", "还是不对"),
        ("resume", "s2", "已修复"),
    ]
    assert [(line.action, line.at) for line in rest] == [("pause", NOON)]


def test_a_clock_that_is_behind_keeps_the_intervals_in_order(table: ProgrammeTable) -> None:
    pause(table)
    resume(table, NOON - HOUR)
    again = pause(table, NOON - 2 * HOUR)

    assert again.pause.intervals == (Interval(NOON, NOON), Interval(NOON))


def test_only_the_newest_intervals_of_a_rule_are_kept_for_decisions() -> None:
    many = tuple(Interval(NOON + place * HOUR, NOON + place * HOUR) for place in range(items.KEPT_INTERVALS + 3))
    pause = Pause("review", 9, many, "s1", "", NOON)

    kept = items.pause_of(items.pause_item(pause))

    assert kept.intervals == many[3:]
    assert paused_at([kept], NOON) == frozenset()
