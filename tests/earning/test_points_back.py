"""Refunds of orders that points paid a part of are told each time the order is settled, and nothing else is."""

from __future__ import annotations

from chalicelib.earning.order import Order, Refunded, RefundedLine
from chalicelib.earning.points_back import ToldRefund, tell_refunds, told_refund
from tests.earning.conftest import paid
from tests.ledger.builders import NOW

FIRST = Refunded("r1", 500, NOW, NOW, freight_fen=100, lines=(RefundedLine("1", 400),))
SECOND = Refunded("r2", 99, NOW, NOW)


def test_every_refund_of_an_order_with_points_is_told_as_it_was_received() -> None:
    order = Order("tmall#1", paid(points_fen=200), refunds={"r2": SECOND, "r1": FIRST})
    sent: list[str] = []

    assert tell_refunds(order, sent.extend) == 2
    assert [told_refund(message) for message in sent] == [
        ToldRefund("tmall", "1", "r1", 500, 100, {"1": 400}, NOW),
        ToldRefund("tmall", "1", "r2", 99, 0, {}, NOW),
    ]


def test_of_an_order_without_points_without_refunds_or_not_paid_yet_nothing_is_told() -> None:
    for order in (
        Order("tmall#1", paid(), refunds={"r1": FIRST}),
        Order("tmall#1", paid(points_fen=200)),
        Order("tmall#1", None, refunds={"r1": FIRST}),
    ):
        assert tell_refunds(order, lambda messages: messages[0]) == 0  # type: ignore[arg-type,return-value]
