"""What points paid of an order (已抵扣), line by line, and what refunds gave back of it. Pure.

A line's points come back with its money: once so much of the money for it was refunded, so many of its points are back,
rounded down, and all of them with its last fen. Of a line that points paid whole their worth stands for the money.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

from chalicelib.errors import Code, JifenError
from chalicelib.programme.activity import split
from chalicelib.spending.checkout.basket import FREIGHT, Basket, payable

MAX_REFUNDS = 40


class Share(NamedTuple):
    """What points paid of one line, or of the freight; `base_fen` is what of it can be refunded: the money that was
    paid for it, after coupon and points.
    """

    line_no: str
    quantity: int
    base_fen: int
    points: int
    fen: int
    is_whole: bool = False
    """Points paid all of it: `base_fen` is no money but what they were worth."""


class LineRefund(NamedTuple):
    """What of a line is refunded: so many pieces, or so many fen."""

    line_no: str
    quantity: int = 0
    refunded_fen: int = 0


class Back(NamedTuple):
    """What of one line's points came back with a refund, and what they had paid."""

    line_no: str
    points: int
    fen: int


class GivenBack(NamedTuple):
    """One refund as it was answered."""

    refund_no: str
    input_hash: str
    at: datetime
    lines: tuple[Back, ...]

    @property
    def points(self) -> int:
        return sum(line.points for line in self.lines)

    @property
    def fen(self) -> int:
        return sum(line.fen for line in self.lines)


class Refunded(NamedTuple):
    """How much of a line was refunded so far."""

    fen: int = 0
    quantity: int = 0


class Deducted(NamedTuple):
    """A captured deduction, tied to its order for ever."""

    platform: str
    order_no: str
    member_id: str
    hold_id: str
    points: int
    fen: int
    terms_version: int
    captured_at: datetime
    shares: tuple[Share, ...]
    refunded: Mapping[str, Refunded] = MappingProxyType({})
    """By line number, where anything was."""
    refunds: Mapping[str, GivenBack] = MappingProxyType({})
    """By refund number."""
    version: int = 1


def shares_of(basket: Basket, weights: Sequence[int], points: int, fen: int) -> tuple[Share, ...]:
    """What each part of a basket gets of `points` and of the `fen` they pay, in proportion to `weights`."""
    of_points, of_fen = split(points, weights), split(fen, weights)
    return tuple(
        Share(
            part.line_no,
            part.quantity,
            left_fen - own_fen or own_fen,
            own_points,
            own_fen,
            is_whole=0 < left_fen == own_fen,
        )
        for part, left_fen, own_points, own_fen in zip(basket.parts, payable(basket), of_points, of_fen, strict=True)
    )


def points_back(share: Share, refunded_fen: int) -> int:
    """How many of a line's points are back once so many fen of it were refunded."""
    return share.points * refunded_fen // share.base_fen if share.base_fen else 0


def fen_back(share: Share, refunded_fen: int) -> int:
    """The same of what they had paid."""
    return share.fen * refunded_fen // share.base_fen if share.base_fen else 0


def refunded_after(
    deducted: Deducted, lines: Sequence[LineRefund], freight_fen: int, whole_fen: int | None
) -> dict[str, Refunded]:
    """How much of each line is refunded after one more refund.

    What `whole_fen` says beyond its lines and freight is for the order at large. Raises ORDER_CHANGED for a line that
    the order has not, REFUND_EXCEEDS_ORDER for more than is left, INVALID_REQUEST when the whole is less than its
    parts.
    """
    shares = {share.line_no: share for share in deducted.shares}
    after = dict(deducted.refunded)
    stated_fen = freight_fen
    for place, line in enumerate(lines):
        share = shares.get(line.line_no)
        if share is None or line.line_no == FREIGHT:
            raise JifenError(Code.ORDER_CHANGED, "这笔订单没有这条明细", field=f"lines.{place}.line_no")
        before = after.get(line.line_no, Refunded())
        after[line.line_no] = _line_after(share, before, line, f"lines.{place}")
        stated_fen += after[line.line_no].fen - before.fen
    if freight_fen:
        after[FREIGHT] = _line_after(
            shares[FREIGHT], after.get(FREIGHT, Refunded()), LineRefund(FREIGHT, 0, freight_fen), "freight_fen"
        )
    rest_fen = 0 if whole_fen is None else whole_fen - stated_fen
    if rest_fen < 0:
        raise JifenError(Code.INVALID_REQUEST, "refunded_fen小于明细与运费之和", field="refunded_fen")
    return _spread(deducted.shares, after, rest_fen) if rest_fen else after


