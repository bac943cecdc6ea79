"""Calls to WeChat Pay over HTTP: what is believed, what is not, and what a refusal means."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from chalicelib.connect import outside
from chalicelib.connect.faults import Kind
from chalicelib.connect.outside import Unanswered, Unreached
from chalicelib.connect.wechat_pay.api import PayApi, Unverified, open_pay
from chalicelib.connect.wechat_pay.declined import Declined
from chalicelib.connect.wechat_pay.orders import BY_NUMBER, PREPAY, Readiness, close, order_of, prepay
from chalicelib.errors import Code, JifenError
from chalicelib.runtime.settings import settings
from tests.connect import merchant
from tests.connect.merchant import APIV3, ASKED, NUMBER, PRIVATE, connect, open_merchant, register
from tests.members.stage import Stage
from tests.stand_in.outsiders import Admin


@pytest.fixture
def api(stage: Stage, world: Admin) -> PayApi:
    """The brand's merchant, as the stage knows it at noon."""
    return open_merchant(stage, world)


def calls(world: Admin, path: str) -> int:
    return len(world.get("/received", path=path)["received"])


def logged(caplog: pytest.LogCaptureFixture, event: str) -> list[dict[str, Any]]:
    lines = [json.loads(record.message) for record in caplog.records if record.name == "jifen.outcomes"]
    return [line for line in lines if line["event"] == event]


@contextmanager
def listening_in() -> Iterator[list[Mapping[str, str]]]:
    """The headers of the requests that go out."""
    heard: list[Mapping[str, str]] = []
    real = outside.exchange

    def exchange(*given: str, headers: Mapping[str, str], body: bytes) -> outside.Reply:
        heard.append(headers)
        return real(*given, headers=headers, body=body)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(outside, "exchange", exchange)
        yield heard


@pytest.mark.parametrize("kind", ["unsigned", "foreign_signature", "unknown_serial", "old_timestamp"])
def test_an_answer_that_wechat_pay_did_not_sign_is_none_though_it_may_be_done(
    api: PayApi, world: Admin, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    world.post("/faults", {"api": PREPAY, "kind": kind})

    with pytest.raises(Unverified):
        prepay(api, ASKED)

    (line,) = logged(caplog, "wechat_pay_unverified")
    assert line["path"] == PREPAY
    assert line["request_id"]
    assert order_of(api, NUMBER)
    assert [one["path"] for one in world.get("/received")["received"]] == [PREPAY, f"{BY_NUMBER}/{NUMBER}"]


def test_an_unsigned_refusal_is_not_believed_either(api: PayApi, world: Admin) -> None:
    world.post("/faults", {"api": f"{BY_NUMBER}/*", "kind": "unsigned"})

    with pytest.raises(Unverified):
        order_of(api, NUMBER)


def test_a_merchant_with_a_certificate_of_wechat_pays_beside_the_public_key_asks_for_the_latter(
    stage: Stage, world: Admin
) -> None:
    known = register(world)
    connect(stage, {**known, "keys": {"7DD2F3C5E8E1": "another", **known["keys"]}})

    with listening_in() as headers:
        readiness = prepay(open_pay(stage.now), ASKED).readiness

    assert readiness is Readiness.READY
    assert [one["Wechatpay-Serial"] for one in headers] == list(known["keys"])


def test_each_request_is_signed_anew(api: PayApi) -> None:
    with listening_in() as headers:
        prepay(api, ASKED)
        prepay(api, ASKED)

    first, second = (re.findall(r'nonce_str="(\w+)"', one["Authorization"]) for one in headers)
    assert len(first[0]) == len(second[0]) == 32
    assert first != second


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("FREQUENCY_LIMITED", 429, Kind.BUSY),
        ("RATELIMIT_EXCEEDED", 429, Kind.BUSY),
        ("BIZERR_NEED_RETRY", 400, Kind.BUSY),
        ("UNHEARD_OF", 429, Kind.BUSY),
        ("SIGN_ERROR", 401, Kind.ACCOUNT),
        ("NO_AUTH", 403, Kind.ACCOUNT),
        ("UNHEARD_OF", 403, Kind.ACCOUNT),
        ("NOT_ENOUGH", 403, Kind.ACCOUNT),
        ("MCH_NOT_EXISTS", 404, Kind.ACCOUNT),
        ("USER_ACCOUNT_ABNORMAL", 403, Kind.INVALID),
        ("PARAM_ERROR", 400, Kind.INVALID),
        ("UNHEARD_OF", 400, Kind.INVALID),
    ],
)
def test_a_refusal_says_what_can_be_done_about_it_and_its_request_is_logged(
    api: PayApi, world: Admin, caplog: pytest.LogCaptureFixture, code: str, status: int, kind: Kind
) -> None:
    world.post("/faults", {"api": PREPAY, "kind": "refusal", "code": code, "status": status})

    with pytest.raises(Declined) as no:
        prepay(api, ASKED)

    (line,) = logged(caplog, "wechat_pay")
    assert (no.value.code, no.value.status, no.value.kind) == (code, status, kind)
    assert (line["code"], line["status"], line["request_id"]) == (code, status, no.value.request_id)
    assert no.value.request_id
    assert order_of(api, NUMBER) is None


