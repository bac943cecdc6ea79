"""A till beside its tables: the steps of a checkout as use cases, for members with points."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any

import boto3
import pytest
from moto import mock_aws

from chalicelib.earning.table import OrdersTable
from chalicelib.ledger.apply import apply
from chalicelib.ledger.audit import Finding
from chalicelib.ledger.commands import Freeze
from chalicelib.ledger.model import Kind, business_on
from chalicelib.ledger.table import LedgerTable
from chalicelib.programme.model import Terms, TermsBook
from chalicelib.spending.checkout.basket import Basket, BasketLine
from chalicelib.spending.checkout.capture import Captured, capture_deduction
from chalicelib.spending.checkout.deduct import (
    Held,
    Order,
    Quoted,
    hold_deduction,
    quote_deduction,
    release_deduction,
)
from chalicelib.spending.checkout.deducted import LineRefund
from chalicelib.spending.checkout.quote import Quote
from chalicelib.spending.checkout.refund import Asked, Done, refund_deduction
from chalicelib.spending.checkout.table import CheckoutTable
from local.audit import Auditor, Report
from local.audit_spending import SpendingAuditor
from tests.earning.programmes import plain_terms
from tests.ledger.builders import NOW, a_cause, an_earn
from tests.tables import create_tables

ORDER = Order("wechat", "4200001")
BIKE, HELMET, GLOVES = (
    BasketLine("1", "bike", "bikes", 1, 20_000),
    BasketLine("2", "helmet", "parts", 3, 9_000),
    BasketLine("3", "gloves", "parts", 1, 1_000),
)
BASKET = Basket((BIKE, HELMET, GLOVES), freight_fen=800)
"""300 yuan of goods: 60 yuan, so 6000 points, may pay for it."""


@dataclass
class Till:
    """The use cases on one stage's tables at a time of its own; member `m1` has 8000 points that end apart."""

    ledger: LedgerTable
    table: CheckoutTable
    orders: OrdersTable
    now: datetime = NOW
    terms: Terms = field(default_factory=plain_terms)
    earlier: tuple[Terms, ...] = ()
    ids: count[int] = field(default_factory=count)

    @property
    def book(self) -> TermsBook:
        return TermsBook((*self.earlier, self.terms))

    def later(self, **passed: int) -> None:
        self.now += timedelta(**passed)

    def fund(self, member_id: str = "m1", points: int = 8000) -> None:
        for on in (date(2026, 12, 31), date(2027, 11, 30)):
            earn = an_earn(points // 2, on, cause=a_cause(id=f"{member_id}.{on}", activity="gift"))
            self.ledger.post(member_id, lambda seen, earn=earn: apply(seen.account, [earn], self.terms.ledger, NOW))

    def freeze(self, member_id: str = "m1") -> None:
        freeze = Freeze(a_cause(Kind.ADJUST, "freeze"), True, 1)
        self.ledger.post(member_id, lambda seen: apply(seen.account, [freeze], self.terms.ledger, self.now))

    def quoted(
        self, points: int | None = None, basket: Basket = BASKET, order: Order = ORDER, member_id: str = "m1"
    ) -> Quoted:
        return quote_deduction(
            member_id,
            basket,
            points,
            order,
            quote_id=f"q{next(self.ids)}",
            table=self.table,
            ledger=self.ledger,
            terms=self.terms,
            now=self.now,
        )

    def quote(self, points: int | None = None, **given: Any) -> Quote:
        quote = self.quoted(points, **given).quote
        assert quote is not None
        return quote

    def hold(self, quote: Quote, member_id: str = "m1") -> Held:
        return hold_deduction(member_id, quote, actor=member_id, ledger=self.ledger, terms=self.terms, now=self.now)

    def capture(
        self,
        quote: Quote,
        points: int | None = None,
        *,
        basket: Basket = BASKET,
        order: Order = ORDER,
        member_id: str = "m1",
    ) -> Captured:
        return capture_deduction(
            member_id,
            quote,
            basket,
            points,
            order,
            actor="order_feed",
            table=self.table,
            ledger=self.ledger,
            book=self.book,
            now=self.now,
        )

    def release(self, quote: Quote, member_id: str | None = "m1") -> Held:
        return release_deduction(member_id, quote, actor="m1", ledger=self.ledger, terms=self.terms, now=self.now)

    def refund(self, no: str, *lines: LineRefund, order: Order = ORDER, **given: Any) -> Done:
        asked = Asked(*order, no, lines, **given)
        return refund_deduction(
            asked, actor="order_feed", table=self.table, ledger=self.ledger, terms=self.terms, now=self.now
        )

    def paid_for(self, points: int | None = None, **given: Any) -> Captured:
        """All three steps."""
        quote = self.quote(points, **given)
        self.hold(quote)
        return self.capture(quote, **given)

    def balances(self, member_id: str = "m1") -> tuple[int, int]:
        """(available, held)."""
        account = self.ledger.read(member_id)
        return account.available_points, account.held_points

    def audit(self) -> list[Finding]:
        found: list[Finding] = []
        today_on = business_on(self.now, self.terms.zone)
        auditor = Auditor(self.ledger, self.orders, self.terms.ledger, {}, today_on, Report(found.append))
        replace(auditor, pause=lambda _s: None).run(segments=1)
        spending = SpendingAuditor(self.ledger, self.table.name, auditor.report.add, self.now, self.terms.zone)
        replace(spending, pause=lambda _s: None).run()
        return found


@contextmanager
def open_till(monkeypatch: pytest.MonkeyPatch) -> Iterator[Till]:
    """On moto; whatever a test did, the auditor finds nothing afterwards."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        dynamo = boto3.client("dynamodb", region_name="cn-north-1")
        names = create_tables(dynamo, "till")
        ledger = LedgerTable(dynamo, names["LEDGER_TABLE"], names["JOURNAL_TABLE"], 8, pause=lambda _seconds: None)
        till = Till(ledger, CheckoutTable(dynamo, names["SPENDING_TABLE"]), OrdersTable(dynamo, names["ORDERS_TABLE"]))
        till.fund()
        yield till
        assert till.audit() == []
