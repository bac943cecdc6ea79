"""The tables an earning use case works on, under moto, and the few verbs its tests need."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
from moto import mock_aws

from chalicelib.earning.order import OrderFact, Paid, Refund, order_key
from chalicelib.earning.record_orders import Received, Recorded, record_orders
from chalicelib.earning.settle_order import settle_order
from chalicelib.earning.table import OrdersTable
from chalicelib.ledger.model import Receipt
from chalicelib.ledger.table import LedgerTable
from chalicelib.members.model import Identity
from chalicelib.programme.model import TermsBook
from tests.earning.programmes import plain_book
from tests.ledger.builders import NOW
from tests.moto_cloud import moto_client, moto_tables
from tests.tables import create_tables


@dataclass
class Shop:
    """Orders and ledger side by side; buyer `b1` is member `m1`, as long as `bound` says so."""

    orders: OrdersTable
    ledger: LedgerTable
    book: TermsBook = field(default_factory=plain_book)
    bound: dict[str, str] = field(default_factory=lambda: {"b1": "m1", "b2": "m2"})

    def find_members(self, identities: Sequence[Identity]) -> Mapping[Identity, str]:
        return {one: self.bound[one.external_id] for one in identities if one.external_id in self.bound}

    def record(self, *facts: OrderFact, at: datetime = NOW) -> list[Recorded]:
        received = [Received(fact, at) for fact in facts]
        return record_orders(received, orders=self.orders, find_members=self.find_members, zone="Asia/Shanghai")

    def settle(self, order_no: str = "1") -> Receipt | None:
        (order,) = self.orders.orders([order_key("tmall", order_no)])
        return settle_order(order, ledger=self.ledger, book=self.book)

    def points(self, member_id: str = "m1") -> int:
        return self.ledger.read(member_id).total_points


def paid(order_no: str = "1", paid_fen: int = 1299, **given: Any) -> Paid:
    values = {"platform": "tmall", "buyer_id": "b1", "paid_at": NOW}
    return Paid(order_no=order_no, paid_fen=paid_fen, **{**values, **given})


def refund(refund_no: str = "r1", refunded_fen: int = 1299, order_no: str = "1", **given: Any) -> Refund:
    values = {"platform": "tmall", "refunded_at": NOW}
    return Refund(order_no=order_no, refund_no=refund_no, refunded_fen=refunded_fen, **{**values, **given})


@pytest.fixture
def moto_shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        dynamo = moto_client("dynamodb")
        yield _open(dynamo, moto_tables(dynamo, "shop"))


@pytest.fixture(params=["moto", pytest.param("cloud", marks=pytest.mark.cloud)])
def shop(request: pytest.FixtureRequest) -> Shop:
    """The same tables on moto and on the embedded cloud: what is asked of one is asked of both."""
    if request.param == "moto":
        return request.getfixturevalue("moto_shop")  # type: ignore[no-any-return]
    dynamo = request.getfixturevalue("cloud").client("dynamodb")
    return _open(dynamo, create_tables(dynamo, f"shop-{uuid.uuid4().hex[:8]}"))


def _open(dynamo: Any, names: Mapping[str, str]) -> Shop:
    ledger = LedgerTable(dynamo, names["LEDGER_TABLE"], names["JOURNAL_TABLE"], 8, pause=lambda _seconds: None)
    return Shop(OrdersTable(dynamo, names["ORDERS_TABLE"]), ledger)
