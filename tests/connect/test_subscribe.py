"""Subscribe messages over HTTP: one grant is one message, one key is one message, and what is not known stays so."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from wechatpy import WeChatClient
from wechatpy.exceptions import WeChatClientException

from chalicelib.connect.accounts import account
from chalicelib.connect.messages_table import MessagesTable
from chalicelib.connect.table import ConnectTable
from chalicelib.connect.tokens import Fetched, Source, access_token
from chalicelib.connect.wechat import grants_table
from chalicelib.connect.wechat.api import WechatApi
from chalicelib.connect.wechat.grants_table import GrantsTable
from chalicelib.connect.wechat.subscribe import PATH, Outcome, SubscribeMessage, send
from chalicelib.runtime.settings import settings
from tests.connect.allowing import REMINDER, configure, left_here, left_outside, received, tap, tell
from tests.members.stage import Stage
from tests.stand_in.outsiders import MINI, Admin, redirect

VALUES = {"thing1": "今天还没有签到", "date2": "2026年3月2日"}
TOKENS = "/cgi-bin/stable_token"


@pytest.fixture
def grants(stage: Stage) -> GrantsTable:
    return GrantsTable(MessagesTable(stage.cloud, "test-connect", pause=lambda _seconds: None))


@pytest.fixture
def api(stage: Stage, table: ConnectTable, world: Admin) -> WechatApi:
    configure(stage, world)
    return WechatApi(table, account("mini_program", stage.now), stage.now)


@pytest.fixture
def openid(api: WechatApi, grants: GrantsTable, stage: Stage, world: Admin) -> str:
    """Mei, who allowed one reminder, here and at WeChat."""
    mei = tap(world, REMINDER)
    tell(grants, stage, mei, REMINDER)
    return mei


def message(openid: str, key: str = "reminder:m1:2026-03-02", **changed: Any) -> SubscribeMessage:
    given = {"template_id": REMINDER, "page": "pages/check-in/index", "values": VALUES, **changed}
    return SubscribeMessage(key=key, openid=openid, **given)


def test_a_grant_is_one_message(api: WechatApi, grants: GrantsTable, openid: str, world: Admin) -> None:
    first, second = send(api, grants, message(openid)), send(api, grants, message(openid, "another"))

    assert (first, second) == (Outcome.SENT, Outcome.NOT_GRANTED)
    assert received(world, PATH) == 1
    assert (left_here(grants, openid, REMINDER), left_outside(world, openid, REMINDER)) == (0, 0)


def test_what_is_too_long_arrives_cut(api: WechatApi, grants: GrantsTable, openid: str, world: Admin) -> None:
    outcome = send(api, grants, message(openid, values={**VALUES, "thing1": "字" * 30}))

    assert outcome is Outcome.SENT
    assert left_outside(world, openid, REMINDER) == 0


def test_the_same_key_again_is_answered_and_not_sent(
    api: WechatApi, grants: GrantsTable, openid: str, stage: Stage, world: Admin
) -> None:
    tap(world, REMINDER, openid=openid)
    tell(grants, stage, openid, REMINDER, 2)

    outcomes = [send(api, grants, message(openid)) for _ in range(3)]

    assert outcomes == [Outcome.SENT] * 3
    assert received(world, PATH) == 1
    assert left_outside(world, openid, REMINDER) == 1


def test_the_same_key_again_is_answered_after_the_last_grant_went(
    api: WechatApi, grants: GrantsTable, openid: str
) -> None:
    assert [send(api, grants, message(openid)) for _ in range(2)] == [Outcome.SENT] * 2


class Between:
    """A client that lets something else happen just before its next transaction."""

    def __init__(self, cloud: Any, meanwhile: Callable[[], object]) -> None:
        self.cloud, self.meanwhile = cloud, [meanwhile]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.cloud, name)

    def transact_write_items(self, **request: Any) -> Any:
        while self.meanwhile:
            self.meanwhile.pop()()
        return self.cloud.transact_write_items(**request)


@pytest.mark.parametrize(
    ("key", "outcome"), [("reminder:m1:2026-03-02", Outcome.SENT), ("another", Outcome.NOT_GRANTED)]
)
def test_of_two_at_once_one_sends_be_it_for_the_key_or_the_last_grant(
    api: WechatApi, grants: GrantsTable, openid: str, stage: Stage, world: Admin, key: str, outcome: Outcome
) -> None:
    rival = Between(stage.cloud, lambda: send(api, grants, message(openid, key)))
    late = GrantsTable(MessagesTable(rival, "test-connect"))

    answered = send(api, late, message(openid))

    assert answered is outcome
    assert received(world, PATH) == 1
    assert left_here(grants, openid, REMINDER) == 0


def test_while_another_asks_wechat_the_same_key_is_unknown_and_not_sent(
    api: WechatApi, grants: GrantsTable, openid: str, stage: Stage, world: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(grants, stage, openid, REMINDER)
    seen, post = [], WechatApi.post

    def asked(self: WechatApi, *given: Any, **named: Any) -> Any:
        monkeypatch.setattr(WechatApi, "post", post)
        seen.append(send(api, grants, message(openid)))
        return post(self, *given, **named)

    monkeypatch.setattr(WechatApi, "post", asked)

    outcome = send(api, grants, message(openid))

    assert (outcome, seen) == (Outcome.SENT, [Outcome.UNKNOWN])
    assert received(world, PATH) == 1


def test_a_member_who_allows_none_at_wechat_is_asked_no_more(
    api: WechatApi, grants: GrantsTable, openid: str, stage: Stage, world: Admin
) -> None:
    tell(grants, stage, openid, REMINDER, 3)
    tap(world, REMINDER, -1, openid=openid)

    first, second = send(api, grants, message(openid)), send(api, grants, message(openid, "another"))
    tap(world, REMINDER, openid=openid)
    tell(grants, stage, openid, REMINDER)
    same_again, new_one = send(api, grants, message(openid)), send(api, grants, message(openid, "third"))

    assert (first, second) == (Outcome.NOT_GRANTED, Outcome.NOT_GRANTED)
    assert (same_again, new_one) == (Outcome.NOT_GRANTED, Outcome.SENT)
    assert received(world, PATH) == 2


def test_a_tap_after_a_message_was_refused_is_not_lost_with_the_others(
    api: WechatApi, grants: GrantsTable, openid: str, stage: Stage
) -> None:
    stage.later(minutes=1)
    tell(grants, stage, openid, REMINDER)

    grants.end(openid, REMINDER, stage.now - timedelta(seconds=30))

    assert left_here(grants, openid, REMINDER) == 2


@pytest.mark.parametrize(
    ("errcode", "outcome"),
    [
        (-1, Outcome.SOON),
        (45011, Outcome.SOON),
        (45009, Outcome.LATER),
        (40164, Outcome.LATER),
        (48001, Outcome.LATER),
        (40001, Outcome.LATER),
    ],
)
def test_what_wechat_does_not_take_now_gives_the_grant_back_and_may_be_sent_again(
    api: WechatApi, grants: GrantsTable, openid: str, world: Admin, errcode: int, outcome: Outcome
) -> None:
    world.post("/faults", {"api": PATH, "kind": "errcode", "errcode": errcode, "times": 2})
    first = send(api, grants, message(openid))
    left = left_here(grants, openid, REMINDER)
    world.post("/faults", {"clear": True})

    again = send(api, grants, message(openid))

    assert (first, left, again) == (outcome, 1, Outcome.SENT)
    assert left_here(grants, openid, REMINDER) == 0


@pytest.mark.parametrize(
    ("errcode", "outcome"), [(40164, Outcome.LATER), (-1, Outcome.SOON), (40125, Outcome.LATER), (45009, Outcome.LATER)]
)
def test_without_a_token_nothing_was_sent(
    api: WechatApi, grants: GrantsTable, openid: str, world: Admin, errcode: int, outcome: Outcome
) -> None:
    world.post("/faults", {"api": TOKENS, "kind": "errcode", "errcode": errcode, "times": 1})

    first, left = send(api, grants, message(openid)), left_here(grants, openid, REMINDER)

    assert (first, left) == (outcome, 1)
    assert received(world, PATH) == 0
    assert send(api, grants, message(openid)) is Outcome.SENT


@pytest.mark.parametrize("has_token", [False, True])
def test_where_nobody_listens_it_may_be_sent_again(
    api: WechatApi, grants: GrantsTable, openid: str, monkeypatch: pytest.MonkeyPatch, has_token: bool
) -> None:
    if has_token:
        access_token(api.table, Source(f"wechat:{MINI[0]}", lambda: Fetched("made-up", 7200)), api.now)
    with monkeypatch.context() as away:
        away.setenv("OUTSIDE_URL", "http://127.0.0.1:9")
        settings.cache_clear()
        first = send(api, grants, message(openid))
    settings.cache_clear()

    assert (first, left_here(grants, openid, REMINDER)) == (Outcome.SOON, 1)
    assert send(api, grants, message(openid)) is Outcome.SENT


@pytest.mark.parametrize("kind", ["timeout_after", "timeout_before", "http_500"])
def test_a_lost_answer_is_unknown_and_the_message_is_never_sent_again(
    api: WechatApi, grants: GrantsTable, openid: str, world: Admin, kind: str
) -> None:
    world.post("/faults", {"api": PATH, "kind": kind, "times": 1, "seconds": 0.5})

    outcomes = [send(api, grants, message(openid)) for _ in range(2)]

    assert outcomes == [Outcome.UNKNOWN] * 2
    assert received(world, PATH) == 1
    assert left_here(grants, openid, REMINDER) == 0


def test_whoever_died_before_the_answer_leaves_the_message_unknown(
    api: WechatApi, grants: GrantsTable, openid: str, world: Admin
) -> None:
    grants.messages.begin("reminder:m1:2026-03-02", "", grants.use(openid, REMINDER), api.now)

    assert send(api, grants, message(openid)) is Outcome.UNKNOWN
    assert received(world, PATH) == 0


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    logged = [json.loads(record.message) for record in caplog.records if record.name == "jifen.outcomes"]
    return [line for line in logged if line["event"] == "subscribe_message"]


def test_a_field_that_wechat_refuses_is_named_and_costs_no_grant(
    api: WechatApi, grants: GrantsTable, openid: str, caplog: pytest.LogCaptureFixture
) -> None:
    outcome = send(api, grants, message(openid, values={"thing1": "没有日期"}))

    (line,) = lines(caplog)
    assert outcome is Outcome.REFUSED
    assert (line["errcode"], line["field"]) == (47003, "date2")
    assert left_here(grants, openid, REMINDER) == 1
    assert send(api, grants, message(openid)) is Outcome.REFUSED


def test_a_field_that_cannot_be_is_refused_before_anything_is_asked(
    api: WechatApi, grants: GrantsTable, openid: str, world: Admin, caplog: pytest.LogCaptureFixture
) -> None:
    outcome = send(api, grants, message(openid, values={**VALUES, "date2": "2026-03-02"}))

    (line,) = lines(caplog)
    assert (outcome, line["field"]) == (Outcome.REFUSED, "date2")
    assert received(world, PATH) == 0
    assert left_here(grants, openid, REMINDER) == 1


@pytest.mark.parametrize(("template_id", "openid_of"), [("T-unknown", None), (REMINDER, "o" + "0" * 27)])
def test_an_unknown_template_or_member_is_refused_for_good_and_gives_the_grant_back(
    api: WechatApi, grants: GrantsTable, openid: str, stage: Stage, template_id: str, openid_of: str | None
) -> None:
    who = openid_of or openid
    tell(grants, stage, who, template_id)
    before = left_here(grants, who, template_id)

    outcomes = [send(api, grants, message(who, "odd", template_id=template_id)) for _ in range(2)]

    assert outcomes == [Outcome.REFUSED] * 2
    assert left_here(grants, who, template_id) == before


def test_each_sending_is_one_line_without_the_openid(
    api: WechatApi, grants: GrantsTable, openid: str, caplog: pytest.LogCaptureFixture
) -> None:
    send(api, grants, message(openid))
    send(api, grants, message(openid, "another"))

    assert [(line["key"], line["outcome"]) for line in lines(caplog)] == [
        ("reminder:m1:2026-03-02", "sent"),
        ("another", "not_granted"),
    ]
    assert openid not in "\n".join(record.getMessage() for record in caplog.records if record.name == "jifen.outcomes")


def test_wechatpy_and_our_own_calls_use_up_the_same_grants(
    api: WechatApi, grants: GrantsTable, openid: str, stage: Stage, world: Admin
) -> None:
    tap(world, REMINDER, openid=openid)
    tell(grants, stage, openid, REMINDER, 3)
    client = WeChatClient(*MINI)
    redirect(client._http, world.url)
    data = {name: {"value": value} for name, value in VALUES.items()}

    ours = send(api, grants, message(openid))
    theirs = client.wxa.send_subscribe_message(openid, REMINDER, data)["errcode"]
    with pytest.raises(WeChatClientException) as refused:
        client.wxa.send_subscribe_message(openid, REMINDER, data)
    ours_too = send(api, grants, message(openid, "another"))

    assert (ours, theirs, refused.value.errcode, ours_too) == (Outcome.SENT, 0, 43101, Outcome.NOT_GRANTED)
    assert left_here(grants, openid, REMINDER) == 0


def test_a_stage_opens_its_own_rows(stage: Stage, grants: GrantsTable) -> None:
    tell(grants_table.open_grants(), stage, "o1", REMINDER)

    assert left_here(grants, "o1", REMINDER) == 1


class Counting:
    """A client that counts its requests by name."""

    def __init__(self, cloud: Any) -> None:
        self.cloud, self.exceptions = cloud, cloud.exceptions
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> Any:
        self.asked.append(name)
        return getattr(self.cloud, name)


@pytest.mark.parametrize(
    ("errcode", "asked"),
    [
        (0, ["batch_get_item", "transact_write_items", "update_item"]),
        (45009, ["batch_get_item", "transact_write_items", "transact_write_items"]),
        (43101, ["batch_get_item", "transact_write_items", "update_item", "update_item"]),
    ],
)
def test_what_a_message_costs(
    api: WechatApi, openid: str, stage: Stage, world: Admin, errcode: int, asked: list[str]
) -> None:
    if errcode:
        world.post("/faults", {"api": PATH, "kind": "errcode", "errcode": errcode, "times": 1})
    counting = Counting(stage.cloud)
    counted = GrantsTable(MessagesTable(counting, "test-connect"))

    send(api, counted, message(openid))
    of_the_first = list(counting.asked)
    send(api, counted, message("o-nobody", "another"))

    assert of_the_first == asked
    assert counting.asked[len(asked) :] == ["batch_get_item"]
