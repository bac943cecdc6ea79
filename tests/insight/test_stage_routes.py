"""Stages over HTTP and by night, over milestones that real postings made."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from chalicelib.errors import JifenError
from chalicelib.insight import events
from chalicelib.insight.close_stages import close_stages
from chalicelib.programme.table import forget, open_programme, terms_at
from local.nights import scheduled_event
from tests.insight.conftest import Books, document
from tests.insight.test_finance_routes import call, key
from tests.ledger.builders import NOW, TODAY_ON, a_cause, a_reversal, an_earn
from tests.members.stage import Answer, invoke

A_DAY = timedelta(days=1)
NIGHT = datetime(2026, 11, 22, 16, 50, tzinfo=UTC)
"""00:50 on 2026-11-23 in Shanghai."""
REPORT = "/v1/staff/reports/stages"
OF_A_MEMBER = "/v1/staff/members/{member_id}/stage"


def log_in(books: Books) -> tuple[str, str]:
    """Mei's token and id; her registration is booked."""
    from app import app

    raw = json.dumps({"code": "demo-mei-0001"}).encode()
    session = invoke(app, "POST", "/v1/sessions", body=raw).data
    return session["token"], session["member_id"]


def mine(token: str) -> Answer:
    from app import app

    return invoke(app, "GET", "/v1/me/stage", headers={"Authorization": f"Bearer {token}"})


def of_a_member(books: Books, member_id: str, role: str) -> Answer:
    from app import app

    headers = {"Authorization": f"Bearer {key(books, role)}"}
    return invoke(app, "GET", OF_A_MEMBER, headers=headers, path_parameters={"member_id": member_id})


def order(books: Books, number: int, *, days: int = 0, member_id: str = "m1", **given: Any) -> None:
    at = NOW + days * A_DAY
    cause = a_cause(id=f"tmall#{member_id}-{number}", at=at, occurred_at=at)
    books.post(an_earn(10, cause=cause, **given), at=at, member_id=member_id)


def test_a_member_sees_his_stage_what_comes_next_and_how_far_it_is(books: Books) -> None:
    token, member_id = log_in(books)
    before = mine(token).data
    books.post(an_earn(0, bucket="", cause=a_cause(id="r", activity="register"), rule=""), member_id=member_id)
    order(books, 1, member_id=member_id)
    books.record()

    data = mine(token).data

    assert (before["stage"]["id"], before["since_on"], before["is_member"]) == ("stranger", None, False)
    assert (data["stage"]["id"], data["since_on"], data["is_member"]) == ("first_buyer", "2026-11-22", True)
    following = data["next"]
    assert (following["id"], following["usable"]) == ("loyal", False)
    assert (following["needed"], following["done"], following["left"]) == (3, 1, 2)
    assert following["benefits"]
    assert data["text"] == "再下2单成为忠诚会员"
    assert "emotion" not in json.dumps(data)


def test_staff_see_the_emotional_plan_and_the_last_act_beside(books: Books) -> None:
    member_id = "m" + "0" * 24
    order(books, 1, member_id=member_id)
    books.record()

    data = of_a_member(books, member_id, "guide").data

    assert data["stage"]["emotion"]
    assert data["next"]["emotion"]
    assert (data["active_on"], data["lost_after_days"]) == ("2026-11-22", 90)
    assert of_a_member(books, "nobody", "guide").json["code"] == 40401
    assert of_a_member(books, member_id, "finance").status == 403


def test_an_unknown_member_is_in_the_first_stage_and_another_ones_orders_are_not_his(books: Books) -> None:
    order(books, 1, member_id="m" + "1" * 24)
    books.record()

    data = of_a_member(books, "m" + "2" * 24, "operator").data

    assert (data["stage"]["id"], data["next"]["done"], data["active_on"]) == ("stranger", 0, None)


