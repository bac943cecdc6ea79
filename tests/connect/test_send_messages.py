"""The worker that takes reminders and notices from the queue: to whom, when, in which words, and how often."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from app import app
from chalicelib.connect.messages_table import MessagesTable
from chalicelib.connect.wechat.grants_table import GrantsTable
from chalicelib.connect.wechat.message_events import send_messages
from chalicelib.connect.wechat.subscribe import PATH
from chalicelib.errors import JifenError
from chalicelib.ledger.events import expire_shard
from chalicelib.programme import table as programme_table
from chalicelib.programme.publish import publish
from chalicelib.programme.table import open_programme
from chalicelib.runtime import dynamo, queue
from chalicelib.runtime.settings import settings
from tests.connect.allowing import ENDING, EXPIRING, MESSAGES, REMINDER, configure, received, tap, tell
from tests.earning.test_check_in_reminder import messages as taken
from tests.earning.test_check_in_reminder import run as remind
from tests.members.stage import Stage, invoke
from tests.members.test_level_routes import earned
from tests.programme.builders import demo_document
from tests.stand_in.outsiders import MINI, Admin

SINCE = datetime(2026, 1, 1, tzinfo=UTC)
TODAY_ON = date(2026, 3, 2)


@pytest.fixture(autouse=True)
def programme(stage: Stage, world: Admin, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    document = demo_document()
    publish(open_programme(), version=1, document=document, effective_from=SINCE, published_by="s1", now=stage.now)
    monkeypatch.setenv("SUBSCRIBE_MESSAGES", "on")
    monkeypatch.setattr(random, "randrange", lambda most: most - 1)
    settings.cache_clear()
    configure(stage, world)
    programme_table.forget()
    yield
    programme_table.forget()


@pytest.fixture
def grants(stage: Stage) -> GrantsTable:
    return GrantsTable(MessagesTable(stage.cloud, "test-connect"))


@pytest.fixture
def hidden(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """For how many seconds messages were hidden."""
    seconds: list[int] = []

    def hide(**request: Any) -> None:
        assert (request["QueueUrl"], request["ReceiptHandle"]) == (settings().reminders_queue_url, "r-0")
        seconds.append(request["VisibilityTimeout"])

    monkeypatch.setattr(queue, "service", lambda _name: SimpleNamespace(change_message_visibility=hide))
    return seconds


def log_in(world: Admin, person: str = "mei") -> str:
    """A member's id."""
    code = world.post("/login-codes", {"appid": MINI[0], "person": person})["code"]
    return str(invoke(app, "POST", "/v1/sessions", body=json.dumps({"code": code})).data["member_id"])


def allow(
    world: Admin, grants: GrantsTable, stage: Stage, template_id: str, person: str = "mei", count: int = 1
) -> str:
    openid = tap(world, template_id, count, person=person)
    tell(grants, stage, openid, template_id, count)
    return openid


def reminder(member_id: str, on: date = TODAY_ON, **changed: Any) -> str:
    given = {"streak_days": 5, "next_reward_days": 2, "next_reward_points": 10, **changed}
    return json.dumps({"id": f"{member_id}:{on}", "member_id": member_id, "on": on.isoformat(), **given})


def notice(member_id: str, kind: str, facts: Any, on: date = TODAY_ON) -> str:
    named = {"id": f"{kind}:{member_id}:{on}", "kind": kind, "member_id": member_id, "on": on.isoformat()}
    return json.dumps({**named, "facts": facts})


def deliver(stage: Stage, *bodies: str, age: timedelta = timedelta(0)) -> list[str]:
    """Wake the worker with messages of an age; the ids of those that come again."""
    sent_at = str(int((stage.now - age).timestamp() * 1000))
    records = [
        {
            "messageId": str(place),
            "receiptHandle": f"r-{place}",
            "body": body,
            "attributes": {"SentTimestamp": sent_at},
        }
        for place, body in enumerate(bodies)
    ]
    failed = send_messages({"Records": records}, None)["batchItemFailures"]
    return [one["itemIdentifier"] for one in failed]


def said(world: Admin) -> list[dict[str, Any]]:
    """What WeChat was asked to send."""
    return [one["body"] for one in world.get("/received", path=PATH)["received"]]


def texts(asked: dict[str, Any]) -> dict[str, str]:
    return {name: field["value"] for name, field in asked["data"].items()}


def test_a_reminder_goes_to_its_members_openid_in_the_words_of_the_template(
    stage: Stage, world: Admin, grants: GrantsTable
) -> None:
    member_id, openid = log_in(world), allow(world, grants, stage, REMINDER)

    assert deliver(stage, reminder(member_id)) == []

    (asked,) = said(world)
    assert (asked["touser"], asked["template_id"], asked["page"]) == (openid, REMINDER, "pages/check-in/index")
    assert texts(asked) == {"thing1": "已连续签到5天,今天还没有签到", "date2": "2026年3月2日"}


