"""One person with two memberships becomes one member: by a log-in that shows it, or by an admin."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.earning.refusals import open_refusals
from chalicelib.earning.session_opened import SessionOpened, session_opened
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.table import LedgerTable, open_ledger
from chalicelib.members.merge import MOST_IDENTITIES, Merged, merge_members
from chalicelib.members.model import Identity
from chalicelib.members.register import bind_identity, register, resolve
from chalicelib.members.reminders import remind_at, reminder_hour
from chalicelib.programme import table as programme_table
from chalicelib.programme.table import terms_at, terms_book
from chalicelib.runtime import log
from tests.earning.behaviour_stage import Http, open_http
from tests.earning.behaviours import INDICATORS
from tests.earning.programmes import a_rule
from tests.ledger.meetings import Interrupted, Meanwhile
from tests.members.stage import ADMIN_KEY, Stage
from tests.outside_world import world as world
from tests.stand_in.outsiders import MINI, Admin

MEI, LAN, YUN = ("m" + digit * 24 for digit in "123")
APP, OTHER_APP, SHOP = Identity("wechat", "one"), Identity("wechat", "two"), Identity("tmall", "b1")
PATH = "/v1/staff/members/{member_id}/merges"


@pytest.fixture
def http(monkeypatch: pytest.MonkeyPatch) -> Iterator[Http]:
    with open_http(monkeypatch) as opened:
        yield opened


@pytest.fixture
def stage(http: Http) -> Stage:
    return http.stage


@pytest.fixture
def two(stage: Stage) -> Stage:
    """MEI registered an hour before LAN, who has a shop's account, too."""
    register(stage.table, APP, MEI, stage.now)
    stage.later(hours=1)
    register(stage.table, OTHER_APP, LAN, stage.now)
    bind_identity(stage.table, LAN, SHOP, "s1", stage.now)
    return stage


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The lines of the log."""
    lines: list[dict[str, Any]] = []
    monkeypatch.setattr(log._logger, "info", lambda text: lines.append(json.loads(text)))
    return lines


def merge(stage: Stage, one: str = LAN, other: str = MEI, **given: Any) -> Merged:
    values: dict[str, Any] = {"table": stage.table, "ledger": open_ledger(), "actor": "s1"}
    terms = terms_at(stage.now).ledger
    return merge_members(one, other, terms=terms, now=stage.now, **{**values, **given})


def wechat_log_in(http: Http, world: Admin, openid: str, unionid: str) -> tuple[str, str]:
    """(token, member id) of who comes by an app under `openid`; without a unionid WeChat does not name the person."""
    http.stage.later(seconds=1)
    code = world.post("/login-codes", {"appid": MINI[0], "openid": openid, "unionid": unionid})["code"]
    data = http.call("POST", "/v1/sessions", {"code": code}).data
    return data["token"], data["member_id"]


def test_a_log_in_that_shows_one_person_makes_two_members_one_and_its_session_is_the_survivors(
    http: Http, world: Admin, said: list[dict[str, Any]]
) -> None:
    _, first = wechat_log_in(http, world, "o-one", "")
    token, second = wechat_log_in(http, world, "o-two", "u-mei")
    http.call("POST", "/v1/me/check-ins", token=token)
    had = open_ledger().read(second).available_points

    by_first, survivor = wechat_log_in(http, world, "o-one", "u-mei")

    assert first != second
    assert (survivor, had > 0) == (first, True)
    assert {"event": "members_merged", "member_id": first, "by_log_in_of": first, "other_id": second} in said
    for session in (token, by_first):
        me = http.call("GET", "/v1/me", token=session).data
        assert (me["member_id"], me["identity_count"]) == (first, 3)
        assert http.call("GET", "/v1/me/balance", token=session).data["available_points"] == had
        assert http.call("POST", "/v1/me/check-ins", token=session).data["replayed"]
    assert [wechat_log_in(http, world, openid, "u-mei")[1] for openid in ("o-one", "o-two")] == [first, first]


def test_the_first_member_survives_also_where_the_later_one_logs_in(http: Http, world: Admin) -> None:
    _, first = wechat_log_in(http, world, "o-one", "u-mei")
    _, second = wechat_log_in(http, world, "o-two", "")

    _, survivor = wechat_log_in(http, world, "o-two", "u-mei")

    assert survivor == first != second


def test_what_keeps_two_members_apart_keeps_nobody_out_and_the_next_log_in_tries_again(
    http: Http, world: Admin, said: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, first = wechat_log_in(http, world, "o-one", "")
    _, second = wechat_log_in(http, world, "o-two", "u-mei")

    with monkeypatch.context() as patched:
        patched.setattr(LedgerTable, "post", _busy)
        _, meanwhile = wechat_log_in(http, world, "o-two", "u-mei")
        _, also = wechat_log_in(http, world, "o-one", "u-mei")
    _, after = wechat_log_in(http, world, "o-one", "u-mei")

    assert (meanwhile, also, after) == (second, first, first)
    told = [line for line in said if line["event"] == "person_is_two_members"]
    assert [(line["member_id"], line["other_id"], line["error"]) for line in told] == [(first, second, "JifenError")]


def _busy(*_: Any, **__: Any) -> None:
    raise JifenError(Code.BUSY)


def test_before_anything_is_published_both_get_in(http: Http, world: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    _, first = wechat_log_in(http, world, "o-one", "")
    wechat_log_in(http, world, "o-two", "u-mei")
    for item in http.stage.cloud.scan(TableName="test-programme")["Items"]:
        http.stage.cloud.delete_item(TableName="test-programme", Key={"pk": item["pk"], "sk": item["sk"]})
    programme_table.forget()

    _, again = wechat_log_in(http, world, "o-one", "u-mei")

    assert again == first


@pytest.mark.parametrize("ids", [(LAN, MEI), (MEI, LAN)])
def test_who_registered_first_survives_with_all_identities_by_whichever_it_is_asked(
    two: Stage, ids: tuple[str, str]
) -> None:
    done = merge(two, *ids)

    assert (done.survivor.member_id, done.survivor.identity_count, done.replayed) == (MEI, 3, False)
    assert resolve(two.table, [APP, OTHER_APP, SHOP]) == dict.fromkeys([APP, OTHER_APP, SHOP], MEI)
    assert {one for one, _ in two.table.identities(MEI)} == {APP, OTHER_APP, SHOP}
    assert two.table.links([SHOP])[SHOP].bound_by == "s1"
    assert two.table.member(LAN) == two.table.member(MEI)
    assert open_ledger().read(LAN).member_id == MEI


def test_of_two_who_registered_at_once_the_lower_id_survives(stage: Stage) -> None:
    register(stage.table, APP, LAN, stage.now)
    register(stage.table, OTHER_APP, MEI, stage.now)

    assert merge(stage).survivor.member_id == MEI


def test_again_and_the_other_way_round_nothing_more_is_written(two: Stage) -> None:
    merge(two)
    before = two.rows()

    again, back = merge(two), merge(two, MEI, LAN)

    assert (again.replayed, back.replayed, again.survivor) == (True, True, back.survivor)
    assert two.rows() == before


def test_the_same_merge_twice_at_once_is_one(two: Stage) -> None:
    meanwhile = Meanwhile(two.cloud, lambda: merge(two, MEI, LAN))

    done = merge(two, ledger=replace(open_ledger(), dynamo=meanwhile))

    assert done.replayed
    assert two.table.member(LAN) == done.survivor
    assert done.survivor.identity_count == 3


def test_a_merge_whose_answer_was_lost_stands_whole(two: Stage) -> None:
    with pytest.raises(ConnectionError):
        merge(two, ledger=replace(open_ledger(), dynamo=Interrupted(two.cloud)))

    assert resolve(two.table, [OTHER_APP]) == {OTHER_APP: MEI}
    assert open_ledger().read(LAN).member_id == MEI
    assert merge(two).replayed


def test_an_identity_that_is_bound_while_they_merge_is_not_left_behind(two: Stage) -> None:
    late = Identity("jd", "b2")
    meanwhile = Meanwhile(two.cloud, lambda: bind_identity(two.table, LAN, late, "s1", two.now))

    with pytest.raises(JifenError) as refused:
        merge(two, ledger=replace(open_ledger(), dynamo=meanwhile))
    done = merge(two)

    assert refused.value.code is Code.BUSY
    assert done.survivor.identity_count == 4
    assert resolve(two.table, [late, SHOP]) == {late: MEI, SHOP: MEI}


def test_who_is_merged_with_a_third_meanwhile_is_so_with_all_at_the_next_try(two: Stage) -> None:
    two.later(hours=1)
    register(two.table, Identity("wechat", "three"), YUN, two.now)
    meanwhile = Meanwhile(two.cloud, lambda: merge(two, LAN, MEI))

    with pytest.raises(JifenError) as refused:
        merge(two, YUN, LAN, ledger=replace(open_ledger(), dynamo=meanwhile))
    merge(two, YUN, LAN)

    assert refused.value.code is Code.BUSY
    assert {two.table.member(one).member_id for one in (MEI, LAN, YUN) if two.table.member(one)} == {MEI}  # type: ignore[union-attr]
    assert open_ledger().read(YUN).merged == (LAN, YUN)


def test_what_is_bound_to_the_old_member_afterwards_is_the_survivors_once(two: Stage) -> None:
    merge(two)
    late = Identity("jd", "b2")

    first = bind_identity(two.table, LAN, late, "s1", two.now)
    again = bind_identity(two.table, LAN, late, "s1", two.now)

    assert (first.replayed, again.replayed) == (False, True)
    assert resolve(two.table, [late]) == {late: MEI}
    assert two.table.member(MEI).identity_count == 4  # type: ignore[union-attr]
    register(two.table, Identity("wechat", "x"), YUN, two.now)
    with pytest.raises(JifenError) as refused:
        bind_identity(two.table, YUN, late, "s1", two.now)
    assert refused.value.code is Code.IDENTITY_TAKEN


@pytest.mark.parametrize(("own", "other", "after"), [(None, None, None), (20, None, 20), (20, 9, 20), (None, 9, 9)])
def test_the_survivors_reminder_stays_or_the_others_comes_along(
    two: Stage, own: int | None, other: int | None, after: int | None
) -> None:
    remind_at(MEI, own)
    remind_at(LAN, other)

    merge(two)

    assert (reminder_hour(MEI), reminder_hour(LAN)) == (after, after)
    listed = [(row["pk"][7:9], row["sk"]) for row in two.rows() if row["pk"].startswith("REMIND#")]
    assert listed == ([(f"{after:02d}", MEI)] if after else [])
    remind_at(LAN, 12)
    assert reminder_hour(MEI) == 12


@pytest.mark.parametrize("number", [MOST_IDENTITIES, MOST_IDENTITIES + 1])
def test_as_many_identities_as_one_transaction_takes_are_merged_and_more_refused(two: Stage, number: int) -> None:
    for place in range(number - 2):
        bind_identity(two.table, LAN, Identity("tmall", f"more{place}"), "s1", two.now)
    remind_at(LAN, 9)
    before = two.rows()

    if number == MOST_IDENTITIES:
        assert merge(two).survivor.identity_count == number + 1
    else:
        with pytest.raises(JifenError) as refused:
            merge(two)
        assert refused.value.code is Code.MERGE_REFUSED
        assert two.rows() == before


def test_the_day_of_a_log_in_earns_once_under_whichever_id_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    login = {"id": "login", "name": "登录", "dimension": "login"}
    rule = a_rule("login", "login", amount={"kind": "fixed", "points": 5})
    with open_http(monkeypatch, rules=[rule], indicators=[*INDICATORS, login]) as http:
        stage = http.stage
        register(stage.table, APP, MEI, stage.now)
        register(stage.table, OTHER_APP, LAN, stage.now)
        told(stage, LAN)
        merge(stage)
        before = open_ledger().read(MEI)

        told(stage, LAN)
        told(stage, MEI)

        assert open_ledger().read(MEI) == before
        stage.later(days=1)
        told(stage, MEI)
        told(stage, LAN)
        assert open_ledger().read(MEI).available_points == before.available_points + 5


def told(stage: Stage, member_id: str) -> None:
    """The ledger hears of a log-in."""
    session = SessionOpened(member_id, stage.now, stage.now)
    session_opened(session, ledger=open_ledger(), refusals=open_refusals(), book=terms_book())


def an_event(**member: str) -> dict[str, Any]:
    named = {"event_id": "e1", "source": "tmall", "indicator": "review", "occurred_at": "2026-03-02T11:00:00+08:00"}
    return {**named, "member": member}


BUYER = {"platform": SHOP.provider, "buyer_id": SHOP.external_id}


def test_an_event_of_the_old_member_told_again_is_a_duplicate_and_posts_nothing(http: Http, two: Stage) -> None:
    assert http.feed(an_event(**BUYER))[0]["result"] == "accepted"
    messages = http.messages()
    assert http.settle(messages) == []
    merge(two)
    before = open_ledger().read(MEI)

    again = [http.feed(an_event(**member))[0]["result"] for member in (BUYER, {"member_id": LAN}, {"member_id": MEI})]
    redelivered = http.settle(messages)

    assert (again, redelivered, http.messages()) == (["duplicate"] * 3, [], [])
    assert before.total_points > 0
    assert open_ledger().read(MEI) == before


def test_an_event_of_the_old_member_told_of_a_stranger_or_with_other_content_is_refused(http: Http, two: Stage) -> None:
    register(two.table, Identity("wechat", "three"), YUN, two.now)
    http.feed(an_event(**BUYER))
    http.settle()
    merge(two)

    stranger = http.feed(an_event(member_id=YUN))[0]
    other = http.feed({**an_event(member_id=MEI), "quantity": 2})[0]

    assert [one["code"] for one in (stranger, other)] == [Code.KEY_REUSED.number] * 2


def test_an_event_that_was_queued_under_both_ids_is_posted_once(http: Http, two: Stage) -> None:
    http.feed(an_event(**BUYER))
    merge(two)
    http.feed(an_event(**BUYER))
    messages = http.messages()

    again = http.settle(messages)

    assert (len(messages), again) == (2, [])
    assert [entry.activity for entry in open_ledger().entries(MEI, before_key=None, limit=9)].count("review") == 1


def by_admin(http: Http, member_id: str, other_id: str, *, token: str = ADMIN_KEY) -> Any:
    body = {"other_member_id": other_id, "reason": "同一手机号,本人确认"}
    return http.call("POST", PATH, body, token=token, path_parameters={"member_id": member_id})


def test_an_admin_merges_two_members_for_a_reason_that_both_entries_keep(http: Http, two: Stage) -> None:
    first, again = by_admin(http, LAN, MEI), by_admin(http, MEI, LAN)

    assert first.data == {"member_id": MEI, "merged": [LAN], "replayed": False}
    assert again.data == {"member_id": MEI, "merged": [LAN], "replayed": True}
    for member_id in (MEI, LAN):
        (entry,) = open_ledger().entries(member_id, before_key=None, limit=9)
        assert (entry.facts["reason"], entry.cause.actor) == ("同一手机号,本人确认", "bootstrap-admin")


def test_nobody_but_an_admin_merges_and_none_with_himself_or_nobody(http: Http, two: Stage) -> None:
    assert by_admin(http, MEI, LAN, token=http.staff("operator")).json["code"] == Code.NOT_ALLOWED.number
    assert by_admin(http, MEI, MEI).json["field"] == "other_member_id"
    assert by_admin(http, MEI, YUN).json["code"] == Code.MEMBER_NOT_FOUND.number
    assert by_admin(http, "m1", LAN).json["code"] == Code.MEMBER_NOT_FOUND.number
    assert open_ledger().read(LAN).member_id == LAN


def test_a_penalty_of_the_old_member_is_listed_for_the_survivor_who_may_appeal(http: Http) -> None:
    first, mei = http.log_in("mei")
    http.stage.later(seconds=1)
    second, lan = http.log_in("lan")
    http.call("POST", "/v1/me/check-ins", token=second)
    body = {"member_id": lan, "indicator": "malicious_review", "evidence": "e", "reason": "经核实为恶意差评"}
    path = "/v1/staff/penalties"
    headers = {"Idempotency_Key": "k1"}
    penalty_id = http.call("POST", path, body, token=http.staff("operator"), headers=headers).data["id"]
    named = {"penalty_id": penalty_id}
    http.call(
        "POST",
        f"{path}/{{penalty_id}}/approve",
        {"note": "已核实"},
        token=http.staff("reviewer"),
        path_parameters=named,
    )
    by_admin(http, mei, lan)

    listed = [http.call("GET", "/v1/me/penalties", token=token).data["list"] for token in (first, second)]
    appeal = "/v1/me/penalties/{penalty_id}/appeal"
    answer = http.call("POST", appeal, {"text": "不是我写的"}, token=first, path_parameters=named)

    assert [[one["id"] for one in some] for some in listed] == [[penalty_id], [penalty_id]]
    assert answer.status == 200
