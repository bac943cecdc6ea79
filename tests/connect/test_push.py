"""Message push over HTTP: who is believed, what is queued, and that nothing else has any effect."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Iterator
from typing import Any
from xml.sax.saxutils import escape

import pytest
from wechatpy.crypto import WeChatCrypto
from wechatpy.work.crypto import WeChatCrypto as WorkCrypto

from chalicelib.runtime import dynamo
from chalicelib.runtime.settings import settings
from local.stand_in import push
from tests.connect.pushes import (
    ACCEPTED,
    ACCOUNTS,
    AES_KEY,
    APPIDS,
    CHAT_CHANGED,
    ECHO,
    FINISHED,
    PATHS,
    SUBSCRIBED,
    TOKENS,
    Pushes,
    Sealed,
    keys,
    listening,
    seal,
    url_check,
)
from tests.connect.test_push_crypto import ECHO as SEALED_ECHO
from tests.connect.test_push_crypto import ECHO_AT, ECHO_NONCE, ECHO_SIGNATURE, RECEIVE_ID, TOKEN
from tests.connect.test_push_message import UNREADABLE
from tests.members.stage import Stage

SYSTEMS = tuple(PATHS)
A_MESSAGE: dict[str, dict[str, Any]] = {
    "official_account": SUBSCRIBED,
    "mini_program": SUBSCRIBED,
    "wecom": CHAT_CHANGED,
}
TEXT = {**SUBSCRIBED, "MsgType": "text", "Content": "我的手机号是13800000000", "MsgId": 1}


@pytest.fixture
def pushes(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pushes]:
    """All systems connected; no outside system is asked, and no log has a secret, a person or what was said."""
    asked: list[Any] = []
    monkeypatch.setattr(socket.socket, "connect", lambda _socket, address: asked.append(address))
    made = Pushes(stage)
    made.connect(ACCOUNTS)
    with listening(made.lines):
        yield made
    assert asked == []
    secrets = [AES_KEY, *TOKENS.values(), *(one["secret"] for one in ACCOUNTS.values())]
    for private in (*secrets, "o-follower-1", "13800000000", "wr-chat-1"):
        assert not [line for line in made.lines if private in line], private


def assert_without_effect(pushes: Pushes) -> None:
    assert pushes.queued() == []
    assert pushes.rows() == []


def changed(sealed: Sealed, **query: str) -> Sealed:
    return sealed._replace(query={**sealed.query, **query})


@pytest.mark.parametrize("system", ["official_account", "mini_program"])
def test_wechat_gets_its_echo_back_as_it_is(pushes: Pushes, system: str) -> None:
    reply = pushes.ask("GET", PATHS[system], url_check(system, echo="<59&27>"))

    assert reply == (200, "<59&27>", "text/plain; charset=utf-8")
    assert_without_effect(pushes)


def test_wecom_gets_its_echo_back_unsealed(pushes: Pushes) -> None:
    reply = pushes.ask("GET", PATHS["wecom"], url_check("wecom"))

    assert reply == (200, ECHO, "text/plain; charset=utf-8")
    assert_without_effect(pushes)


@pytest.mark.parametrize("system", SYSTEMS)
def test_whoever_does_not_know_the_token_gets_no_echo(pushes: Pushes, system: str) -> None:
    good = url_check(system)
    name = "msg_signature" if system == "wecom" else "signature"
    bent = {**good, name: chr(ord(good[name][0]) ^ 1) + good[name][1:]}
    lacking = [{key: value for key, value in good.items() if key != left} for left in (name, "timestamp", "nonce")]

    for query in (bent, url_check(system, token="another"), *lacking, {}):
        assert pushes.ask("GET", PATHS[system], query)[:2] == (401, "fail"), query


def test_an_echo_sealed_for_another_corp_is_not_read_out(pushes: Pushes) -> None:
    query = url_check("wecom", receive_id="ww-another")

    assert pushes.ask("GET", PATHS["wecom"], query)[:2] == (401, "fail")


def test_a_published_echo_is_read_out_to_the_byte(pushes: Pushes) -> None:
    known = {"appid": RECEIVE_ID, "secret": "s" * 32, "token": TOKEN, "aes_key": AES_KEY}
    pushes.connect({"wecom": known})
    query = {"msg_signature": ECHO_SIGNATURE, "timestamp": ECHO_AT, "nonce": ECHO_NONCE, "echostr": SEALED_ECHO}

    assert pushes.ask("GET", PATHS["wecom"], query)[:2] == (200, ECHO)


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize(
    ("system", "message"), [("official_account", SUBSCRIBED), ("official_account", FINISHED), ("wecom", CHAT_CHANGED)]
)
def test_an_event_that_concerns_us_is_acknowledged_and_queued(
    pushes: Pushes, system: str, message: dict[str, Any], as_json: bool
) -> None:
    reply = pushes.push(system, message, as_json=as_json)

    (record,) = pushes.queued()
    told = json.loads(record["body"])
    assert reply[:2] == ACCEPTED
    assert told["system"] == system
    assert {name: str(value) for name, value in told["fields"].items()} == {
        name: str(value) for name, value in message.items()
    }
    assert pushes.rows() == []


@pytest.mark.parametrize("content_type", ["text/xml", "application/xml", "text/xml; charset=utf-8", ""])
def test_it_is_taken_under_any_name_that_xml_goes_by(pushes: Pushes, content_type: str) -> None:
    sealed = seal("official_account", SUBSCRIBED)._replace(content_type=content_type)

    assert pushes.send("official_account", sealed)[:2] == ACCEPTED
    assert len(pushes.queued()) == 1


@pytest.mark.parametrize("system", SYSTEMS)
def test_what_wechatpy_seals_is_taken(pushes: Pushes, system: str) -> None:
    crypto = (WorkCrypto if system == "wecom" else WeChatCrypto)(TOKENS[system], AES_KEY, APPIDS[system])
    body = crypto.encrypt_message(push.xml(A_MESSAGE[system]), "n7", "1772424000").encode()
    signature = body.partition(b"<MsgSignature><![CDATA[")[2].partition(b"]]>")[0].decode()
    query = {"msg_signature": signature, "timestamp": "1772424000", "nonce": "n7"}

    reply = pushes.send(system, Sealed(query, body))

    assert reply[:2] == ACCEPTED
    assert len(pushes.queued()) == (0 if system == "mini_program" else 1)


@pytest.mark.parametrize("message", [TEXT, {**SUBSCRIBED, "Event": "VIEW"}, {**SUBSCRIBED, "Event": "CLICK" * 99}])
def test_what_does_not_concern_us_is_acknowledged_and_counted_and_not_kept(
    pushes: Pushes, message: dict[str, Any]
) -> None:
    reply = pushes.push("official_account", message)

    (line,) = pushes.logged("pushed")
    assert reply[:2] == ACCEPTED
    assert line["outcome"] == "passed"
    assert len(line["name"]) <= 64
    assert_without_effect(pushes)


def test_an_event_of_another_system_is_none_of_this_ones(pushes: Pushes) -> None:
    for system, message in (("mini_program", SUBSCRIBED), ("wecom", FINISHED), ("official_account", CHAT_CHANGED)):
        assert pushes.push(system, message)[:2] == ACCEPTED

    assert_without_effect(pushes)


def test_what_is_played_again_a_month_later_is_acknowledged_and_dropped(pushes: Pushes) -> None:
    sealed = seal("official_account", SUBSCRIBED)
    pushes.stage.later(days=30)
    pushes.send("official_account", sealed)
    in_time = pushes.queued()
    pushes.stage.later(seconds=1)

    assert pushes.send("official_account", sealed)[:2] == ACCEPTED
    assert len(in_time) == 1
    assert pushes.logged("pushed")[-1]["outcome"] == "too_old"
    assert_without_effect(pushes)


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("place", [0, 17, 39])
def test_a_signature_of_which_one_bit_is_another_has_no_effect(pushes: Pushes, system: str, place: int) -> None:
    sealed = seal(system, A_MESSAGE[system])
    told = sealed.query["msg_signature"]
    bent = told[:place] + chr(ord(told[place]) ^ 1) + told[place + 1 :]

    assert pushes.send(system, changed(sealed, msg_signature=bent))[:2] == (401, "fail")
    assert_without_effect(pushes)


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("name", ["timestamp", "nonce"])
def test_what_the_signature_is_over_cannot_be_changed_or_left_out(pushes: Pushes, system: str, name: str) -> None:
    sealed = seal(system, A_MESSAGE[system])
    without = sealed._replace(query={key: value for key, value in sealed.query.items() if key != name})

    assert pushes.send(system, changed(sealed, **{name: "7"}))[:2] == (401, "fail")
    assert pushes.send(system, without)[:2] == (401, "fail")
    assert_without_effect(pushes)


def test_what_is_sealed_cannot_be_changed(pushes: Pushes) -> None:
    sealed = seal("official_account", SUBSCRIBED)
    other = seal("official_account", FINISHED)

    head, _, tail = sealed.body.partition(b"<Encrypt><![CDATA[")
    bent = head + b"<Encrypt><![CDATA[" + (b"B" if tail[:1] == b"A" else b"A") + tail[1:]
    for body in (other.body, bent, sealed.body.replace(b"]]></Encrypt>", b"A]]></Encrypt>")):
        assert pushes.send("official_account", sealed._replace(body=body))[:2] == (401, "fail")
    assert_without_effect(pushes)


def test_the_plain_signature_alone_opens_no_account_that_has_a_key(pushes: Pushes) -> None:
    sealed = seal("official_account", SUBSCRIBED)
    del sealed.query["msg_signature"]
    plain = sealed._replace(body=push.xml(SUBSCRIBED).encode())

    assert pushes.send("official_account", sealed)[:2] == (401, "fail")
    assert pushes.send("official_account", plain)[:2] == (400, "fail")
    assert_without_effect(pushes)


def test_what_stands_unsealed_beside_the_seal_is_not_read(pushes: Pushes) -> None:
    sealed = seal("official_account", SUBSCRIBED)
    both = sealed.body.replace(b"</xml>", b"<Event>MASSSENDJOBFINISH</Event><MsgType>event</MsgType></xml>")

    assert pushes.send("official_account", sealed._replace(body=both))[:2] == ACCEPTED
    (record,) = pushes.queued()
    assert json.loads(record["body"])["fields"]["Event"] == "subscribe"


@pytest.mark.parametrize("system", SYSTEMS)
def test_what_is_sealed_for_another_account_has_no_effect(pushes: Pushes, system: str) -> None:
    other = keys(system)._replace(receive_id="wx-another")
    sealed = push.seal(other, push.xml(A_MESSAGE[system]), timestamp="1", nonce="2", salt=b"0" * 16)
    query = {"msg_signature": sealed.signature, "timestamp": "1", "nonce": "2"}

    reply = pushes.send(system, Sealed(query, push.xml({"Encrypt": sealed.encrypted}).encode()))

    assert reply[:2] == (401, "fail")
    assert_without_effect(pushes)


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_body_that_cannot_be_read_has_no_effect_sealed_or_not(pushes: Pushes, name: str) -> None:
    raw = UNREADABLE[name]
    outer = pushes.send("official_account", seal("official_account", SUBSCRIBED)._replace(body=raw))
    known = keys("official_account")
    salted = b"0" * 16 + len(raw).to_bytes(4, "big") + raw + known.receive_id.encode()
    inner = pushes.send("official_account", _sealed_bytes(salted))

    assert outer[:2] == (400, "fail") or (outer.status, len(raw) > 65_536) == (413, True)
    assert inner[:2] == (400, "fail") or (inner.status, len(raw) > 48_000) == (413, True)
    assert_without_effect(pushes)


def _sealed_bytes(plain: bytes) -> Sealed:
    """Bytes that are no text, sealed as the stand-in cannot."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    key = base64.b64decode(AES_KEY + "=")
    padding = 32 - len(plain) % 32
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    text = base64.b64encode(encryptor.update(plain + bytes([padding]) * padding) + encryptor.finalize()).decode()
    query = {"timestamp": "1", "nonce": "2", "msg_signature": push.sign(TOKENS["official_account"], "1", "2", text)}
    return Sealed(query, push.xml({"Encrypt": text}).encode())