def test_a_text_that_has_nothing_to_say_leaves_the_word_to_the_next(
    stage: Stage, world: Admin, grants: GrantsTable
) -> None:
    member_id = log_in(world)
    allow(world, grants, stage, REMINDER)

    deliver(stage, reminder(member_id, streak_days=0, next_reward_days=None, next_reward_points=None))

    (asked,) = said(world)
    assert texts(asked)["thing1"] == "今天还没有签到"


def test_a_reminder_told_twice_arrives_once_and_the_next_days_is_another(
    stage: Stage, world: Admin, grants: GrantsTable
) -> None:
    member_id = log_in(world)
    allow(world, grants, stage, REMINDER, count=3)

    deliver(stage, reminder(member_id), reminder(member_id))
    deliver(stage, reminder(member_id))
    stage.later(days=1)
    deliver(stage, reminder(member_id, date(2026, 3, 3)))

    assert len(said(world)) == 2


def test_whoever_allowed_nothing_is_sent_nothing(stage: Stage, world: Admin, grants: GrantsTable) -> None:
    member_id, other = log_in(world), log_in(world, "lan")
    allow(world, grants, stage, REMINDER, "lan")

    again = deliver(stage, reminder(member_id), reminder("m" + "0" * 24), reminder(other))

    assert again == []
    assert len(said(world)) == 1


@pytest.mark.parametrize(
    ("on", "age"), [(date(2026, 3, 1), timedelta(0)), (TODAY_ON, timedelta(hours=1, seconds=1))], ids=["day", "hour"]
)
def test_a_reminder_that_is_no_longer_true_is_dropped(
    stage: Stage, world: Admin, grants: GrantsTable, on: date, age: timedelta
) -> None:
    member_id = log_in(world)
    allow(world, grants, stage, REMINDER)

    assert deliver(stage, reminder(member_id, on), age=age) == []
    assert said(world) == []


def test_a_notice_of_points_says_what_ends_first_and_when(stage: Stage, world: Admin, grants: GrantsTable) -> None:
    member_id = log_in(world)
    allow(world, grants, stage, EXPIRING)

    deliver(stage, notice(member_id, "points_expiring", {"points": {"2026-04-01": 120, "2026-03-31": 180}}))

    (asked,) = said(world)
    assert texts(asked) == {"thing1": "您有积分即将到期", "number2": "180", "date3": "2026年3月31日"}


def test_a_notice_of_a_level_says_its_name(stage: Stage, world: Admin, grants: GrantsTable) -> None:
    member_id = log_in(world)
    allow(world, grants, stage, ENDING)

    deliver(stage, notice(member_id, "level_ending", {"level": "gold", "until": "2026-03-31"}))

    (asked,) = said(world)
    assert texts(asked) == {"phrase1": "黄金", "date2": "2026年3月31日"}


@pytest.mark.parametrize(
    ("hour", "seconds"), [(0, 9 * 3600 + 3599), (8, 3600 + 3599), (21, 43_000), (23, 10 * 3600 + 3599)]
)
def test_a_notice_of_the_night_waits_for_the_morning(
    stage: Stage, world: Admin, grants: GrantsTable, hidden: list[int], hour: int, seconds: int
) -> None:
    member_id = log_in(world)
    allow(world, grants, stage, EXPIRING)
    body = notice(member_id, "points_expiring", {"points": {"2026-03-31": 180}})
    stage.now = datetime(2026, 3, 2, hour, tzinfo=UTC) - timedelta(hours=8)

    assert deliver(stage, body) == ["0"]
    assert hidden == [seconds]
    assert said(world) == []


def test_a_notice_whose_day_has_passed_meanwhile_is_dropped(stage: Stage, world: Admin, grants: GrantsTable) -> None:
    member_id = log_in(world)
    allow(world, grants, stage, EXPIRING)

    assert deliver(stage, notice(member_id, "points_expiring", {"points": {"2026-03-01": 180}})) == []
    assert said(world) == []


@pytest.mark.parametrize(("errcode", "postponed"), [(45009, [3600]), (40164, [3600]), (-1, [])])
def test_what_could_not_be_sent_comes_again_and_arrives_once(
    stage: Stage, world: Admin, grants: GrantsTable, hidden: list[int], errcode: int, postponed: list[int]
) -> None:
    member_id = log_in(world)
    allow(world, grants, stage, EXPIRING)
    body = notice(member_id, "points_expiring", {"points": {"2026-03-31": 180}})
    world.post("/faults", {"api": PATH, "kind": "errcode", "errcode": errcode, "times": 1})

    first, second, third = (deliver(stage, body) for _ in range(3))

    assert (first, second, third) == (["0"], [], [])
    assert hidden == postponed
    assert received(world, PATH) == 2


