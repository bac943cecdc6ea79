"""An order was paid (抵扣完成): its held points are spent for good and tied to it, line by line, once."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.hold import capture
from chalicelib.ledger.table import LedgerTable
from chalicelib.programme.deduction import Deduction
from chalicelib.programme.model import PointValue, Terms, TermsBook
from chalicelib.programme.words import yuan
from chalicelib.spending.checkout.allowance import ceiling_points
from chalicelib.spending.checkout.basket import Basket, coupon_fits, deductible
from chalicelib.spending.checkout.deduct import Order, deduction_of, require_own
from chalicelib.spending.checkout.deducted import Deducted, shares_of
from chalicelib.spending.checkout.quote import Quote
from chalicelib.spending.checkout.table import CheckoutTable


class Captured(NamedTuple):
    """An order that points paid a part of."""

    deducted: Deducted
    replayed: bool


def capture_deduction(
    member_id: str,
    quote: Quote,
    basket: Basket,
    points: int | None,
    order: Order,
    *,
    actor: str,
    table: CheckoutTable,
    ledger: LedgerTable,
    book: TermsBook,
    now: datetime,
) -> Captured:
    """Spend held points for good and tie them to the order they paid for, once; what is not captured goes back.

    `points` None captures all that was held. The basket is the order as it was paid; the terms are those of the quote.
    Raises QUOTE_INVALID when it is another member's, ORDER_CHANGED when it was for another order or, with no points
    stated, for another basket, DEDUCTION_EXCEEDED when the order allows fewer points, ORDER_DEDUCTED, HOLD_CLOSED when
    nothing is held any more, KEY_REUSED when it was captured otherwise.
    """
    require_own(quote, member_id, ledger)
    if quote.order_no and order != (quote.platform, quote.order_no):
        raise JifenError(Code.ORDER_CHANGED, "报价是为另一笔订单作出的", field="order")
    terms = book.version(quote.terms_version)
    deducted = _deducted(quote, basket, points, order, terms, now)
    receipt = capture(
        quote.member_id,
        quote.hold_id,
        deducted.points,
        actor=actor,
        ledger=ledger,
        terms=(book.at(now) or terms).ledger,
        now=now,
        text=f"订单{order.order_no}积分抵扣{yuan(deducted.fen)}",
        also=(table.first(deducted),),
    )
    if not receipt.replayed:
        return Captured(deducted, replayed=False)
    standing = table.find(*order)
    if standing is None or standing.hold_id != quote.hold_id:
        raise JifenError(Code.KEY_REUSED)
    return Captured(standing, replayed=True)


def _deducted(quote: Quote, basket: Basket, points: int | None, order: Order, terms: Terms, now: datetime) -> Deducted:
    """The deduction as it would be captured."""
    deduction, value = deduction_of(terms), terms.programme.point_value
    is_as_quoted = basket.digest == quote.basket
    if not is_as_quoted:
        _require_within(basket, points, deduction, value)
    captured = quote.points if points is None else points
    fen = quote.fen if captured == quote.points else value.fen_of(captured)
    return Deducted(
        *order,
        member_id=quote.member_id,
        hold_id=quote.hold_id,
        points=captured,
        fen=fen,
        terms_version=quote.terms_version,
        captured_at=now,
        shares=shares_of(basket, deductible(basket, deduction), captured, fen),
    )


def _require_within(basket: Basket, points: int | None, deduction: Deduction, value: PointValue) -> None:
    """An order that is not as it was quoted: how many points pay for it must be stated, and it must allow them."""
    if not coupon_fits(basket):
        raise JifenError(Code.INVALID_REQUEST, "优惠券金额与订单不符", field="coupon_fen")
    if points is None:
        raise JifenError(Code.ORDER_CHANGED, "订单与报价时不同,请写明实际抵扣的积分", field="points")
    most_points = ceiling_points(basket, deduction, value)
    if points > most_points:
        raise JifenError(Code.DEDUCTION_EXCEEDED, f"这笔订单最多可抵扣{most_points}分", field="points")
