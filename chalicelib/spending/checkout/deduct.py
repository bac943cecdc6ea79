"""The checkout's steps up to the payment: a quote says what points may pay, a hold sets them aside, or gives them back.

A quote is taken up once: its id names the hold. Every later step finds what the first one did, and answers it again.
What is paid for is captured (capture.py).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.hold import hold
from chalicelib.ledger.model import Account, Entry, Kind
from chalicelib.ledger.redeem import Purchase
from chalicelib.ledger.release import release
from chalicelib.ledger.statement import balance_now
from chalicelib.ledger.table import LedgerTable
from chalicelib.programme.deduction import Deduction
from chalicelib.programme.model import Terms
from chalicelib.programme.words import yuan
from chalicelib.spending.checkout.allowance import Allowance, allowance
from chalicelib.spending.checkout.basket import Basket, coupon_fits, deductible
from chalicelib.spending.checkout.deducted import Share, shares_of
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
    """The entry of points that were set aside, or that went back."""

    entry: Entry
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
    deduction = deduction_of(terms)
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
    require_own(quote, member_id, ledger)

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


def release_deduction(
    member_id: str | None, quote: Quote, *, actor: str, ledger: LedgerTable, terms: Terms, now: datetime
) -> Held:
    """Give a quote's held points back, once; `member_id` None where the shop does so. Raises QUOTE_INVALID when it is
    another member's, HOLD_CLOSED when nothing was ever held by it or its points were captured.
    """
    if member_id is not None:
        require_own(quote, member_id, ledger)
    receipt = release(quote.member_id, quote.hold_id, actor=actor, ledger=ledger, terms=terms.ledger, now=now)
    return Held(next(entry for entry in receipt.entries if entry.kind is Kind.RELEASE), receipt.replayed)


def deduction_of(terms: Terms) -> Deduction:
    """How far points pay by these terms; raises DEDUCTION_OFF."""
    if terms.programme.deduction is None:
        raise JifenError(Code.DEDUCTION_OFF)
    return terms.programme.deduction


def require_own(quote: Quote, member_id: str, ledger: LedgerTable) -> None:
    """The member's own, or made for one of the accounts that went into his."""
    if member_id != quote.member_id and not ledger.read(member_id).is_of(quote.member_id):
        raise JifenError(Code.QUOTE_INVALID, field="quote")


def _ended() -> JifenError:
    return JifenError(Code.QUOTE_INVALID, "报价已过期,请重新确认", field="quote")
