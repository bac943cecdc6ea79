"""WeCom: tokens by secret, groups in pages, tasks that staff confirm, robots that say a thing once."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests
from wechatpy.work import WeChatClient

from chalicelib.connect.accounts import account
from chalicelib.connect.faults import Kind, Refused
from chalicelib.connect.table import ConnectTable
from chalicelib.connect.wecom.api import WecomApi
from chalicelib.connect.wecom.groups import deliveries, group, group_ids, push_to_groups
from chalicelib.connect.wecom.robot import PATH as ROBOT
from chalicelib.members.roles import Role
from chalicelib.runtime.settings import settings
from tests.connect.allowing import MESSAGES, configure, received
from tests.edge.test_route_walk import new_key
from tests.members.stage import Answer, Stage, invoke
from tests.stand_in.outsiders import CORP, WECOM, Admin, redirect

LIST, GET, TOKENS = (
    "/cgi-bin/externalcontact/groupchat/list",
    "/cgi-bin/externalcontact/groupchat/get",
    "/cgi-bin/gettoken",
)


@pytest.fixture
def api(stage: Stage, table: ConnectTable, world: Admin) -> WecomApi:
    return WecomApi(table, account("wecom", stage.now), stage.now)


@pytest.fixture
def operator(stage: Stage, world: Admin) -> str:
    return new_key(Role.OPERATOR)


def make_group(world: Admin, *people: str, owner: str = "guide-1", name: str = "一群") -> str:
    chat_id = str(world.post("/groups", {"corpid": CORP[0], "name": name, "owner": owner})["chat_id"])
    if people:
        world.post("/group-joins", {"chat_id": chat_id, "members": [{"person": one} for one in people], "scene": 3})
    world.advance(2)
    return chat_id


def test_each_secret_of_a_corp_has_a_token_of_its_own(stage: Stage, table: ConnectTable, world: Admin) -> None:
    other = "d2" * 16
    world.post("/corps", {"corpid": CORP[0], "secrets": [CORP[1], other]})
    mine = account("wecom", stage.now)
    for secret in (CORP[1], other, CORP[1]):
        WecomApi(table, mine._replace(secret=secret), stage.now).post(LIST, {"limit": 1})

    rows = [row["pk"] for row in stage.rows() if row["pk"].startswith("TOKEN#wecom:")]
    assert received(world, TOKENS) == len(rows) == 2
    assert not any(secret in row for row in rows for secret in (CORP[1], other))


def test_a_token_that_ended_under_way_is_replaced_once(api: WecomApi, world: Admin) -> None:
    api.post(LIST, {"limit": 1})
    world.post("/tokens/ends", {"owner": CORP[0]})

    assert api.post(LIST, {"limit": 1})["errcode"] == 0
    assert received(world, TOKENS) == 2


@pytest.mark.parametrize(("errcode", "kind"), [(40014, Kind.ACCESS), (42001, Kind.ACCESS), (60020, Kind.ACCOUNT)])
def test_what_stays_refused_is_refused_without_a_loop(api: WecomApi, world: Admin, errcode: int, kind: Kind) -> None:
    world.post("/faults", {"api": LIST, "kind": "errcode", "errcode": errcode, "times": None})

    with pytest.raises(Refused) as refused:
        api.post(LIST, {"limit": 1})

    assert refused.value.kind is kind
    assert received(world, LIST) == (2 if kind is Kind.ACCESS else 1)


def test_a_group_is_read_with_its_members(api: WecomApi, world: Admin) -> None:
    chat_id = make_group(world, "a", "b", name="车友群")

    found = group(api, chat_id)

    assert found is not None
    assert (found.name, found.owner, [one.is_staff for one in found.members]) == (
        "车友群",
        "guide-1",
        [True, False, False],
    )
    assert {(one.join_scene, bool(one.unionid)) for one in found.members[1:]} == {(3, True)}
    assert group(api, "wr-no-such-group") is None


def test_groups_come_in_pages_and_by_owner(api: WecomApi, world: Admin) -> None:
    ids = [make_group(world, owner=owner) for owner in ("guide-1", "guide-2", "guide-1")]

    first, cursor = group_ids(api, cursor="", limit=2)
    rest, end = group_ids(api, cursor=cursor, limit=2)
    of_one, _ = group_ids(api, cursor="", limit=10, owner="guide-2")

    assert (first + rest, end, of_one) == (ids, "", [ids[1]])


def test_a_message_to_groups_waits_for_its_staff_member(api: WecomApi, world: Admin) -> None:
    mine, others = make_group(world), make_group(world, owner="guide-2")

    msgid, left_out = push_to_groups(api, sender="guide-1", chat_ids=[mine, others], text="周三会员日")
    before, _ = deliveries(api, msgid, "guide-1")
    world.post("/staff-confirmations", {"msgid": msgid, "userid": "guide-1"})
    after, cursor = deliveries(api, msgid, "guide-1")

    assert left_out == [others]
    assert [(one.chat_id, one.status, one.sent_at) for one in before] == [(mine, 0, None)]
    assert [(one.chat_id, one.status, one.sent_at == api.now.replace(second=4)) for one in after] == [(mine, 1, True)]
    assert cursor == ""


def test_groups_are_the_same_for_wechatpy(api: WecomApi, world: Admin) -> None:
    for name in ("一群", "二群"):
        make_group(world, "a", name=name)
    client = WeChatClient(*CORP, timeout=10)
    redirect(client._http, world.url)

    ours, _ = group_ids(api, cursor="", limit=10)
    theirs = [one["chat_id"] for one in client.external_contact_group_chat.list_all(limit=1)]

    found = group(api, ours[1])
    assert ours == theirs
    assert found is not None
    assert client.external_contact_group_chat.get(ours[1])["group_chat"]["member_version"] == found.version


def list_groups(token: str, **query: str) -> Answer:
    from app import app

    headers = {"Authorization": f"Bearer {token}"}
    asked = {name: [value] for name, value in query.items()}
    return invoke(app, "GET", "/v1/staff/customer-groups", headers=headers, query=asked)


def test_staff_see_the_groups_and_how_many_are_in_them(operator: str, world: Admin) -> None:
    ids = [make_group(world, "a", "b"), make_group(world, "a", owner="guide-2", name="二群")]

    page = list_groups(operator, limit="1").data
    rest = list_groups(operator, limit="1", cursor=page["next_cursor"]).data

    assert page["list"] == [
        {
            "chat_id": ids[0],
            "name": "一群",
            "owner": "guide-1",
            "created_at": "2026-03-02T12:00:00+08:00",
            "customer_count": 2,
            "staff_count": 1,
        }
    ]
    assert [one["chat_id"] for one in rest["list"]] == [ids[1]]
    assert rest["has_more"] is False
    assert [one["chat_id"] for one in list_groups(operator, owner="guide-2").data["list"]] == [ids[1]]


def test_a_group_that_was_just_dissolved_is_left_out(operator: str, world: Admin) -> None:
    kept, gone = make_group(world), make_group(world)
    world.post("/faults", {"api": GET, "kind": "errcode", "errcode": 90501, "times": 1})

    shown = [one["chat_id"] for one in list_groups(operator).data["list"]]

    assert len(shown) == 1
    assert set(shown) < {kept, gone}


@pytest.mark.parametrize(
    ("errcode", "code"), [(60020, 50303), (48002, 50303), (45033, 40902), (45009, 40902), (40058, 40002)]
)
def test_what_wecom_refuses_is_told_in_our_own_words(operator: str, world: Admin, errcode: int, code: int) -> None:
    world.post("/faults", {"api": LIST, "kind": "errcode", "errcode": errcode, "times": None})

    assert list_groups(operator).json["code"] == code


@pytest.fixture
def key(stage: Stage, world: Admin) -> str:
    """The key of the robot that staff call ops."""
    key = str(world.post("/robots", {})["key"])
    configure(stage, world, MESSAGES, robots={"ops": key, "gone": "00000000-0000"})
    return key


def say(token: str, content: str, idempotency_key: str = "k1", **changed: Any) -> Answer:
    from app import app

    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": idempotency_key}
    body = json.dumps({"robot": "ops", "content": content, **changed}, ensure_ascii=False).encode()
    headers["Content-Type"] = "application/json"
    return invoke(app, "POST", "/v1/staff/group-robot-messages", headers=headers, body=body)


def posts(world: Admin, key: str) -> list[dict[str, Any]]:
    return list(world.get("/robot-posts", key=key)["posts"])


def test_a_robot_says_it_once_per_key(operator: str, key: str, world: Admin) -> None:
    answers = [say(operator, "今天没有推文", one) for one in ("k1", "k1", "k2")]

    assert [answer.data for answer in answers] == [
        {"state": "sent", "replayed": False},
        {"state": "sent", "replayed": True},
        {"state": "sent", "replayed": False},
    ]
    assert posts(world, key) == [{"msgtype": "text", "text": {"content": "今天没有推文"}}] * 2


def test_a_key_that_stands_for_another_message_is_refused(operator: str, key: str, world: Admin) -> None:
    say(operator, "一")

    assert say(operator, "二").json["code"] == 40900
    assert say(operator, "一", kind="markdown").json["code"] == 40900
    assert len(posts(world, key)) == 1


def test_a_key_is_of_one_member_of_staff(operator: str, key: str, world: Admin) -> None:
    say(operator, "一")

    assert say(new_key(Role.ADMIN), "二").data == {"state": "sent", "replayed": False}
    assert len(posts(world, key)) == 2


@pytest.mark.parametrize(("kind", "most"), [("text", 2048), ("markdown", 4096)])
def test_a_message_may_be_as_long_as_wecom_takes_it_in_bytes(
    operator: str, key: str, world: Admin, kind: str, most: int
) -> None:
    longest = "字" * (most // 3) + "a" * (most % 3)

    fits, too_long = say(operator, longest, kind=kind), say(operator, longest + "a", "k2", kind=kind)

    assert fits.data["state"] == "sent"
    assert (too_long.status, too_long.json["field"]) == (400, "content")
    assert len(posts(world, key)) == 1


def test_the_twenty_first_of_a_minute_waits_for_the_next_one(
    stage: Stage, operator: str, key: str, world: Admin
) -> None:
    stage.later(seconds=15)
    answers = [say(operator, "一", f"k{number}") for number in range(21)]
    asked = received(world, ROBOT)
    stage.later(seconds=45)
    world.advance(61)

    assert [answer.status for answer in answers] == [200] * 20 + [409]
    assert (answers[20].json["code"], answers[20].headers["Retry-After"]) == (40902, "45")
    assert asked == 20
    assert say(operator, "一", "k20").data == {"state": "sent", "replayed": False}


def test_a_bare_client_and_our_own_calls_share_the_robots_minute(operator: str, key: str, world: Admin) -> None:
    session = requests.Session()
    redirect(session, world.url)
    body: Any = {"msgtype": "text", "text": {"content": "别的系统"}}
    theirs = [session.post(f"https://{WECOM}{ROBOT}", params={"key": key}, json=body).json() for _ in range(19)]

    ours, one_more = say(operator, "一"), say(operator, "二", "k2")

    assert {one["errcode"] for one in theirs} == {0}
    assert ours.data["state"] == "sent"
    assert (one_more.json["code"], one_more.headers["Retry-After"]) == (40902, "60")
    world.advance(61)
    assert say(operator, "二", "k2").data == {"state": "sent", "replayed": False}


@pytest.mark.parametrize("kind", ["timeout_after", "timeout_before"])
def test_a_lost_answer_is_told_as_unknown_and_never_said_again(
    operator: str, key: str, world: Admin, kind: str
) -> None:
    world.post("/faults", {"api": ROBOT, "kind": kind, "times": 1, "seconds": 0.5})

    answers = [say(operator, "一").data for _ in range(2)]

    assert answers == [{"state": "unknown", "replayed": False}, {"state": "unknown", "replayed": True}]
    assert received(world, ROBOT) == 1


@pytest.mark.parametrize(("errcode", "code"), [(-1, 40902), (60020, 50303), (40058, 40000), (93000, 50303)])
def test_what_wecom_refused_may_be_said_again_under_the_same_key(
    operator: str, key: str, world: Admin, errcode: int, code: int
) -> None:
    world.post("/faults", {"api": ROBOT, "kind": "errcode", "errcode": errcode, "times": 1})

    first, again = say(operator, "一"), say(operator, "一")

    assert first.json["code"] == code
    assert again.data == {"state": "sent", "replayed": False}
    assert len(posts(world, key)) == 1


def test_where_nobody_listens_it_may_be_said_again(
    operator: str, key: str, world: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as away:
        away.setenv("OUTSIDE_URL", "http://127.0.0.1:9")
        settings.cache_clear()
        first = say(operator, "一")
    settings.cache_clear()

    assert (first.status, first.headers["Retry-After"]) == (503, "5")
    assert say(operator, "一").data == {"state": "sent", "replayed": False}


@pytest.mark.parametrize(
    ("changed", "code", "field"),
    [({"robot": "nobody"}, 40000, "robot"), ({"content": " "}, 40000, "content"), ({"robot": "gone"}, 50303, "robot")],
)
def test_a_robot_that_is_not_there_and_a_message_without_words_are_refused(
    operator: str, key: str, changed: dict[str, str], code: int, field: str
) -> None:
    answer = say(operator, **{"content": "一", **changed})

    assert (answer.json["code"], answer.json["field"]) == (code, field)


def test_without_robots_nothing_is_connected(operator: str) -> None:
    assert say(operator, "一").json["code"] == 50303


def test_a_robots_key_is_in_no_line_of_the_log_and_in_no_row(
    operator: str, key: str, stage: Stage, world: Admin, caplog: pytest.LogCaptureFixture
) -> None:
    say(operator, "一")
    world.post("/faults", {"api": ROBOT, "kind": "errcode", "errcode": -1, "times": 1})
    say(operator, "一", "k2")

    logged = "\n".join(record.getMessage() for record in caplog.records if record.name == "jifen.outcomes")
    assert "robot_message" in logged
    assert "outside_refused" in logged
    assert key not in logged + json.dumps(stage.rows())


def ask_for_task(token: str, *chat_ids: str, key: str = "k1", **changed: Any) -> Answer:
    from app import app

    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key, "Content-Type": "application/json"}
    asked = {"sender": "guide-1", "chat_ids": list(chat_ids), "text": "周三会员日", **changed}
    return invoke(app, "POST", "/v1/staff/group-tasks", headers=headers, body=json.dumps(asked, ensure_ascii=False))


def task_state(token: str, task_id: str) -> list[str]:
    from app import app

    query = {"sender": ["guide-1"]}
    headers = {"Authorization": f"Bearer {token}"}
    path, named = "/v1/staff/group-tasks/{task_id}", {"task_id": task_id}
    answer = invoke(app, "GET", path, headers=headers, query=query, path_parameters=named)
    return [one["state"] for one in answer.data["list"]]


def test_a_task_is_asked_for_once_per_key_and_waits_for_its_staff_member(operator: str, key: str, world: Admin) -> None:
    mine, others = make_group(world), make_group(world, owner="guide-2")

    first, again = ask_for_task(operator, mine, others), ask_for_task(operator, mine, others)
    other = ask_for_task(operator, mine)
    before = task_state(operator, first.data["task_id"])
    world.post("/staff-confirmations", {"msgid": first.data["task_id"], "userid": "guide-1"})

    assert (first.data["state"], first.data["left_out"]) == ("sent", [others])
    assert again.data == {**first.data, "left_out": [], "replayed": True}
    assert other.json["code"] == 40900
    assert (before, task_state(operator, first.data["task_id"])) == (["waiting"], ["sent"])
    assert received(world, "/cgi-bin/externalcontact/add_msg_template") == 1


def test_a_task_that_was_not_answered_is_not_asked_for_again(
    operator: str, key: str, world: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chalicelib.connect.outside.READ_S", 0.3)
    mine = make_group(world)
    world.post("/faults", {"api": "/cgi-bin/externalcontact/add_msg_template", "kind": "timeout_after", "seconds": 0.6})

    answers = [ask_for_task(operator, mine) for _ in range(2)]

    assert [answer.data["state"] for answer in answers] == ["unknown", "unknown"]
    assert received(world, "/cgi-bin/externalcontact/add_msg_template") == 1


def test_a_task_that_wecom_refuses_may_be_asked_for_again(operator: str, key: str, world: Admin) -> None:
    mine = make_group(world)
    world.post("/faults", {"api": "/cgi-bin/externalcontact/add_msg_template", "kind": "errcode", "errcode": 40003})

    refused, then = ask_for_task(operator, mine), ask_for_task(operator, mine)

    assert (refused.json["code"], refused.json["field"]) == (40000, "sender")
    assert then.data["state"] == "sent"
