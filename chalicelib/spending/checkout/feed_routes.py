"""The checkout over HTTP for the shop's own server and its tills, signed as the order feed is: the same steps for a
member, and what only the shop may say: that an order was paid, and what of it was refunded.
"""

from __future__ import annotations

from chalice.app import Blueprint

from chalicelib.earning.behaviour_feed import MemberIn
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.table import open_ledger
from chalicelib.members.access import order_feed
from chalicelib.members.buyers import find_members, unknown_members
from chalicelib.members.model import Identity
from chalicelib.programme.model import TermsBook
from chalicelib.programme.table import forget, terms_at, terms_book
from chalicelib.runtime.edge import JSON_BODY, Call, Json, endpoint
from chalicelib.spending.checkout.answers import captured_answer, held_answer, refunded_answer, released_answer
from chalicelib.spending.checkout.bodies import CaptureIn, DeductionRefundIn, HoldIn, MyQuotedIn, QuoteIn, order_of
from chalicelib.spending.checkout.capture import capture_deduction
from chalicelib.spending.checkout.deduct import hold_deduction, release_deduction
from chalicelib.spending.checkout.refund import Asked, refund_deduction
from chalicelib.spending.checkout.routes import answer_quote, quote_of
from chalicelib.spending.checkout.table import open_checkout

bp = Blueprint(__name__)


@bp.route("/ingest/checkout-quotes", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=order_feed, body=QuoteIn)
def post_checkout_quote(call: Call) -> Json:
    """What the points of whom the shop serves may pay of an order; as the member's own quote."""
    return answer_quote(call, _served(call.body.member))


@bp.route("/ingest/checkout-holds", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=order_feed, body=HoldIn)
def post_checkout_hold(call: Call) -> Json:
    """Set a quote's points aside, until `release_at`; the first answer is repeated, whoever got it."""
    quote, terms = quote_of(call.body.quote, call.now), terms_at(call.now)
    held = hold_deduction(
        _served(call.body.member), quote, actor=call.caller.id, ledger=open_ledger(), terms=terms, now=call.now
    )
    return held_answer(held, quote, terms.zone)


@bp.route("/ingest/checkout-captures", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=order_feed, body=CaptureIn)
def post_checkout_capture(call: Call) -> Json:
    """The order was paid: its held points are spent and tied to it, line by line; the first answer is repeated.

    With fewer `points` than held the rest goes back. Refused (40952) once the points were released, or `release_at` has
    passed: then the order's money falls short by what they were to pay.
    """
    quote = quote_of(call.body.quote, call.now)
    captured = capture_deduction(
        _served(call.body.member),
        quote,
        call.body.basket(),
        call.body.points,
        order_of(call.body.order),
        actor=call.caller.id,
        table=open_checkout(),
        ledger=open_ledger(),
        book=_book_with(quote.terms_version),
        now=call.now,
    )
    return captured_answer(captured, terms_at(call.now).zone)


@bp.route("/ingest/checkout-releases", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=order_feed, body=MyQuotedIn)
def post_checkout_release(call: Call) -> Json:
    """The order was cancelled: its held points are the member's again; the first answer is repeated."""
    quote, terms = quote_of(call.body.quote, call.now), terms_at(call.now)
    released = release_deduction(None, quote, actor=call.caller.id, ledger=open_ledger(), terms=terms, now=call.now)
    return released_answer(released, quote)


@bp.route("/ingest/checkout-refunds", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=order_feed, body=DeductionRefundIn)
def post_checkout_refund(call: Call) -> Json:
    """Give back the points of what was refunded, each line's share with the line; once for each refund number.

    A refund that the order feed tells of an order with `points_fen` does the same; under the same number it is one.
    """
    asked, terms = call.body, terms_at(call.now)
    done = refund_deduction(
        Asked(
            asked.platform,
            asked.order_no,
            asked.refund_no,
            asked.line_refunds(),
            asked.freight_fen,
            asked.refunded_fen,
        ),
        actor=call.caller.id,
        table=open_checkout(),
        ledger=open_ledger(),
        terms=terms,
        now=call.now,
    )
    return refunded_answer(done, terms.zone)


def _book_with(version: int) -> TermsBook:
    """The book, read again where another function has quoted by a version that this one has not read yet."""
    book = terms_book()
    if all(terms.version != version for terms in book.versions):
        forget()
        book = terms_book()
    return book


def _served(named: MemberIn) -> str:
    """Whom the shop serves: a member's id, or a buyer of a platform who is bound to a member."""
    is_buyer = named.platform is not None and named.buyer_id is not None
    is_half = not is_buyer and (named.platform is not None or named.buyer_id is not None)
    if is_half or is_buyer == (named.member_id is not None):
        raise JifenError(Code.INVALID_REQUEST, "member应为member_id,或platform与buyer_id", field="member")
    if named.member_id is not None:
        if unknown_members([named.member_id]):
            raise JifenError(Code.MEMBER_NOT_FOUND, field="member")
        return named.member_id
    buyer = Identity(named.platform or "", named.buyer_id or "")
    found = find_members([buyer])
    if buyer not in found:
        raise JifenError(Code.MEMBER_NOT_FOUND, field="member")
    return found[buyer]
