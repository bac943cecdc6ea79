"""What only the deployed API shows: how a query and a body reach it, and callers at the very same moment."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from local.http_client import Api
from local.stack import Stack
from tests.connect import mall, pay, shops
from tests.flows.conftest import name
from tests.flows.stage import at_once, deliver, log_in, paid, points, until

__all__ = ["name"]
pytestmark = pytest.mark.cloud


def asked(
    cloud: Stack, path: str, *, body: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[int, str]:
    """(status, text) of one call, its path and query as they are."""
    given = {"Content-Type": "application/json", **(headers or {})} if body is not None else {}
    request = urllib.request.Request(cloud.api_url + path, data=body, headers=given)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=120) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def mall_member(cloud: Stack, name: str, spendable: int) -> tuple[Api, str]:
    """A member with points, and his uid."""
    member = log_in(cloud, name)
    deliver(cloud, paid(name, 1, spendable * 100))
    until(lambda: points(member) == spendable)
    url = member.get("/v1/me/duiba-link")["url"]
    return member, str(dict(pair.split("=") for pair in url.partition("?")[2].split("&"))["uid"])


def params(uid: str, order: str, **given: str) -> dict[str, str]:
    timestamp = str(int(datetime.now(UTC).timestamp()) * 1000)
    return {"uid": uid, "appKey": mall.APP_KEY, "timestamp": timestamp, "orderNum": order, **given}


@pytest.mark.parametrize("encode", [quote_plus, quote], ids=["blank as plus", "blank as %20"])
def test_parameters_are_decoded_once(connected: Stack, name: str, encode: Any) -> None:
    member, uid = mall_member(connected, name, 100)
    told = mall.signed(params(uid, f"{name}-1", credits="40", description="支付宝(兑吧) 1+1=2 100% %2B &"))

    status, text = asked(connected, mall.DEDUCT + "?" + "&".join(f"{key}={encode(told[key])}" for key in told))

    assert (status, json.loads(text)["status"]) == (200, "ok"), text
    assert points(member) == 60


def test_a_redemption_asked_for_and_told_by_many_at_once_happens_once(connected: Stack, name: str) -> None:
    member, uid = mall_member(connected, name, 100)

    def call(path: str, **given: str) -> tuple[int, str]:
        told = mall.signed(params(uid, f"{name}-1", **given))
        return asked(connected, path + "?" + "&".join(f"{key}={quote_plus(told[key])}" for key in told))

    answers = at_once(6, lambda _place: call(mall.DEDUCT, credits="40"))
    told = at_once(6, lambda _place: call(mall.NOTIFY, success="true"))

    assert len(set(answers)) == 1, set(answers)
    assert json.loads(answers[0][1])["credits"] == 60
    assert set(told) == {(200, "ok")}
    assert points(member) == 60
    kinds = sorted(entry["kind"] for entry in member.get("/v1/me/entries")["list"] if entry["activity"] == "duiba")
    assert kinds == ["capture", "hold"]


def test_a_failure_and_its_late_question_at_once_leave_the_points_with_the_member(
    connected: Stack,
    name: str,
) -> None:
    member, uid = mall_member(connected, name, 100)

    def call(place: int) -> tuple[int, str]:
        path, given = (mall.DEDUCT, {"credits": "40"}) if place % 2 else (mall.NOTIFY, {"success": "false"})
        told = mall.signed(params(uid, f"{name}-1", **given))
        return asked(connected, path + "?" + "&".join(f"{key}={quote_plus(told[key])}" for key in told))

    answers = at_once(6, call)

    assert {status for status, _ in answers} == {200}
    assert points(member) == 100


def test_a_notice_reaches_us_byte_for_byte_and_its_points_follow(connected: Stack, name: str) -> None:
    member = log_in(connected, name)
    now = datetime.now(UTC)
    told = {
        **pay.PAYMENT,
        "out_trade_no": f"pay-{name}",
        "payer": {"openid": f"demo-{name}"},
        "success_time": now.isoformat(timespec="seconds"),
        "amount": {"total": 8800, "payer_total": 8800, "currency": "CNY"},
        "attach": "中文 + %20 \\u0022",
    }
    body = pay.notice(told)
    headers = pay.signed(body, now)

    answers = at_once(6, lambda _place: asked(connected, pay.PATH, body=body, headers=headers))
    touched = asked(connected, pay.PATH, body=body + b" ", headers=headers)

    assert {status for status, _ in answers} == {200}
    assert touched[0] == 401
    until(lambda: points(member) == 88)


def test_pushes_reach_us_byte_for_byte(connected: Stack, name: str) -> None:
    for path, message in (
        (shops.YOUZAN, shops.envelope("POINTS", {"说明": "a b+c"})),
        (shops.DOUDIAN, [shops.PROBE]),
    ):
        raw = json.dumps(message, ensure_ascii=False).encode()

        status, text = asked(connected, path, body=raw, headers={"Event-Sign": shops.signature(path, raw)})

        assert (status, text) == (200, '{"code":0,"msg":"success"}')
