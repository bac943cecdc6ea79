"""The daybook through its deployed handlers: what the API books has its line, its day's totals and its report."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from chalicelib.errors import Code
from chalicelib.insight.line import Line
from chalicelib.insight.model import Day
from chalicelib.insight.table import InsightTable
from chalicelib.ledger.apply import apply
from chalicelib.ledger.model import business_on
from chalicelib.ledger.table import LedgerTable
from local.http_client import Api, Refused
from local.in_process import adopted
from local.nights import scheduled_event
from local.rebuild import rebuild
from local.stack import Stack
from tests.flows.stage import deliver, log_in, paid, points, until
from tests.ledger.builders import TERMS, a_cause, an_earn

pytestmark = pytest.mark.cloud
A_DAY = timedelta(days=1)


def table_of(cloud: Stack) -> InsightTable:
    return InsightTable(cloud.client("dynamodb"), cloud.setting("INSIGHT_TABLE"))


def lines_of(cloud: Stack, member_id: str, on: date) -> list[Line]:
    return [line for line in table_of(cloud).lines(on) if line.member_id == member_id]


def test_what_is_booked_through_the_api_has_its_lines_its_totals_and_its_report(
    cloud: Stack, admin: Api, name: str
) -> None:
    member = log_in(cloud, name)
    member_id = member.get("/v1/me")["member_id"]
    now = datetime.now(UTC)
    on = business_on(now, "Asia/Shanghai")
    member.post("/v1/me/check-ins")
    deliver(cloud, paid(name, 1, 12_900))
    until(lambda: points(member) >= 131)

    def recorded() -> list[Line]:
        found = lines_of(cloud, member_id, on)
        return found if {"check_in", "order"} <= {line.rule for line in found} else []

    lines = until(recorded)
    assert [line.sequence for line in lines] == list(range(1, len(lines) + 1))
    assert sum(line.points for line in lines) == points(member)

    stage = until(lambda: (found := member.get("/v1/me/stage"))["stage"]["id"] == "first_buyer" and found)
    assert (stage["since_on"], stage["text"]) == (on.isoformat(), "再下2单成为忠诚会员")

    cloud.invoke("close_days", scheduled_event(now + A_DAY))

    stages = admin.get("/v1/staff/reports/stages")
    assert stages["on"] == on.isoformat()
    assert all(one["entered"] == one["moved_on"] + one["lost"] + one["staying"] for one in stages["stages"])
    assert next(one for one in stages["stages"] if one["id"] == "first_buyer")["entered"] >= 1
    day: Day | None = table_of(cloud).day(on)
    assert day is not None
    assert day.changes.problems == frozenset()
    assert day.changes.rules["order"]["issued"] >= 129
    report = admin.get(f"/v1/staff/reports/liability?on={on}")
    assert (report["on"], report["points"], report["problems"]) == (on.isoformat(), day.closing.points, [])
    assert [one for one in admin.get(f"/v1/staff/reports/budget?month={on:%Y-%m}")["rules"] if one["id"] == "order"]
    with pytest.raises(Refused, match="40990"):
        admin.post("/v1/staff/month-closes", {"month": f"{on:%Y-%m}"})


def test_the_deployed_daybook_is_what_the_journal_makes(cloud: Stack, admin: Api, name: str) -> None:
    member = log_in(cloud, name)
    member.post("/v1/me/check-ins")
    member_id = member.get("/v1/me")["member_id"]
    on = business_on(datetime.now(UTC), "Asia/Shanghai")
    until(lambda: "check_in" in {line.rule for line in lines_of(cloud, member_id, on)})

    with adopted(cloud):
        found: Any = {what: count for what, count in rebuild(1).found.items() if count and what.startswith("lines")}

    assert found == {}


def close(finance: Api, month: str) -> Any:
    """Close a month of the shared stage, and before it those before it in which other tests booked something."""
    try:
        return finance.post("/v1/staff/month-closes", {"month": month})
    except Refused as refused:
        if refused.answer["code"] != Code.PREVIOUS_MONTH_OPEN.number:
            raise
    close(finance, f"{datetime.fromisoformat(f'{month}-01') - A_DAY:%Y-%m}")
    return finance.post("/v1/staff/month-closes", {"month": month})


def test_a_month_that_is_over_is_closed_opened_again_and_closed_by_its_second_number(
    cloud: Stack, admin: Api, name: str
) -> None:
    now = datetime.now(UTC)
    posted_at = (now.replace(day=1) - 35 * A_DAY).replace(day=20)
    month, on = f"{posted_at:%Y-%m}", business_on(posted_at, "Asia/Shanghai")
    tables = (cloud.setting("LEDGER_TABLE"), cloud.setting("JOURNAL_TABLE"))
    ledger = LedgerTable(cloud.client("dynamodb"), *tables, int(cloud.setting("DUE_SHARDS")))
    earn = an_earn(70, (now + 300 * A_DAY).date(), cause=a_cause(id=f"tmall#{name}", at=posted_at))
    ledger.post(name, lambda seen: apply(seen.account, [earn], TERMS, posted_at))
    until(lambda: lines_of(cloud, name, on))
    cloud.invoke("close_days", scheduled_event(now))
    made = admin.post("/v1/staff/keys", {"name": f"finance-{name}", "roles": ["finance"]})
    finance = admin.as_caller(made["key"])

    first = close(finance, month)
    assert (first["number"], first["replayed"], first["closing_points"] >= 70) == (1, False, True)
    path = f"/v1/staff/month-closes/{month}"
    with pytest.raises(Refused, match="40300"):
        finance.post(f"{path}/reopenings", {"reason": "自己"})
    assert admin.post(f"{path}/reopenings", {"reason": "补记"})["state"] == "reopened"
    assert finance.post("/v1/staff/month-closes", {"month": month})["number"] == 2
    assert finance.get(f"{path}/export")["csv"].startswith("\ufeffpart,name,")
