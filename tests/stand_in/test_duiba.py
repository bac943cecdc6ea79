"""Duiba: published signatures, the door of the mall, and exchanges with every way they go wrong."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
import urllib3

from local.stand_in.duiba.signing import query, sign
from tests.stand_in.outsiders import Admin, Json, Receiver, Trouble

KEY, SECRET = "testappkey", "testappsecret"
DUIBA = "activity.m.duiba.com.cn"
PUBLISHED_DEDUCT = (
    "uid=plusman&orderNum=order-for-test-1457357341453&credits=500&params=admin%40duiba.com%3A%E5%85%91%E5%90%A7"
    "&type=alipay&ip=192.168.1.100&paramsTest59=59&sign=2b7feb4bd80462efbc6b54b3315783be&timestamp=1457357341453"
    "&waitAudit=true&actualPrice=500&description=%E6%94%AF%E4%BB%98%E5%AE%9D%E8%B4%A6%E5%8F%B7%EF%BC%9Aadmin%40duiba.com"
    "%28%E5%85%91%E5%90%A7%29+%E8%BD%AC%E8%B4%A6%E5%85%85%E5%80%BC%EF%BC%9A5%E5%85%83&facePrice=500"
    "&appKey=38NRCZ798rdwpXW3ADf6gChekRzB"
)
PUBLISHED_NOTICE = (
    "sign=8e2a9698ea70e71263e000cf21a4d180&timestamp=1457366772233&errorMessage=%E5%A4%B1%E8%B4%A5%E7%9A%84%E8%AF%9D"
    "%E8%BF%99%E9%87%8C%E4%BC%9A%E8%BF%94%E5%9B%9E%E9%94%99%E8%AF%AF%E5%8E%9F%E5%9B%A0"
    "&orderNum=order-for-test-1457357341453&paramsTest35=35&bizId=souche-coin-test-1001&success=true"
    "&appKey=38NRCZ798rdwpXW3ADf6gChekRzB"
)
"""From the tests of the npm package duiba-sdk (ISC)."""


@pytest.fixture(autouse=True)
def shop(admin: Admin, receiver: Receiver) -> None:
    urls = {name: f"{receiver.url}/{name}" for name in ("deduct_url", "notify_url", "credits_url")}
    admin.post("/duiba-apps", {"app_key": KEY, "app_secret": SECRET, **urls})


def _answer(receiver: Receiver, status: str = "ok", **given: Any) -> None:
    said = {"status": status, "errorMessage": "", "credits": 400, **given}
    receiver.answer = json.dumps(said, ensure_ascii=False).encode()


def _begin(admin: Admin, **given: Any) -> str:
    asked = {"app_key": KEY, "uid": "m123", "credits": 100, **given}
    return str(admin.post("/duiba-exchanges", asked)["order_num"])


def _got(receiver: Receiver, path: str) -> list[Json]:
    return [dict(parse_qsl(got.query, keep_blank_values=True)) for got in receiver.got if got.path == path]


@pytest.mark.parametrize(
    ("values", "signature"),
    [
        ({"appKey": KEY}, "925e68506cf5a9ac740aedc2bd78f5e4"),
        ({"appKey": KEY, "timestamp": "1415250311646"}, "868a4339ea0400aec9b7a4742e06120e"),
        ({"appKey": KEY, "description": "兑吧"}, "54432c8d6f76246d5890f05b7df0182f"),
        (
            {"uid": "plusman", "credits": "2000", "timestamp": "1457409005493", "appKey": KEY},
            "de02a5b5a24660d6999109b466ff6a51",
        ),
        (
            {
                "uid": "plusman",
                "credits": "2000",
                "redirect": "http://www.plusman.cn",
                "timestamp": "1457409005493",
                "appKey": KEY,
            },
            "7d748e19f290bc076542d8b27442cf3c",
        ),
        (dict(parse_qsl(PUBLISHED_DEDUCT)), "2b7feb4bd80462efbc6b54b3315783be"),
        (dict(parse_qsl(PUBLISHED_NOTICE)), "8e2a9698ea70e71263e000cf21a4d180"),
    ],
)
def test_the_published_signatures(values: Json, signature: str) -> None:
    assert sign(values, SECRET) == signature


def _visit(admin: Admin, signed: str) -> tuple[int, str]:
    url = f"{admin.url}/{DUIBA}/autoLogin/autologin?{signed}"
    answer = urllib3.request("GET", url, redirect=False)
    return answer.status, answer.headers.get("Location", answer.data.decode())


def _link(admin: Admin, **given: str) -> Json:
    return {"uid": "m123", "credits": "500", "appKey": KEY, "timestamp": str(admin.get("/clock")["now_ms"]), **given}


def test_a_fresh_signed_link_lets_in(admin: Admin) -> None:
    assert _visit(admin, query(_link(admin), SECRET)) == (200, "<h1>积分商城</h1>")

    to = "https://activity.m.duiba.com.cn/mobile/detail?id=1"
    assert _visit(admin, query(_link(admin, redirect=to), SECRET)) == (302, to)
    assert [one["trouble"] for one in admin.get("/duiba-visits")["visits"]] == ["", ""]


def test_a_link_that_is_old_forged_or_incomplete_does_not(admin: Admin) -> None:
    signed = query(_link(admin), SECRET)
    assert _visit(admin, signed.replace("credits=500", "credits=900")) == (403, "<h1>签名有误</h1>")
    assert _visit(admin, query(_link(admin, appKey="other"), SECRET))[0] == 403
    assert _visit(admin, query(_link(admin, credits=""), SECRET)) == (403, "<h1>参数有误</h1>")

    admin.advance(300)
    assert _visit(admin, signed)[0] == 200
    admin.advance(1)
    assert _visit(admin, signed) == (403, "<h1>链接已过期</h1>")


def test_an_exchange_asks_deducts_and_says_how_it_ended(admin: Admin, receiver: Receiver) -> None:
    _answer(receiver, bizId="r1")
    order_num = _begin(admin, description="骑行灯 一只", extra={"newParam": "1"})
    admin.settle()
    receiver.answer = b"ok"
    admin.advance(3)
    admin.advance(86_400)

    ((asked,), (told,)) = _got(receiver, "/deduct_url"), _got(receiver, "/notify_url")
    assert asked["sign"] == sign(asked, SECRET)
    assert told["sign"] == sign(told, SECRET)
    assert (asked["newParam"], asked["description"]) == ("1", "骑行灯 一只")
    assert (told["success"], told["bizId"], told["orderNum"]) == ("true", "r1", order_num)
    seen = admin.get("/duiba-exchanges", order_num=order_num)
    assert (seen["state"], seen["balance"]) == ("delivered", 400)


def test_spaces_come_in_two_ways(admin: Admin, receiver: Receiver) -> None:
    for spaces in ("+", "%20"):
        _begin(admin, description="骑行灯 一只", spaces=spaces)
        admin.settle()

    first, second = [got.query for got in receiver.got if got.path == "/deduct_url"]
    assert "%81%AF+%E4" in first
    assert "%81%AF%20%E4" in second
    assert [one["description"] for one in _got(receiver, "/deduct_url")] == ["骑行灯 一只"] * 2


def test_goods_that_never_come_are_told_as_a_failure(admin: Admin, receiver: Receiver) -> None:
    _answer(receiver, bizId="r1")
    _begin(admin, delivers=False)
    admin.settle()
    receiver.answer = b"ok"
    admin.advance(3)

    (told,) = _got(receiver, "/notify_url")
    assert (told["success"], told["bizId"]) == ("false", "r1")
    assert told["errorMessage"] == "兑换失败，积分将退回"


def test_a_refused_deduct_ends_there_and_the_member_sees_why(admin: Admin, receiver: Receiver) -> None:
    _answer(receiver, "fail", errorMessage="积分不足")
    order_num = _begin(admin)
    admin.advance(86_400)

    assert _got(receiver, "/notify_url") == []
    seen = admin.get("/duiba-exchanges", order_num=order_num)
    assert (seen["state"], seen["error"]) == ("declined", "积分不足")


@pytest.mark.parametrize("answer", [b"{'status':'ok'}", b'{"status":"maybe"}', b"", b"[]"])
def test_an_answer_it_cannot_read_counts_as_none(admin: Admin, receiver: Receiver, answer: bytes) -> None:
    receiver.answer = answer
    order_num = _begin(admin)
    admin.settle()

    (told,) = _got(receiver, "/notify_url")[:1]
    assert told["success"] == "false"
    assert "bizId" not in told
    assert admin.get("/duiba-exchanges", order_num=order_num)["state"] == "lost"


def test_when_our_answer_is_lost_a_failure_without_biz_id_follows(admin: Admin, receiver: Receiver) -> None:
    _answer(receiver, bizId="r1")
    _begin(admin, answer_lost=True)
    admin.settle()

    assert len(_got(receiver, "/deduct_url")) == 1
    assert [(one["success"], "bizId" in one) for one in _got(receiver, "/notify_url")] == [("false", False)]


def test_a_timeout_is_a_failure_too(admin: Admin, receiver: Receiver) -> None:
    admin.post("/callbacks", {"patience": 0.1})
    receiver.silent = True
    _begin(admin)
    admin.settle()

    receiver.wait(2)
    assert admin.get("/sent", name="duiba_deduct")["sent"][0]["status"] == 0
    assert [one["success"] for one in _got(receiver, "/notify_url")] == ["false"]


def test_a_deduct_may_arrive_after_its_own_failure(admin: Admin, receiver: Receiver) -> None:
    receiver.answer = b"ok"
    order_num = _begin(admin, late=20)
    admin.settle()
    before = [got.path for got in receiver.got]
    _answer(receiver, bizId="r1")
    admin.advance(20)

    assert before == ["/notify_url"]
    assert [got.path for got in receiver.got] == ["/notify_url", "/deduct_url"]
    assert _got(receiver, "/deduct_url")[0]["orderNum"] == _got(receiver, "/notify_url")[0]["orderNum"] == order_num
    assert admin.get("/duiba-exchanges", order_num=order_num)["state"] == "lost"


def test_a_notice_comes_eight_times_by_the_table_until_ok(admin: Admin, receiver: Receiver) -> None:
    receiver.answer = b'"ok"'
    _begin(admin, late=86_400)
    admin.advance(2 * 86_400)

    at = [one["at"] for one in admin.get("/sent", name="duiba_notify")["sent"]]
    assert [one[11:16] for one in at] == ["12:00", "12:02", "12:12", "12:22", "13:22", "15:22", "21:22", "12:22"]
    assert len({got.query for got in receiver.got if got.path == "/notify_url"}) == 1


def test_calls_are_repeated_at_once_and_wrongly_signed(admin: Admin, receiver: Receiver) -> None:
    _answer(receiver, bizId="r1")
    order_num = _begin(admin)
    admin.settle()
    admin.post("/duiba-repeats", {"order_num": order_num, "copies": 3})
    admin.post("/duiba-repeats", {"order_num": order_num, "good": False})
    admin.settle()

    first, *again = _got(receiver, "/deduct_url")
    assert again[:3] == [first] * 3
    assert again[3]["sign"] != first["sign"] == sign(first, SECRET)
    with pytest.raises(Trouble, match="exists"):
        _begin(admin, order_num=order_num)


def test_credits_are_handed_out_and_tried_again_three_times(admin: Admin, receiver: Receiver) -> None:
    receiver.status = 500
    admin.post("/duiba-credits", {"app_key": KEY, "uid": "m123", "credits": 5, "type": "sign"})
    admin.advance(3600)

    at = [one["at"][14:19] for one in admin.get("/sent", name="duiba_credits")["sent"]]
    assert at == ["00:00", "00:30", "01:30", "03:30"]
    assert len({urlencode(one) for one in _got(receiver, "/credits_url")}) == 1
    receiver.status = 200
    _answer(receiver, bizId="r2")
    admin.post("/duiba-credits", {"app_key": KEY, "uid": "m123", "credits": 5})
    admin.advance(3600)
    assert len(_got(receiver, "/credits_url")) == 5
