"""The account of a month: what was there, what moved, what is left, in points and in money."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime

import pytest

from chalicelib.insight.export import sheet
from chalicelib.insight.line import Movement
from chalicelib.insight.model import Closing, Day
from chalicelib.insight.month import (
    Closed,
    Row,
    Statement,
    first_of,
    is_exact,
    last_of,
    month_after,
    month_before,
    part_rows,
    rows_of,
    statement_of,
)
from chalicelib.insight.value import Value
from tests.insight.builders import B, C, a_day, a_line

YUAN, CENT = Value(100, 100, 1), Value(100, 50, 2)
OPENING = Closing({C: 1001}, {"b": 30}, {"c": 20}, 0)


def a_month() -> list[Day]:
    first = a_day(
        date(2026, 11, 3),
        a_line(100),
        a_line(-501, Movement.SPENT),
        a_line(0, Movement.SETTLED, buckets={B: 30}, pending={"b": -30}),
        before=OPENING,
    )
    second = a_day(
        date(2026, 11, 4),
        a_line(-60, Movement.TAKEN_BACK, buckets={B: -20}, deficit_points=40),
        a_line(-20, Movement.SPENT, held={"c": -20}),
        a_line(7, Movement.RETURNED, buckets={C: 7}, occurred_on=date(2026, 10, 9)),
        before=first.closing,
    )
    return [first, second]


def a_statement(value: Value = YUAN, opening_value: Value = YUAN) -> Statement:
    return statement_of("2026-11", OPENING, a_month(), value=value, opening_value=opening_value)


def row(statement: Statement, name: str) -> Row:
    return next(one for one in rows_of(statement) if one.name == name)


def test_opening_and_movements_make_the_closing_in_every_class() -> None:
    statement = a_statement()

    assert is_exact(statement)
    assert row(statement, "opening").columns == {"consumption": 1021, "behaviour": 30, "activity": 0, "deficit": 0}
    assert row(statement, "taken_back").columns == {"consumption": 0, "behaviour": -20, "activity": 0, "deficit": -40}
    assert row(statement, "closing").columns == {"consumption": 607, "behaviour": 10, "activity": 0, "deficit": -40}
    assert row(statement, "closing").points == 577


def test_pending_held_and_owed_points_are_reconciled_each() -> None:
    parts = part_rows(a_statement())

    assert parts["pending"] == {"opening": 30, "settled": -30, "closing": 0}
    assert parts["held"] == {"opening": 20, "spent": -20, "closing": 0}
    assert parts["deficit"] == {"opening": 0, "taken_back": 40, "closing": 40}


def test_money_adds_up_with_what_is_worth_less_now_and_what_rounding_leaves() -> None:
    statement = a_statement(value=CENT, opening_value=YUAN)
    rows = rows_of(statement)

    assert row(statement, "opening").fen == 1051
    assert row(statement, "revaluation").fen == 525 - 1051
    assert row(statement, "closing").fen == 288
    assert sum(one.fen for one in rows if one.name != "closing") == row(statement, "closing").fen


@pytest.mark.parametrize(("points", "fen"), [(0, 0), (1, 0), (3, 1), (-1, 0), (-3, -1), (-4, -2)])
def test_a_total_is_rounded_once_toward_zero(points: int, fen: int) -> None:
    assert CENT.fen_of(points) == fen


def test_a_statement_that_does_not_add_up_is_not_exact() -> None:
    assert not is_exact(a_statement()._replace(closing=Closing({C: 1})))


def test_months_know_their_ends_and_neighbours() -> None:
    assert (first_of("2028-02"), last_of("2028-02")) == (date(2028, 2, 1), date(2028, 2, 29))
    assert (last_of("2027-02"), last_of("2026-12")) == (date(2027, 2, 28), date(2026, 12, 31))
    assert (month_before("2026-01"), month_after("2026-12")) == ("2025-12", "2027-01")


def test_the_sheet_is_the_account_and_no_cell_of_it_is_a_formula() -> None:
    statement = a_statement()._replace(
        rules={"order": {"issued": 100, "taken_back": -60}}, campaigns={"=cmd()": {"issued": 5}, "@x": {"issued": 1}}
    )
    text = sheet(Closed(statement, 1, "s1", datetime(2026, 12, 3, tzinfo=UTC)), {"order": "-消费"})

    assert text.startswith("\ufeffpart,name,")
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    account = {one["name"]: one for one in rows if one["part"] == "account"}
    assert (account["opening"]["points"], account["closing"]["points"], account["closing"]["fen"]) == (
        "1051",
        "577",
        "577",
    )
    assert [one["name"] for one in rows if one["part"] == "rule:taken_back"] == ["'-消费 order"]
    assert [one["name"] for one in rows if one["part"].startswith("campaign")] == ["'=cmd()", "'@x"]
    assert [(one["name"], one["points"]) for one in rows if one["part"] == "late:returned"] == [("2026-10", "7")]
    assert account["spent"]["consumption_points"] == "-521"