@pytest.mark.parametrize("encrypt", ["<Encrypt><a>1</a></Encrypt>", "<Encrypt/><Encrypt/>", "<Other>1</Other>", ""])
def test_a_body_without_one_seal_has_no_effect(pushes: Pushes, encrypt: str) -> None:
    sealed = seal("wecom", CHAT_CHANGED)._replace(body=f"<xml>{encrypt}</xml>".encode())

    assert pushes.send("wecom", sealed)[:2] == (400, "fail")
    assert_without_effect(pushes)


def test_a_body_beyond_the_limit_is_not_even_read(pushes: Pushes) -> None:
    sealed = seal("wecom", {**CHAT_CHANGED, "Padding": "x" * 60_000})

    assert pushes.send("wecom", sealed)[:2] == (413, "fail")
    assert_without_effect(pushes)


def test_a_name_told_twice_in_the_query_has_no_effect(pushes: Pushes) -> None:
    from app import app
    from tests.members.stage import lambda_event

    sealed = seal("wecom", CHAT_CHANGED)
    query = {name: [value, value] for name, value in sealed.query.items()}
    headers = {"Content-Type": "text/xml"}

    answer = app(lambda_event("POST", PATHS["wecom"], headers=headers, body=sealed.body, query=query), None)

    assert (answer["statusCode"], answer["body"]) == (400, "fail")
    assert_without_effect(pushes)


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("lacking", ["account", "token", "appid"])
def test_a_system_that_is_not_connected_is_nowhere(pushes: Pushes, system: str, lacking: str) -> None:
    accounts = json.loads(json.dumps(ACCOUNTS))
    if lacking == "account":
        del accounts[system]
    else:
        accounts[system][lacking] = ""
    pushes.connect(accounts)
    query = {"signature": push.sign("", "1", "2"), "timestamp": "1", "nonce": "2", "echostr": "59"}

    assert pushes.push(system, A_MESSAGE[system])[:2] == (404, "fail")
    assert pushes.ask("GET", PATHS[system], query)[:2] == (404, "fail")
    assert_without_effect(pushes)


