"""Bodies and queries that are no good: one error shape, the field named, no view reached."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.errors import Code
from tests.edge import probe

GOOD = {"name": "茶杯", "points": 3}


def changed(**fields: Any) -> str:
    return json.dumps({**GOOD, **fields})


def assert_refused(answer: Any, status: int, code: Code, field: str | None = None) -> None:
    assert (answer.status, answer.json["code"]) == (status, code.number)
    assert set(answer.json) <= {"code", "msg", "field", "data", "request_id"}
    assert answer.json["data"] is None
    assert answer.json["msg"]
    assert answer.json["request_id"] == "req-1"
    assert answer.json.get("field") == field
    assert probe.seen == []


def test_a_good_body_reaches_the_view(ask: Any) -> None:
    answer = ask("POST", "/items", body=changed())

    assert answer.json == {"code": 0, "msg": "ok", "data": GOOD, "request_id": "req-1"}
    assert len(probe.seen) == 1


@pytest.mark.parametrize(
    "body",
    [
        "",
        " ",
        "{",
        "{'name':'a'}",
        '{"name":"a","points":1,}',
        '{"name":"a","points":1}{}',
        '{"name":"a","points":1,"points":2}',
        '{"name":"a","points":1,"parts":[{"points":1,"points":1}]}',
        '{"name":"a","points":NaN}',
        '{"name":"a","points":Infinity}',
        '{"name":"a","points":-Infinity}',
        '{"name":"a","points":' + "9" * 5000 + "}",
        '{"name":"a\x00","points":1}',
        '{"name":"a\\u0000","points":1}',
        '{"name":"a","points":1,"a\\u0000":1}',
        '{"name":"a","points":1,"parts":[{"x":["\\u0000"]}]}',
        "[" * 17 + "]" * 17,
        '{"a":' * 17 + "1" + "}" * 17,
        "[" * 60_000,
        "[" * 30_000 + "]" * 30_000,
        '{"a":' * 9_000 + "1" + "}" * 9_000,
    ],
    ids=lambda body: body[:40],
)
def test_a_text_that_is_no_plain_json_is_malformed(ask: Any, body: str) -> None:
    assert_refused(ask("POST", "/items", body=body), 400, Code.MALFORMED_BODY)


@pytest.mark.parametrize(
    "body",
    [
        '{"name":"红包","points":1}'.encode("gbk"),
        '{"name":"a","points":1}'.encode("utf-16"),
        b'\xef\xbb\xbf{"name":"a","points":1}',
        b'{"name":"\xff","points":1}',
        b'{"name":"\xed\xa0\x80","points":1}',
    ],
)
def test_bytes_that_are_no_utf8_are_malformed(ask: Any, body: bytes) -> None:
    assert_refused(ask("POST", "/items", body=body), 400, Code.MALFORMED_BODY)


def test_a_body_in_base64_is_read_as_the_bytes_it_carries(ask: Any) -> None:
    assert ask("POST", "/items", body=changed().encode()).data == GOOD


def test_a_base64_flag_on_a_body_that_is_none_is_malformed() -> None:
    from tests.members.stage import Answer, lambda_event

    event = lambda_event("POST", "/items", body="{不是}")
    event["isBase64Encoded"] = True
    answer = probe.app(event, None)

    assert_refused(Answer(answer["statusCode"], json.loads(answer["body"]), {}), 400, Code.MALFORMED_BODY)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (changed(points=True), "points"),
        (changed(points=1.5), "points"),
        ('{"name":"a","points":1.0}', "points"),
        ('{"name":"a","points":1e2}', "points"),
        ('{"name":"a","points":1e999}', "points"),
        (changed(points="3"), "points"),
        (changed(points=None), "points"),
        (changed(points=0), "points"),
        (changed(points=-1), "points"),
        (changed(points=10**30), "points"),
        (changed(points=[3]), "points"),
        ('{"name":"a"}', "points"),
        (changed(name=7), "name"),
        (changed(name=""), "name"),
        (changed(name="x" * 9), "name"),
        (changed(is_gift=1), "is_gift"),
        (changed(is_gift="true"), "is_gift"),
        (changed(at="2026-03-02T12:00:00"), "at"),
        (changed(at=1772424000), "at"),
        (changed(at="明天"), "at"),
        (changed(extra=1), "extra"),
        (changed(__class__="x"), "__class__"),
        (changed(parts=[{"points": 1}, {"points": True}]), "parts.1.points"),
        (changed(parts=[{"points": 1}] * 3), "parts"),
        (changed(parts=[{"points": 1, "member_id": "m1"}]), "parts.0.member_id"),
        ('{"name":"\\ud800","points":1}', "body"),
        ("[]", "body"),
        ("null", "body"),
        ("7", "body"),
        ('"{\\"name\\":\\"a\\",\\"points\\":1}"', "body"),
    ],
)
def test_a_wrong_field_is_named(ask: Any, body: str, field: str) -> None:
    assert_refused(ask("POST", "/items", body=body), 400, Code.INVALID_REQUEST, field)


def test_a_field_that_a_caller_made_up_is_shown_in_part_only(ask: Any) -> None:
    answer = ask("POST", "/items", body=changed(**{"x" * 50_000: 1}))

    assert_refused(answer, 400, Code.INVALID_REQUEST, "x" * 64)
    assert len(answer.json["msg"]) < 100


@pytest.mark.parametrize(("resource", "limit"), [("/items", 64 * 1024), ("/small", 2048)])
def test_a_body_over_its_limit_is_refused_to_the_byte(ask: Any, resource: str, limit: int) -> None:
    padded = changed() + " " * (limit - len(changed()))

    assert_refused(ask("POST", resource, body=padded + " "), 413, Code.BODY_TOO_LARGE)
    assert ask("POST", resource, body=padded).status == 200


def test_the_limit_counts_bytes_and_not_characters(ask: Any) -> None:
    assert_refused(ask("POST", "/small", body="积" * 700), 413, Code.BODY_TOO_LARGE)
    assert_refused(ask("POST", "/small", body=b"x" * 2049), 413, Code.BODY_TOO_LARGE)


@pytest.mark.parametrize("body", [None, "", "{}", " {} "])
def test_a_route_without_a_body_takes_none_or_an_empty_one(ask: Any, body: str | None) -> None:
    assert ask("POST", "/bare", body=body).status == 200


def test_a_field_sent_to_a_route_that_takes_none_is_refused(ask: Any) -> None:
    assert_refused(ask("POST", "/bare", body='{"points":5}'), 400, Code.INVALID_REQUEST, "points")
    assert_refused(ask("POST", "/bare", body="points=5"), 400, Code.MALFORMED_BODY)
    assert_refused(ask("GET", "/items", body='{"points":5}'), 400, Code.INVALID_REQUEST, "points")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"member_id": ["m1"]}, "member_id"),
        ({"cursor": ["a"], "Cursor": ["b"]}, "Cursor"),
        ({"cursor": ["a", "b"]}, "cursor"),
        ({"cursor": ["a\0b"]}, "cursor"),
        ({"x" * 5000: ["1"]}, "x" * 64),
    ],
)
def test_a_query_that_is_not_known_or_stands_twice_is_refused(ask: Any, query: Any, field: str) -> None:
    assert_refused(ask("GET", "/items", query=query), 400, Code.INVALID_REQUEST, field)


def test_a_known_query_reaches_the_view(ask: Any) -> None:
    assert ask("GET", "/items", query={"cursor": ["甲"], "month": [""]}).data == {
        "query": {"cursor": "甲", "month": ""}
    }