def fitted_after(
    deducted: Deducted, by_line: Mapping[str, int], freight_fen: int, whole_fen: int
) -> dict[str, Refunded]:
    """The same of a refund that has happened, whatever it says. A shop may count in what coupon and points had covered:
    what goes beyond a line's money, or the order's, is no money; what is for an unknown line is for the order at large.
    """
    after = dict(deducted.refunded)
    rest_fen = whole_fen
    for line_no, stated_fen in [*by_line.items(), (FREIGHT, freight_fen)]:
        share = next((one for one in deducted.shares if one.line_no == line_no), None)
        if share is not None:
            before = after.get(line_no, Refunded())
            after[line_no] = before._replace(fen=min(before.fen + stated_fen, share.base_fen))
            rest_fen -= stated_fen
    left_fen = sum(share.base_fen - after.get(share.line_no, Refunded()).fen for share in deducted.shares)
    return _spread(deducted.shares, after, min(max(0, rest_fen), left_fen))


def given_back(
    deducted: Deducted, after: Mapping[str, Refunded], refund_no: str, *, input_hash: str, at: datetime
) -> tuple[Deducted, GivenBack]:
    """The deduction after a refund, and what that gives back. Raises TOO_MANY_REFUNDS."""
    if len(deducted.refunds) >= MAX_REFUNDS:
        raise JifenError(Code.TOO_MANY_REFUNDS, field="refund_no")
    lines = []
    for share in deducted.shares:
        before, now = deducted.refunded.get(share.line_no, Refunded()), after.get(share.line_no, Refunded())
        points = points_back(share, now.fen) - points_back(share, before.fen)
        fen = fen_back(share, now.fen) - fen_back(share, before.fen)
        if points or fen:
            lines.append(Back(share.line_no, points, fen))
    back = GivenBack(refund_no, input_hash, at, tuple(lines))
    refunds = {**deducted.refunds, refund_no: back}
    return deducted._replace(refunded=dict(after), refunds=refunds, version=deducted.version + 1), back


def _line_after(share: Share, before: Refunded, line: LineRefund, field: str) -> Refunded:
    pieces = before.quantity + line.quantity
    fen = before.fen + line.refunded_fen
    if line.quantity and pieces <= share.quantity:
        # By pieces counted from the first one on, so that all of them come to all of the line; of a line of which some
        # fen are back already they bring what is left.
        own_fen = share.base_fen * pieces // share.quantity - share.base_fen * before.quantity // share.quantity
        left_fen = share.base_fen - before.fen
        fen += min(own_fen, left_fen) if left_fen else own_fen
    if pieces > share.quantity or fen > share.base_fen:
        raise JifenError(Code.REFUND_EXCEEDS_ORDER, "超过这条明细还可退的部分", field=field)
    return Refunded(fen, pieces)


def _spread(shares: Sequence[Share], after: dict[str, Refunded], rest_fen: int) -> dict[str, Refunded]:
    """A refund of the order at large: over what is left of its lines, then over what is left of its freight.

    When it is just all the money that is left the order has come back: so has what points alone had paid for.
    """
    left = [share.base_fen - after.get(share.line_no, Refunded()).fen for share in shares]
    if rest_fen and rest_fen == sum(fen for share, fen in zip(shares, left, strict=True) if not share.is_whole):
        rest_fen = sum(left)
    of_goods = [0 if share.line_no == FREIGHT else fen for share, fen in zip(shares, left, strict=True)]
    on_goods_fen = min(rest_fen, sum(of_goods))
    on_freight_fen = rest_fen - on_goods_fen
    if on_freight_fen > sum(left) - sum(of_goods):
        raise JifenError(Code.REFUND_EXCEEDS_ORDER, field="refunded_fen")
    for share, fen in zip(shares, split(on_goods_fen, of_goods), strict=True):
        more_fen = on_freight_fen if share.line_no == FREIGHT else fen
        if more_fen:
            before = after.get(share.line_no, Refunded())
            after[share.line_no] = before._replace(fen=before.fen + more_fen)
    return after
