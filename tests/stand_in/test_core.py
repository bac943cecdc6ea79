"""The ground of the stand-in: hosts, clock, faults, quotas, what it keeps of calls; and the same again each time."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import urllib3

from local.stand_in.clock import SECOND, Clock
from tests.stand_in.outsiders import MINI, SERVICE, WECHAT, Admin, Trouble

TOKEN = "/cgi-bin/stable_token"
ASKED = {"grant_type": "client_credential", "appid": SERVICE[0], "secret": SERVICE[1]}


def test_a_host_is_told_by_its_header_or_by_the_first_part_of_the_path(admin: Admin) -> None:
    by_header = admin.call(WECHAT, TOKEN, ASKED)
    by_path = admin.call("127.0.0.1", f"/{WECHAT}{TOKEN}", ASKED)

    assert by_header == by_path
    assert by_header["expires_in"] == 7200


def test_a_path_no_host_has_is_404_and_a_wrong_method_an_errcode(admin: Admin) -> None:
    answer = urllib3.request("GET", admin.url + "/nothing")

    assert answer.status == 404
    assert admin.call(WECHAT, TOKEN)["errcode"] == 43002


def test_a_body_says_how_long_it_is(admin: Admin) -> None:
    answer = urllib3.request("POST", f"{admin.url}/{WECHAT}{TOKEN}", body=iter([b"{}"]))

    assert answer.status == 411


def test_a_refusal_is_http_200_with_errcode_and_rid(admin: Admin) -> None:
    refused = admin.call(WECHAT, TOKEN, {**ASKED, "secret": "wrong"})

    assert refused["errcode"] == 40125
    assert refused["errmsg"].startswith("invalid appsecret rid: ")
    assert len(refused["errmsg"].rpartition(" ")[2]) == 26


def test_the_same_seed_gives_the_same_world(admin: Admin) -> None:
    at = {"at": "2026-03-10T12:00:00+08:00"}
    tokens = []
    for seed in (7, 7, 8):
        admin.post("/reset", {**at, "seed": seed})
        tokens.append(admin.token())

    assert tokens[0] == tokens[1] != tokens[2]


def test_the_clock_stands_moves_and_never_goes_back(admin: Admin) -> None:
    began = admin.get("/clock")
    admin.advance(90)
    moved = admin.get("/clock")

    assert began["stands"]
    assert moved["now_ms"] - began["now_ms"] == 90_000
    assert moved["now"] == "2026-03-10T12:01:30+08:00"
    with pytest.raises(Trouble, match="does not go back"):
        admin.post("/clock", {"at": "2026-03-10T12:00:00+08:00"})
    with pytest.raises(Trouble, match="has no offset"):
        admin.post("/clock", {"at": "2026-03-10T13:00:00"})


def test_a_clock_that_ran_stands_where_it_was_and_runs_on_from_there() -> None:
    real = 1000.0
    clock = Clock(lambda: real)
    clock.move_to(clock.now() + 5 * SECOND)
    real += 2
    clock.stand()
    real += 100
    clock.run()
    real += 3

    assert clock.now() == 1010 * SECOND
    clock.move_to(1009 * SECOND)
    assert clock.now() == 1010 * SECOND


def test_the_next_calls_fail_as_planted_and_then_no_more(admin: Admin) -> None:
    admin.post("/faults", {"api": TOKEN, "kind": "errcode", "errcode": -1, "times": 2})
    answers = [admin.call(WECHAT, TOKEN, ASKED).get("errcode") for _ in range(3)]

    assert answers == [-1, -1, None]
    assert admin.get("/faults") == {"faults": []}


def test_a_fault_for_ever_on_a_family_of_apis_lasts_until_it_is_cleared(admin: Admin) -> None:
    admin.post("/faults", {"api": "/cgi-bin/*", "kind": "errcode", "errcode": 40164, "times": None})
    refused = [admin.call(WECHAT, TOKEN, ASKED) for _ in range(3)]
    admin.post("/faults", {"clear": True})

    assert {one["errcode"] for one in refused} == {40164}
    assert "not in whitelist" in refused[0]["errmsg"]
    assert "access_token" in admin.call(WECHAT, TOKEN, ASKED)


def test_a_fault_meets_no_other_api(admin: Admin) -> None:
    admin.post("/faults", {"api": "/cgi-bin/token", "kind": "errcode"})
    admin.post("/faults", {"api": "/sns/*", "kind": "errcode"})
    assert "access_token" in admin.call(WECHAT, TOKEN, ASKED)

    admin.post("/faults", {"api": "*", "kind": "errcode", "errcode": 40164})
    assert admin.call(WECHAT, TOKEN, ASKED)["errcode"] == 40164


def test_a_reset_forgets_everything_but_where_callbacks_go(now_admin: Callable[[], Admin]) -> None:
    admin = now_admin()
    admin.post("/faults", {"api": "*", "kind": "http_500", "times": None})
    admin.post("/apps", {"appid": "wxmore", "secret": "s", "kind": "service"})
    admin.post("/reset", {})

    assert admin.get("/faults")["faults"] == []
    assert "wxmore" not in str(admin.get("/accounts"))
    assert admin.get("/received")["received"] == []


@pytest.mark.parametrize(
    ("given", "trouble"),
    [
        ({"appid": "wx1", "secret": "s"}, "kind is missing"),
        ({"appid": "wx1", "secret": "s", "kind": "shop"}, "kind is one of"),
        ({"appid": "wx1", "secret": "s", "kind": "service", "verified": "yes"}, "verified is bool"),
        ({"appid": "wx1", "secret": "s", "kind": "service", "owner": "x"}, "owner is not known"),
    ],
)
def test_an_account_that_is_not_understood_is_named(admin: Admin, given: dict[str, str], trouble: str) -> None:
    with pytest.raises(Trouble, match=trouble):
        admin.post("/apps", given)


def test_http_500_is_no_json(admin: Admin) -> None:
    admin.post("/faults", {"api": TOKEN, "kind": "http_500"})
    answer = urllib3.request("POST", f"{admin.url}/{WECHAT}{TOKEN}", json=ASKED)

    assert (answer.status, answer.data) == (500, b"Internal Server Error")


@pytest.mark.parametrize(("kind", "tokens_left"), [("timeout_before", 1), ("timeout_after", 0)])
def test_after_a_timeout_it_has_happened_or_not(admin: Admin, kind: str, tokens_left: int) -> None:
    admin.post("/quotas", {"api": TOKEN, "daily": 1})
    admin.post("/faults", {"api": TOKEN, "kind": kind, "seconds": 0.05})

    with pytest.raises(urllib3.exceptions.ProtocolError):
        admin.call(WECHAT, TOKEN, ASKED)
    assert ("access_token" in admin.call(WECHAT, TOKEN, ASKED)) == bool(tokens_left)


def test_a_caller_who_does_not_wait_for_ever_gives_up_first(admin: Admin) -> None:
    admin.post("/faults", {"api": TOKEN, "kind": "timeout_before"})

    with pytest.raises(urllib3.exceptions.ReadTimeoutError):
        admin.call(WECHAT, TOKEN, ASKED, timeout=0.2)


def test_a_slow_answer_comes_all_the_same(admin: Admin) -> None:
    admin.post("/faults", {"api": TOKEN, "kind": "slow", "seconds": 0.05})

    assert "access_token" in admin.call(WECHAT, TOKEN, ASKED)
    with pytest.raises(Trouble, match="kind is one of"):
        admin.post("/faults", {"api": TOKEN, "kind": "odd"})


def test_a_daily_quota_ends_at_midnight_in_beijing(admin: Admin) -> None:
    admin.post("/quotas", {"api": TOKEN, "daily": 1})
    assert "access_token" in admin.call(WECHAT, TOKEN, ASKED)
    assert admin.call(WECHAT, TOKEN, ASKED)["errcode"] == 45009

    admin.post("/clock", {"at": "2026-03-10T23:59:59+08:00"})
    assert admin.call(WECHAT, TOKEN, ASKED)["errcode"] == 45009
    admin.advance(1)
    assert "access_token" in admin.call(WECHAT, TOKEN, ASKED)
    assert admin.call(WECHAT, TOKEN, {**ASKED, "appid": MINI[0], "secret": MINI[1]})["expires_in"] == 7200


def test_calls_are_kept_without_their_secrets(admin: Admin) -> None:
    token = admin.token()
    admin.call(WECHAT, "/cgi-bin/draft/count", access_token=token)
    kept = admin.get("/received", path=TOKEN)["received"]

    assert [(one["path"], one["status"]) for one in kept] == [(TOKEN, 200)]
    assert kept[0]["body"]["secret"] == "***"
    everything = str(admin.get("/received"))
    assert token not in everything
    assert SERVICE[1] not in everything


def test_without_a_reset_the_clock_is_the_real_one(now_admin: Callable[[], Admin]) -> None:
    first = now_admin().get("/clock")

    assert not first["stands"]
    assert now_admin().get("/clock")["now_ms"] >= first["now_ms"] > 1_700_000_000_000
