"""The check-in reminder: a member chooses an hour, and at that hour a queue holds what a sender would say."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from chalicelib.earning.check_in import check_in
from chalicelib.earning.check_in_events import STOP_BEFORE_MS, remind_check_ins
from chalicelib.earning.remind_check_ins import reminder_of
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.check_in_days import CheckInDays
from chalicelib.ledger.items import account_item
from chalicelib.ledger.model import Account
from chalicelib.ledger.table import LedgerTable, open_ledger
from chalicelib.members import items
from chalicelib.members.reminders import remind_at, reminder_hour
from chalicelib.members.table import open_members
from chalicelib.programme import table as programme_table
from chalicelib.programme.table import terms_at
from chalicelib.runtime import dynamo, log, queue
from chalicelib.runtime.settings import settings
from tests.earning.behaviour_stage import Http, open_http
from tests.earning.behaviours import Overtaken
from tests.earning.programmes import plain_terms

PATH = "/v1/me/check-ins/reminder"
TODAY_ON = date(2026, 3, 2)
AT_EIGHT = "2026-03-02T12:00:00Z"
"""20:00 in Asia/Shanghai."""


@pytest.fixture
def http(monkeypatch: pytest.MonkeyPatch) -> Iterator[Http]:
    with open_http(monkeypatch) as opened:
        yield opened


def choose(http: Http, token: str, hour: int | None) -> int | None:
    chosen: int | None = http.call("PUT", PATH, {"hour": hour}, token=token).data["reminder_hour"]
    assert http.call("GET", "/v1/me/check-ins", token=token).data["reminder_hour"] == chosen
    return chosen


def listed(http: Http) -> list[tuple[str, str]]:
    """(hour, member) of every row of an hour's list."""
    return [(row["pk"][7:9], row["sk"]) for row in http.stage.rows() if row["pk"].startswith("REMIND#")]


def sign(member_id: str, on: date) -> None:
    noon = datetime(on.year, on.month, on.day, 4, tzinfo=UTC)
    check_in(member_id, ledger=open_ledger(), terms=terms_at(noon), now=noon, source="mini_program")


def run(time: str = AT_EIGHT, left_ms: int = 900_000) -> list[dict[str, Any]]:
    """Wake the function at an instant; what it left in the queue, by member."""
    event = {"time": time, "source": "aws.events", "detail-type": "Scheduled Event", "detail": {}, "resources": []}
    given = {"version": "0", "id": "1", "account": "000000000000", "region": "cn-north-1"}
    remind_check_ins({**event, **given}, SimpleNamespace(get_remaining_time_in_millis=lambda: left_ms))
    return messages()


def messages() -> list[dict[str, Any]]:
    url, found, sqs = settings().reminders_queue_url, [], dynamo.service("sqs")
    while page := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for one in page:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
            found.append(json.loads(one["Body"]))
    return sorted(found, key=lambda message: str(message["member_id"]))


def crowd(count: int, shard: int, hour: int = 20) -> list[str]:
    """So many members in one shard of an hour's list, without profile and account."""
    rows = (items.reminder_key(f"m{number:024x}", hour) for number in itertools.count())
    kept = list(itertools.islice((row for row in rows if row["pk"] == items.reminder_pk(hour, shard)), count))
    for start in range(0, count, 25):
        puts = [{"PutRequest": {"Item": dynamo.encode_item(row)}} for row in kept[start : start + 25]]
        dynamo.client().batch_write_item(RequestItems={settings().members_table: puts})
    return [row["sk"] for row in kept]


def test_a_reminder_is_off_until_an_hour_is_chosen_and_off_again_on_null(http: Http) -> None:
    token, member_id = http.log_in()
    assert http.call("GET", "/v1/me/check-ins", token=token).data["reminder_hour"] is None

    assert choose(http, token, 20) == 20
    assert listed(http) == [("20", member_id)]
    assert choose(http, token, None) is None
    assert listed(http) == []


