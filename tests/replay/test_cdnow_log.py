"""The purchase log as orders, its course cut at the nights, and its recomputation: figures to check by hand."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from local.cdnow import log_file, read_log
from local.cdnow_totals import Totals, recompute
from local.places import Mend
from local.replay_run import EVERY, MONTH_STARTS, Run, periods
from local.replay_totals import print_table

SMALL = """ customer_id  date number_of_cds  dollar_value\r
 00001 19970101  1   11.77\r
 00001 19970101  1   11.77\r
 00001 19971231  2    0.00\r
 00002 19970315  5   77.99\r
 00003 19980630  5    8.00\r
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    file = tmp_path / "log.txt"
    file.write_text(SMALL)
    return file


def test_equal_rows_are_distinct_orders_numbered_by_customer(log: Path) -> None:
    orders = read_log(log)

    assert [(paid.order_no, paid.paid_fen) for paid in orders] == [
        ("00001-1", 1177),
        ("00001-2", 1177),
        ("00001-3", 0),
        ("00002-1", 7799),
        ("00003-1", 800),
    ]
    assert orders[0].paid_at.isoformat() == "1997-01-01T12:00:00+08:00"


def test_a_slice_takes_whole_customers_in_the_files_order(log: Path) -> None:
    assert [paid.order_no for paid in read_log(log, 2)] == ["00001-1", "00001-2", "00001-3", "00002-1"]


def test_points_end_with_the_twelfth_month_after_their_own(log: Path) -> None:
    totals = recompute(log)

    assert totals == Totals(
        issued={"1997-01": 22, "1997-12": 0, "1997-03": 77, "1998-06": 8}, expired={"1998-02": 22, "1998-04": 77}
    )
    assert [totals.outstanding_after(month) for month in ("1997-02", "1998-01", "1998-02", "1999-01")] == [
        22,
        99,
        77,
        8,
    ]
    assert recompute(log, customers=1).outstanding == 0


@pytest.mark.parametrize(
    "line",
    [
        "00001 19970101 1",
        "00001 19970101 1 1.005",
        "00001 19970101 1 -5.00",
        "x 19970101 1 5.00",
        "00001,19970101,1,5.00",
        "00001 19970231 1 5.00",
        "00001 19990101 1 5.00",
        "00001 19970101 1 99999999.00",
        "00001 19970101 1 5.00é",
    ],
)
def test_a_line_of_another_form_is_named(tmp_path: Path, line: str) -> None:
    file = tmp_path / "log.txt"
    file.write_text(f"{SMALL}{line}\n")

    with pytest.raises(Mend, match="line 7 "):
        read_log(file)


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(Mend, match="FILE="):
        log_file(tmp_path / "nothing")


def test_every_night_follows_its_day_through_the_last(log: Path) -> None:
    course = periods(read_log(log), EVERY)

    assert (course[0].night_on, course[-1].night_on, len(course)) == (date(1997, 1, 2), date(1999, 1, 1), 730)
    assert [len(period.orders) for period in course if period.orders] == [2, 1, 1, 1]
    assert all(paid.paid_at.date() < period.night_on for period in course for paid in period.orders)


def test_month_starts_alone_lose_no_order(log: Path) -> None:
    course = periods(read_log(log), MONTH_STARTS)

    assert len(course) == 24
    assert sum(len(period.orders) for period in course) == 5
    assert {period.night_on.day for period in course} == {1}


def test_a_run_goes_on_with_its_own_log_only(tmp_path: Path) -> None:
    kept = tmp_path / "replay.json"
    Run("log a", "1997-05-01", orders=7).save(kept)

    assert Run.opened(kept, "log a").night == "1997-05-01"
    assert Run.opened(kept, "log b") == Run("log b")


def test_one_point_of_difference_is_shown(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    expected = recompute(log)
    found = Totals({**expected.issued, "1997-03": 78}, expected.expired)

    assert print_table(expected, expected)
    assert not print_table(found, expected)
    assert "does NOT agree" in capsys.readouterr().err
