"""The checkout's steps: a quote says what points may pay, a hold sets them aside, then they are captured with the order
they pay for, or released.

A quote is taken up once: its id names the hold. Every later step finds what the first one did, and answers it again.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.hold import capture, hold
from chalicelib.ledger.model import Account, Entry, Kind
from chalicelib.ledger.redeem import Purchase
from chalicelib.ledger.release import release
from chalicelib.ledger.statement import balance_now
from chalicelib.ledger.table import LedgerTable
from chalicelib.programme.deduction import Deduction
from chalicelib.programme.model import PointValue, Terms, TermsBook
from chalicelib.programme.words import yuan
from chalicelib.spending.checkout.allowance import Allowance, allowance, ceiling_points
from chalicelib.spending.checkout.basket import Basket, coupon_fits, deductible
from chalicelib.spending.checkout.deducted import Deducted, Share, shares_of
from chalicelib.spending.checkout.quote import Quote
from chalicelib.spending.checkout.table import CheckoutTable
from chalicelib.spending.quotes import GOOD_FOR

ACTIVITY = "checkout"


class Order(NamedTuple):
    """What names an order; both empty while it has no number."""

    platform: str = ""
    order_no: str = ""


class Quoted(NamedTuple):
    """What may be used, and the promise of it; None when no points are."""

    allowance: Allowance
    shares: tuple[Share, ...]
    quote: Quote | None


class Held(NamedTuple):
    """Points that are set aside."""

    entry: Entry
    replayed: bool


class Captured(NamedTuple):
    """An order that points paid a part of, and what of the held points went back."""

    deducted: Deducted
    replayed: bool


def quote_deduction(
    member_id: str,
    basket: Basket,
    asked_points: int | None,
    order: Order,
    *,
    quote_id: str,
    table: CheckoutTable,
    ledger: LedgerTable,
    terms: Terms,
    now: datetime,
) -> Quoted:
    """What a member's points may pay of a basket. Raises DEDUCTION_OFF, MEMBER_FROZEN, ORDER_DEDUCTED, and
    INVALID_REQUEST for a coupon that is more than what it is taken off.
    """
    deduction = _deduction(terms)
    if not coupon_fits(basket):
        raise JifenError(Code.INVALID_REQUEST, "优惠券金额与订单不符", field="coupon_fen")
    if order.order_no and table.find(*order):
        raise JifenError(Code.ORDER_DEDUCTED)
    balance, _ = balance_now(ledger.read(member_id), ledger=ledger, terms=terms.ledger, now=now)
    if balance.frozen:
        raise JifenError(Code.MEMBER_FROZEN)
    allowed = allowance(basket, balance.available_points, asked_points, deduction, terms.programme.point_value)
    shares = shares_of(basket, deductible(basket, deduction), allowed.points, allowed.fen)
    if not allowed.points:
        return Quoted(allowed, shares, None)
    quote = Quote(
        quote_id,
        member_id,
        allowed.points,
        allowed.fen,
        basket.digest,
        terms.version,
        now,
        now + GOOD_FOR + timedelta(minutes=deduction.hold_minutes),
        *order,
    )
    return Quoted(allowed, shares, quote)


def hold_deduction(
    member_id: str, quote: Quote, *, actor: str, ledger: LedgerTable, terms: Terms, now: datetime
) -> Held:
    """Set a quote's points aside until `release_at`, once. Raises QUOTE_INVALID when it is another member's or has
    ended, INSUFFICIENT_POINTS, MEMBER_FROZEN.
    """
    _require_own(quote, member_id, ledger)

    def in_time(_account: Account) -> Purchase:
        if now >= quote.expires_at:
            raise _ended()
        return Purchase()

    try:
        receipt = hold(
            quote.member_id,
            quote.hold_id,
            quote.points,
            release_at=quote.release_at,
            activity=ACTIVITY,
            actor=actor,
            ledger=ledger,
            terms=terms.ledger,
            now=now,
            text=f"下单抵扣{yuan(quote.fen)},积分预留中",
            buy=in_time,
        )
    except JifenError as error:
        if error.field == "release_at":  # long after its end: even the hold's own deadline has passed
            raise _ended() from None
        raise
    return Held(next(entry for entry in receipt.entries if entry.kind is Kind.HOLD), receipt.replayed)


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
    _require_own(quote, member_id, ledger)
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


def release_deduction(
    member_id: str | None, quote: Quote, *, actor: str, ledger: LedgerTable, terms: Terms, now: datetime
) -> Held:
    """Give a quote's held points back, once; `member_id` None where the shop does so. Raises QUOTE_INVALID when it is
    another member's, HOLD_CLOSED when nothing was ever held by it or its points were captured.
    """
    if member_id is not None:
        _require_own(quote, member_id, ledger)
    receipt = release(quote.member_id, quote.hold_id, actor=actor, ledger=ledger, terms=terms.ledger, now=now)
    return Held(next(entry for entry in receipt.entries if entry.kind is Kind.RELEASE), receipt.replayed)


def _deducted(quote: Quote, basket: Basket, points: int | None, order: Order, terms: Terms, now: datetime) -> Deducted:
    """The deduction as it would be captured."""
    deduction, value = _deduction(terms), terms.programme.point_value
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


def _deduction(terms: Terms) -> Deduction:
    if terms.programme.deduction is None:
        raise JifenError(Code.DEDUCTION_OFF)
    return terms.programme.deduction


def _require_own(quote: Quote, member_id: str, ledger: LedgerTable) -> None:
    """The member's own, or made for one of the accounts that went into his."""
    if member_id != quote.member_id and not ledger.read(member_id).is_of(quote.member_id):
        raise JifenError(Code.QUOTE_INVALID, field="quote")


def _ended() -> JifenError:
    return JifenError(Code.QUOTE_INVALID, "报价已过期,请重新确认", field="quote")
