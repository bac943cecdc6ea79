"""A month's lines as a file."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta

from local.daybook import write_lines
from tests.insight.builders import a_line
from tests.insight.conftest import Books
from tests.ledger.builders import NOW, a_cause, an_earn


def test_a_month_of_lines_is_a_sheet_of_them(books: Books) -> None:
    books.post(an_earn(30, bucket="", rule="slow", cause=a_cause(occurred_at=NOW - timedelta(days=40))))
    books.post(an_earn(7, cause=a_cause(id="next")), at=datetime.fromisoformat("2026-12-01T00:00:00+08:00"))
    books.record()
    books.table.put_lines([a_line(5, member_id="m2", source="=1+1")])
    to = io.StringIO()

    count = write_lines(books.table, "2026-11", to)

    text = to.getvalue()
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    assert (count, text[0]) == (2, "\ufeff")
    first = next(row for row in rows if row["member"] == "m1")
    assert (first["posted_on"], first["occurred_on"], first["pending_consumption"]) == (
        "2026-11-22",
        "2026-10-13",
        "30",
    )
    assert (first["movement"], first["rule"], first["points"]) == ("issued", "slow", "30")
    assert [row["source"] for row in rows if row["member"] == "m2"] == ["'=1+1"]
