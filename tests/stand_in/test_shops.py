"""Youzan and Doudian: their forms and signatures, what they take for an answer, how often they come back."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any
from urllib.parse import unquote

import pytest

from tests.stand_in.outsiders import Admin, Json, Receiver, Trouble

CLIENT, KEY, SECRET = "6cd25b3f99727975b5", "3409409348479354011", "a-secret"
PAID = {"full_order_info": {"order_info": {"tid": "E2026", "status": "WAIT_SELLER_SEND_GOODS"}}, "备注": "送给小明"}


def _md5(*parts: bytes) -> str:
    return hashlib.md5(b"".join(parts), usedforsecurity=False).hexdigest()


@pytest.fixture
def youzan(admin: Admin, receiver: Receiver) -> None:
    shop = {"client_id": CLIENT, "client_secret": SECRET, "kdt_id": 63077, "url": f"{receiver.url}/youzan"}
    admin.post("/youzan-shops", shop)
    receiver.answer = b'{"code":0,"msg":"success"}'


def _push(admin: Admin, **given: Any) -> Json:
    asked = {"client_id": CLIENT, "type": "trade_TradePaid", "status": "PAID", "id": "E2026", "msg": PAID}
    said = admin.post("/youzan-pushes", {**asked, **given})
    admin.settle()
    return said


@pytest.mark.usefixtures("youzan")
def test_youzan_signs_the_bytes_and_wraps_the_order(admin: Admin, receiver: Receiver) -> None:
    pushed = _push(admin)

    (got,) = receiver.got
    read = json.loads(got.body)
    assert got.headers["event-sign"] == _md5(CLIENT.encode(), got.body, SECRET.encode())
    assert (got.headers["event-type"], got.headers["client-id"]) == ("trade_TradePaid", CLIENT)
    assert json.loads(unquote(read["msg"])) == PAID
    assert (read["msg_id"], read["version"], read["kdt_id"]) == (pushed["msg_id"], pushed["version"], 63077)


@pytest.mark.usefixtures("youzan")
def test_a_refund_of_youzan_is_an_object(admin: Admin, receiver: Receiver) -> None:
    _push(admin, type="trade_refund_RefundSuccess", status="SUCCESS", msg={"refund_id": "R1"})

    assert json.loads(receiver.got[0].body)["msg"] == {"refund_id": "R1"}


@pytest.mark.usefixtures("youzan")
def test_youzan_comes_sixteen_times_unless_it_reads_success(admin: Admin, receiver: Receiver) -> None:
    receiver.answer = b'{"code":1}'
    _push(admin)
    admin.advance(86_400)
    refused = len(receiver.got)
    receiver.answer = b"success"
    _push(admin)
    admin.advance(86_400)

    assert refused == 16
    assert len(receiver.got) == 17
    assert len({got.body for got in receiver.got[:16]}) == 1


@pytest.mark.usefixtures("youzan")
def test_youzan_by_a_table_of_ones_own_twice_at_once_and_wrongly_signed(admin: Admin, receiver: Receiver) -> None:
    shop = {"client_id": CLIENT, "client_secret": SECRET, "kdt_id": 1, "url": receiver.url, "pauses": [60, 60, 60]}
    admin.post("/youzan-shops", shop)
    receiver.status = 500
    _push(admin)
    admin.advance(86_400)
    assert len(receiver.got) == 4

    _push(admin, copies=2)
    assert len(receiver.got) == 6
    _push(admin, good=False)
    forged = receiver.got[-1]
    admin.post("/clock", {"advance": 86_400})
    assert forged.headers["event-sign"] != _md5(CLIENT.encode(), forged.body, SECRET.encode())
    assert [one for one in receiver.got if one.headers["event-sign"] == "0" * 32] == [forged]


def _doudian(admin: Admin, receiver: Receiver, **given: Any) -> None:
    receiver.answer = b'{"code":0,"msg":"success"}'
    admin.post("/doudian-shops", {"app_key": KEY, "app_secret": SECRET, "url": f"{receiver.url}/doudian", **given})
    admin.settle()


def test_doudian_probes_its_address_with_tag_0(admin: Admin, receiver: Receiver) -> None:
    _doudian(admin, receiver)

    (got,) = receiver.got
    assert json.loads(got.body) == [{"tag": "0", "msg_id": "0", "data": "2026-03-10T12:00:00+08:00"}]
    assert admin.get("/sent", name="doudian_probe")["sent"][0]["accepted"]


def test_doudian_signs_by_md5_or_hmac(admin: Admin, receiver: Receiver) -> None:
    order = {"p_id": "4783011111111111111", "pay_amount": 1990, "备注": "小明"}
    together = []
    for method in ("md5", "hmac-sha256"):
        _doudian(admin, receiver, method=method)
        admin.post("/doudian-pushes", {"app_key": KEY, "messages": [{"tag": "101", "data": order}]})
        admin.settle()
        together.append(receiver.got[-1])

    by_md5, by_hmac = together
    assert by_md5.headers["app-id"] == KEY
    assert by_md5.headers["event-sign"] == _md5(KEY.encode(), by_md5.body, SECRET.encode())
    mac = hmac.new(SECRET.encode(), KEY.encode() + by_hmac.body + SECRET.encode(), hashlib.sha256)
    assert by_hmac.headers["event-sign"] == mac.hexdigest()
    assert json.loads(json.loads(by_md5.body)[0]["data"]) == order
    with pytest.raises(Trouble, match="method is one of"):
        _doudian(admin, receiver, method="sha1")


def test_doudian_pushes_several_messages_at_once(admin: Admin, receiver: Receiver) -> None:
    _doudian(admin, receiver, as_text=False)
    messages = [{"tag": "100", "data": {"p_id": "1"}}, {"tag": "101", "data": {"p_id": "1"}, "msg_id": "m2"}]
    ids = admin.post("/doudian-pushes", {"app_key": KEY, "messages": messages})["msg_ids"]
    admin.settle()

    read = json.loads(receiver.got[-1].body)
    assert [(one["tag"], one["msg_id"], one["data"]["p_id"]) for one in read] == [
        ("100", ids[0], "1"),
        ("101", "m2", "1"),
    ]


@pytest.mark.parametrize("answer", [b"success", b'{"code":0}', b'{"code":1,"msg":"success"}', b"[]"])
def test_doudian_comes_back_for_any_other_answer(admin: Admin, receiver: Receiver, answer: bytes) -> None:
    _doudian(admin, receiver)
    receiver.got.clear()
    receiver.answer = answer
    admin.post("/doudian-pushes", {"app_key": KEY, "messages": [{"tag": "101", "data": {}}]})
    admin.advance(86_400)

    assert len(receiver.got) == 4
    assert len({got.body for got in receiver.got}) == 1
