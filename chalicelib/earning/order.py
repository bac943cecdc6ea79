"""One order of a shop as Jifen keeps it: what was paid, received and refunded, line by line; whose it is. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from types import MappingProxyType
from typing import NamedTuple

from chalicelib.errors import Code, JifenError

MAX_LINES = 100
"""Lines of one order or refund; with MAX_REFUNDS an order's item stays well below DynamoDB's 400 KB."""
MAX_REFUNDS = 40
"""Refunds of one order: its guard then stays within one kilobyte and all of them fit one transaction."""


class Line(NamedTuple):
    """One line of an order: an article, how many of it, and what was paid for them all, in fen."""

    line_no: str
    sku: str
    category: str
    paid_fen: int
    quantity: int = 1


class Paid(NamedTuple):
    """A paid order as its platform reports it; amounts in fen.

    `paid_fen` is the order's whole total. With lines, theirs and the freight add up to it: what coupon, points and
    stored value covered is part of both.
    """

    platform: str
    order_no: str
    buyer_id: str
    paid_at: datetime
    paid_fen: int
    freight_fen: int = 0
    coupon_fen: int = 0
    points_fen: int = 0
    stored_value_fen: int = 0
    lines: tuple[Line, ...] = ()
    """By line number; empty when the platform gave none: the order is then one line."""
    is_pos: bool = False
    """Sold at a till of a shop, where the goods are handed over at once."""
    store_id: str = ""
    """The shop it was sold in, empty when not stated; so is the guide who served."""
    guide_id: str = ""
    phone: str = ""
    """The digest of the buyer's phone number, empty when it was not delivered whole."""
    phone_tail: str = ""
    """The digest of that number's last four digits on this order."""


class RefundedLine(NamedTuple):
    """The part of a refund that is for one line of its order."""

    line_no: str
    refunded_fen: int


class Refund(NamedTuple):
    """One refund of an order; it may be heard of before the order itself. Amounts in fen.

    `refunded_fen` is the whole value given back. `lines` and `freight_fen` say what of it was for which line and for
    the freight; the rest is for the order at large. `charged_fen` is what the shop kept back of it for points that were
    spent already.
    """

    platform: str
    order_no: str
    refund_no: str
    refunded_fen: int
    refunded_at: datetime
    freight_fen: int = 0
    charged_fen: int = 0
    lines: tuple[RefundedLine, ...] = ()


class GoodsReceived(NamedTuple):
    """The buyer confirmed that the goods have come (确认收货): once per order, perhaps heard of before the order."""

    platform: str
    order_no: str
    received_at: datetime


OrderFact = Paid | Refund | GoodsReceived


class Waiting(NamedTuple):
    """A member's claim to an order, as it waits on the order's own item: whoever writes the order sees it."""

    member_id: str
    claimed_at: datetime
    claimed_on: date
    since: datetime
    """The earliest payment it may be of: what the terms allowed when it was made."""
    paid_fen: int | None = None
    """The paid amount it states, None for none."""
    phone_tail: str = ""
    """The digest of the last four digits it states."""

    def fits(self, paid: Paid) -> bool:
        """Whether the order is young enough and all that the claim states is right of it."""
        return (
            paid.paid_at >= self.since
            and self.paid_fen in (None, paid.paid_fen)
            and (not self.phone_tail or self.phone_tail == paid.phone_tail)
        )


class Refunded(NamedTuple):
    """A refund as stored on its order; the amounts as in Refund, `lines` by line number."""

    refund_no: str
    refunded_fen: int
    refunded_at: datetime
    received_at: datetime
    """When the edge first saw it: the "now" of its take-back."""
    freight_fen: int = 0
    charged_fen: int = 0
    lines: tuple[RefundedLine, ...] = ()


