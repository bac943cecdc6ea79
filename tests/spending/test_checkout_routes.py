"""A checkout through the deployed app: the member's phone asks and holds, the shop's server captures and refunds, and
the order feed tells the same order.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from chalicelib.earning.events import settle_orders
from chalicelib.errors import Code
from chalicelib.ledger.model import Kind
from chalicelib.members.signature import sign
from chalicelib.programme.model import TermsBook
from chalicelib.programme.table import terms_book
from chalicelib.runtime.dynamo import service
from chalicelib.runtime.settings import settings
from chalicelib.spending.checkout import feed_routes
from chalicelib.spending.checkout.events import give_points_back
from tests.connect import mall
from tests.connect.stage import Outside, Reply, open_outside
from tests.earning.stream import stream_records
from tests.members.stage import FEED_SECRET

LINES = [
    {"line_no": "1", "sku": "bike", "category": "bikes", "paid_fen": 20_000, "coupon_fen": 1_000},
    {"line_no": "2", "sku": "helmet", "category": "parts", "paid_fen": 9_000, "quantity": 3},
]
BASKET = {"lines": LINES, "freight_fen": 800, "coupon_fen": 1_000}
ORDER = {"platform": "wechat", "order_no": "4200001"}


@dataclass
class Shop:
    """The brand's shop: a member's phone and the shop's server."""

    outside: Outside
    token: str
    member_id: str

    def phone(self, step: str, body: Mapping[str, Any], token: str | None = None) -> Reply:
        headers = {"Authorization": f"Bearer {token or self.token}"}
        return self.outside.call("POST", f"/v1/me/checkout-{step}", headers=headers, body=json.dumps(body).encode())

    def server(self, path: str, body: Mapping[str, Any]) -> Reply:
        raw, timestamp = json.dumps(body).encode(), str(int(self.outside.stage.now.timestamp()))
        nonce = secrets.token_hex(16)
        signed = sign(FEED_SECRET, timestamp, nonce, raw)
        headers = {"x-jifen-timestamp": timestamp, "x-jifen-nonce": nonce, "x-jifen-signature": signed}
        return self.outside.call("POST", f"/v1/ingest/{path}", headers=headers, body=raw)

    @property
    def who(self) -> dict[str, str]:
        return {"member_id": self.member_id}

    def quote(self, **given: Any) -> Any:
        return data(self.phone("quotes", {**BASKET, "order": ORDER, **given}))["quote"]

    def capture(self, quote: str, **given: Any) -> Reply:
        body = {**BASKET, "quote": quote, "member": self.who, "order": ORDER, **given}
        return self.server("checkout-captures", body)

    def feed(self, *records: Mapping[str, Any]) -> None:
        """Orders and refunds told by the feed, and all that follows from them."""
        for answer in data(self.server("orders", {"orders": records}))["list"]:
            assert answer["result"] != "refused", answer
        images = stream_records(self.outside.stage.cloud, settings().orders_table)
        settle_orders({"Records": images}, SimpleNamespace(get_remaining_time_in_millis=lambda: 60_000))
        assert give_points_back({"Records": messages()}, None) == {"batchItemFailures": []}

    def paid(self, points_fen: int) -> dict[str, Any]:
        lines = [{name: value for name, value in line.items() if name != "coupon_fen"} for line in LINES]
        at = self.outside.stage.now.isoformat()
        parts = {"paid_fen": 29_800, "freight_fen": 800, "coupon_fen": 1_000, "points_fen": points_fen}
        return {"kind": "paid", **ORDER, "buyer_id": "openid-1", "paid_at": at, "lines": lines, **parts}

    def refunded(self, no: str, fen: int, *lines: tuple[str, int]) -> dict[str, Any]:
        parts = [{"line_no": line_no, "refunded_fen": part} for line_no, part in lines]
        at = self.outside.stage.now.isoformat()
        return {"kind": "refund", **ORDER, "refund_no": no, "refunded_fen": fen, "refunded_at": at, "lines": parts}

    def available(self) -> int:
        return self.outside.account(self.member_id).available_points


