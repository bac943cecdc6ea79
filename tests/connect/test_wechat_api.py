"""Calls to WeChat over HTTP: tokens that end under way, refusals with their number, answers that never come."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.connect import outside, tokens
from chalicelib.connect.accounts import account
from chalicelib.connect.faults import Kind, Refused
from chalicelib.connect.outside import Unanswered, Unreached
from chalicelib.connect.table import ConnectTable
from chalicelib.connect.wechat.api import WechatApi
from chalicelib.connect.wechat.mini_program import phone_of, user_of
from chalicelib.errors import Code, JifenError
from chalicelib.runtime.settings import settings
from tests.members.stage import Stage
from tests.stand_in.outsiders import MINI, SERVICE, Admin

COUNT = "/cgi-bin/draft/count"


@pytest.fixture
def api(stage: Stage, table: ConnectTable, world: Admin) -> WechatApi:
    """The Official Account, as the stage knows it at noon."""
    return WechatApi(table, account("official_account", stage.now), stage.now)


def calls(world: Admin, api: str) -> int:
    return len(world.get("/received", path=api)["received"])


def test_a_call_fetches_a_token_and_the_next_one_shares_it(api: WechatApi, world: Admin) -> None:
    api.post(COUNT)
    tokens.forget()
    api.post(COUNT)

    assert (calls(world, COUNT), calls(world, "/cgi-bin/stable_token")) == (2, 1)


def test_a_token_that_ended_under_way_is_replaced_and_the_call_made_again(api: WechatApi, world: Admin) -> None:
    api.post(COUNT)
    world.post("/tokens/ends", {"owner": SERVICE[0]})

    answer = api.post(COUNT)

    assert answer == {"total_count": 0}
    assert calls(world, "/cgi-bin/stable_token") == 2


@pytest.mark.parametrize("errcode", [40001, 40014, 42001])
def test_a_token_that_is_always_wrong_is_refused_after_two_calls(api: WechatApi, world: Admin, errcode: int) -> None:
    world.post("/faults", {"api": COUNT, "kind": "errcode", "errcode": errcode, "times": None})

    with pytest.raises(Refused) as refused:
        api.post(COUNT)

    assert (refused.value.errcode, refused.value.kind) == (errcode, Kind.ACCESS)
    assert (calls(world, COUNT), calls(world, "/cgi-bin/stable_token")) == (2, 2)


@pytest.mark.parametrize(
    ("errcode", "kind"), [(-1, Kind.BUSY), (45009, Kind.QUOTA), (40164, Kind.ACCOUNT), (40007, Kind.INVALID)]
)
def test_a_refusal_says_what_can_be_done_about_it_and_its_rid_is_logged(
    api: WechatApi, world: Admin, caplog: pytest.LogCaptureFixture, errcode: int, kind: Kind
) -> None:
    world.post("/faults", {"api": COUNT, "kind": "errcode", "errcode": errcode, "times": 1})

    with pytest.raises(Refused) as refused:
        api.post(COUNT)

    logged = [json.loads(record.message) for record in caplog.records if record.name == "jifen.outcomes"]
    (line,) = [one for one in logged if one["event"] == "outside_refused"]
    assert refused.value.kind is kind
    assert (line["errcode"], line["rid"]) == (errcode, refused.value.rid)
    assert refused.value.rid


def test_neither_secret_nor_token_is_in_any_line_of_the_log(
    api: WechatApi, world: Admin, table: ConnectTable, caplog: pytest.LogCaptureFixture
) -> None:
    api.post(COUNT)
    world.post("/faults", {"api": COUNT, "kind": "errcode", "errcode": 48001, "times": 1})
    with pytest.raises(Refused):
        api.post(COUNT)

    logged = "\n".join(record.getMessage() for record in caplog.records if record.name == "jifen.outcomes")
    token = table.token(f"wechat:{SERVICE[0]}")
    assert token is not None
    assert "outside_refused" in logged
    assert token.value not in logged
    assert SERVICE[1] not in logged


@pytest.mark.parametrize("kind", ["timeout_before", "timeout_after", "http_500"])
def test_what_is_not_answered_is_never_taken_for_done_or_not_done(
    api: WechatApi, world: Admin, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    api.post(COUNT)
    monkeypatch.setattr(outside, "READ_S", 0.2)
    world.post("/faults", {"api": COUNT, "kind": kind, "times": 1, "seconds": 0.5})

    with pytest.raises(Unanswered):
        api.post(COUNT)

    assert calls(world, COUNT) == 2


def test_where_nobody_listens_the_request_was_certainly_not_heard(
    api: WechatApi, world: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.post(COUNT)
    monkeypatch.setenv("OUTSIDE_URL", "http://127.0.0.1:9")
    settings.cache_clear()

    with pytest.raises(Unreached):
        api.post(COUNT)


def mint(world: Admin, **given: Any) -> str:
    return str(world.post("/login-codes", {"appid": MINI[0], "person": "mei", **given})["code"])


def test_a_log_in_code_says_who_comes_once(stage: Stage, world: Admin) -> None:
    code = mint(world)

    user = user_of(account("mini_program", stage.now), code)
    with pytest.raises(JifenError) as again:
        user_of(account("mini_program", stage.now), code)

    assert len(user.openid) == 28
    assert user.unionid
    assert again.value.code is Code.LOGIN_CODE_INVALID


def test_a_code_that_is_over_made_up_or_of_a_risky_user_is_refused_in_words(stage: Stage, world: Admin) -> None:
    late, risky = mint(world), mint(world, blocked=True)
    world.advance(301)
    refusals = []
    for code in (late, "made-up", risky):
        with pytest.raises(JifenError) as refused:
            user_of(account("mini_program", stage.now), code)
        refusals.append(refused.value.code)

    assert refusals[:2] == [Code.LOGIN_CODE_INVALID, Code.LOGIN_CODE_INVALID]
    assert refusals[2] in (Code.LOGIN_REFUSED, Code.LOGIN_CODE_INVALID)


@pytest.mark.parametrize(
    ("errcode", "code"),
    [
        (40226, Code.LOGIN_REFUSED),
        (45011, Code.BUSY),
        (-1, Code.UNAVAILABLE),
        (40125, Code.UNAVAILABLE),
    ],
)
def test_what_wechat_says_at_a_log_in_becomes_our_own_refusal(
    stage: Stage, world: Admin, errcode: int, code: Code
) -> None:
    world.post("/faults", {"api": "/sns/jscode2session", "kind": "errcode", "errcode": errcode, "times": 1})

    with pytest.raises(JifenError) as refused:
        user_of(account("mini_program", stage.now), mint(world))

    assert refused.value.code is code


def test_a_tap_on_the_button_gives_the_phone_once(stage: Stage, table: ConnectTable, world: Admin) -> None:
    api = WechatApi(table, account("mini_program", stage.now), stage.now)
    code = world.post("/phone-codes", {"appid": MINI[0], "person": "mei", "number": "13800000001"})["code"]

    phone = phone_of(api, code)
    with pytest.raises(JifenError) as again:
        phone_of(api, code)

    assert phone == "+8613800000001"
    assert again.value.code is Code.PHONE_CODE_INVALID


def test_an_account_that_is_not_in_the_secret_is_not_connected(stage: Stage, world: Admin) -> None:
    with pytest.raises(JifenError) as refused:
        account("duiba", stage.now)

    assert refused.value.code is Code.NOT_CONNECTED