def test_what_we_did_not_sign_well_is_refused_without_a_signature_and_believed(stage: Stage, world: Admin) -> None:
    connect(stage, {**register(world), "serial": "0" * 40})

    with pytest.raises(Declined) as no:
        prepay(open_pay(stage.now), ASKED)

    assert (no.value.status, no.value.kind) == (401, Kind.ACCOUNT)


def test_a_clock_that_is_wrong_is_the_accounts_matter(stage: Stage, world: Admin, api: PayApi) -> None:
    world.advance(301)

    with pytest.raises(Declined) as no:
        prepay(api, ASKED)

    assert no.value.kind is Kind.ACCOUNT


@pytest.mark.parametrize("code", ["SYSTEM_ERROR", "BANK_ERROR"])
def test_an_error_of_wechat_pays_own_is_never_taken_for_done_or_not_done(api: PayApi, world: Admin, code: str) -> None:
    for status in (500, 502, 202):
        world.post("/faults", {"api": PREPAY, "kind": "refusal", "code": code, "status": status})

        with pytest.raises(Unanswered):
            prepay(api, ASKED)


@pytest.mark.parametrize(("kind", "stands"), [("timeout_before", False), ("timeout_after", True), ("http_500", False)])
def test_what_is_not_answered_may_be_done_or_not_and_asked_again_is_done_once(
    api: PayApi, world: Admin, monkeypatch: pytest.MonkeyPatch, kind: str, stands: bool
) -> None:
    monkeypatch.setattr(outside, "READ_S", 0.2)
    world.post("/faults", {"api": PREPAY, "kind": kind, "seconds": 0.5})
    with pytest.raises(Unanswered):
        prepay(api, ASKED)
    monkeypatch.setattr(outside, "READ_S", 5)
    assert (order_of(api, NUMBER) is not None) is stands

    again = prepay(api, ASKED)

    assert again.readiness is Readiness.READY
    assert calls(world, PREPAY) == 2


def test_where_nobody_listens_the_request_was_certainly_not_heard(
    api: PayApi, world: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUTSIDE_URL", "http://127.0.0.1:9")
    settings.cache_clear()

    with pytest.raises(Unreached):
        prepay(api, ASKED)


def test_neither_key_nor_signature_nor_payer_is_in_any_line_of_the_log(
    api: PayApi, world: Admin, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    world.post("/faults", {"api": f"{BY_NUMBER}/*", "kind": "refusal", "code": "NO_AUTH", "status": 403})
    prepay(api, ASKED)
    with pytest.raises(Declined) as no:
        close(api, NUMBER)

    said = "\n".join([*(record.getMessage() for record in caplog.records), str(no.value)])
    assert "wechat_pay" in said
    for secret in (APIV3, PRIVATE.splitlines()[3], "signature", ASKED.openid, ASKED.description):
        assert secret not in said


def test_a_number_that_a_path_cannot_carry_is_asked_of_nobody(api: PayApi, world: Admin) -> None:
    for number in ("", "short", "x" * 33, "JF/../../refunds", "JF?mchid=1", "JF 00001", "订单号一二三四"):
        for ask in (lambda: order_of(api, number), lambda: close(api, number)):  # noqa: B023  # called at once
            with pytest.raises(ValueError, match="no number of ours"):
                ask()
    assert world.get("/received")["received"] == []


def test_a_merchant_of_whom_only_notices_are_known_cannot_ask(stage: Stage, world: Admin) -> None:
    known = register(world)
    del known["private_key"]
    connect(stage, known)

    with pytest.raises(JifenError) as refused:
        open_pay(stage.now)

    assert refused.value.code is Code.NOT_CONNECTED


@pytest.mark.parametrize("missing", ["mchid", "appid", "serial", "notify_url"])
def test_a_merchant_of_whom_something_is_missing_is_our_own_mistake(stage: Stage, world: Admin, missing: str) -> None:
    known = register(world)
    del known[missing]
    connect(stage, known)

    with pytest.raises(ValueError, match=f"{missing} is missing"):
        open_pay(stage.now)


def test_an_answer_about_another_order_is_none(api: PayApi, monkeypatch: pytest.MonkeyPatch) -> None:
    prepay(api, ASKED)
    found = api.get(f"{BY_NUMBER}/{NUMBER}", mchid=merchant.MCHID)

    for changed in (
        {"out_trade_no": "JF20260302000002"},
        {"mchid": "1900000002"},
        {"trade_state": "DREAMING"},
        {"trade_state": None},
        {"trade_state": "SUCCESS"},
        {"trade_state": "SUCCESS", "amount": {"total": 9.9}},
        {"trade_state": "SUCCESS", "amount": {"total": 990}, "transaction_id": "4", "success_time": "2026-03-02"},
    ):
        monkeypatch.setattr(PayApi, "get", lambda *_a, _said=changed, **_q: {**found, **_said})
        with pytest.raises(Unanswered):
            order_of(api, NUMBER)


def test_what_wechats_coupons_paid_is_not_the_payers(
    api: PayApi, world: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepay(api, ASKED)
    merchant.paid_by(world)
    found = api.get(f"{BY_NUMBER}/{NUMBER}", mchid=merchant.MCHID)
    told: dict[str, Any] = {**found, "amount": {"total": 990, "payer_total": 890, "currency": "CNY"}}
    monkeypatch.setattr(PayApi, "get", lambda *_a, **_q: told)

    order = order_of(api, NUMBER)

    assert order is not None
    assert (order.total_fen, order.payer_fen) == (990, 890)
