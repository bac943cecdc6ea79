"""What the checkout's calls send: an order before points pay for any of it, in the words of the order feed."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from chalicelib.earning.behaviour_feed import MemberIn
from chalicelib.earning.order import MAX_LINES
from chalicelib.earning.order_feed import Fen, Label, LineNo, Number, Platform, Quantity, SomeFen
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import MAX_POINTS
from chalicelib.programme.activity import MAX_ORDER_FEN
from chalicelib.runtime.bodies import Body
from chalicelib.spending.checkout.basket import Basket, BasketLine
from chalicelib.spending.checkout.deduct import Order
from chalicelib.spending.checkout.deducted import LineRefund
from chalicelib.spending.checkout.quote import MAX_CHARS

SomePoints = Annotated[int, Field(ge=1, le=MAX_POINTS)]
QuoteText = Annotated[str, Field(min_length=1, max_length=MAX_CHARS, pattern=r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{43}$")]


class OrderNumber(Body):
    """The order that points pay for, as the order feed will name it."""

    platform: Platform
    order_no: Number


class BasketLineIn(Body):
    """One line, all pieces together. `paid_fen` as the order feed will tell it: what coupon and points cover is part of
    it; `coupon_fen` is this line's share of the coupon, if the shop has one.
    """

    line_no: LineNo
    sku: Label = ""
    category: Label = ""
    quantity: Quantity = 1
    paid_fen: Fen
    coupon_fen: Fen = 0


class BasketIn(Body):
    """`coupon_fen` is all that coupons take off, the lines' shares, too; what no line states is spread over them."""

    lines: Annotated[list[BasketLineIn], Field(min_length=1, max_length=MAX_LINES)]
    freight_fen: Fen = 0
    coupon_fen: Fen = 0

    def basket(self) -> Basket:
        """As the checkout judges it; refused when a line stands twice or it comes to more than an order can."""
        line_nos = [line.line_no for line in self.lines]
        for place, line_no in enumerate(line_nos):
            if line_no in line_nos[:place]:
                raise _bad(f"lines.{place}.line_no", "与前面的明细重复")
        if sum(line.paid_fen for line in self.lines) + self.freight_fen > MAX_ORDER_FEN:
            raise _bad("lines", "的金额过大")
        return Basket(tuple(BasketLine(**dict(line)) for line in self.lines), self.freight_fen, self.coupon_fen)


class MyQuoteIn(BasketIn):
    """`points` the member wants to use, as many as possible when left out; `order` once it has a number."""

    points: SomePoints | None = None
    order: OrderNumber | None = None


class QuoteIn(MyQuoteIn):
    """The same, of whom the shop serves."""

    member: MemberIn


class MyQuotedIn(Body):
    """A quote as it was answered."""

    quote: QuoteText


class HoldIn(MyQuotedIn):
    """A quote, and whose order it is: refused when it is another member's."""

    member: MemberIn


class CaptureIn(BasketIn):
    """The order as it was paid. `points` may be left out when it is as quoted and all that was held paid for it."""

    quote: QuoteText
    member: MemberIn
    order: OrderNumber
    points: SomePoints | None = None


class LineRefundIn(Body):
    """What of a line is refunded: so many pieces, or so many fen of the money paid for it."""

    line_no: LineNo
    quantity: Quantity | None = None
    refunded_fen: SomeFen | None = None


class DeductionRefundIn(Body):
    """A refund of an order that points paid a part of. Amounts are money, as it was paid after coupon and points; of
    what points paid whole, what they were worth.

    What `refunded_fen` says beyond lines and freight is for the order at large; left out, it is nothing beyond.
    """

    platform: Platform
    order_no: Number
    refund_no: Number
    lines: list[LineRefundIn] = Field(default_factory=list, max_length=MAX_LINES)
    freight_fen: Fen = 0
    refunded_fen: SomeFen | None = None

    def line_refunds(self) -> list[LineRefund]:
        """Its lines; refused when one stands twice or states not exactly one measure."""
        found: list[LineRefund] = []
        for place, line in enumerate(self.lines):
            if line.line_no in [one.line_no for one in found]:
                raise _bad(f"lines.{place}.line_no", "与前面的明细重复")
            if (line.quantity is None) == (line.refunded_fen is None):
                raise _bad(f"lines.{place}", "应写明quantity或refunded_fen其中一项")
            found.append(LineRefund(line.line_no, line.quantity or 0, line.refunded_fen or 0))
        return found


def order_of(order: OrderNumber | None) -> Order:
    """What names the order."""
    return Order(order.platform, order.order_no) if order else Order()


def _bad(field: str, reason: str) -> JifenError:
    return JifenError(Code.INVALID_REQUEST, field + reason, field=field)
