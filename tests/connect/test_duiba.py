"""Duiba's mall through the deployed app: each redemption's points are held once and resolved once, whatever comes late,
twice, at once or not at all.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import count
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from chalicelib.connect.duiba import redemption
from chalicelib.connect.duiba.redemption import HELD_FOR
from chalicelib.ledger.audit import Tables, check_guard, check_member
from chalicelib.ledger.expire import release_due
from chalicelib.ledger.freeze import set_frozen
from chalicelib.ledger.model import Kind
from chalicelib.programme.table import terms_at
from chalicelib.runtime import dynamo
from tests.connect import mall
from tests.connect.stage import ACCOUNTS, Outside, Reply, one_call_at_a_time
from tests.earning.programmes import a_rule

OK = {"status": "ok", "errorMessage": "", "bizId": "duiba.order-1", "credits": 500}


def kinds(outside: Outside, member_id: str) -> list[str]:
    """What was booked, oldest first, but for the gift."""
    booked = sorted(outside.entries(member_id), key=lambda entry: entry.sequence)
    return [entry.kind.value for entry in booked if entry.activity != "gift"]


def balances(outside: Outside, member_id: str) -> tuple[int, int]:
    account = outside.account(member_id)
    return account.available_points, account.held_points


def assert_fails(reply: Reply, words: str, credits: int, status: int = 200) -> None:
    assert reply.json == {"status": "fail", "errorMessage": words, "credits": credits}
    assert list(reply.json) == ["status", "errorMessage", "credits"]
    assert reply.status == status


def test_a_redemption_holds_its_points_until_its_result_spends_them(outside: Outside) -> None:
    mei, uid = mall.funded(outside)

    asked = mall.deduct(outside, uid)
    assert (asked.status, asked.json) == (200, OK)
    assert asked.headers["Content-Type"].startswith("application/json")
    assert balances(outside, mei) == (500, 500)
    outside.stage.later(minutes=2)
    told = mall.notify(outside, uid, True)

    assert (told.status, told.text) == (200, "ok")
    assert told.headers["Content-Type"].startswith("text/plain")
    assert balances(outside, mei) == (500, 0)
    assert kinds(outside, mei) == ["hold", "capture"]


def test_a_failure_gives_the_points_back(outside: Outside) -> None:
    mei, uid = mall.funded(outside)
    mall.deduct(outside, uid)

    assert mall.notify(outside, uid, False).text == "ok"

    assert balances(outside, mei) == (1000, 0)
    assert kinds(outside, mei) == ["hold", "release"]


def test_a_failure_told_before_the_redemption_was_asked_for_bars_it(outside: Outside) -> None:
    mei, uid = mall.funded(outside)

    assert mall.notify(outside, uid, False).text == "ok"
    late = mall.deduct(outside, uid)
    again = mall.deduct(outside, uid)

    assert_fails(late, "订单已取消", 1000)
    assert again.text == late.text
    assert balances(outside, mei) == (1000, 0)
    assert kinds(outside, mei) == []
    assert mall.notify(outside, uid, False).text == "ok"


def test_every_retry_is_answered_as_the_first_call_was(outside: Outside) -> None:
    mei, uid = mall.funded(outside)
    first = mall.deduct(outside, uid)
    mall.give(outside, mei, 77, "later")
    outside.stage.later(minutes=1)

    retries = [mall.deduct(outside, uid), mall.deduct(outside, uid, timestamp=mall.milliseconds(outside, -60))]
    mall.notify(outside, uid, True)
    outside.stage.later(hours=24)
    retries += [mall.deduct(outside, uid)]
    told = [mall.notify(outside, uid, True).text for _ in range(3)]

    assert {reply.text for reply in retries} == {first.text}
    assert told == ["ok"] * 3
    assert kinds(outside, mei) == ["hold", "capture"]
    assert balances(outside, mei) == (577, 0)


def test_too_few_points_are_a_refusal_in_words_and_stay_one(outside: Outside) -> None:
    mei, uid = mall.funded(outside, 499)

    first = mall.deduct(outside, uid)
    mall.give(outside, mei, 501, "later")
    again = mall.deduct(outside, uid)

    assert_fails(first, "积分不足", 499)
    assert again.text == first.text
    assert balances(outside, mei) == (1000, 0)
    assert mall.notify(outside, uid, False).text == "ok"


def test_the_last_points_can_be_spent(outside: Outside) -> None:
    _, uid = mall.funded(outside, 500)

    assert mall.deduct(outside, uid).json == {**OK, "credits": 0}


def test_a_frozen_member_redeems_nothing(outside: Outside) -> None:
    mei, uid = mall.funded(outside)
    now = outside.stage.now
    terms = terms_at(now).ledger
    set_frozen(mei, True, reason="盗号", key="K#freeze#1", by="s1", ledger=outside.ledger, terms=terms, now=now)

    assert_fails(mall.deduct(outside, uid), "账户已冻结,暂时不能使用积分", 1000)
    assert balances(outside, mei) == (1000, 0)


@pytest.mark.parametrize("uid", ["", "not_login", "0" * 32, "m" + "0" * 24, "x" * 300, "甲"])
def test_nobodys_uid_is_refused(outside: Outside, uid: str) -> None:
    before = outside.written()

    assert_fails(mall.deduct(outside, uid), "会员不存在", 0)
    assert mall.notify(outside, uid, False).text == "fail"
    assert outside.written() == before


@pytest.mark.parametrize(
    "changes",
    [
        *(
            {"credits": points}
            for points in ("", "0", "-5", "5.0", "1e3", "５", "10000000000", "1000000001", "+5", " 5")
        ),
        *({"orderNum": order} for order in ("", "a b", "单号", "a#b", "x" * 65, "-1", "a\nb")),
    ],
)
def test_what_is_no_amount_or_number_is_refused_and_writes_nothing(outside: Outside, changes: dict[str, str]) -> None:
    _, uid = mall.funded(outside)
    before = outside.written()

    for reply in (mall.deduct(outside, uid, **changes), mall.add(outside, uid, **changes)):
        assert reply.status == 400
        assert reply.json["status"] == "fail"
    assert outside.written() == before


@pytest.mark.parametrize("success", ["", "1", "TRUE", "ok"])
def test_a_result_is_true_or_false(outside: Outside, success: str) -> None:
    _, uid = mall.funded(outside)
    mall.deduct(outside, uid)

    reply = mall.notify(outside, uid, success)

    assert (reply.status, reply.text) == (400, "fail")


def test_an_order_number_belongs_to_one_member_and_one_amount(outside: Outside) -> None:
    _, mei_uid = mall.funded(outside)
    _, lan_uid = mall.funded(outside, name="lan")
    mall.deduct(outside, mei_uid)
    before = outside.written()

    replies = [mall.deduct(outside, lan_uid), mall.deduct(outside, mei_uid, 501), mall.deduct(outside, mei_uid, 499)]
    told = mall.notify(outside, lan_uid, True)

    assert [reply.status for reply in replies] == [409] * 3
    assert {reply.json["status"] for reply in replies} == {"fail"}
    assert (told.status, told.text) == (409, "fail")
    assert outside.written() == before


def test_a_success_of_what_was_never_asked_for_is_told_again_and_spends_nothing(outside: Outside) -> None:
    mei, uid = mall.funded(outside)

    reply = mall.notify(outside, uid, True)

    assert (reply.status, reply.text) == (404, "fail")
    assert balances(outside, mei) == (1000, 0)
    assert any('"duiba_result_not_booked","result":"unknown"' in line for line in outside.lines)


@pytest.mark.parametrize("first", [True, False])
def test_the_first_result_stands_and_another_after_it_is_logged(outside: Outside, first: bool) -> None:
    mei, uid = mall.funded(outside)
    mall.deduct(outside, uid)
    mall.notify(outside, uid, first)
    before = balances(outside, mei)

    reply = mall.notify(outside, uid, not first)

    assert reply.text == "ok"
    assert balances(outside, mei) == before
    assert any('"duiba_result_not_booked","result":"contradicted"' in line for line in outside.lines)


def test_a_success_of_a_barred_order_is_logged_and_spends_nothing(outside: Outside) -> None:
    mei, uid = mall.funded(outside)
    mall.notify(outside, uid, False)
    mall.deduct(outside, uid)

    assert mall.notify(outside, uid, True).text == "ok"
    assert balances(outside, mei) == (1000, 0)
    assert any('"contradicted"' in line for line in outside.lines)


def test_without_any_result_the_points_come_back_after_a_week(outside: Outside) -> None:
    mei, uid = mall.funded(outside)
    mall.deduct(outside, uid)

    outside.stage.now += HELD_FOR - timedelta(seconds=1)
    sweep(outside)
    assert balances(outside, mei) == (500, 500)
    outside.stage.later(seconds=1)
    sweep(outside)

    assert balances(outside, mei) == (1000, 0)
    assert kinds(outside, mei) == ["hold", "release"]


@pytest.mark.parametrize("swept", [True, False])
def test_a_result_after_that_week_moves_nothing_any_more(outside: Outside, swept: bool) -> None:
    mei, uid = mall.funded(outside)
    mall.deduct(outside, uid)
    outside.stage.now += HELD_FOR
    if swept:
        sweep(outside)

    assert mall.notify(outside, uid, True).text == "ok"
    assert any('"contradicted"' in line for line in outside.lines)
    sweep(outside)
    assert mall.notify(outside, uid, False).text == "ok"

    assert balances(outside, mei) == (1000, 0)
    assert kinds(outside, mei) == ["hold", "release"]


def sweep(outside: Outside) -> None:
    now = outside.stage.now
    release_due(ledger=outside.ledger, terms=terms_at(now).ledger, now=now, has_time=lambda: True)


def test_calls_at_once_hold_once_and_are_answered_alike(outside: Outside) -> None:
    mei, uid = mall.funded(outside)

    with one_call_at_a_time(), ThreadPoolExecutor(6) as pool:
        replies = list(pool.map(lambda _: mall.deduct(outside, uid), range(6)))
        told = list(pool.map(lambda _: mall.notify(outside, uid, True), range(6)))

    assert {reply.text for reply in replies} == {json.dumps(OK)}
    assert {reply.text for reply in told} == {"ok"}
    assert kinds(outside, mei) == ["hold", "capture"]
    assert balances(outside, mei) == (500, 0)


class Fault(Exception):
    """The process dies here."""


def failing(call_no: int, after: bool) -> Callable[[Any, Any], None]:
    """In place of `dynamo.transact`: the n-th transaction fails before or after it is written."""
    numbers, real = count(1), dynamo.transact

    def transact(client: Any, writes: Any) -> None:
        is_hit = next(numbers) == call_no
        if is_hit and not after:
            raise Fault
        real(client, writes)
        if is_hit:
            raise Fault

    return transact


STORIES: dict[str, list[Callable[[Outside, str], Reply]]] = {
    "redeemed": [lambda o, uid: mall.deduct(o, uid), lambda o, uid: mall.notify(o, uid, True)],
    "failed": [lambda o, uid: mall.deduct(o, uid), lambda o, uid: mall.notify(o, uid, False)],
    "gave up first": [lambda o, uid: mall.notify(o, uid, False), lambda o, uid: mall.deduct(o, uid)],
    "too dear": [lambda o, uid: mall.deduct(o, uid, 5000), lambda o, uid: mall.notify(o, uid, False)],
}


@pytest.mark.parametrize("after", [False, True], ids=["before the write", "after the write"])
@pytest.mark.parametrize("call_no", [1, 2])
@pytest.mark.parametrize("story", STORIES)
def test_a_crash_at_any_write_leaves_one_outcome_once_duiba_has_retried(
    outside: Outside, monkeypatch: pytest.MonkeyPatch, story: str, call_no: int, after: bool
) -> None:
    mei, uid = mall.funded(outside)
    monkeypatch.setattr("chalicelib.ledger.table.transact", failing(call_no, after))

    for step in STORIES[story]:
        reply = step(outside, uid)
        if reply.status >= 500:
            assert reply.text in ("unavailable", "fail")  # nothing Duiba could take for an answer
            reply = step(outside, uid)
        assert reply.status == 200

    expected = {"redeemed": (500, 0), "failed": (1000, 0), "gave up first": (1000, 0), "too dear": (1000, 0)}
    assert balances(outside, mei) == expected[story]
    booked = kinds(outside, mei)
    assert booked in (["hold", "capture"], ["hold", "release"], [])
    assert_sound(outside, mei)


@pytest.mark.parametrize("after", [False, True], ids=["before the write", "after the write"])
def test_a_redemption_that_crashed_and_was_given_up_leaves_the_points_with_the_member(
    outside: Outside, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    mei, uid = mall.funded(outside)
    monkeypatch.setattr("chalicelib.ledger.table.transact", failing(1, after))

    assert mall.deduct(outside, uid).status == 500
    told = mall.notify(outside, uid, False)
    late = mall.deduct(outside, uid)

    assert told.text == "ok"
    assert balances(outside, mei) == (1000, 0)
    assert late.json["status"] == ("ok" if after else "fail")  # as it was decided; its result is told already
    assert kinds(outside, mei) == (["hold", "release"] if after else [])
    assert_sound(outside, mei)


def assert_sound(outside: Outside, member_id: str) -> None:
    """The auditor finds nothing."""
    ledger, now = outside.ledger, outside.stage.now
    accounts = outside.items(ledger.ledger)
    (account,) = [item for item in accounts if (item["pk"], item["sk"]) == (f"M#{member_id}", "A")]
    guards = [item for item in accounts if item["pk"].startswith("H#")]
    entries = [item for item in outside.items(ledger.journal) if item["pk"] == f"M#{member_id}"]
    names = Tables(ledger.ledger, ledger.journal)
    assert check_member(member_id, account, entries, guards, terms_at(now).ledger, now.date(), names) == []
    for guard in guards:
        assert check_guard(guard, account["due_shard"], ledger.ledger) == []


def test_a_stranger_learns_and_moves_nothing(outside: Outside) -> None:
    _, uid = mall.funded(outside)
    query = {
        "uid": uid,
        "credits": "1",
        "orderNum": "1",
        "appKey": mall.APP_KEY,
        "timestamp": mall.milliseconds(outside),
    }
    before = outside.written()

    for path in (mall.DEDUCT, mall.NOTIFY, mall.ADD):
        for changed in (query, {**query, "sign": "0" * 32}, {**mall.signed(query), "credits": "2"}, {}):
            assert outside.call("GET", path, query=changed).status == 401
        old = mall.signed({**query, "timestamp": mall.milliseconds(outside, -48 * 3600 - 1)})
        assert outside.call("GET", path, query=old).status == 401
    assert outside.written() == before


def test_a_parameter_that_stands_twice_is_refused(outside: Outside) -> None:
    from app import app
    from tests.members.stage import lambda_event

    _, uid = mall.funded(outside)
    query = mall.signed({"uid": uid, "credits": "1", "orderNum": "1", "appKey": mall.APP_KEY})
    several = {name: [value] for name, value in query.items()} | {"credits": ["1", "2"]}

    answer = app(lambda_event("GET", mall.DEDUCT, query=several), None)

    assert answer["statusCode"] == 400
    assert json.loads(answer["body"])["status"] == "fail"


def test_a_stage_that_is_not_connected_holds_nothing(outside: Outside) -> None:
    mei, uid = mall.funded(outside)
    outside.connect({"youzan": ACCOUNTS["youzan"]})

    reply = mall.deduct(outside, uid)

    assert (reply.status, reply.text) == (503, "unavailable")
    assert balances(outside, mei) == (1000, 0)


def test_a_members_link_is_fresh_signed_and_says_nothing_of_the_member(outside: Outside) -> None:
    token, mei = outside.log_in()
    mall.give(outside, mei, 77)
    headers = {"Authorization": f"Bearer {token}"}

    first = outside.call("GET", "/v1/me/duiba-link", headers=headers).json["data"]
    outside.stage.later(seconds=9)
    again = outside.call("GET", "/v1/me/duiba-link", headers=headers).json["data"]

    split, params = urlsplit(first["url"]), dict(parse_qsl(urlsplit(first["url"]).query))
    assert (split.scheme, split.netloc, split.path) == ("https", "activity.m.duiba.com.cn", "/autoLogin/autologin")
    assert params == mall.signed({name: value for name, value in params.items() if name != "sign"})
    assert params["credits"] == "77"
    assert re.fullmatch("[0-9a-f]{32}", params["uid"])
    assert mei[1:] not in first["url"]
    assert first["expires_at"] == "2026-03-02T12:05:00+08:00"
    assert dict(parse_qsl(urlsplit(again["url"]).query))["uid"] == params["uid"]
    assert again["url"] != first["url"]
    assert mall.deduct(outside, params["uid"], 7).json["status"] == "ok"


def test_a_link_leads_to_the_host_of_the_stages_account(outside: Outside) -> None:
    token, _ = outside.log_in()
    outside.connect({"duiba": {**ACCOUNTS["duiba"], "host": "home.m.duiba.com.cn"}})

    reply = outside.call("GET", "/v1/me/duiba-link", headers={"Authorization": f"Bearer {token}"})

    assert urlsplit(reply.json["data"]["url"]).netloc == "home.m.duiba.com.cn"


def test_a_uid_that_was_bound_to_somebody_else_opens_no_mall(outside: Outside) -> None:
    from chalicelib.connect.duiba.link import uid_of

    token, mei = outside.log_in()
    _, lan = outside.log_in("lan")
    outside.bind(lan, "duiba", uid_of(mei, mall.APP_KEY))

    reply = outside.call("GET", "/v1/me/duiba-link", headers={"Authorization": f"Bearer {token}"})

    assert (reply.status, reply.json["code"]) == (409, 40904)


def test_another_app_knows_a_member_by_another_name(outside: Outside) -> None:
    from chalicelib.connect.duiba.link import uid_of

    assert uid_of("m" + "0" * 24, "a") != uid_of("m" + "0" * 24, "b")
    assert uid_of("m" + "0" * 24, "a") != uid_of("m" + "1" * 24, "a")


@pytest.mark.parametrize(
    "redirect", ["https://evil.example/", "http://www.duiba.com.cn/", "https://duiba.com.cn.evil/x"]
)
def test_a_link_leads_to_duibas_own_pages_only(outside: Outside, redirect: str) -> None:
    from app import app
    from tests.members.stage import invoke

    token, _ = outside.log_in()
    headers = {"Authorization": f"Bearer {token}"}

    answer = invoke(app, "GET", "/v1/me/duiba-link", headers=headers, query={"redirect": [redirect]})
    good = {"redirect": ["https://activity.m.duiba.com.cn/chome/index"]}
    right = invoke(app, "GET", "/v1/me/duiba-link", headers=headers, query=good)

    assert (answer.status, answer.json["field"]) == (400, "redirect")
    assert "redirect=https%3A%2F%2Factivity" in right.data["url"]


@pytest.fixture
def giving(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A stage whose programme has a rule for what Duiba's games give."""
    from tests.connect.stage import open_outside

    rule = a_rule("duiba", "duiba", amount={"kind": "fixed", "points": 1}, caps=[{"points": 100, "period": "day"}])
    indicator = {"id": "duiba", "name": "商城活动", "dimension": "activity"}
    with open_outside(monkeypatch, rules=[rule], indicators=[indicator]) as opened:
        yield opened


