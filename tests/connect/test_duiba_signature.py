"""Duiba's signature: the published examples, what passes, what does not."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import parse_qsl

import pytest

from chalicelib.connect.duiba.signature import sign, told_at, verify
from chalicelib.errors import Code, JifenError
from tests.connect import mall
from tests.connect.stage import SECRETS

SECRET = SECRETS["duiba"]
NOW = datetime(2026, 3, 2, 4, tzinfo=UTC)
GOOD = {"appKey": "testappkey", "timestamp": "1772424000000", "uid": "u", "credits": "5", "orderNum": "o-1"}

# The examples that the public SDK for Node.js tests itself with (plusmancn/duiba-sdk, ISC); its secret is theirs.
DEDUCT = (
    "uid=plusman&orderNum=order-for-test-1457357341453&credits=500&params=admin%40duiba.com%3A%E5%85%91%E5%90%A7"
    "&type=alipay&ip=192.168.1.100&paramsTest59=59&sign=2b7feb4bd80462efbc6b54b3315783be&timestamp=1457357341453"
    "&waitAudit=true&actualPrice=500&description=%E6%94%AF%E4%BB%98%E5%AE%9D%E8%B4%A6%E5%8F%B7%EF%BC%9Aadmin%40"
    "duiba.com%28%E5%85%91%E5%90%A7%29+%E8%BD%AC%E8%B4%A6%E5%85%85%E5%80%BC%EF%BC%9A5%E5%85%83&facePrice=500"
    "&appKey=38NRCZ798rdwpXW3ADf6gChekRzB&"
)
NOTIFY = (
    "sign=8e2a9698ea70e71263e000cf21a4d180&timestamp=1457366772233&errorMessage=%E5%A4%B1%E8%B4%A5%E7%9A%84%E8%AF%9D"
    "%E8%BF%99%E9%87%8C%E4%BC%9A%E8%BF%94%E5%9B%9E%E9%94%99%E8%AF%AF%E5%8E%9F%E5%9B%A0&orderNum=order-for-test-"
    "1457357341453&paramsTest35=35&bizId=souche-coin-test-1001&success=true&appKey=38NRCZ798rdwpXW3ADf6gChekRzB&"
)
LOGIN = {"uid": "plusman", "credits": "2000", "timestamp": "1457409005493", "appKey": "testappkey"}


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"appKey": "testappkey"}, "925e68506cf5a9ac740aedc2bd78f5e4"),
        ({"appKey": "testappkey", "timestamp": "1415250311646"}, "868a4339ea0400aec9b7a4742e06120e"),
        ({"appKey": "testappkey", "description": "兑吧"}, "54432c8d6f76246d5890f05b7df0182f"),
        (LOGIN, "de02a5b5a24660d6999109b466ff6a51"),
        ({**LOGIN, "redirect": "http://www.plusman.cn"}, "7d748e19f290bc076542d8b27442cf3c"),
        (dict(parse_qsl(DEDUCT)), "2b7feb4bd80462efbc6b54b3315783be"),
        (dict(parse_qsl(NOTIFY)), "8e2a9698ea70e71263e000cf21a4d180"),
    ],
)
def test_the_published_examples_are_signed_alike(params: dict[str, str], expected: str) -> None:
    assert sign(params, "testappsecret") == expected


def test_the_published_call_verifies_at_its_own_time_and_not_for_another_uid() -> None:
    params = dict(parse_qsl(DEDUCT))
    at = told_at(params)

    verify(params, params["appKey"], "testappsecret", at)
    assert code_of({**params, "uid": "xiaoming"}, app_key=params["appKey"], secret="testappsecret", now=at)


def code_of(params: dict[str, str], *, app_key: str = "testappkey", secret: str = SECRET, now: datetime = NOW) -> Code:
    with pytest.raises(JifenError) as refused:
        verify(params, app_key, secret, now)
    return refused.value.code


def test_what_duiba_signs_passes() -> None:
    verify(mall.signed(GOOD), "testappkey", SECRET, NOW)


def test_every_wrong_bit_of_a_signature_is_refused() -> None:
    right = mall.signed(GOOD)

    for bit in range(32 * 8):
        text = bytearray(right["sign"].encode())
        text[bit // 8] ^= 1 << bit % 8
        assert code_of({**right, "sign": text.decode("latin-1")}) is Code.BAD_SIGNATURE


@pytest.mark.parametrize("name", sorted(GOOD))
def test_every_wrong_bit_of_a_parameter_is_refused(name: str) -> None:
    right = mall.signed(GOOD)

    for bit in range(len(right[name]) * 8):
        text = bytearray(right[name].encode())
        text[bit // 8] ^= 1 << bit % 8
        assert code_of({**right, name: text.decode("latin-1")}) is Code.BAD_SIGNATURE


@pytest.mark.parametrize(
    "changed",
    [
        {"sign": ""},
        {"sign": "签名"},
        {"sign": "\ud800"},
        {"sign": mall.signed(GOOD)["sign"].upper()},
        {"extra": "1"},
        {"appSecret": SECRET},
        {"appSecret": "anything"},
    ],
)
def test_a_call_with_anything_else_in_it_is_refused(changed: dict[str, str]) -> None:
    assert code_of({**mall.signed(GOOD), **changed}) is Code.BAD_SIGNATURE


def test_without_a_signature_there_is_nothing_to_believe() -> None:
    assert code_of(GOOD) is Code.BAD_SIGNATURE
    assert code_of({}) is Code.BAD_SIGNATURE


def test_an_unknown_parameter_takes_part_in_the_signature() -> None:
    verify(mall.signed({**GOOD, "paramsTest59": "59"}), "testappkey", SECRET, NOW)


def test_another_apps_call_is_refused() -> None:
    assert code_of(mall.signed({**GOOD, "appKey": "another"})) is Code.BAD_SIGNATURE


@pytest.mark.parametrize("timestamp", ["", "1772424000", "17724240000000", "1772424000.00", "-772424000000", "１" * 13])
def test_a_timestamp_is_thirteen_digits(timestamp: str) -> None:
    assert code_of(mall.signed({**GOOD, "timestamp": timestamp})) is Code.BAD_SIGNATURE


@pytest.mark.parametrize(("hours", "seconds"), [(0, 0), (-48, 0), (0, 300)])
def test_a_call_may_be_as_old_as_duibas_last_retry(hours: int, seconds: int) -> None:
    timestamp = str(1772424000000 + (hours * 3600 + seconds) * 1000)

    verify(mall.signed({**GOOD, "timestamp": timestamp}), "testappkey", SECRET, NOW)


@pytest.mark.parametrize("late_ms", [-48 * 3_600_000 - 1, 300_001, 10**11])
def test_an_older_or_a_future_call_is_stale(late_ms: int) -> None:
    timestamp = str(1772424000000 + late_ms)

    assert code_of(mall.signed({**GOOD, "timestamp": timestamp})) is Code.STALE_TIMESTAMP