class Order(NamedTuple):
    """What is known of an order: `paid` is None while only refunds or the receipt arrived, `member_id` is empty while
    nobody is bound.
    """

    key: str
    paid: Paid | None
    member_id: str = ""
    received_at: datetime | None = None
    """When the edge first saw it paid: set once, the "now" of its credit."""
    bound_at: datetime | None = None
    """When a waiting order found its member, if it had to wait."""
    refunds: Mapping[str, Refunded] = MappingProxyType({})
    """By refund number. Once the order is paid their lines and freight fit its own, see `fitted`."""
    goods_received_at: datetime | None = None
    """When the buyer confirmed the receipt of the goods."""
    goods_received_seen_at: datetime | None = None
    """When the edge first saw that confirmation: the "now" of what follows from it."""
    waiting: tuple[Waiting, ...] = ()
    """Claims that wait on it, the earliest first."""
    bound_by: str = ""
    """How it found its member, if not by its buyer: `claim`, or the staff id of who gave it to him."""
    bound_why: str = ""
    """The reason that staff gave."""


def order_key(platform: str, order_no: str) -> str:
    """The natural key of an order, the same for ever: `<platform>#<order number>`."""
    return f"{platform}#{order_no}"


def fitted(paid: Paid, refunds: Iterable[Refunded]) -> dict[str, Refunded]:
    """Refunds by number, their split brought into what the order has: no line gives back more than it was paid.

    A refund that came before its order could not be held against it. What it gives to a line (or to a freight) that the
    order has not, or beyond what that one still has, counts for the order at large; its whole amount stands. Refunds
    received earlier go first.
    """
    line_rests = {line.line_no: line.paid_fen for line in paid.lines}
    freight_rest = paid.freight_fen
    fit: dict[str, Refunded] = {}
    for refund in sorted(refunds, key=lambda one: (one.received_at, one.refund_no)):
        lines = []
        for line_no, stated_fen in refund.lines:
            if refunded_fen := min(stated_fen, line_rests.get(line_no, 0)):
                line_rests[line_no] -= refunded_fen
                lines.append(RefundedLine(line_no, refunded_fen))
        freight_fen = min(refund.freight_fen, freight_rest)
        freight_rest -= freight_fen
        fit[refund.refund_no] = refund._replace(lines=tuple(lines), freight_fen=freight_fen)
    return fit


def why_not(refund: Refund, order: Order) -> JifenError | None:
    """Why a new refund cannot be of this order as it is known, its field named; None when it can.

    Before the order is paid nothing but the number of refunds is held against it. An order without lines (or without a
    stated freight) cannot contradict a refund's split.
    """
    if len(order.refunds) >= MAX_REFUNDS:
        return JifenError(Code.TOO_MANY_REFUNDS, field="refund_no")
    paid = order.paid
    if paid is None:
        return None
    before = order.refunds.values()
    if refund.refunded_fen > paid.paid_fen - sum(one.refunded_fen for one in before):
        return JifenError(Code.REFUND_EXCEEDS_ORDER, field="refunded_fen")
    freight_rest = paid.freight_fen - sum(one.freight_fen for one in before)
    if paid.freight_fen and refund.freight_fen > freight_rest:
        return JifenError(Code.REFUND_EXCEEDS_ORDER, "退款运费超过这笔订单的运费", field="freight_fen")
    return _why_not_its_lines(refund, paid, before) if paid.lines else None


def _why_not_its_lines(refund: Refund, paid: Paid, before: Iterable[Refunded]) -> JifenError | None:
    rests = {line.line_no: line.paid_fen for line in paid.lines}
    for one in before:
        for line_no, refunded_fen in one.lines:
            rests[line_no] -= refunded_fen
    for place, (line_no, refunded_fen) in enumerate(refund.lines):
        if line_no not in rests:
            return JifenError(Code.ORDER_CHANGED, "这笔订单没有这条明细", field=f"lines.{place}.line_no")
        if refunded_fen > rests[line_no]:
            return JifenError(
                Code.REFUND_EXCEEDS_ORDER, "退款金额超过这条明细的金额", field=f"lines.{place}.refunded_fen"
            )
    return None
