"""WeCom: groups that lag behind their events, events that cannot be trusted, tasks of staff, robots."""

from __future__ import annotations

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qsl

import pytest
from wechatpy.exceptions import WeChatClientException
from wechatpy.work import WeChatClient, parse_message
from wechatpy.work.crypto import WeChatCrypto

from tests.stand_in.outsiders import CORP, MINI, WECHAT, WECOM, Admin, Got, Json, Receiver, redirect

TOKEN, AES_KEY = "corp-token", "kWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aR"
ROBOT = "/cgi-bin/webhook/send"


def _client(admin: Admin) -> Any:
    client = WeChatClient(*CORP, timeout=10)
    redirect(client._http, admin.url)
    return client


def _listen(admin: Admin, receiver: Receiver, **given: Any) -> None:
    keys = {"push_url": f"{receiver.url}/wecom", "push_token": TOKEN, "push_aes_key": AES_KEY}
    admin.post("/corps", {"corpid": CORP[0], "secrets": [CORP[1]], "open_platform": "op1", **keys, **given})


def _group(admin: Admin, owner: str = "guide-1", name: str = "一群") -> str:
    return str(admin.post("/groups", {"corpid": CORP[0], "name": name, "owner": owner})["chat_id"])


def _join(admin: Admin, chat_id: str, *people: str, **given: Any) -> list[str]:
    members = [{"person": one} for one in people]
    return list(admin.post("/group-joins", {"chat_id": chat_id, "members": members, **given})["userids"])


def _event(got: Got) -> Any:
    query = dict(parse_qsl(got.query))
    judge = WeChatCrypto(TOKEN, AES_KEY, CORP[0])
    return parse_message(judge.decrypt_message(got.body, query["msg_signature"], query["timestamp"], query["nonce"]))


def test_a_group_shows_what_was_two_seconds_ago(admin: Admin) -> None:
    client, chat_id = _client(admin), _group(admin)
    with pytest.raises(WeChatClientException) as refused:
        client.external_contact_group_chat.get(chat_id)
    admin.advance(2)
    before = client.external_contact_group_chat.get(chat_id)["group_chat"]
    _join(admin, chat_id, "a")
    same = client.external_contact_group_chat.get(chat_id)["group_chat"]
    admin.advance(2)
    after = client.external_contact_group_chat.get(chat_id)["group_chat"]

    assert refused.value.errcode == 90501
    assert same == before
    assert [one["type"] for one in after["member_list"]] == [1, 2]
    assert after["member_version"] != before["member_version"]


def test_members_say_how_they_came_and_only_staff_are_named_as_inviting(admin: Admin) -> None:
    client, chat_id = _client(admin), _group(admin)
    link = {"person": "a", "state": "m123", "name": "小明"}
    staff = {"person": "b", "invitor": "guide-1"}
    admin.post("/group-joins", {"chat_id": chat_id, "members": [link, staff], "scene": 2})
    admin.advance(2)
    members = client.external_contact_group_chat.get(chat_id)["group_chat"]["member_list"]
    named = client.post("externalcontact/groupchat/get", data={"chat_id": chat_id, "need_name": 1})

    assert (members[1]["state"], members[1]["join_scene"]) == ("m123", 2)
    assert "invitor" not in members[1]
    assert "name" not in members[1]
    assert members[2]["invitor"] == {"userid": "guide-1"}
    assert named["group_chat"]["member_list"][1]["name"] == "小明"


def test_a_customer_has_the_unionid_of_the_mini_program(admin: Admin, receiver: Receiver) -> None:
    code = admin.post("/login-codes", {"appid": MINI[0], "person": "a"})["code"]
    asked = {"appid": MINI[0], "secret": MINI[1], "js_code": code, "grant_type": "authorization_code"}
    session = admin.call(WECHAT, "/sns/jscode2session", **asked)
    client, chat_id = _client(admin), _group(admin)
    _join(admin, chat_id, "a")
    admin.advance(2)
    bound = client.external_contact_group_chat.get(chat_id)["group_chat"]["member_list"][1]
    _listen(admin, receiver, gives_unionid=False)
    unbound = client.external_contact_group_chat.get(chat_id)["group_chat"]["member_list"][1]

    assert bound["unionid"] == session["unionid"]
    assert "unionid" not in unbound
    assert bound["userid"].startswith("wm")


