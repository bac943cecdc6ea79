"""Levels through the deployed app: a trial once a year, what staff give, the log, and notices that a night wrote."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest

from app import app
from chalicelib.ledger.apply import apply
from chalicelib.ledger.commands import Earn
from chalicelib.ledger.expire import expire_due
from chalicelib.ledger.model import Cause, Kind, Posting
from chalicelib.ledger.table import Seen, open_ledger
from chalicelib.programme import table as programme_table
from chalicelib.programme.publish import publish
from chalicelib.programme.table import open_programme, terms_at
from tests.ledger.builders import bucket
from tests.members.stage import ADMIN_KEY, Answer, Stage, invoke
from tests.programme.builders import demo_document

SINCE = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def programme(stage: Stage) -> Iterator[None]:
    publish(
        open_programme(), version=1, document=demo_document(), effective_from=SINCE, published_by="s1", now=stage.now
    )
    programme_table.forget()
    yield
    programme_table.forget()


@pytest.fixture
def mei(http: Any) -> tuple[str, str]:
    opened = http("POST", "/v1/sessions", body=json.dumps({"code": "demo-mei-0001"})).data
    return opened["member_id"], opened["token"]


def earned(member_id: str, now: datetime, points: int, expires_on: date, growth: int = 0, id: str = "tmall#1") -> None:
    cause = Cause(Kind.EARN, "order", id, now, now, "tmall", "order_feed")
    growth_on = now.date() if growth else None
    command = Earn(cause, points, bucket(expires_on), "order", 1, growth=growth, growth_on=growth_on)

    def decide(seen: Seen) -> Posting:
        return apply(seen.account, [command], terms_at(now).ledger, now)

    open_ledger().post(member_id, decide)


def the_night(now: datetime) -> None:
    for shard in range(open_ledger().due_shards):
        expire_due(shard, ledger=open_ledger(), terms=terms_at(now).ledger, now=now, has_time=lambda: True)


def tried(http: Any, token: str, level: str) -> Any:
    return http("POST", "/v1/me/level-trials", token=token, body=json.dumps({"level": level}))


def test_a_trial_is_the_members_own_for_seven_days_once_a_year(http: Any, mei: tuple[str, str]) -> None:
    _, token = mei

    first, again = tried(http, token, "gold"), tried(http, token, "gold")

    assert first.data == {"level": "gold", "until_on": "2026-03-08", "text": "体验黄金会员7天", "replayed": False}
    assert again.data == {**first.data, "replayed": True}
    shown = http("GET", "/v1/me/level", token=token).data
    assert (shown["level"]["id"], shown["own_level"], shown["trial"]["until_on"]) == ("gold", "normal", "2026-03-08")


@pytest.mark.parametrize("level", ["diamond", "normal", "no-such"])
def test_only_levels_open_for_trial_can_be_tried(http: Any, mei: tuple[str, str], level: str) -> None:
    answer = tried(http, mei[1], level)

    assert (answer.status, answer.json["code"], answer.json["msg"]) == (422, 42290, "这个等级暂不开放体验")


def test_whoever_has_the_level_already_cannot_try_it(http: Any, stage: Stage, mei: tuple[str, str]) -> None:
    earned(mei[0], stage.now, 600, date(2027, 3, 31), growth=600)

    answer = tried(http, mei[1], "gold")

    assert answer.json["msg"] == "只能体验更高的等级"


def test_staff_give_a_trial_once_per_key(http: Any, mei: tuple[str, str]) -> None:
    def give(days: int) -> Answer:
        return invoke(
            app,
            "POST",
            "/v1/staff/members/{member_id}/level-trials",
            path_parameters={"member_id": mei[0]},
            headers={"Authorization": f"Bearer {ADMIN_KEY}", "Idempotency-Key": "k1"},
            body=json.dumps({"level": "platinum", "days": days, "reason": "骑行大使"}),
        )

    first, again, other = give(30), give(30), give(60)

    assert (first.data["until_on"], first.data["replayed"], again.data["replayed"]) == ("2026-03-31", False, True)
    assert other.json["code"] == 40900


def test_the_log_tells_every_change_newest_first_in_pages(http: Any, stage: Stage, mei: tuple[str, str]) -> None:
    earned(mei[0], stage.now, 600, date(2027, 3, 31), growth=600)
    earned(mei[0], stage.now, 2_000, date(2027, 3, 31), growth=2_000, id="tmall#2")

    page = http("GET", "/v1/me/level-changes", token=mei[1], query={"limit": ["1"]}).data
    rest = http(
        "GET", "/v1/me/level-changes", token=mei[1], query={"limit": ["1"], "cursor": [page["next_cursor"]]}
    ).data

    assert [(one["before"], one["after"]) for one in page["list"] + rest["list"]] == [
        ("gold", "platinum"),
        ("normal", "gold"),
    ]
    assert rest["has_more"] is False


def test_a_night_tells_what_ends_in_a_month_once_and_merged(http: Any, stage: Stage, mei: tuple[str, str]) -> None:
    earned(mei[0], stage.now, 250, date(2026, 4, 30))
    earned(mei[0], stage.now, 99, date(2026, 4, 29), id="tmall#2")
    assert open_ledger().read(mei[0]).due_on == date(2026, 3, 31)

    for hour in (1, 2):
        the_night(datetime(2026, 3, 31, hour, tzinfo=UTC))

    told = http("GET", "/v1/me/notices", token=mei[1]).data["list"]
    assert told == [{"on": "2026-03-31", "kind": "points_expiring", "text": "250分2026-04-30到期,可兑满199减10券"}]
    assert open_ledger().read(mei[0]).due_on == date(2026, 4, 23)


def test_nights_that_were_missed_tell_once_what_is_still_to_come(http: Any, stage: Stage, mei: tuple[str, str]) -> None:
    earned(mei[0], stage.now, 250, date(2026, 4, 30))

    the_night(datetime(2026, 4, 25, 1, tzinfo=UTC))

    told = http("GET", "/v1/me/notices", token=mei[1]).data["list"]
    assert [one["on"] for one in told] == ["2026-04-25"]
    assert open_ledger().read(mei[0]).due_on == date(2026, 4, 29)


def notices(http: Any, token: str) -> list[tuple[str, str, str]]:
    told = http("GET", "/v1/me/notices", token=token).data["list"]
    return [(one["on"], one["kind"], one["text"]) for one in told]


def test_the_end_of_a_trial_and_a_fall_after_the_grace_are_told_in_words(
    http: Any, stage: Stage, mei: tuple[str, str]
) -> None:
    earned(mei[0], stage.now, 0, date(2026, 3, 2), growth=600)
    invoke(
        app,
        "POST",
        "/v1/staff/members/{member_id}/level-trials",
        path_parameters={"member_id": mei[0]},
        headers={"Authorization": f"Bearer {ADMIN_KEY}", "Idempotency-Key": "k1"},
        body=json.dumps({"level": "platinum", "days": 3, "reason": "骑行大使"}),
    )

    for on in (date(2026, 3, 5), date(2027, 4, 2), date(2027, 4, 2)):
        the_night(datetime(on.year, on.month, on.day, 1, tzinfo=UTC))

    assert notices(http, mei[1]) == [
        ("2027-04-02", "level_lowered", "有效期和宽限期已过,成长值不足以保级,等级由黄金降为普通"),
        ("2026-03-05", "level_trial_ended", "铂金会员体验已结束,当前等级为黄金"),
    ]
