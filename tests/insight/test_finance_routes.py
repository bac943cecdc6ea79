"""Reports and month closes as finance calls them, over a daybook that real postings filled."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.insight.close_days import close_days
from chalicelib.insight.close_month import close_month
from chalicelib.insight.table import InsightTable
from chalicelib.ledger.model import business_on
from chalicelib.programme.table import open_programme, terms_book
from tests.insight.builders import a_line
from tests.insight.conftest import Books, document
from tests.ledger.builders import NOW, a_cause, a_redemption, an_earn, bucket
from tests.members.stage import ADMIN_KEY, Answer, invoke

A_DAY = timedelta(days=1)
ZONE = "Asia/Shanghai"
THIRD = datetime(2026, 12, 3, 2, 0, tzinfo=UTC)
"""The morning of 2026-12-03: November's last day was summed three times."""


def call(books: Books, method: str, path: str, role: str = "finance", **given: Any) -> Answer:
    """The deployed app, called with a key of a role; `body` and `query` as usual, names of the path by keyword."""
    from app import app

    names = {name: given.pop(name) for name in ("month",) if name in given}
    body, query = given.pop("body", None), given.pop("query", {})
    parameters = {name: [value] for name, value in query.items()}
    headers = {"Authorization": f"Bearer {key(books, role)}"}
    raw = json.dumps(body).encode() if body is not None else None
    return invoke(app, method, path, headers=headers, body=raw, query=parameters, path_parameters=names)


def key(books: Books, name: str) -> str:
    """The staff key of a role; `finance-2` is another person of finance."""
    from app import app

    keys: dict[str, str] = books.stage.__dict__.setdefault("keys", {"admin": ADMIN_KEY})
    if name not in keys:
        body = json.dumps({"name": name, "roles": [name.split("-")[0]]}).encode()
        answer = invoke(app, "POST", "/v1/staff/keys", headers={"Authorization": f"Bearer {ADMIN_KEY}"}, body=body)
        keys[name] = answer.data["key"]
    return keys[name]


def close(books: Books, month: str = "2026-11", role: str = "finance") -> Answer:
    return call(books, "POST", "/v1/staff/month-closes", role, body={"month": month})


def reopen(books: Books, month: str = "2026-11", role: str = "finance-2", reason: str = "漏记一笔") -> Answer:
    path = "/v1/staff/month-closes/{month}/reopenings"
    return call(books, "POST", path, role, month=month, body={"reason": reason})


def november(books: Books) -> None:
    """An order, a late one, a redemption and a budget's ride; then the nights until the third of December."""
    books.post(an_earn(1000), a_redemption(300))
    books.post(an_earn(40, cause=a_cause(id="old", occurred_at=NOW - 40 * A_DAY), rule="ride"), member_id="m2")
    until(books, THIRD)


def until(books: Books, now: datetime) -> None:
    """Let the daybook come to an instant."""
    books.record()
    books.stage.now = now
    close_days(books.table, business_on(now, ZONE))


def test_the_liability_is_told_by_class_and_month_of_its_end(books: Books) -> None:
    november(books)

    data = call(books, "GET", "/v1/staff/reports/liability", query={"on": "2026-11-30"}).data

    assert (data["points"], data["fen"], data["problems"]) == (740, 740, [])
    assert data["value"] == {"points": 100, "fen": 100, "terms_version": 1}
    assert data["classes"][0] == {
        "class": "consumption",
        "available_points": 740,
        "pending_points": 0,
        "held_points": 0,
        "points": 740,
        "fen": 740,
    }
    assert [(one["month"], one["points"]) for one in data["months"]] == [("2027-11", 740)]
    assert data["breakage"]["classes"][0] == {
        "class": "consumption",
        "available_points": 740,
        "breakage_points": 0,
        "breakage_fen": 0,
        "unestimated_points": 740,
        "share_bp": None,
    }


def test_without_a_day_the_last_one_is_told_and_of_no_totals_there_is_no_report(books: Books) -> None:
    path = "/v1/staff/reports/liability"
    assert call(books, "GET", path).json["code"] == 40490
    november(books)

    assert call(books, "GET", path).data["on"] == "2026-12-02"
    assert call(books, "GET", path, query={"on": "2026-12-03"}).json["code"] == 40490
    for on in ("yesterday", "2026-02-30", "20261130"):
        assert call(books, "GET", path, query={"on": on}).json["field"] == "on"


def test_points_that_ended_with_the_day_are_named_until_the_night_books_it(books: Books) -> None:
    books.post(an_earn(5, bucket=bucket(business_on(NOW, ZONE))))
    until(books, NOW + A_DAY)

    data = call(books, "GET", "/v1/staff/reports/liability").data

    assert (data["points"], data["ending_points"]) == (5, 5)


