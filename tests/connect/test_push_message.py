"""What is pushed, read: XML and JSON, what would grow on being read, and by what one message is known."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.connect.push_message import fields_of, pushed_of, queued, unqueued
from chalicelib.errors import Code, JifenError

EVENT = {"MsgType": "event", "Event": "subscribe", "FromUserName": "o1", "CreateTime": "1772424000"}
TEXT = {"MsgType": "text", "Content": "你好", "FromUserName": "o1", "CreateTime": "1772424000", "MsgId": "7"}
BOMB = b"""<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "aaaaaaaaaa">
<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>
<xml><Encrypt>&c;</Encrypt></xml>"""
UNREADABLE = {
    "nothing": b"",
    "blank": b" \n",
    "a text": b"hello",
    "cut off": b"<xml><a>",
    "two roots": b"<xml></xml><xml></xml>",
    "a bare text": b"<xml>hello</xml>",
    "a bomb of entities": BOMB,
    "a file of ours": b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><xml><a>&f;</a></xml>',
    "an address": b'<!DOCTYPE x [<!ENTITY f SYSTEM "http://127.0.0.1:9/">]><xml><a>&f;</a></xml>',
    "a parameter entity": b'<!DOCTYPE x [<!ENTITY % f SYSTEM "http://127.0.0.1:9/">%f;]><xml><a>1</a></xml>',
    "types declared elsewhere": b'<!DOCTYPE xml SYSTEM "http://127.0.0.1:9/x.dtd"><xml><a>1</a></xml>',
    "types declared": b"<!DOCTYPE xml [<!ELEMENT xml ANY>]><xml><a>1</a></xml>",
    "an unknown entity": b"<xml><a>&nbsp;</a></xml>",
    "GBK": "<?xml version='1.0' encoding='gbk'?><xml><a>积分</a></xml>".encode("gbk"),
    "UTF-16": "<?xml version='1.0' encoding='utf-16'?><xml><a>1</a></xml>".encode("utf-16"),
    "no UTF-8": b"<xml><a>\xff\xfe</a></xml>",
    "a NUL": b"<xml><a>\0</a></xml>",
    "depth": b"<xml>" + b"<a>" * 20_000 + b"</a>" * 20_000 + b"</xml>",
    "a little too deep": b"<xml>" + b"<a>" * 17 + b"1" + b"</a>" * 17 + b"</xml>",
    "a list": b"[1]",
    "JSON with twins": b'{"a": 1, "a": 2}',
    "JSON, deep": b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    "JSON in GBK": '{"a": "积分"}'.encode("gbk"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_read_is_refused(name: str) -> None:
    with pytest.raises(JifenError) as refused:
        fields_of(UNREADABLE[name])
    assert refused.value.code is Code.MALFORMED_BODY


def test_xml_nests_and_repeats_and_json_says_the_same() -> None:
    xml = b"<xml>\n<a><![CDATA[<\xe7\xa7\xaf>]]></a><n>1</n><deep><i><x>1</x></i><i><x>2</x></i></deep><none/></xml>"

    assert fields_of(xml) == {"a": "<积>", "n": "1", "deep": {"i": [{"x": "1"}, {"x": "2"}]}, "none": ""}
    assert fields_of('{"a": "积", "n": 1}'.encode()) == {"a": "积", "n": 1}


def test_what_a_document_says_of_its_encoding_has_no_say() -> None:
    assert fields_of("<?xml version='1.0' encoding='gbk'?><xml><a>积分</a></xml>".encode()) == {"a": "积分"}
    assert fields_of("\ufeff<xml><a>积分</a></xml>".encode()) == {"a": "积分"}


def test_an_event_is_known_by_its_name_and_a_message_by_its_kind() -> None:
    assert (pushed_of("wecom", EVENT).name, pushed_of("wecom", TEXT).name) == ("subscribe", "message:text")
    assert pushed_of("wecom", EVENT).at == datetime(2026, 3, 2, 4, tzinfo=UTC)
    assert pushed_of("wecom", EVENT).sender == "o1"


@pytest.mark.parametrize(
    "change",
    [
        {"MsgType": ""},
        {"Event": ""},
        {"CreateTime": ""},
        {"CreateTime": "-1"},
        {"CreateTime": "٣"},
        {"CreateTime": "9" * 11},
    ],
)
def test_without_a_kind_and_a_time_it_is_no_message(change: dict[str, Any]) -> None:
    with pytest.raises(JifenError) as refused:
        pushed_of("wecom", {**EVENT, **change})
    assert refused.value.code is Code.MALFORMED_BODY


def test_a_message_is_the_same_by_its_id_and_an_event_by_all_it_says() -> None:
    keys = {
        pushed_of("official_account", told).key
        for told in (TEXT, {**TEXT, "CreateTime": "1772424005"}, EVENT, dict(reversed(EVENT.items())))
    }
    others = {
        pushed_of(system, told).key
        for system, told in (
            ("mini_program", TEXT),
            ("official_account", {**TEXT, "MsgId": "8"}),
            ("official_account", {**EVENT, "EventKey": "qrscene_2"}),
            ("official_account", {**EVENT, "CreateTime": "1772424001"}),
            ("official_account", {**EVENT, "FromUserName": "o2"}),
        )
    }

    assert len(keys) == 2
    assert len(others) == 5
    assert not keys & others


def test_the_queue_carries_a_message_unchanged() -> None:
    pushed = pushed_of("wecom", {**EVENT, "List": {"i": [{"x": "积"}]}})

    assert unqueued(queued(pushed)) == pushed