def test_another_hour_takes_the_member_out_of_the_last_one(http: Http) -> None:
    token, member_id = http.log_in()
    choose(http, token, 20)

    choose(http, token, 8)

    assert listed(http) == [("08", member_id)]
    assert run() == []
    assert [one["member_id"] for one in run("2026-03-02T00:00:00Z")] == [member_id]


@pytest.mark.parametrize("hour", [22, None])
def test_the_same_choice_twice_is_the_same(http: Http, hour: int | None) -> None:
    token, _ = http.log_in()
    choose(http, token, hour)
    before = http.stage.rows()

    assert choose(http, token, hour) == hour
    assert http.stage.rows() == before


@pytest.mark.parametrize("body", [{"hour": 7}, {"hour": 23}, {"hour": "20"}, {"hour": True}, {"hour": 8.5}, {}])
def test_an_hour_at_night_or_none_at_all_is_refused(http: Http, body: dict[str, Any]) -> None:
    token, _ = http.log_in()

    answer = http.call("PUT", PATH, body, token=token)

    assert (answer.status, answer.json["field"].partition(".")[0]) == (400, "hour")
    assert listed(http) == []


def test_of_two_phones_at_once_the_later_choice_stands_alone(http: Http) -> None:
    _, member_id = http.log_in()
    remind_at(member_id, 9)
    table = open_members()
    overtaken = Overtaken(table.dynamo, lambda: table.set_reminder(member_id, 10))

    replace(table, dynamo=overtaken, pause=lambda _seconds: None).set_reminder(member_id, 11)

    assert reminder_hour(member_id) == 11
    assert listed(http) == [("11", member_id)]


def test_nobody_unknown_is_put_on_a_list(http: Http) -> None:
    with pytest.raises(JifenError) as refused:
        remind_at("m" + "0" * 24, 9)

    assert refused.value.code is Code.MEMBER_NOT_FOUND
    assert listed(http) == []


def test_a_message_says_what_todays_check_in_goes_on_with(http: Http) -> None:
    _, member_id = http.log_in()
    remind_at(member_id, 20)
    for back in (3, 2, 1):
        sign(member_id, TODAY_ON - timedelta(days=back))

    assert run() == [
        {
            "id": f"{member_id}:2026-03-02",
            "member_id": member_id,
            "on": "2026-03-02",
            "streak_days": 3,
            "next_reward_days": 4,
            "next_reward_points": 10,
        }
    ]


def test_a_run_that_ended_yesterday_is_named_once(http: Http) -> None:
    _, member_id = http.log_in()
    remind_at(member_id, 20)
    for back in (4, 3, 2):
        sign(member_id, TODAY_ON - timedelta(days=back))

    (today,) = run()
    (tomorrow,) = run("2026-03-03T12:00:00Z")

    assert (today["streak_days"], today["lost_streak_days"]) == (0, 3)
    assert "lost_streak_days" not in tomorrow


def test_on_the_first_day_of_a_tables_week_no_run_goes_on() -> None:
    terms = plain_terms(check_in={"cycle": "week", "repeats": False})
    sunday = CheckInDays().with_day(TODAY_ON - timedelta(days=2)).with_day(TODAY_ON - timedelta(days=1))
    account = Account("m1", "0000", check_ins=sunday)

    reminder = reminder_of(account, terms, TODAY_ON)

    assert reminder is not None
    assert (reminder.streak_days, reminder.lost_streak_days) == (0, 0)


def test_who_has_checked_in_today_is_left_alone(http: Http) -> None:
    (_, done), (_, open_still) = http.log_in("mei"), http.log_in("lan")
    for member_id in (done, open_still):
        remind_at(member_id, 20)
    sign(done, TODAY_ON)

    assert [one["member_id"] for one in run()] == [open_still]
    assert len(run("2026-03-03T12:00:00Z")) == 2


def test_a_frozen_member_is_left_alone(http: Http) -> None:
    _, member_id = http.log_in()
    remind_at(member_id, 20)
    sign(member_id, TODAY_ON - timedelta(days=1))
    frozen = open_ledger().read(member_id)._replace(frozen=True)
    dynamo.client().put_item(TableName=settings().ledger_table, Item=dynamo.encode_item(account_item(frozen)))

    assert run() == []


