"""The order feed's signature: what passes, what does not, and what may come twice."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.errors import Code, JifenError
from chalicelib.members.access import order_feed
from chalicelib.members.signature import sign
from chalicelib.runtime.edge import Request
from tests.members.stage import FEED_SECRET

NONCE = "0123456789abcdef"
BODY = b'{"orders":[]}'


def signed(stage: Any, *, body: bytes = BODY, nonce: str = NONCE, secret: str = FEED_SECRET, skew: int = 0) -> Request:
    timestamp = str(int(stage.now.timestamp()) + skew)
    headers = {
        "x-jifen-timestamp": timestamp,
        "x-jifen-nonce": nonce,
        "x-jifen-signature": sign(secret, timestamp, nonce, body),
    }
    return Request(headers, body, "/v1/ingest/orders", stage.now)


def changed(request: Request, **headers: str) -> Request:
    renamed = {f"x-jifen-{name}": value for name, value in headers.items()}
    return Request({**request.headers, **renamed}, request.raw_body, request.path, request.now)


def refusal_of(request: Request) -> Code:
    with pytest.raises(JifenError) as refused:
        order_feed(request)
    return refused.value.code


def test_a_signed_call_passes(stage: Any) -> None:
    caller = order_feed(signed(stage))

    assert (caller.kind, caller.id) == ("feed", "order_feed")


def test_the_signature_is_the_documented_one() -> None:
    import hashlib
    import hmac

    by_hand = hmac.new(b"secret-of-the-feed", b"1772424000\n0123456789abcdef\n{}", hashlib.sha256).hexdigest()

    assert sign("secret-of-the-feed", "1772424000", NONCE, b"{}") == by_hand


def test_every_wrong_bit_of_a_signature_is_refused(stage: Any) -> None:
    request = signed(stage)
    right = int(request.headers["x-jifen-signature"], 16)

    for bit in range(256):
        assert refusal_of(changed(request, signature=f"{right ^ (1 << bit):064x}")) is Code.BAD_SIGNATURE
    assert stage.rows() == []


def test_every_wrong_bit_of_a_body_is_refused(stage: Any) -> None:
    request = signed(stage)

    for bit in range(len(BODY) * 8):
        body = bytearray(BODY)
        body[bit // 8] ^= 1 << bit % 8
        assert refusal_of(Request(request.headers, bytes(body), request.path, request.now)) is Code.BAD_SIGNATURE
    assert stage.rows() == []


def test_a_signature_holds_for_its_own_timestamp_and_nonce_only(stage: Any) -> None:
    request = signed(stage)
    timestamp = int(request.headers["x-jifen-timestamp"])

    assert refusal_of(changed(request, timestamp=str(timestamp + 1))) is Code.BAD_SIGNATURE
    assert refusal_of(changed(request, nonce="fedcba9876543210")) is Code.BAD_SIGNATURE
    assert refusal_of(signed(stage, secret="another-secret-0123456789")) is Code.BAD_SIGNATURE


@pytest.mark.parametrize("missing", ["timestamp", "nonce", "signature"])
def test_a_missing_header_is_a_bad_signature(stage: Any, missing: str) -> None:
    request = signed(stage)
    headers = {name: value for name, value in request.headers.items() if name != f"x-jifen-{missing}"}

    assert refusal_of(Request(headers, BODY, request.path, request.now)) is Code.BAD_SIGNATURE


@pytest.mark.parametrize(
    "misshapen",
    [
        {"timestamp": ""},
        {"timestamp": "1772424000.5"},
        {"timestamp": "-1772424000"},
        {"timestamp": "１７７２４２４０００"},
        {"timestamp": "1" * 13},
        {"timestamp": "1772424000\n"},
        {"nonce": "short"},
        {"nonce": "x" * 65},
        {"nonce": "0123456789abcde#"},
        {"nonce": "0123456789abcde\n"},
        {"signature": "zz" * 32},
        {"signature": "00" * 31},
        {"signature": "签" * 64},
    ],
)
def test_a_misshapen_header_is_a_bad_signature(stage: Any, misshapen: dict[str, str]) -> None:
    assert refusal_of(changed(signed(stage), **misshapen)) is Code.BAD_SIGNATURE


@pytest.mark.parametrize("skew", [-300, 300])
def test_clocks_may_be_three_hundred_seconds_apart(stage: Any, skew: int) -> None:
    assert order_feed(signed(stage, skew=skew)).kind == "feed"


@pytest.mark.parametrize("skew", [-301, 301, -86_400])
def test_a_timestamp_further_off_is_stale_either_way(stage: Any, skew: int) -> None:
    assert refusal_of(signed(stage, skew=skew)) is Code.STALE_TIMESTAMP
    assert stage.rows() == []


def test_the_raw_bytes_are_signed_whatever_their_encoding(stage: Any) -> None:
    gbk = '{"备注":"红包"}'.encode("gbk")

    assert order_feed(signed(stage, body=gbk)).kind == "feed"


def test_a_retry_of_the_same_call_passes(stage: Any) -> None:
    request = signed(stage)
    order_feed(request)
    stage.later(seconds=299)

    retried = Request(request.headers, request.raw_body, request.path, stage.now)

    assert order_feed(retried).kind == "feed"
    assert order_feed(signed(stage)).kind == "feed", "a retry signed anew, with the same nonce"


def test_a_captured_call_is_dead_once_its_timestamp_is_stale(stage: Any) -> None:
    request = signed(stage)
    order_feed(request)
    stage.later(seconds=301)

    replayed = Request(request.headers, request.raw_body, request.path, stage.now)

    assert refusal_of(replayed) is Code.STALE_TIMESTAMP


def test_a_nonce_belongs_to_one_body(stage: Any) -> None:
    order_feed(signed(stage))

    assert refusal_of(signed(stage, body=b'{"orders":[1]}')) is Code.KEY_REUSED


def test_a_nonce_is_remembered_while_any_timestamp_with_it_may_be_fresh(stage: Any) -> None:
    order_feed(signed(stage, skew=300))
    stage.later(seconds=600)
    still = refusal_of(signed(stage, body=b"{}"))
    stage.later(seconds=1)
    free = order_feed(signed(stage, body=b"{}"))

    assert still is Code.KEY_REUSED
    assert free.kind == "feed"


def test_during_a_rotation_both_secrets_pass_and_the_one_before_does_not(stage: Any) -> None:
    order_feed(signed(stage))
    stage.rotate("order-feed", "second-feed-secret-0123456789")
    stage.later(minutes=5)

    assert order_feed(signed(stage, secret="second-feed-secret-0123456789")).kind == "feed"
    assert order_feed(signed(stage)).kind == "feed"

    stage.rotate("order-feed", "third-feed-secret-0123456789")
    stage.later(minutes=5)

    assert order_feed(signed(stage, secret="second-feed-secret-0123456789")).kind == "feed"
    assert order_feed(signed(stage, secret="third-feed-secret-0123456789")).kind == "feed"
    assert refusal_of(signed(stage)) is Code.BAD_SIGNATURE


def test_secrets_are_read_once_in_five_minutes(stage: Any) -> None:
    order_feed(signed(stage))
    stage.rotate("order-feed", "second-feed-secret-0123456789")
    stage.later(minutes=4, seconds=59)

    assert refusal_of(signed(stage, secret="second-feed-secret-0123456789")) is Code.BAD_SIGNATURE

    stage.later(seconds=1)

    assert order_feed(signed(stage, secret="second-feed-secret-0123456789")).kind == "feed"


def test_a_secret_short_enough_to_search_is_a_defect(stage: Any) -> None:
    stage.rotate("order-feed", "short")

    with pytest.raises(ValueError, match="too short"):
        order_feed(signed(stage, secret="short"))