def test_groups_are_listed_in_pages_and_by_owner(admin: Admin) -> None:
    client = _client(admin)
    ids = [_group(admin, owner) for owner in ("guide-1", "guide-2", "guide-1")]
    listed = client.external_contact_group_chat.list_all(limit=1)
    of_one = client.external_contact_group_chat.list(owner_userid_list=["guide-1"])["group_chat_list"]

    assert [one["chat_id"] for one in listed] == ids
    assert [one["chat_id"] for one in of_one] == [ids[0], ids[2]]


def test_events_say_who_came_and_who_left(admin: Admin, receiver: Receiver) -> None:
    _listen(admin, receiver)
    chat_id = _group(admin)
    joined = _join(admin, chat_id, "a", "b", scene=3)
    admin.post("/group-leaves", {"chat_id": chat_id, "userids": joined[:1], "scene": 0})
    admin.post("/group-changes", {"chat_id": chat_id, "name": "二群"})
    admin.post("/group-changes", {"chat_id": chat_id, "dismiss": True})
    admin.settle()

    events = [_event(got) for got in receiver.got]
    assert [(one.change_type, one.update_detail) for one in events] == [
        ("create", None),
        ("update", "add_member"),
        ("update", "del_member"),
        ("update", "change_name"),
        ("dismiss", None),
    ]
    assert {one.event for one in events} == {"change_external_chat"}
    assert {one.chat_id for one in events} == {chat_id}
    assert (events[1].join_scene, events[1].mem_change_cnt) == ("3", "2")
    assert events[1]._data["MemChangeList"]["Item"] == joined
    assert events[1]._data["CurMemVer"] == events[2]._data["LastMemVer"]
    assert events[2].quit_scene == "0"
    assert {name for name, _ in parse_qsl(receiver.got[0].query)} == {"msg_signature", "timestamp", "nonce"}


def test_a_corp_with_older_events_lists_nobody(admin: Admin, receiver: Receiver) -> None:
    _listen(admin, receiver, lists_members=False)
    _join(admin, _group(admin), "a")
    admin.settle()

    data = _event(receiver.got[1])._data
    assert data["MemChangeCnt"] == "1"
    assert "MemChangeList" not in data
    assert "CurMemVer" not in data


def test_what_an_api_changed_tells_nobody_and_a_dismissed_group_is_none(admin: Admin, receiver: Receiver) -> None:
    _listen(admin, receiver)
    chat_id = _group(admin)
    _join(admin, chat_id, "a", quiet=True)
    admin.post("/group-changes", {"chat_id": chat_id, "dismiss": True})
    admin.advance(2)

    assert [_event(got).change_type for got in receiver.got] == ["create", "dismiss"]
    client = _client(admin)
    assert client.external_contact_group_chat.list()["group_chat_list"] == []
    with pytest.raises(WeChatClientException) as refused:
        client.external_contact_group_chat.get(chat_id)
    assert refused.value.errcode == 90501


def test_events_are_dropped_doubled_delayed_and_overtaken(admin: Admin, receiver: Receiver) -> None:
    _listen(admin, receiver)
    chat_id = _group(admin)
    admin.settle()
    people: list[str] = []

    def join(**switches: int) -> list[int]:
        admin.post("/events", {"channel": "wecom", **switches})
        receiver.got.clear()
        people.extend(_join(admin, chat_id, f"person-{len(people)}"))
        admin.settle()
        return [people.index(_event(got)._data["MemChangeList"]["Item"]) for got in receiver.got]

    assert join(drop=1) == []
    assert join(duplicate=1) == [1, 1]
    assert join(reorder=1) == []
    assert join() == [3, 2]
    assert join(delay=5) == []
    admin.advance(5)
    assert len(receiver.got) == 1


def test_a_callback_must_decrypt_the_echo(admin: Admin, receiver: Receiver) -> None:
    _listen(admin, receiver)
    receiver.answer = b""
    echo = admin.post("/corp-url-checks", {"corpid": CORP[0]})["echo"]
    admin.settle()

    query = dict(parse_qsl(receiver.got[0].query))
    judge = WeChatCrypto(TOKEN, AES_KEY, CORP[0])
    read = judge.check_signature(query["msg_signature"], query["timestamp"], query["nonce"], query["echostr"])
    assert read == echo
    assert not admin.get("/sent", name="url_check")["sent"][0]["accepted"]


