"""One record of the feed: read whole, or refused with the path of what is wrong."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.earning.order import GoodsReceived, Line, Paid, Refund, RefundedLine
from chalicelib.earning.order_feed import order_fact
from chalicelib.errors import Code, JifenError

NOW = datetime(2026, 3, 2, 4, tzinfo=UTC)
LINE_A = {"line_no": "a", "sku": "lock-1", "category": "车锁", "paid_fen": 800}
LINE_B = {"line_no": "b", "paid_fen": 400, "quantity": 2}
PAID: dict[str, Any] = {
    "kind": "paid",
    "platform": "tmall",
    "order_no": "1",
    "buyer_id": "b1",
    "paid_at": "2026-03-02T12:00:00+08:00",
    "paid_fen": 1300,
    "freight_fen": 100,
    "lines": [LINE_A, LINE_B],
}
REFUND: dict[str, Any] = {
    "kind": "refund",
    "platform": "tmall",
    "order_no": "1",
    "refund_no": "r1",
    "refunded_fen": 500,
    "refunded_at": "2026-03-02T12:00:00+08:00",
    "freight_fen": 100,
    "charged_fen": 50,
    "lines": [{"line_no": "a", "refunded_fen": 300}, {"line_no": "b", "refunded_fen": 100}],
}
RECEIPT: dict[str, Any] = {
    "kind": "receipt",
    "platform": "tmall",
    "order_no": "1",
    "received_at": "2026-03-02T12:00:00+08:00",
}


def refused(record: dict[str, Any]) -> JifenError:
    with pytest.raises(JifenError) as error:
        order_fact(record, NOW)
    return error.value


def test_an_order_of_lines_is_read_whole() -> None:
    assert order_fact(PAID, NOW) == Paid(
        platform="tmall",
        order_no="1",
        buyer_id="b1",
        paid_at=NOW,
        paid_fen=1300,
        freight_fen=100,
        lines=(Line("a", "lock-1", "车锁", 800), Line("b", "", "", 400, 2)),
    )


@pytest.mark.parametrize(("channel", "is_pos"), [("pos", True), ("online", False)])
def test_a_sale_at_a_till_says_so(channel: str, is_pos: bool) -> None:
    fact = order_fact({**PAID, "channel": channel}, NOW)

    assert isinstance(fact, Paid)
    assert fact.is_pos is is_pos


def test_a_refund_by_line_is_read_whole() -> None:
    assert order_fact(REFUND, NOW) == Refund(
        platform="tmall",
        order_no="1",
        refund_no="r1",
        refunded_fen=500,
        refunded_at=NOW,
        freight_fen=100,
        charged_fen=50,
        lines=(RefundedLine("a", 300), RefundedLine("b", 100)),
    )


def test_a_receipt_of_goods_is_read_whole() -> None:
    assert order_fact(RECEIPT, NOW) == GoodsReceived("tmall", "1", NOW)


def test_an_empty_list_of_lines_is_none() -> None:
    fact = order_fact({**PAID, "lines": [], "paid_fen": 1}, NOW)

    assert isinstance(fact, Paid)
    assert fact.lines == ()


@pytest.mark.parametrize("freight_fen", [0, 99, 101])
def test_lines_and_freight_must_add_up_to_what_was_paid(freight_fen: int) -> None:
    error = refused({**PAID, "freight_fen": freight_fen})

    assert (error.code, error.field) == (Code.INVALID_REQUEST, "lines")


def test_lines_of_nothing_are_lines_too() -> None:
    gift = {"line_no": "gift", "paid_fen": 0}

    assert order_fact({**PAID, "lines": [LINE_A, LINE_B, gift]}, NOW)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"paid_fen": -1}, "lines.1.paid_fen"),
        ({"paid_fen": 4.0}, "lines.1.paid_fen"),
        ({"paid_fen": "400"}, "lines.1.paid_fen"),
        ({"quantity": 0}, "lines.1.quantity"),
        ({"quantity": True}, "lines.1.quantity"),
        ({"line_no": "a"}, "lines.1.line_no"),
        ({"line_no": ""}, "lines.1.line_no"),
        ({"line_no": "1" * 33}, "lines.1.line_no"),
        ({"line_no": "a:b"}, "lines.1.line_no"),
        ({"line_no": 2}, "lines.1.line_no"),
        ({"sku": "x" * 65}, "lines.1.sku"),
        ({"category": "a\x00"}, "lines.1.category"),
        ({"surprise": 1}, "lines.1.surprise"),
    ],
)
def test_a_bad_line_is_named_by_its_path(changes: dict[str, Any], field: str) -> None:
    error = refused({**PAID, "lines": [LINE_A, {**LINE_B, **changes}]})

    assert (error.code, error.field) == (Code.INVALID_REQUEST, field)


@pytest.mark.parametrize(
    ("record", "changes", "field"),
    [
        (PAID, {"lines": [{"line_no": "a"}]}, "lines.0.paid_fen"),
        (PAID, {"lines": ["a"]}, "lines.0"),
        (PAID, {"lines": {"a": 1}}, "lines"),
        (PAID, {"lines": None}, "lines"),
        (PAID, {"lines": [LINE_A] * 101}, "lines"),
        (PAID, {"channel": "shop"}, "channel"),
        (PAID, {"is_pos": True}, "is_pos"),
        (REFUND, {"lines": [{"line_no": "a", "refunded_fen": 0}]}, "lines.0.refunded_fen"),
        (REFUND, {"lines": [{"line_no": "a", "refunded_fen": 1}] * 2}, "lines.1.line_no"),
        (REFUND, {"lines": [{"line_no": "a", "paid_fen": 1}]}, "lines.0.refunded_fen"),
        (REFUND, {"freight_fen": 101}, "lines"),
        (REFUND, {"freight_fen": 501, "lines": []}, "freight_fen"),
        (REFUND, {"freight_fen": -1}, "freight_fen"),
        (REFUND, {"charged_fen": 501}, "charged_fen"),
        (REFUND, {"charged_fen": -1}, "charged_fen"),
        (RECEIPT, {"received_at": "2026-03-02T12:05:01+08:00"}, "received_at"),
        (RECEIPT, {"received_at": "1970-01-01T00:00:00Z"}, "received_at"),
        (RECEIPT, {"received_at": "2026-03-02 12:00"}, "received_at"),
        (RECEIPT, {"received_at": "soon"}, "received_at"),
        (RECEIPT, {"received_at": None}, "received_at"),
        (RECEIPT, {"order_no": "a#b"}, "order_no"),
        (RECEIPT, {"paid_fen": 1}, "paid_fen"),
    ],
)
def test_a_bad_record_is_refused_with_its_path(record: dict[str, Any], changes: dict[str, Any], field: str) -> None:
    error = refused({**record, **changes})

    assert (error.code, error.field) == (Code.INVALID_REQUEST, field)


@pytest.mark.parametrize("name", sorted(RECEIPT))
def test_a_receipt_needs_all_it_has(name: str) -> None:
    assert refused({key: value for key, value in RECEIPT.items() if key != name}).field == name


def test_a_refund_may_be_all_freight_or_all_lines() -> None:
    assert order_fact({**REFUND, "lines": [], "freight_fen": 500}, NOW)
    assert order_fact({**REFUND, "freight_fen": 0, "lines": [{"line_no": "a", "refunded_fen": 500}]}, NOW)


def test_a_phone_is_kept_as_digests_and_asks_for_the_key_only_where_there_is_one() -> None:
    asked: list[str] = []

    def key() -> str:
        asked.append("key")
        return "a-key-of-this-test-0123456789"

    plain = order_fact(PAID, NOW, phone_key=key)
    assert asked == []
    with_phone = order_fact({**PAID, "phone": "13800138000"}, NOW, phone_key=key)

    assert isinstance(plain, Paid)
    assert isinstance(with_phone, Paid)
    assert asked == ["key"]
    assert (plain.phone, plain.phone_tail) == ("", "")
    assert (len(with_phone.phone), len(with_phone.phone_tail)) == (64, 32)


def test_a_phone_without_a_key_is_refused_by_name() -> None:
    assert refused({**PAID, "phone": "13800138000"}).field == "phone"


@pytest.mark.parametrize("name", ["store_id", "guide_id"])
def test_a_store_and_a_guide_are_short_and_plain(name: str) -> None:
    assert refused({**PAID, name: "x" * 65}).field == name
    assert refused({**PAID, name: "a\u0007"}).field == name
    assert refused({**PAID, name: 7}).field == name