def messages() -> list[dict[str, str]]:
    """What waits in the checkout's queue, as its function is given it."""
    found: list[dict[str, str]] = []
    url = settings().points_back_queue_url
    while some := service("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        found += [{"messageId": one["MessageId"], "body": one["Body"]} for one in some]
    return found


def data(reply: Reply) -> Any:
    assert reply.status == 200, reply.text
    return reply.json["data"]


def refusal(reply: Reply) -> tuple[int, str | None]:
    return reply.json["code"], reply.json.get("field")


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    monkeypatch.setenv("AWS_ACCOUNT_ID_ENDPOINT_MODE", "disabled")  # moto's streams know no account's own endpoint
    with open_outside(monkeypatch) as outside:
        token, member_id = outside.log_in()
        mall.give(outside, member_id, 8000)
        outside.bind(member_id, "wechat", "openid-1")
        yield Shop(outside, token, member_id)


def test_a_quote_says_what_may_be_used_line_by_line_and_why_no_more(shop: Shop) -> None:
    answer = data(shop.phone("quotes", {**BASKET, "points": 7_000}))

    assert answer | {"quote": ""} == {
        "most_points": 5600,
        "most_fen": 5600,
        "points": 5600,
        "fen": 5600,
        "reasons": ["这笔订单最多可抵扣56元"],
        "lines": [{"line_no": "1", "points": 3800, "fen": 3800}, {"line_no": "2", "points": 1800, "fen": 1800}],
        "freight": {"points": 0, "fen": 0},
        "quote": "",
        "expires_at": "2026-03-02T12:10:00+08:00",
        "release_at": "2026-03-02T12:40:00+08:00",
    }


def test_an_order_too_small_has_no_quote(shop: Shop) -> None:
    answer = data(shop.phone("quotes", {"lines": [{"line_no": "1", "paid_fen": 2_499}]}))

    assert (answer["points"], answer["quote"], answer["expires_at"], answer["release_at"]) == (0, None, None, None)
    assert answer["reasons"] == ["这笔订单最多可抵扣4.99元", "500分起可抵扣"]


def test_points_pay_a_part_and_the_order_earns_on_the_rest(shop: Shop) -> None:
    quote = shop.quote(points=5_000)
    held = data(shop.phone("holds", {"quote": quote}))
    captured = data(shop.capture(quote))
    shop.feed(shop.paid(captured["fen"]))

    earned = next(one for one in shop.outside.entries(shop.member_id) if one.kind is Kind.EARN and one.points == 230)
    assert (held["points"], held["available_points"]) == (5_000, 3_000)
    assert (captured["points"], captured["fen"], captured["order_no"]) == (5_000, 5_000, "4200001")
    assert earned.activity == "order"
    assert shop.available() == 3_000 + (29_800 - 800 - 1_000 - 5_000) // 100


def test_refunds_that_the_feed_tells_give_the_points_back_and_take_back_what_the_order_earned(shop: Shop) -> None:
    quote = shop.quote(points=2_800)
    shop.phone("holds", {"quote": quote})
    shop.capture(quote)
    shop.feed(shop.paid(2_800))
    assert shop.available() == 8000 - 2_800 + 252

    shop.feed(shop.refunded("r1", 9_000, ("2", 9_000)))
    part = shop.available()
    shop.feed(shop.refunded("r1", 9_000, ("2", 9_000)), shop.refunded("r2", 20_800, ("1", 20_000)))

    assert part == 8000 - 1_900 + 252 - 79
    assert shop.available() == 8000


def test_what_the_shop_asked_for_itself_is_not_given_back_again_by_the_feed(shop: Shop) -> None:
    quote = shop.quote(points=2_800)
    shop.phone("holds", {"quote": quote})
    shop.capture(quote)
    asked = {**ORDER, "refund_no": "r1", "lines": [{"line_no": "2", "quantity": 1}]}
    back = data(shop.server("checkout-refunds", asked))
    shop.feed(shop.paid(2_800), shop.refunded("r1", 3_000, ("2", 3_000)))

    again = data(shop.server("checkout-refunds", asked))

    assert (back["points"], back["fen"], back["left_points"], back["replayed"]) == (300, 300, 2_500, False)
    assert back["lines"] == [{"line_no": "2", "points": 300, "fen": 300}]
    assert again == {**back, "replayed": True}
    assert shop.available() == 8000 - 2_800 + 300 + 252 - 30


def test_a_till_does_all_of_it_for_whom_it_serves(shop: Shop) -> None:
    served = {"platform": "wechat", "buyer_id": "openid-1"}
    order = {"platform": "pos", "order_no": "till-7-000123"}
    quoted = data(shop.server("checkout-quotes", {**BASKET, "member": served, "points": 600}))
    held = data(shop.server("checkout-holds", {"quote": quoted["quote"], "member": served}))
    captured = data(shop.capture(quoted["quote"], member=served, order=order))

    assert (held["points"], captured["platform"], captured["points"]) == (600, "pos", 600)
    assert shop.available() == 7_400


def test_a_cancelled_order_gives_its_points_back_whoever_says_so(shop: Shop) -> None:
    first, second = shop.quote(points=500), shop.quote(points=600)
    for quote in (first, second):
        shop.phone("holds", {"quote": quote})

    mine = data(shop.phone("releases", {"quote": first}))
    theirs = data(shop.server("checkout-releases", {"quote": second}))
    again = data(shop.phone("releases", {"quote": second}))

    assert (mine["points"], theirs["points"], theirs["available_points"]) == (500, 600, 8000)
    assert again == {**theirs, "replayed": True}
    assert refusal(shop.capture(first)) == (Code.HOLD_CLOSED.number, None)


def test_a_late_payment_is_told_clearly(shop: Shop) -> None:
    quote = shop.quote(points=500)
    shop.phone("holds", {"quote": quote})
    shop.outside.stage.later(minutes=40)

    late = shop.capture(quote)

    assert late.status == 409
    assert refusal(late) == (Code.HOLD_CLOSED.number, None)
    assert late.json["msg"] == "预扣已超过截止时间,积分退回会员"


def test_a_quote_by_terms_that_this_process_has_not_read_yet_is_captured(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    quote = shop.quote(points=500)
    shop.phone("holds", {"quote": quote})
    books = [TermsBook(()), terms_book()]
    monkeypatch.setattr(feed_routes, "terms_book", lambda: books.pop(0))

    assert data(shop.capture(quote))["points"] == 500


def test_the_phone_can_mark_no_order_as_paid(shop: Shop) -> None:
    from app import app

    for step in ("captures", "refunds"):
        assert f"/v1/me/checkout-{step}" not in app.routes
        reply = shop.outside.call(
            "POST",
            f"/v1/ingest/checkout-{step}",
            headers={"Authorization": f"Bearer {shop.token}"},
            body=json.dumps({**BASKET, "quote": "x"}).encode(),
        )
        assert reply.status == 401


def test_a_quote_is_of_no_use_to_another_member_nor_when_a_bit_of_it_is_wrong(shop: Shop) -> None:
    quote = shop.quote(points=500)
    token, stranger = shop.outside.log_in("lan")
    invalid = (Code.QUOTE_INVALID.number, "quote")

    assert refusal(shop.phone("holds", {"quote": quote}, token)) == invalid
    assert refusal(shop.phone("releases", {"quote": quote}, token)) == invalid
    assert refusal(shop.server("checkout-holds", {"quote": quote, "member": {"member_id": stranger}})) == invalid
    assert refusal(shop.capture(quote, member={"member_id": stranger})) == invalid
    for place in (0, 40, len(quote) - 43, len(quote) - 1):
        wrong = quote[:place] + ("0" if quote[place] != "0" else "1") + quote[place + 1 :]
        assert refusal(shop.phone("holds", {"quote": wrong})) == invalid
    assert shop.available() == 8000


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"lines": []}, "lines"),
        ({"lines": [{**LINES[0], "quantity": 0}]}, "lines.0.quantity"),
        ({"lines": [{**LINES[0], "quantity": -1}]}, "lines.0.quantity"),
        ({"lines": [{**LINES[0], "quantity": 10**12}]}, "lines.0.quantity"),
        ({"lines": [{**LINES[0], "paid_fen": -1}]}, "lines.0.paid_fen"),
        ({"lines": [{**LINES[0], "paid_fen": 10**15}]}, "lines.0.paid_fen"),
        ({"lines": [{**LINES[0], "coupon_fen": 20_001}], "coupon_fen": 20_001}, "coupon_fen"),
        ({"lines": [LINES[0], LINES[0]]}, "lines.1.line_no"),
        ({"lines": [{**LINES[0], "line_no": "~freight"}]}, "lines.0.line_no"),
        ({"lines": [{**LINES[0], "line_no": str(n), "paid_fen": 10**9} for n in range(100)]}, "lines"),
        ({"freight_fen": -1}, "freight_fen"),
        ({"coupon_fen": 999}, "coupon_fen"),
        ({"points": 0}, "points"),
        ({"points": -5}, "points"),
        ({"points": 10**10}, "points"),
        ({"order": {"platform": "wechat"}}, "order.order_no"),
    ],
)
def test_a_basket_that_cannot_be_is_refused_by_its_field(shop: Shop, changes: dict[str, Any], field: str) -> None:
    assert refusal(shop.phone("quotes", {**BASKET, **changes})) == (Code.INVALID_REQUEST.number, field)


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"lines": [{"line_no": "1"}]}, Code.INVALID_REQUEST, "lines.0"),
        ({"lines": [{"line_no": "1", "quantity": 1, "refunded_fen": 1}]}, Code.INVALID_REQUEST, "lines.0"),
        ({"lines": [{"line_no": "1", "quantity": 1}] * 2}, Code.INVALID_REQUEST, "lines.1.line_no"),
        ({"lines": [{"line_no": "1", "quantity": -1}]}, Code.INVALID_REQUEST, "lines.0.quantity"),
        ({"lines": [{"line_no": "1", "quantity": 2}]}, Code.REFUND_EXCEEDS_ORDER, "lines.0"),
        ({"refunded_fen": 29_801}, Code.REFUND_EXCEEDS_ORDER, "refunded_fen"),
        ({}, Code.INVALID_REQUEST, "lines"),
        ({"order_no": "9", "refunded_fen": 1}, Code.DEDUCTION_NOT_FOUND, None),
    ],
)
def test_a_refund_that_cannot_be_is_refused_by_its_field(
    shop: Shop, changes: dict[str, Any], code: Code, field: str | None
) -> None:
    quote = shop.quote(points=500)
    shop.phone("holds", {"quote": quote})
    shop.capture(quote)

    reply = shop.server("checkout-refunds", {**ORDER, "refund_no": "r1", **changes})

    assert refusal(reply) == (code.number, field)


@pytest.mark.parametrize(
    ("member", "code"),
    [
        ({}, Code.INVALID_REQUEST),
        ({"platform": "wechat"}, Code.INVALID_REQUEST),
        ({"member_id": "m" + "0" * 24, "platform": "wechat", "buyer_id": "openid-1"}, Code.INVALID_REQUEST),
        ({"member_id": "m" + "0" * 24}, Code.MEMBER_NOT_FOUND),
        ({"platform": "wechat", "buyer_id": "nobody"}, Code.MEMBER_NOT_FOUND),
    ],
)
def test_whom_the_shop_serves_must_be_named_once_and_be_a_member(
    shop: Shop, member: dict[str, str], code: Code
) -> None:
    assert refusal(shop.server("checkout-quotes", {**BASKET, "member": member})) == (code.number, "member")


def test_without_terms_of_deduction_no_points_pay(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_outside(monkeypatch, deduction=None) as outside:
        shop = Shop(outside, *outside.log_in())

        assert refusal(shop.phone("quotes", BASKET)) == (Code.DEDUCTION_OFF.number, None)