def test_a_list_of_several_pages_and_parts_is_read_to_its_end(http: Http) -> None:
    there = sorted([*crowd(200, 3), *crowd(101, 5), *crowd(1, 7)])

    assert [one["member_id"] for one in run()] == there


@pytest.mark.parametrize(
    ("zone", "time", "on"),
    [
        ("Asia/Shanghai", "2026-03-02T12:00:00Z", "2026-03-02"),
        ("America/New_York", "2026-03-03T01:00:00Z", "2026-03-02"),
        ("Asia/Kolkata", "2026-03-02T15:00:00Z", "2026-03-02"),
    ],
)
def test_hour_and_day_are_the_programmes(monkeypatch: pytest.MonkeyPatch, zone: str, time: str, on: str) -> None:
    with open_http(monkeypatch, zone=zone) as http:
        _, member_id = http.log_in()
        remind_at(member_id, 20)
        earlier = datetime.fromisoformat(time) - timedelta(hours=1)

        assert run(earlier.isoformat()) == []
        assert [one["id"] for one in run(time)] == [f"{member_id}:{on}"]


def test_a_schedule_that_fires_twice_sends_the_same_id_twice(http: Http) -> None:
    crowd(3, 0)

    assert run() == run()


def test_it_stops_before_its_time_is_over_and_says_so(http: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    crowd(2, 0)
    said: list[dict[str, Any]] = []
    monkeypatch.setattr(log, "outcome", lambda event, **counts: said.append({"event": event, **counts}))

    assert run(left_ms=STOP_BEFORE_MS) == []
    assert (said[-1]["event"], said[-1]["sent"], said[-1]["unfinished_parts"]) == ("check_ins_reminded", 0, 8)


def test_a_page_that_fails_keeps_no_other_from_its_reminder(http: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    poor, others = crowd(1, 2), crowd(101, 4)
    read = LedgerTable.accounts

    def broken(table: LedgerTable, member_ids: list[str]) -> Any:
        if member_ids == poor:
            raise RuntimeError
        return read(table, member_ids)

    monkeypatch.setattr(LedgerTable, "accounts", broken)

    with pytest.raises(JifenError):
        run()
    assert [one["member_id"] for one in messages()] == others


def test_without_a_check_in_rule_only_off_can_be_chosen_and_nobody_is_reminded(
    http: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    token, member_id = http.log_in()
    remind_at(member_id, 20)
    terms = terms_at(http.stage.now)
    rules = tuple(rule for rule in terms.programme.rules if rule.activity != "check_in")
    without = replace(terms, programme=replace(terms.programme, rules=rules))
    for module in ("check_in_routes", "check_in_events"):
        monkeypatch.setattr(f"chalicelib.earning.{module}.terms_at", lambda _at: without)

    assert http.call("PUT", PATH, {"hour": 9}, token=token).json["code"] == Code.ACTIVITY_OFF.number
    assert run() == []
    assert http.call("PUT", PATH, {"hour": None}, token=token).data == {"reminder_hour": None}
    assert listed(http) == []


def test_before_a_programme_is_published_nothing_is_read_or_sent(http: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    crowd(1, 0)
    stands = programme_table.terms_book()
    monkeypatch.setattr("chalicelib.earning.check_in_events.terms_book", lambda: replace(stands, versions=()))
    monkeypatch.setattr(queue, "send", lambda *_: pytest.fail("sent"))

    assert run() == []


def test_accounts_come_in_the_order_asked_and_new_ones_fresh(http: Http) -> None:
    sign("m2", TODAY_ON)

    found = open_ledger().accounts(["m3", "m2", "m1"])

    assert [account.member_id for account in found] == ["m3", "m2", "m1"]
    assert [account.version for account in found] == [0, 1, 0]
    assert found[1] == open_ledger().read("m2")


def test_the_handler_loads_without_the_app() -> None:
    code = "import sys; import chalicelib.earning.check_in_events; sys.exit('app' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
