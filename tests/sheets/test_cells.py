"""Days and numbers as people's systems write them; what a spreadsheet has spoilt is named."""

from __future__ import annotations

from datetime import date

import pytest

from chalicelib.sheets import cells


@pytest.mark.parametrize(
    "cell",
    [
        "2026-11-30",
        "2026/11/30",
        "2026.11.30",
        "20261130",
        "2026年11月30日",
        "２０２６-１１-３０",
        "'2026-11-30",
        " 2026/11/30 ",
    ],
)
@pytest.mark.parametrize("clock", ["", " 8:05", " 23:59:59", "T23:59:59.123"])
def test_five_forms_of_a_day_with_and_without_a_time(cell: str, clock: str) -> None:
    assert cells.day(cell + clock) == date(2026, 11, 30)


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("2026-02-30", "没有这个日期"),
        ("2026-11/30", "应为日期"),
        ("11/30/2026", "应为日期"),
        ("46356", "Excel的日期序号"),
        ("长期有效", "应为日期"),
    ],
)
def test_what_is_no_day_is_said_to_be_none(cell: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        cells.day(cell)


@pytest.mark.parametrize(
    ("cell", "number"), [("100", 10_000), ("100.5", 10_050), ("1,234.05", 123_405), ("１２ ３", 12_300)]
)
def test_numbers_of_two_decimals_are_read_by_their_digits(cell: str, number: int) -> None:
    assert cells.hundredths(cell, "积分") == number


@pytest.mark.parametrize(
    ("cell", "reason"),
    [("-1", "不能为负数"), ("1.38E+10", "科学计数法"), ("0.125", "最多两位小数"), ("12分", "应为积分")],
)
def test_what_is_no_such_number_is_said_to_be_none(cell: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        cells.hundredths(cell, "积分")