def test_an_account_without_a_key_takes_plain_messages_and_wecom_is_never_without(pushes: Pushes) -> None:
    pushes.connect({system: {**known, "aes_key": ""} for system, known in ACCOUNTS.items()})
    query = {"signature": push.sign(TOKENS["official_account"], "1", "2"), "timestamp": "1", "nonce": "2"}
    plain = Sealed(query, push.xml(SUBSCRIBED).encode())

    assert pushes.send("official_account", plain)[:2] == ACCEPTED
    assert len(pushes.queued()) == 1
    assert pushes.send("official_account", changed(plain, signature="0" * 40))[:2] == (401, "fail")
    assert pushes.send("official_account", seal("official_account", SUBSCRIBED))[:2] == (400, "fail")
    assert pushes.push("wecom", CHAT_CHANGED)[:2] == (404, "fail")
    assert_without_effect(pushes)


def test_a_key_of_ours_that_is_none_is_a_fault_and_told_again(pushes: Pushes) -> None:
    pushes.connect({**ACCOUNTS, "wecom": {**ACCOUNTS["wecom"], "aes_key": "a" * 42}})

    assert pushes.push("wecom", CHAT_CHANGED)[:2] == (500, "fail")
    assert_without_effect(pushes)


def test_what_the_queue_does_not_take_is_not_acknowledged_and_told_again(pushes: Pushes) -> None:
    sqs, url = dynamo.service("sqs"), settings().inbound_events_queue_url
    sqs.delete_queue(QueueUrl=url)
    refused = pushes.push("official_account", SUBSCRIBED)
    sqs.create_queue(QueueName=url.rsplit("/", 1)[-1])

    assert (refused.status, refused.text) == (500, "fail")
    assert pushes.push("official_account", SUBSCRIBED)[:2] == ACCEPTED
    assert len(pushes.queued()) == 1


def test_what_a_follower_writes_is_not_markup_to_us(pushes: Pushes) -> None:
    hostile = "]]></Content><Event>MASSSENDJOBFINISH</Event>"
    text = push.xml({**TEXT, "Content": ""}).replace("<![CDATA[]]>", escape(hostile), 1)

    assert pushes.push("official_account", text)[:2] == ACCEPTED
    assert_without_effect(pushes)


def test_json_that_is_no_text_in_the_end_has_no_effect(pushes: Pushes) -> None:
    told = json.dumps({**SUBSCRIBED, "EventKey": "\ud800"})

    assert pushes.push("official_account", told)[:2] == (400, "fail")
    assert_without_effect(pushes)
