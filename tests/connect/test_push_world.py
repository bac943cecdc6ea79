"""The stand-in pushes over HTTP: addresses are checked, events arrive doubled, late and again, and have one effect."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from chalicelib.publishing.follow_publications import follow_publications
from chalicelib.publishing.model import PAGE
from chalicelib.runtime import dynamo
from chalicelib.runtime.settings import settings
from tests.connect.pushes import ACCOUNTS, AES_KEY, PATHS, TOKENS, Pushes, listening, served
from tests.members.stage import ADMIN_KEY, Stage, invoke
from tests.publishing.plans import ISSUE_ID
from tests.publishing.test_official_account import Desk
from tests.stand_in.outsiders import CORP, MINI, SERVICE, Admin, Json


@pytest.fixture
def pushes(stage: Stage, world: Admin) -> Iterator[Pushes]:
    """The deployed app behind HTTP, its addresses registered with the stand-in."""
    made = Pushes(stage)
    made.connect(ACCOUNTS)
    with listening(made.lines), served(made) as address:
        for system, app, kind in (("official_account", SERVICE, "service"), ("mini_program", MINI, "mini_program")):
            given = {"appid": app[0], "secret": app[1], "kind": kind, "open_platform": "op1"}
            world.post("/apps", {**given, **_push_to(system, address)})
        corp = {"corpid": CORP[0], "secrets": [CORP[1]], "open_platform": "op1"}
        world.post("/corps", {**corp, **_push_to("wecom", address)})
        yield made


def _push_to(system: str, address: str) -> Json:
    return {"push_url": address + PATHS[system], "push_token": TOKENS[system], "push_aes_key": AES_KEY}


def _issue() -> Json:
    from app import app

    parameters = {"issue_id": ISSUE_ID}
    headers = {"Authorization": f"Bearer {ADMIN_KEY}"}
    answer = invoke(app, "GET", "/v1/staff/issues/{issue_id}", headers=headers, path_parameters=parameters)
    return dict(answer.data)


def _sent(world: Admin, name: str) -> list[tuple[int, bool]]:
    return [(one["status"], one["accepted"]) for one in world.get("/sent", name=name)["sent"]]


def test_the_addresses_pass_their_checks(pushes: Pushes, world: Admin) -> None:
    world.post("/url-checks", {"appid": SERVICE[0]})
    world.post("/url-checks", {"appid": MINI[0]})
    world.post("/corp-url-checks", {"corpid": CORP[0]})
    world.settle()

    assert _sent(world, "url_check") == [(200, True)] * 3


def test_an_issue_shows_what_became_of_its_sending_told_twice_or_late(pushes: Pushes, world: Admin) -> None:
    desk = Desk(pushes.stage, world)
    for person in ("a", "b", "c"):
        world.post("/followers", {"appid": SERVICE[0], "person": person})
    desk.approve()
    world.post("/events", {"channel": "wechat", "duplicate": 1, "delay": 20})

    desk.sweep()
    before = _issue()
    world.advance(30)
    again = pushes.work()

    after = _issue()
    assert again == []
    assert (before["state"], before["outcome"]) == ("sent", None)
    assert _sent(world, "MASSSENDJOBFINISH") == [(200, True)] * 2
    assert after["outcome"]["status"] == "send success"
    assert [after["outcome"][name] for name in ("total", "meant", "sent", "failed")] == [3, 3, 3, 0]
    assert after["outcome"]["told_at"].endswith("+08:00")
    assert [line["outcome"] for line in pushes.logged("inbound")] == ["handled", "repeated"]


def test_an_end_that_is_told_before_the_receipt_is_kept_is_still_the_issues(pushes: Pushes, world: Admin) -> None:
    desk = Desk(pushes.stage, world)
    desk.approve()
    world.post("/faults", {"api": "/cgi-bin/message/mass/sendall", "kind": "timeout_after", "times": 1, "seconds": 0.6})
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("chalicelib.connect.outside.READ_S", 0.3)
        lost = desk.sweep()
    world.advance(30)
    pushes.work()
    unknown = _issue()

    again = desk.sweep(timedelta(minutes=6))

    assert (lost.unfinished, again.sent) == (1, 1)
    assert (unknown["receipt"], unknown["outcome"]) == (None, None)
    assert _issue()["outcome"]["status"] == "send success"


def test_a_sending_that_was_turned_down_later_says_so(pushes: Pushes, world: Admin) -> None:
    desk = Desk(pushes.stage, world)
    desk.approve()
    world.post("/mass-plans", {"status": "err(10001)"})

    desk.sweep()
    world.advance(30)
    pushes.work()

    assert (_issue()["outcome"]["status"], _issue()["outcome"]["sent"]) == ("err(10001)", 0)


def test_what_we_could_not_take_is_told_again_five_seconds_later(pushes: Pushes, world: Admin) -> None:
    desk = Desk(pushes.stage, world)
    desk.approve()
    sqs, url = dynamo.service("sqs"), settings().inbound_events_queue_url
    sqs.delete_queue(QueueUrl=url)
    desk.sweep()
    world.advance(6)
    sqs.create_queue(QueueName=url.rsplit("/", 1)[-1])
    world.advance(30)
    pushes.work()

    assert _sent(world, "MASSSENDJOBFINISH") == [(500, False), (200, True)]
    assert _issue()["outcome"]["status"] == "send success"


def test_a_publication_without_push_shows_its_end_told_twice_and_is_not_asked_for(pushes: Pushes, world: Admin) -> None:
    desk = Desk(pushes.stage, world, PAGE)
    desk.approve()
    world.post("/publication-plans", {"status": 2, "fail_idx": [3]})
    world.post("/events", {"channel": "wechat", "duplicate": 1})

    desk.sweep()
    before = _issue()
    world.advance(30)
    again = pushes.work()
    follow_publications(desk.table, now=desk.publish_at + timedelta(hours=1))

    after = _issue()
    assert again == []
    assert (before["state"], before["outcome"]) == ("sent", None)
    assert _sent(world, "PUBLISHJOBFINISH") == [(200, True)] * 2
    assert (after["outcome"]["status"], after["outcome"]["text"]) == ("original_refused", "原创声明未通过:三条")
    assert (after["outcome"]["sent"], after["outcome"]["links"]) == (0, [])
    assert desk.calls("/cgi-bin/freepublish/get") == []
    assert "publication" not in {row.get("due") for row in pushes.rows("sending#")}


def test_a_customer_group_leaves_one_hint_through_doubled_and_overtaken_events(pushes: Pushes, world: Admin) -> None:
    chat_id = str(world.post("/groups", {"corpid": CORP[0], "name": "一群", "owner": "guide-1"})["chat_id"])
    for person, switches in (("a", {"duplicate": 1}), ("b", {"reorder": 1}), ("c", {"drop": 0})):
        world.post("/events", {"channel": "wecom", **switches})
        world.advance(1)
        world.post("/group-joins", {"chat_id": chat_id, "members": [{"person": person}]})
    world.settle()

    again = pushes.work()

    (row,) = pushes.rows("CHAT#")
    assert again == []
    assert _sent(world, "change_external_chat") == [(200, True)] * 5
    assert row["pk"] == f"CHAT#{chat_id}"
    assert (row["change"], row["hinted_at"]) == ("add_member", (pushes.stage.now + timedelta(seconds=3)).isoformat())