def test_a_message_that_cannot_be_read_keeps_no_other_from_its_member(
    stage: Stage, world: Admin, grants: GrantsTable
) -> None:
    member_id = log_in(world)
    allow(world, grants, stage, REMINDER)

    assert deliver(stage, "no json", reminder(member_id)) == ["0"]
    assert len(said(world)) == 1


def test_a_kind_without_a_template_is_not_sent(stage: Stage, world: Admin, grants: GrantsTable) -> None:
    configure(stage, world, {"level_ending": MESSAGES["level_ending"]})
    stage.later(minutes=6)
    member_id = log_in(world)
    allow(world, grants, stage, REMINDER)

    assert deliver(stage, reminder(member_id)) == []
    assert said(world) == []


def test_a_template_that_cannot_be_fails_the_function_so_that_its_alarm_hears_of_it(stage: Stage, world: Admin) -> None:
    configure(stage, world, {"level_ending": {"template_id": "T", "fields": {"thing1": "{points}"}}})
    stage.later(minutes=6)

    with pytest.raises(JifenError):
        deliver(stage, reminder("m" + "0" * 24))


def the_night(at: str) -> list[dict[str, Any]]:
    """Every shard's message of a night; what the queue has then."""
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: 300_000)
    for shard in range(settings().due_shards):
        body = json.dumps({"shard": shard, "now": at})
        assert expire_shard({"Records": [{"messageId": "1", "body": body}]}, context) == {"batchItemFailures": []}
    return taken()


def test_a_night_queues_each_notice_it_wrote_once_and_the_member_hears_in_the_morning(
    stage: Stage, world: Admin, grants: GrantsTable
) -> None:
    member_id = log_in(world)
    openid = allow(world, grants, stage, EXPIRING)
    earned(member_id, stage.now, 250, date(2026, 4, 30))

    queued, again = the_night("2026-03-30T16:05:00.000Z"), the_night("2026-03-30T16:06:00.000Z")
    stage.now = datetime(2026, 3, 31, 1, 30, tzinfo=UTC)
    deliver(stage, *map(json.dumps, queued))

    (asked,) = said(world)
    assert ([one["id"] for one in queued], again) == ([f"points_expiring:{member_id}:2026-03-31"], [])
    assert (asked["touser"], texts(asked)["date3"]) == (openid, "2026年4月30日")


def test_a_stage_that_does_not_send_queues_no_notice(
    stage: Stage, world: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    earned(log_in(world), stage.now, 250, date(2026, 4, 30))
    monkeypatch.setenv("SUBSCRIBE_MESSAGES", "off")
    settings.cache_clear()

    assert the_night("2026-03-30T16:05:00.000Z") == []
    assert [row["sk"] for row in stage.rows() if row["pk"].startswith("N#")] == ["2026-03-31#points_expiring"]


def test_a_stage_that_does_not_send_gives_back_what_reaches_it(
    stage: Stage, world: Admin, grants: GrantsTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    member_id = log_in(world)
    allow(world, grants, stage, REMINDER)
    monkeypatch.setenv("SUBSCRIBE_MESSAGES", "off")
    settings.cache_clear()

    assert deliver(stage, reminder(member_id), reminder(member_id)) == ["0", "1"]
    assert said(world) == []


def test_what_the_hourly_reminder_queues_is_what_the_worker_takes(
    stage: Stage, world: Admin, grants: GrantsTable
) -> None:
    code = world.post("/login-codes", {"appid": MINI[0], "person": "mei"})["code"]
    opened = invoke(app, "POST", "/v1/sessions", body=json.dumps({"code": code})).data
    headers = {"Authorization": f"Bearer {opened['token']}"}
    invoke(app, "PUT", "/v1/me/check-ins/reminder", headers=headers, body=json.dumps({"hour": 20})).data  # noqa: B018
    allow(world, grants, stage, REMINDER)
    stage.later(hours=8)
    bodies = [json.dumps(one) for one in remind()]

    deliver(stage, *bodies)

    (asked,) = said(world)
    assert re.fullmatch("今天还没有签到", texts(asked)["thing1"])


def test_a_message_hidden_in_the_queue_itself_comes_later(stage: Stage, world: Admin) -> None:
    member_id = log_in(world)
    sqs, url = dynamo.service("sqs"), settings().reminders_queue_url
    queue.send(url, [notice(member_id, "points_expiring", {"points": {"2026-03-31": 180}})])
    (got,) = sqs.receive_message(QueueUrl=url, VisibilityTimeout=0)["Messages"]
    record = {"messageId": "1", "receiptHandle": got["ReceiptHandle"], "body": got["Body"], "attributes": {}}
    stage.now = datetime(2026, 3, 1, 16, 6, tzinfo=UTC)

    again = send_messages({"Records": [record]}, None)

    assert again == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
