"""The night over a real daybook: late, doubled and missing lines, and the chain of closings."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta

import pytest

from chalicelib.insight.close_days import close_days
from chalicelib.insight.model import Day
from chalicelib.ledger.commands import Receive, Redeem
from chalicelib.ledger.model import Kind
from chalicelib.programme.table import forget, open_programme
from tests.insight.builders import C, a_line
from tests.insight.conftest import Books, document
from tests.ledger.builders import NOW, TODAY_ON, a_cause, a_redemption, an_earn

A_DAY = timedelta(days=1)
NIGHT = datetime(2026, 11, 22, 16, 50, tzinfo=UTC)
"""00:50 on 2026-11-23 in Shanghai."""


def total(books: Books, on: date) -> Day:
    day = books.table.day(on)
    assert day is not None
    return day


def earn(books: Books, number: int, points: int, *, days: int = 0, member_id: str = "m1") -> None:
    books.post(an_earn(points, cause=a_cause(id=f"tmall#{number}")), at=NOW + days * A_DAY, member_id=member_id)


def test_the_night_sums_yesterday_and_nothing_of_today(books: Books) -> None:
    earn(books, 1, 100)
    earn(books, 2, 7, days=1)
    books.record()
    books.night(NIGHT)

    assert total(books, TODAY_ON).closing.points == 100
    assert books.table.day(TODAY_ON + A_DAY) is None


def test_a_night_again_changes_nothing(books: Books) -> None:
    earn(books, 1, 100)
    books.record()
    books.night(NIGHT)
    before = books.rows()

    done = close_days(books.table, TODAY_ON + A_DAY)

    assert (done.changed, done.wrong) == ((), ())
    assert books.rows() == before


def test_days_without_entries_have_totals_as_well(books: Books) -> None:
    earn(books, 1, 100)
    earn(books, 2, 5, days=4)
    books.record()
    books.night(NIGHT + 5 * A_DAY)

    days = books.table.days(TODAY_ON, TODAY_ON + 9 * A_DAY)
    assert [(day.changes.entries, day.closing.points) for day in days] == [
        (1, 100), (0, 100), (0, 100), (0, 100), (1, 105), (0, 105),
    ]  # fmt: skip


def test_a_record_that_comes_late_is_summed_and_the_closings_after_it_are_set_anew(books: Books) -> None:
    earn(books, 1, 100)
    earn(books, 2, 40, member_id="m2")
    earn(books, 3, 5, days=9)
    first, late, last = books.records()
    books.record([first, last])
    books.night(NIGHT + 10 * A_DAY)
    assert total(books, TODAY_ON + 9 * A_DAY).closing.points == 105

    books.record([late])
    done = close_days(books.table, TODAY_ON + 11 * A_DAY)

    assert total(books, TODAY_ON).closing.points == 140
    assert total(books, TODAY_ON + 9 * A_DAY).closing.points == 145
    assert len(done.changed) == 11
    assert done.wrong == ()


def test_a_day_before_all_others_makes_the_chain_longer(books: Books) -> None:
    earn(books, 1, 100)
    earn(books, 2, 40, days=-5, member_id="m2")
    books.record(books.records()[:1])
    books.night(NIGHT)
    books.record()
    books.night(NIGHT)

    assert [day.closing.points for day in books.table.days(TODAY_ON - 9 * A_DAY, TODAY_ON)] == [40] * 5 + [140]


@pytest.mark.parametrize("seed", range(3))
def test_any_delivery_with_nights_between_ends_in_the_same_table(books: Books, seed: int) -> None:
    for number in range(8):
        earn(books, number, 10 + number, days=number // 2, member_id=f"m{number % 3}")
    records = books.records()
    books.record(records)
    books.night(NIGHT + 4 * A_DAY)
    expected = books.rows()
    books.table.remove(books.rows())
    books.table.remove([{"pk": "DAYS", "sk": (TODAY_ON + n * A_DAY).isoformat()} for n in range(5)])
    given = records * 2
    random.Random(seed).shuffle(given)

    for start in range(0, len(given), 5):
        books.record(given[start : start + 5])
        books.night(NIGHT + (start % 3 + 1) * A_DAY)
    books.night(NIGHT + 4 * A_DAY)

    assert books.rows() == expected


def test_a_missing_line_is_logged_and_forgotten_once_it_came(books: Books, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(3):
        earn(books, number, 10, days=number)
    first, missing, last = books.records()
    books.record([first, last])
    done = close_days(books.table, TODAY_ON + 3 * A_DAY)
    assert done.wrong == (TODAY_ON, TODAY_ON + A_DAY, TODAY_ON + 2 * A_DAY)
    assert '"problems":"gap"' in caplog.text
    assert '"event":"totals_incomplete"' in caplog.text

    books.record([missing])
    done = close_days(books.table, TODAY_ON + 30 * A_DAY)

    assert done.wrong == ()
    assert [mark.problems for mark in books.table.marks()] == [()] * 30


def test_a_gap_stays_a_problem_of_its_own_days_only(books: Books) -> None:
    for number in range(3):
        earn(books, number, 10)
    earn(books, 4, 10, days=6)
    records = books.records()
    books.record([records[0], *records[2:]])
    for days in range(1, 9):
        books.night(NIGHT + days * A_DAY)

    assert [mark.on for mark in books.table.marks() if mark.problems] == [TODAY_ON]


def test_one_side_of_a_transfer_alone_is_a_problem(books: Books) -> None:
    cause = a_cause(Kind.TRANSFER, "t1", activity="transfer")
    books.post(an_earn(50), Redeem(cause, 20, 1, credit="other_member"))
    given = books.records()
    books.post(Receive(cause, {C: 20}, 1), member_id="m2")
    books.record(given)
    assert close_days(books.table, TODAY_ON + A_DAY).wrong == (TODAY_ON,)

    books.record()

    assert close_days(books.table, TODAY_ON + A_DAY).wrong == ()
    assert total(books, TODAY_ON).closing.points == 50


def test_a_night_that_runs_out_of_time_says_so_and_the_next_goes_on(books: Books) -> None:
    earn(books, 1, 100)
    earn(books, 2, 5, days=80)
    books.record()
    turns = iter([True, False])
    done = close_days(books.table, TODAY_ON + 81 * A_DAY, has_time=lambda: next(turns))
    assert (done.finished, done.days) == (False, 31)

    again = close_days(books.table, TODAY_ON + 81 * A_DAY)

    assert again.finished
    assert [day.closing.points for day in books.table.days(TODAY_ON, TODAY_ON + 80 * A_DAY)] == [100] * 80 + [105]
    assert close_days(books.table, TODAY_ON + 81 * A_DAY).changed == ()


def test_a_night_cut_off_in_its_midst_is_done_again(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    earn(books, 1, 100)
    earn(books, 2, 5, days=5)
    books.record()
    books.night(NIGHT + 6 * A_DAY)
    books.table.put_lines([a_line(9, member_id="m7")])
    books.table.mark(TODAY_ON, "another")
    put_day, turns = type(books.table).put_day, iter([True, False])

    def cut_off(self: object, day: Day) -> None:
        if not next(turns):
            raise KeyboardInterrupt
        put_day(books.table, day)

    with monkeypatch.context() as patched:
        patched.setattr(type(books.table), "put_day", cut_off)
        with pytest.raises(KeyboardInterrupt):
            close_days(books.table, TODAY_ON + 7 * A_DAY)

    close_days(books.table, TODAY_ON + 7 * A_DAY)

    assert total(books, TODAY_ON + 5 * A_DAY).closing.points == 114


def test_a_stage_without_lines_closes_nothing(books: Books) -> None:
    books.night(NIGHT)

    assert books.rows() == []


def test_a_budget_four_fifths_drawn_is_logged(books: Books, caplog: pytest.LogCaptureFixture) -> None:
    shard = {"pk": {"S": "B#rides#2026-11"}, "sk": {"S": "S#0"}}
    for spent, is_told in ((79, False), (80, True)):
        books.ledger.dynamo.put_item(TableName=books.ledger.ledger, Item={**shard, "spent": {"N": str(spent)}})
        books.night(NIGHT)
        assert ('"event":"budget_alarm"' in caplog.text) is is_told
    assert '"budget":"rides","period":"2026-11","drawn_points":80,"limit_points":100,"share_bp":8000' in caplog.text


def test_on_the_first_of_a_month_the_budget_of_the_month_that_ended_is_looked_at(
    books: Books, caplog: pytest.LogCaptureFixture
) -> None:
    shard = {"pk": {"S": "B#rides#2026-11"}, "sk": {"S": "S#0"}, "spent": {"N": "100"}}
    books.ledger.dynamo.put_item(TableName=books.ledger.ledger, Item=shard)
    books.night(datetime(2026, 11, 30, 16, 50, tzinfo=UTC))

    assert '"period":"2026-11"' in caplog.text


def test_the_night_holds_a_budget_against_the_limit_of_the_day_that_ended(
    books: Books, caplog: pytest.LogCaptureFixture
) -> None:
    larger = document()
    larger["budgets"] = [{**one, "points": 1000} for one in larger["budgets"]]
    begins = datetime(2026, 11, 30, 16, tzinfo=UTC)  # midnight in Shanghai
    open_programme().put_version(2, larger, begins, "test", NOW)
    forget()
    shard = {"pk": {"S": "B#rides#2026-11"}, "sk": {"S": "S#0"}, "spent": {"N": "80"}}
    books.ledger.dynamo.put_item(TableName=books.ledger.ledger, Item=shard)

    books.night(datetime(2026, 11, 30, 16, 50, tzinfo=UTC))

    assert '"drawn_points":80,"limit_points":100' in caplog.text


def test_spending_and_the_balance_of_the_ledger_agree_with_the_totals(books: Books) -> None:
    earn(books, 1, 100)
    books.post(a_redemption(30))
    books.record()
    books.night(NIGHT)

    account = books.ledger.read("m1")
    closing = total(books, TODAY_ON).closing
    assert (closing.buckets, closing.points) == (account.buckets, account.total_points)
