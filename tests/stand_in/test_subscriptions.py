"""Subscribe messages: a grant is one message; a field that does not fit is named."""

from __future__ import annotations

import pytest
from wechatpy import WeChatClient
from wechatpy.exceptions import WeChatClientException

from local.stand_in.subscriptions import fits
from tests.stand_in.official import AES_KEY, TOKEN, event
from tests.stand_in.outsiders import MINI, WECHAT, Admin, Json, Receiver, redirect

TEMPLATE = "level-soon-to-end"
DATA = {"thing1": {"value": "金卡将到期"}, "time2": {"value": "2026年3月31日 23:59"}}


@pytest.fixture
def openid(admin: Admin) -> str:
    """Somebody who said yes once."""
    admin.post("/templates", {"appid": MINI[0], "template_id": TEMPLATE, "fields": ["thing1", "time2"]})
    return str(admin.post("/taps", {"appid": MINI[0], "person": "a", "template_id": TEMPLATE})["openid"])


def _send(admin: Admin, openid: str, **given: object) -> Json:
    body = {"touser": openid, "template_id": TEMPLATE, "data": DATA, **given}
    return admin.call(WECHAT, "/cgi-bin/message/subscribe/send", body, access_token=admin.token(MINI))


def _left(admin: Admin, openid: str) -> int:
    return int(admin.get("/taps", appid=MINI[0], openid=openid, template_id=TEMPLATE)["left"])


def test_one_tap_is_one_message(admin: Admin, openid: str) -> None:
    codes = [_send(admin, openid)["errcode"] for _ in range(2)]
    admin.post("/taps", {"appid": MINI[0], "openid": openid, "template_id": TEMPLATE, "count": 2})

    assert codes == [0, 43101]
    assert [_send(admin, openid)["errcode"] for _ in range(3)] == [0, 0, 43101]


def test_a_refusal_leaves_nothing(admin: Admin, openid: str) -> None:
    admin.post("/taps", {"appid": MINI[0], "openid": openid, "template_id": TEMPLATE, "count": -1})

    assert _send(admin, openid)["errcode"] == 43101


def test_what_is_refused_uses_nothing_up(admin: Admin, openid: str) -> None:
    assert _send(admin, "o" * 28)["errcode"] == 40003
    assert _send(admin, openid, template_id="other")["errcode"] == 40037
    long_thing = _send(admin, openid, data={**DATA, "thing1": {"value": "字" * 21}})
    empty = _send(admin, openid, data={"thing1": DATA["thing1"]})

    assert long_thing["errcode"] == empty["errcode"] == 47003
    assert "data.thing1.value invalid" in long_thing["errmsg"]
    assert "data.time2.value is empty" in empty["errmsg"]
    assert _left(admin, openid) == 1


def test_a_grant_is_of_one_template_and_one_member(admin: Admin, openid: str) -> None:
    admin.post("/templates", {"appid": MINI[0], "template_id": "other", "fields": ["thing1"]})
    somebody = admin.post("/login-codes", {"appid": MINI[0], "person": "b"})["openid"]

    assert _send(admin, openid, template_id="other", data={"thing1": {"value": "x"}})["errcode"] == 43101
    assert _send(admin, somebody)["errcode"] == 43101


def test_a_long_term_template_is_not_used_up(admin: Admin, openid: str) -> None:
    long_term = {"appid": MINI[0], "template_id": TEMPLATE, "fields": ["thing1", "time2"], "long_term": True}
    admin.post("/templates", long_term)

    assert [_send(admin, openid)["errcode"] for _ in range(3)] == [0, 0, 0]


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("thing1", ["字" * 20, "a b"], ["字" * 21, ""]),
        ("number1", ["0", "-1.5", "1" * 32], ["1" * 33, "1,000", "一"]),
        ("letter2", ["Gold"], ["Gold1", "a" * 33]),
        ("symbol1", ["-"], ["a", "------"]),
        ("character_string3", ["SF-1234_56"], ["单号1", "a" * 33, "a b"]),
        ("time1", ["15:01", "2019年10月1日 15:01", "15:01~16:00"], ["25:00", "2019-10-01", "下午三点"]),
        ("date1", ["2019年10月1日", "2019年10月1日 15:01", "2019年10月1日~2019年10月3日"], ["2019-10-01", "10月1日"]),
        ("amount1", ["¥100", "100元", "¥1.50"], ["100分", "¥" + "1" * 11, "¥¥1"]),
        ("phone_number1", ["+86-0766-66888866"], ["1" * 18, "电话"]),
        ("name1", ["王小明", "John Smith"], ["字" * 11, "王1"]),
        ("phrase1", ["配送中"], ["配送中了吗呢", "ok", "好。"]),
    ],
)
def test_what_a_field_takes(name: str, good: list[str], bad: list[str]) -> None:
    assert [value for value in good if not fits(name, value)] == []
    assert [value for value in bad if fits(name, value)] == []


def test_the_callback_hears_of_taps_and_of_what_was_sent(admin: Admin, openid: str, receiver: Receiver) -> None:
    keys = {"push_url": receiver.url, "push_token": TOKEN, "push_aes_key": AES_KEY}
    admin.post("/apps", {"appid": MINI[0], "secret": MINI[1], "kind": "mini_program", **keys})
    admin.post("/taps", {"appid": MINI[0], "openid": openid, "template_id": TEMPLATE})
    _send(admin, openid)
    admin.settle()

    popup, sent = [event(got, MINI) for got in receiver.got]
    assert (popup.source, sent.source) == (openid, openid)
    assert popup.subscribes[0]["SubscribeStatusString"] == "accept"
    assert sent._data["SubscribeMsgSentEvent"]["List"]["ErrorCode"] == "0"


def test_wechatpy_sends(admin: Admin, openid: str) -> None:
    client = WeChatClient(*MINI)
    redirect(client._http, admin.url)

    assert client.wxa.send_subscribe_message(openid, TEMPLATE, DATA)["errcode"] == 0
    with pytest.raises(WeChatClientException) as refused:
        client.wxa.send_subscribe_message(openid, TEMPLATE, DATA)
    assert refused.value.errcode == 43101
