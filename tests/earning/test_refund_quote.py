"""A quote before the refund says exactly what the refund then does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.earning.refund_quote import RefundQuote, refund_quote
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.apply import apply
from tests.earning.conftest import Shop, paid, refund
from tests.earning.programmes import plain_book, plain_terms
from tests.ledger.builders import NOW, TERMS, a_redemption


def quote(shop: Shop, refunded_fen: int = 1299) -> RefundQuote:
    asked = refund("quote", refunded_fen)
    return refund_quote(asked, orders=shop.orders, ledger=shop.ledger, book=shop.book, now=NOW + timedelta(days=1))


def test_nothing_spent_is_nothing_to_charge(shop: Shop) -> None:
    shop.record(paid())
    shop.settle()

    assert quote(shop, 500) == RefundQuote(5, 0, 5, 0, 0, "deficit", 0, 5, "normal", "normal")
    assert shop.points() == 12


@pytest.mark.parametrize(
    ("policy", "waived", "shortfall", "charge_fen"),
    [("charge_refund", 0, 10, 10), ("deficit", 0, 10, 0), ("waive", 10, 0, 0), ("pending_only", 12, 0, 0)],
)
def test_the_shortfall_is_what_was_spent_and_charged_only_by_that_policy(
    shop: Shop, policy: str, waived: int, shortfall: int, charge_fen: int
) -> None:
    shop.book = plain_book(plain_terms(reversal=policy))
    shop.record(paid())
    shop.settle()
    shop.ledger.post("m1", lambda seen: apply(seen.account, [a_redemption(10)], TERMS, NOW))

    taken = 12 - waived - shortfall
    assert quote(shop) == RefundQuote(12, 0, taken, waived, shortfall, policy, charge_fen, 12, "normal", "normal")


def test_points_that_expired_unspent_are_charged_to_nobody(shop: Shop) -> None:
    shop.book = plain_book(plain_terms(reversal="charge_refund"))
    shop.record(paid())
    shop.settle()
    long_after = datetime(2027, 12, 3, tzinfo=UTC)

    asked = refund("quote", 1299)
    found = refund_quote(asked, orders=shop.orders, ledger=shop.ledger, book=shop.book, now=long_after)

    assert (found.waived_points, found.shortfall_points, found.charge_fen) == (12, 0, 0)


def test_what_is_charged_as_quoted_leaves_no_deficit(shop: Shop) -> None:
    shop.book = plain_book(plain_terms(reversal="charge_refund", point_value={"points": 3, "fen": 1}, deduction=None))
    shop.record(paid())
    shop.settle()
    shop.ledger.post("m1", lambda seen: apply(seen.account, [a_redemption(10)], TERMS, NOW))
    charge_fen = quote(shop).charge_fen
    assert charge_fen == 4

    shop.record(refund(charged_fen=charge_fen))
    shop.settle()

    assert shop.ledger.read("m1").deficit_points == 0


def test_an_order_without_points_and_a_refund_beyond_it_are_refused(shop: Shop) -> None:
    with pytest.raises(JifenError) as unknown:
        quote(shop)
    shop.record(paid())
    shop.settle()
    with pytest.raises(JifenError) as too_much:
        quote(shop, 1300)

    assert (unknown.value.code, too_much.value.code) == (Code.ORDER_NOT_FOUND, Code.REFUND_EXCEEDS_ORDER)