def test_points_of_games_are_given_by_the_programmes_rule_once(giving: Outside) -> None:
    mei, uid = mall.funded(giving, 10)

    first = mall.add(giving, uid)
    giving.stage.later(seconds=30)
    retries = [mall.add(giving, uid) for _ in range(2)]

    assert first.json == {"status": "ok", "errorMessage": "", "bizId": "duiba.game-1", "credits": 30}
    assert {reply.text for reply in retries} == {first.text}
    assert giving.account(mei).available_points == 30
    (entry,) = [entry for entry in giving.entries(mei) if entry.activity == "duiba"]
    assert (entry.kind, entry.points, entry.rule) == (Kind.EARN, 20, "duiba")
    assert [key[3] for key in entry.buckets] == ["a"]


def test_at_once_they_are_given_once(giving: Outside) -> None:
    mei, uid = mall.funded(giving, 10)

    with one_call_at_a_time(), ThreadPoolExecutor(6) as pool:
        replies = {reply.text for reply in pool.map(lambda _: mall.add(giving, uid), range(6))}

    assert len(replies) == 1
    assert giving.account(mei).available_points == 30


def test_what_the_rules_cap_leaves_over_is_not_given(giving: Outside) -> None:
    mei, uid = mall.funded(giving, 10)

    mall.add(giving, uid, 100, "g1")
    refused = mall.add(giving, uid, 1, "g2")

    assert refused.json["status"] == "fail"
    assert refused.json["credits"] == 110
    assert giving.account(mei).available_points == 110


def test_another_amount_under_a_known_number_is_refused(giving: Outside) -> None:
    mei, uid = mall.funded(giving, 10)
    mall.add(giving, uid)

    assert mall.add(giving, uid, 21).status == 409
    assert mall.add(giving, uid, 1001, "g2").status == 400
    assert giving.account(mei).available_points == 30


@pytest.mark.parametrize("after", [False, True])
def test_a_crash_while_points_are_given_is_made_good_by_duibas_retry(
    giving: Outside, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    mei, uid = mall.funded(giving, 10)
    monkeypatch.setattr("chalicelib.ledger.table.transact", failing(1, after))

    assert mall.add(giving, uid).status == 500
    assert mall.add(giving, uid).json["credits"] == 30
    assert giving.account(mei).available_points == 30


def test_without_a_rule_nothing_is_given(outside: Outside) -> None:
    _, uid = mall.funded(outside)
    before = outside.written()

    assert_fails(mall.add(outside, uid), "活动暂未开放", 0)
    assert outside.written() == before


def test_the_hold_outlives_duibas_last_retry() -> None:
    assert timedelta(hours=24) < redemption.HELD_FOR