def test_a_task_is_sent_when_staff_confirm_it(admin: Admin) -> None:
    client = _client(admin)
    mine, also_mine, other = _group(admin), _group(admin), _group(admin, "guide-2")
    task = {"chat_type": "group", "sender": "guide-1", "text": {"content": "周年庆"}}
    msgid = client.external_contact.add_msg_template(task)["msgid"]
    chosen = client.external_contact.add_msg_template({**task, "chat_id_list": [mine, other]})

    def results() -> list[Json]:
        asked = {"msgid": msgid, "userid": "guide-1", "limit": 10}
        return list(client.post("externalcontact/get_groupmsg_send_result", data=asked)["send_list"])

    def staff() -> Json:
        listed = client.post("externalcontact/get_groupmsg_task", data={"msgid": msgid})["task_list"]
        return dict(listed[0])

    assert [(one["chat_id"], one["status"]) for one in results()] == [(one, 0) for one in sorted((mine, also_mine))]
    assert staff()["status"] == 0
    admin.advance(60)
    admin.post("/staff-confirmations", {"msgid": msgid, "userid": "guide-1"})
    assert {one["status"] for one in results()} == {1}
    assert results()[0]["send_time"] == admin.get("/clock")["now_ms"] // 1000
    assert staff()["status"] == 2
    assert chosen["fail_list"] == [other]


def test_a_group_takes_one_message_for_each_day_of_the_month(admin: Admin) -> None:
    client, chat_id = _client(admin), _group(admin)
    statuses = []
    for _ in range(32):
        task = {"chat_type": "group", "sender": "guide-1", "text": {"content": "早"}}
        msgid = client.external_contact.add_msg_template(task)["msgid"]
        done = admin.post("/staff-confirmations", {"msgid": msgid, "userid": "guide-1"})
        statuses.append(done["statuses"][chat_id])

    assert statuses == [1] * 31 + [3]


@pytest.mark.parametrize(
    "task",
    [
        {"chat_type": "single", "sender": "guide-1", "text": {"content": "x"}},
        {"chat_type": "group", "text": {"content": "x"}},
        {"chat_type": "group", "sender": "guide-1"},
        {"chat_type": "group", "sender": "nobody", "text": {"content": "x"}},
    ],
)
def test_a_task_that_nobody_could_send_is_refused(admin: Admin, task: Json) -> None:
    _group(admin)
    with pytest.raises(WeChatClientException) as refused:
        _client(admin).external_contact.add_msg_template(task)

    assert refused.value.errcode == 40058


def test_a_robot_speaks_twenty_times_a_minute(admin: Admin) -> None:
    key = admin.post("/robots", {})["key"]
    message = {"msgtype": "text", "text": {"content": "签到啦"}}
    codes = [admin.call(WECOM, ROBOT, message, key=key)["errcode"] for _ in range(21)]
    admin.advance(60)

    assert codes == [0] * 20 + [45009]
    assert admin.call(WECOM, ROBOT, message, key=key)["errcode"] == 0
    assert len(admin.get("/robot-posts", key=key)["posts"]) == 21
    assert admin.call(WECOM, ROBOT, message, key="other")["errcode"] == 93000
    assert key not in str(admin.get("/received"))


RAW = b"picture"
IMAGE = {"base64": base64.b64encode(RAW).decode(), "md5": hashlib.md5(RAW, usedforsecurity=False).hexdigest()}


@pytest.mark.parametrize(
    ("kind", "content", "errcode"),
    [
        ("text", {"content": "a" * 2048}, 0),
        ("text", {"content": "字" * 683}, 40058),
        ("text", {}, 44004),
        ("markdown", {"content": "a" * 4097}, 40058),
        ("image", IMAGE, 0),
        ("image", {**IMAGE, "md5": "0" * 32}, 301019),
        ("image", {**IMAGE, "base64": "%"}, 40058),
        ("news", {"articles": [{"title": "t", "url": "https://e.com"}] * 8}, 0),
        ("news", {"articles": [{"title": "t", "url": "https://e.com"}] * 9}, 40058),
        ("news", {"articles": [{"title": "t"}]}, 40058),
        ("voice", {"media_id": "x"}, 40008),
    ],
)
def test_what_a_robot_may_say(admin: Admin, kind: str, content: Json, errcode: int) -> None:
    key = admin.post("/robots", {})["key"]

    assert admin.call(WECOM, ROBOT, {"msgtype": kind, kind: content}, key=key)["errcode"] == errcode


def test_an_apps_token_opens_no_corp(admin: Admin) -> None:
    token = admin.token()

    answer = admin.call(WECOM, "/cgi-bin/externalcontact/groupchat/list", {}, access_token=token)
    assert answer["errcode"] == 40014
    assert "hint: [" in answer["errmsg"]
