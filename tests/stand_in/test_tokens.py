"""Access tokens: two spaces, renewal with an overlap, forced refreshes, and tokens that die while in use."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wechatpy import WeChatClient
from wechatpy.exceptions import WeChatClientException
from wechatpy.work import WeChatClient as WorkClient

from local.stand_in.clock import DAY, HOUR, MINUTE, SECOND
from local.stand_in.ids import Ids
from local.stand_in.tokens import Tokens
from local.stand_in.wire import Refused
from tests.stand_in.outsiders import CORP, SERVICE, WECHAT, WECOM, Admin, redirect

COUNT = "/cgi-bin/draft/count"
PROBE = "/cgi-bin/draft/count"
START = 1_773_115_200_000
"""2026-03-10 12:00 in Beijing."""


@pytest.fixture
def tokens() -> Tokens:
    return Tokens(Ids(1))


def _code(tokens: Tokens, value: str, now: int) -> int:
    try:
        tokens.owner(value, now)
    except Refused as refused:
        return refused.errcode
    return 0


def test_stable_and_legacy_know_nothing_of_each_other(tokens: Tokens) -> None:
    stable = tokens.stable("wxa", START)
    legacy = tokens.legacy("wxa", START)
    tokens.legacy("wxa", START)
    later = START + 5 * MINUTE

    assert stable.value != legacy.value
    assert _code(tokens, stable.value, later) == 0
    assert _code(tokens, legacy.value, later - 1) == 0
    assert _code(tokens, legacy.value, later) == 42001


def test_a_stable_token_is_the_same_until_five_minutes_before_its_end(tokens: Tokens) -> None:
    first = tokens.stable("wxa", START)
    same = tokens.stable("wxa", START + 2 * HOUR - 5 * MINUTE - 1)
    renewed = tokens.stable("wxa", START + 2 * HOUR - 5 * MINUTE)

    assert same == first
    assert same.expires_in(START + HOUR) == 3600
    assert renewed.value != first.value
    for at, codes in ((2 * HOUR - 1, (0, 0)), (2 * HOUR, (42001, 0))):
        assert (_code(tokens, first.value, START + at), _code(tokens, renewed.value, START + at)) == codes


def test_a_forced_refresh_ends_the_old_token_at_once(tokens: Tokens) -> None:
    old = tokens.stable("wxa", START)
    new = tokens.stable("wxa", START, forced=True)

    assert _code(tokens, old.value, START) == 40001
    assert _code(tokens, new.value, START) == 0


def test_forced_again_within_half_a_minute_nothing_is_refreshed(tokens: Tokens) -> None:
    first = tokens.stable("wxa", START, forced=True)

    assert tokens.stable("wxa", START + 30 * SECOND - 1, forced=True) == first
    assert tokens.stable("wxa", START + 30 * SECOND, forced=True) != first


def test_twenty_forced_refreshes_a_day(tokens: Tokens) -> None:
    for number in range(20):
        tokens.stable("wxa", START + number * MINUTE, forced=True)

    with pytest.raises(Refused, match="45009"):
        tokens.stable("wxa", START + 30 * MINUTE, forced=True)
    tokens.stable("wxb", START + 30 * MINUTE, forced=True)
    tokens.stable("wxa", START + DAY, forced=True)


@settings(deadline=None)
@given(steps=st.lists(st.tuples(st.integers(0, 3 * HOUR), st.booleans()), max_size=40))
def test_whatever_was_asked_before_a_token_is_good_for_five_minutes_and_more(steps: list[tuple[int, bool]]) -> None:
    tokens, now = Tokens(Ids(1)), START
    for pause, forced in steps:
        now += pause
        try:
            token = tokens.stable("wxa", now, forced=forced)
        except Refused:
            token = tokens.stable("wxa", now)
        assert token.expires_in(now) >= 300
        assert _code(tokens, token.value, now) == 0
        assert _code(tokens, token.value, now + 5 * MINUTE) == 0


def test_a_corp_has_a_token_for_each_secret(tokens: Tokens) -> None:
    one = tokens.of_corp("ww", "secret-1", START)

    assert tokens.of_corp("ww", "secret-1", START + 2 * HOUR - 1) == one
    assert tokens.of_corp("ww", "secret-2", START).value != one.value
    assert tokens.of_corp("ww", "secret-1", START + 2 * HOUR).value != one.value


@pytest.mark.parametrize(
    ("asked", "errcode"),
    [
        ({}, 41002),
        ({"appid": SERVICE[0]}, 41004),
        ({"appid": "wx", "secret": "s"}, 40013),
        ({"appid": SERVICE[0], "secret": "s"}, 40125),
        ({"appid": SERVICE[0], "secret": SERVICE[1]}, 40002),
    ],
)
def test_wrong_credentials_have_their_codes(admin: Admin, asked: dict[str, Any], errcode: int) -> None:
    assert admin.call(WECHAT, "/cgi-bin/stable_token", asked)["errcode"] == errcode
    assert admin.call(WECHAT, "/cgi-bin/token", **asked)["errcode"] == errcode


def test_wrong_credentials_of_a_corp(admin: Admin) -> None:
    path = "/cgi-bin/gettoken"

    assert admin.call(WECOM, path, corpid=CORP[0], corpsecret="wrong")["errcode"] == 40001
    assert admin.call(WECOM, path, corpid="ww", corpsecret="wrong")["errcode"] == 40013
    assert admin.call(WECOM, path, corpid=CORP[0], corpsecret=CORP[1])["expires_in"] == 7200


def test_a_call_without_a_token_or_with_none_of_ours_is_refused(admin: Admin) -> None:
    assert admin.call(WECHAT, PROBE)["errcode"] == 41001
    assert admin.call(WECHAT, PROBE, access_token="made-up")["errcode"] == 40001


def test_a_token_that_dies_in_use(admin: Admin) -> None:
    token = admin.token()
    assert "errcode" not in admin.call(WECHAT, PROBE, access_token=token)

    assert admin.post("/tokens/ends", {"owner": SERVICE[0]}) == {"ended": 1}
    assert admin.call(WECHAT, PROBE, access_token=token)["errcode"] == 40001
    other = admin.token()
    assert other != token
    admin.post("/tokens/ends", {"owner": SERVICE[0], "expire": True})
    assert admin.call(WECHAT, PROBE, access_token=other)["errcode"] == 42001


def _client(admin: Admin) -> WeChatClient:
    client = WeChatClient(*SERVICE, timeout=5)
    redirect(client._http, admin.url)
    return client


def test_wechatpy_fetches_a_token_and_gets_over_its_death(admin: Admin) -> None:
    client = _client(admin)
    client.draft.count()
    admin.post("/tokens/ends", {"owner": SERVICE[0]})
    client.draft.count()

    assert len(admin.get("/received", path="/cgi-bin/token")["received"]) == 2


def test_a_refusal_for_ever_shows_who_retries_without_a_bound(admin: Admin) -> None:
    admin.post("/faults", {"api": COUNT, "kind": "errcode", "errcode": 40001, "times": None})
    admin.post("/quotas", {"api": "/cgi-bin/token", "daily": 40})

    with pytest.raises(WeChatClientException) as refused:
        _client(admin).draft.count()
    assert refused.value.errcode == 45009
    assert len(admin.get("/received", path="/cgi-bin/token")["received"]) == 41


def test_wechatpy_of_wecom_fetches_a_token_per_secret(admin: Admin) -> None:
    client = WorkClient(*CORP)
    redirect(client._http, admin.url)

    first = client.fetch_access_token()
    assert client.fetch_access_token()["access_token"] == first["access_token"]