def test_a_months_budget_is_told_by_rule_and_budget_with_its_alarm(books: Books) -> None:
    november(books)
    shard = {"pk": {"S": "B#rides#2026-11"}, "sk": {"S": "S#1"}, "spent": {"N": "80"}}
    books.ledger.dynamo.put_item(TableName=books.ledger.ledger, Item=shard)

    data = call(books, "GET", "/v1/staff/reports/budget", "operator", query={"month": "2026-11"}).data

    order = {"issued_points": 1000, "taken_back_points": 0, "points": 1000, "fen": 1000}
    assert data["rules"][0] == {"id": "order", "name": "消费", **order}
    assert [one["id"] for one in data["rules"]] == ["order", "ride"]
    assert data["through_on"] == "2026-11-30"
    (rides,) = data["budgets"]
    assert (rides["drawn_points"], rides["left_points"], rides["share_bp"], rides["alarm"]) == (80, 20, 8000, True)


def test_what_was_spent_in_a_campaign_is_told_beside_what_it_gave(books: Books) -> None:
    spent = a_redemption(300)
    books.post(an_earn(1000), spent._replace(cause=spent.cause._replace(campaign="double_11")))
    until(books, THIRD)

    data = call(books, "GET", "/v1/staff/reports/budget", query={"month": "2026-11"}).data

    moved = {"issued_points": 0, "taken_back_points": 0, "points": 0, "fen": 0}
    assert data["campaigns"] == [{"id": "double_11", **moved, "spent_points": -300, "returned_points": 0}]


def test_a_month_without_totals_has_a_budget_of_nothing(books: Books) -> None:
    data = call(books, "GET", "/v1/staff/reports/budget", query={"month": "2027-03"}).data

    assert (data["through_on"], data["rules"], data["budgets"][0]["drawn_points"]) == (None, [], 0)
    assert call(books, "GET", "/v1/staff/reports/budget", query={"month": "2027-13"}).json["field"] == "month"


def test_a_month_to_come_has_its_own_periods_of_budgets_and_not_todays(books: Books) -> None:
    shard = {"pk": {"S": "B#rides#2026-11"}, "sk": {"S": "S#1"}, "spent": {"N": "80"}}
    books.ledger.dynamo.put_item(TableName=books.ledger.ledger, Item=shard)

    (rides,) = call(books, "GET", "/v1/staff/reports/budget", query={"month": "2026-12"}).data["budgets"]

    assert (rides["period_key"], rides["drawn_points"], rides["alarm"]) == ("2026-12", 0, False)


def test_finance_closes_a_month_once_and_a_repeat_returns_the_same(books: Books) -> None:
    november(books)

    first, second = close(books).data, close(books, role="finance-2").data

    assert (first["replayed"], second["replayed"], first["number"], first["state"]) == (False, True, 1, "closed")
    assert {**first, "replayed": None} == {**second, "replayed": None}
    account = {row["name"]: row for row in first["account"]}
    assert (account["opening"]["points"], account["issued"]["points"], account["spent"]["points"]) == (0, 1040, -300)
    assert (account["closing"]["points"], account["closing"]["fen"]) == (740, 740)
    assert first["late"] == [{"month": "2026-10", "issued": 40}]
    path = "/v1/staff/month-closes/{month}"
    assert call(books, "GET", path, month="2026-11").data == {n: v for n, v in first.items() if n != "replayed"}
    listed = call(books, "GET", "/v1/staff/month-closes").data["list"]
    assert [(one["month"], one["state"], one["closing_points"]) for one in listed] == [("2026-11", "closed", 740)]


def test_the_next_month_opens_as_the_one_before_closed(books: Books) -> None:
    november(books)
    closing = close(books).data["account"][-1]
    books.post(a_redemption(40, "r2"), at=THIRD)
    until(books, datetime(2027, 1, 3, 2, 0, tzinfo=UTC))

    account = close(books, "2026-12").data["account"]

    assert {**account[0], "name": ""} == {**closing, "name": ""}
    assert account[-1]["points"] == 700


def test_the_value_of_the_months_end_holds_and_the_opening_is_revalued(books: Books) -> None:
    november(books)
    close(books)
    half = {**document(), "point_value": {"points": 100, "fen": 50}}
    open_programme().put_version(2, half, datetime(2026, 12, 20, tzinfo=UTC), "test", NOW)
    until(books, datetime(2027, 1, 3, 2, 0, tzinfo=UTC))

    data = close_month(
        books.table, "2026-12", by="s9", book=open_programme().book(), now=books.stage.now, zone=ZONE
    ).closed.statement

    assert (data.opening_value.fen, data.value.fen, data.value.terms_version) == (100, 50, 2)


@pytest.mark.parametrize("now", [NOW, datetime(2026, 11, 30, 15, 59, tzinfo=UTC)])
def test_a_running_month_and_one_to_come_stay_open(books: Books, now: datetime) -> None:
    november(books)
    books.stage.now = now

    assert close(books).json["code"] == 40990
    assert close(books, "2027-02").json["code"] == 40990


