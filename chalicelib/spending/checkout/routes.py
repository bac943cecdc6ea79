"""The checkout over HTTP for members, in the brand's own mini-program: what points may pay, set aside, given up.

A member cannot say that an order was paid: only the shop's server captures (feed_routes.py).
"""

from __future__ import annotations

import secrets
from datetime import datetime

from chalice.app import Blueprint

from chalicelib.ledger.table import open_ledger
from chalicelib.members.access import member
from chalicelib.programme.table import terms_at
from chalicelib.runtime import secret_values
from chalicelib.runtime.edge import JSON_BODY, Call, Json, endpoint
from chalicelib.runtime.settings import settings
from chalicelib.spending.checkout.answers import held_answer, quote_answer, released_answer
from chalicelib.spending.checkout.bodies import MyQuotedIn, MyQuoteIn, order_of
from chalicelib.spending.checkout.deduct import hold_deduction, quote_deduction, release_deduction
from chalicelib.spending.checkout.quote import Quote, read_quote, signed
from chalicelib.spending.checkout.table import open_checkout

bp = Blueprint(__name__)


@bp.route("/me/checkout-quotes", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=member, body=MyQuoteIn)
def post_my_checkout_quote(call: Call) -> Json:
    """What the member's points may pay of an order: never refused for too many, fewer are used, and why is said.

    `quote` may be taken up once, within ten minutes; it is null when no points are used.
    """
    return answer_quote(call, call.caller.id)


@bp.route("/me/checkout-holds", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=member, body=MyQuotedIn)
def post_my_checkout_hold(call: Call) -> Json:
    """Set a quote's points aside for the order, until `release_at`; the first answer is repeated."""
    quote, terms = quote_of(call.body.quote, call.now), terms_at(call.now)
    held = hold_deduction(call.caller.id, quote, actor=call.caller.id, ledger=open_ledger(), terms=terms, now=call.now)
    return held_answer(held, quote, terms.zone)


@bp.route("/me/checkout-releases", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=member, body=MyQuotedIn)
def post_my_checkout_release(call: Call) -> Json:
    """Give up the member's own held points' use: they are his again; the first answer is repeated."""
    quote, terms = quote_of(call.body.quote, call.now), terms_at(call.now)
    released = release_deduction(
        call.caller.id, quote, actor=call.caller.id, ledger=open_ledger(), terms=terms, now=call.now
    )
    return released_answer(released, quote)


def answer_quote(call: Call, member_id: str) -> Json:
    """A quote of the call's basket for a member."""
    terms = terms_at(call.now)
    quoted = quote_deduction(
        member_id,
        call.body.basket(),
        call.body.points,
        order_of(call.body.order),
        quote_id=secrets.token_hex(12),
        table=open_checkout(),
        ledger=open_ledger(),
        terms=terms,
        now=call.now,
    )
    text = None
    if quoted.quote:
        text = signed(quoted.quote, secret_values.current(settings().quote_secret, call.now))
    return quote_answer(quoted, text, terms.zone)


def quote_of(text: str, now: datetime) -> Quote:
    """The quote a caller sends back; raises QUOTE_INVALID."""
    return read_quote(text, secret_values.current_and_previous(settings().quote_secret, now))