def test_before_the_first_night_there_is_no_report_and_then_one_read_tells_it(books: Books) -> None:
    for number in range(3):
        order(books, number, days=-number * 10)
    order(books, 1, days=-95, member_id="m2")
    books.record()
    assert call(books, "GET", REPORT, "operator").json["code"] == 40492
    books.night(NIGHT)

    data = call(books, "GET", REPORT).data

    assert (data["on"], data["members"], data["strangers"]) == ("2026-11-22", 2, 0)
    assert (data["counted_at"], data["terms_version"]) == ("2026-11-23T00:50:00+08:00", 1)
    found = {one["id"]: one for one in data["stages"]}
    buyers = found["first_buyer"]
    assert (buyers["entered"], buyers["moved_on"], buyers["lost"], buyers["staying"]) == (2, 1, 1, 0)
    assert (buyers["conversion_bp"], buyers["loss_bp"], buyers["median_days"]) == (5000, 5000, 20)
    assert [(one["month"], one["entered"], one["lost"]) for one in buyers["intakes"]] == [
        ("2026-08", 1, 1),
        ("2026-11", 1, 0),
    ]
    assert buyers["emotion"]
    assert buyers["benefits"]
    assert (found["super"]["entered"], found["super"]["conversion_bp"], found["super"]["loss_bp"]) == (0, None, None)


def test_a_night_again_sets_the_same_and_a_refund_takes_no_stage_back(books: Books) -> None:
    order(books, 1)
    books.record()
    books.night(NIGHT)
    first = books.table.stages.report()
    books.post(a_reversal(10), at=NOW)
    books.record()
    books.night(NIGHT)

    assert books.table.stages.report() == first


def test_another_definition_is_answered_from_the_next_night_on_over_all_history(books: Books) -> None:
    order(books, 1, days=-40)
    order(books, 2, days=-30)
    books.record()
    books.night(NIGHT)
    changed = document()
    changed["stages"]["stages"][3]["reach"]["times"] = 2
    changed["stages"]["membership_from"] = "loyal"
    open_programme().put_version(2, changed, NOW, "test", NOW)
    forget()

    assert call(books, "GET", REPORT).data["stages"][3]["entered"] == 0
    books.night(NIGHT)

    data = call(books, "GET", REPORT).data
    assert (data["terms_version"], data["membership_from"], data["members"]) == (2, "loyal", 1)
    assert data["stages"][3]["intakes"][0]["month"] == "2026-10"


def test_a_month_ends_at_shanghais_midnight(books: Books) -> None:
    for member_id, at in (("m1", "2026-10-31T15:59:59+00:00"), ("m2", "2026-10-31T16:00:00+00:00")):
        instant = datetime.fromisoformat(at)
        cause = a_cause(id=member_id, at=instant, occurred_at=instant)
        books.post(an_earn(1, cause=cause), at=instant, member_id=member_id)
    books.record()
    books.night(NIGHT)

    report = books.table.stages.report()
    assert report is not None
    assert {month: one.entered for month, one in report.stages[2].intakes.items()} == {"2026-10": 1, "2026-11": 1}


def test_a_night_without_time_leaves_the_report_that_stood_and_comes_again(books: Books) -> None:
    order(books, 1)
    books.record()
    books.night(NIGHT)
    before = books.table.stages.report()
    order(books, 2, member_id="m2")
    books.record()
    left = iter([900_000] * 3)
    hurried = SimpleNamespace(get_remaining_time_in_millis=lambda: next(left, 1_000))

    with pytest.raises(JifenError):
        events.close_days(scheduled_event(NIGHT), hurried)

    assert books.table.stages.report() == before
    books.night(NIGHT)
    after = books.table.stages.report()
    assert after is not None
    assert after.members == 2


def test_without_stages_there_is_nothing_to_see_or_to_count(books: Books) -> None:
    token, member_id = log_in(books)
    order(books, 1)
    books.record()
    open_programme().put_version(2, {**document(), "stages": None}, NOW, "test", NOW)
    forget()
    books.night(NIGHT)

    assert mine(token).json["code"] == 40994
    assert of_a_member(books, member_id, "operator").json["code"] == 40994
    assert call(books, "GET", REPORT).json["code"] == 40994


def test_rows_are_read_a_page_at_a_time_and_all_of_them_count(books: Books) -> None:
    members = [f"m{number}" for number in range(40)]
    for member_id in members:
        order(books, 1, member_id=member_id)
    books.record()

    assert sum(len(page) for page in books.table.stages.all_rows()) == 40
    assert close_stages(books.table.stages, terms_at(NOW), TODAY_ON, now=NIGHT)
    report = books.table.stages.report()
    assert report is not None
    assert (report.on, report.members) == (date(2026, 11, 22), 40)