def test_a_month_waits_for_the_nights_in_which_late_records_come(books: Books) -> None:
    books.post(an_earn(1000))
    for days in (0, 1):
        until(books, datetime(2026, 12, 1, 2, 0, tzinfo=UTC) + days * A_DAY)
        refused = close(books)
        assert (refused.json["code"], "2026-12-03" in refused.json["msg"]) == (40992, True)
    until(books, THIRD)

    assert close(books).status == 200


def test_a_month_before_anything_was_booked_has_nothing_to_close(books: Books) -> None:
    november(books)

    assert close(books, "2026-09").json["code"] == 40490


def test_a_month_waits_for_the_one_before(books: Books) -> None:
    books.post(an_earn(1000), at=NOW - 31 * A_DAY)
    november(books)

    assert close(books).json["code"] == 40991
    assert close(books, "2026-10").status == 200
    assert close(books).status == 200


def test_lines_that_were_not_summed_yet_and_gaps_keep_a_month_open(books: Books) -> None:
    november(books)
    books.table.put_lines([a_line(9, member_id="m7", sequence=3)])
    books.table.mark(business_on(NOW, ZONE), "newer")
    assert "还没有汇总" in close(books).json["msg"]

    books.table.put_lines([a_line(9, member_id="m7", sequence=5)])
    until(books, THIRD)

    refused = close(books)
    assert (refused.json["code"], "不一致" in refused.json["msg"]) == (40992, True)


def test_another_person_reopens_the_newest_month_and_leaves_a_trace(books: Books) -> None:
    november(books)
    first = close(books).data

    assert reopen(books, role="finance").json["code"] == 40300
    done, again = reopen(books).data, reopen(books).data
    assert (done["state"], done["reason"], again["replayed"]) == ("reopened", "漏记一笔", True)
    assert reopen(books, role="admin").json["code"] == 40491

    books.post(an_earn(5, cause=a_cause(id="forgotten")), at=NOW, member_id="m3")
    until(books, THIRD)
    second = close(books).data
    assert (second["number"], second["closing_points"]) == (2, first["closing_points"] + 5)
    listed = call(books, "GET", "/v1/staff/month-closes").data["list"]
    assert [(one["number"], one["state"]) for one in listed] == [(2, "closed"), (1, "reopened")]


def test_a_month_with_a_later_one_closed_stays_closed(books: Books) -> None:
    november(books)
    close(books)
    until(books, datetime(2027, 1, 3, 2, 0, tzinfo=UTC))
    close(books, "2026-12")

    assert reopen(books).json["code"] == 40993
    assert reopen(books, "2026-12").status == 200
    assert reopen(books).status == 200
    assert close(books, "2026-12").json["code"] == 40991
    assert reopen(books, "2027-03").json["code"] == 40491


def test_a_closing_and_a_reopening_at_once_cannot_both_be(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    november(books)
    close(books)
    until(books, datetime(2027, 1, 3, 2, 0, tzinfo=UTC))
    put_closed = InsightTable.put_closed

    def overtaken(table: InsightTable, *given: Any) -> bool:
        assert reopen(books).status == 200
        return put_closed(table, *given)

    monkeypatch.setattr(InsightTable, "put_closed", overtaken)

    assert close(books, "2026-12").json["code"] == 40991


def test_a_closed_month_that_changed_is_logged_and_stops_the_next_one(
    books: Books, caplog: pytest.LogCaptureFixture
) -> None:
    november(books)
    close(books)
    books.post(an_earn(5, cause=a_cause(id="lost")), member_id="m3")
    until(books, datetime(2027, 1, 3, 2, 0, tzinfo=UTC))

    assert '"event":"closed_month_changed","day":"2026-11-22"' in caplog.text
    assert "重新打开上月" in close(books, "2026-12").json["msg"]
    reopen(books)
    assert close(books).data["closing_points"] == 745
    assert close(books, "2026-12").status == 200


def test_the_export_is_a_sheet_with_its_file_name(books: Books) -> None:
    november(books)
    close(books)

    data = call(books, "GET", "/v1/staff/month-closes/{month}/export", month="2026-11").data

    assert data["file_name"] == "jifen-2026-11-01.csv"
    assert data["csv"].startswith("\ufeffpart,name,")
    assert "rule:issued,消费 order,,,,,1000,1000\r\n" in data["csv"]
    assert call(books, "GET", "/v1/staff/month-closes/{month}/export", month="nothing").json["code"] == 40491
    reopen(books)
    data = call(books, "GET", "/v1/staff/month-closes/{month}/export", month="2026-11").data
    assert data["file_name"] == "jifen-2026-11-01-reopened.csv"


def test_reports_read_no_line_of_the_daybook(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    november(books)

    def refuse(*_given: object) -> None:
        raise AssertionError("a report read the lines")

    monkeypatch.setattr(InsightTable, "lines", refuse)

    assert terms_book().versions
    assert call(books, "GET", "/v1/staff/reports/liability").status == 200
    assert call(books, "GET", "/v1/staff/reports/budget", query={"month": "2026-11"}).status == 200
    assert close(books).status == 200
