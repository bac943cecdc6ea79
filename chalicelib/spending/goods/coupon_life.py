"""What can become of a coupon: used for one order, back from an order that was cancelled, cancelled. Pure.

News of an order may come twice and in any order: what an order did is remembered with the coupon. An order whose
cancellation was told can never use the coupon, not even when its use is told later.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import NamedTuple

from chalicelib.errors import Code, JifenError
from chalicelib.spending.goods.model import CouponState, OwnedCoupon, Use, order_key

GRACE_DAYS = 7
"""A coupon that comes back after its last day can be used for so many business days more, the day it comes included."""
MOST_RETURNS = 20
"""A coupon that came back so often is no longer taken: somebody is playing with orders."""


class Order(NamedTuple):
    """An order of one of the brand's shops or tills."""

    platform: str
    order_no: str

    @property
    def key(self) -> str:
        return order_key(self.platform, self.order_no)


def used(coupon: OwnedCoupon, order: Order, order_fen: int, *, on: date, now: datetime) -> OwnedCoupon | None:
    """The coupon used for an order that comes to `order_fen` before it; None when it was used for that order already.

    Raises COUPON_STATE with the reason fit for the buyer, KEY_REUSED when the same order came with another amount.
    """
    if coupon.state is CouponState.CANCELLED:
        raise JifenError(Code.COUPON_STATE, "这张优惠券已作废")
    if coupon.state is CouponState.USED and coupon.use:
        if coupon.use.order != order.key:
            raise JifenError(Code.COUPON_STATE, "这张优惠券已使用")
        if coupon.use.order_fen != order_fen:
            raise JifenError(Code.KEY_REUSED, field="order_fen")
        return None
    _require_usable(coupon, order, order_fen, on)
    use = Use(order.platform, order.order_no, now, order_fen)
    return coupon._replace(state=CouponState.USED, use=use, version=coupon.version + 1)


def _require_usable(coupon: OwnedCoupon, order: Order, order_fen: int, on: date) -> None:
    if order.key in coupon.returned:
        raise JifenError(Code.COUPON_STATE, "这笔订单已取消,不能再用这张优惠券")
    if len(coupon.returned) >= MOST_RETURNS:
        raise JifenError(Code.COUPON_STATE, "这张优惠券退回次数过多,请联系客服")
    if on > coupon.until_on:
        raise JifenError(Code.COUPON_STATE, f"这张优惠券已于{coupon.until_on}到期")
    if order_fen < coupon.min_order_fen:
        missing = coupon.min_order_fen - order_fen
        raise JifenError(Code.COUPON_STATE, f"还差{missing // 100}.{missing % 100:02d}元可用", field="order_fen")


def returned(coupon: OwnedCoupon, order: Order, *, on: date) -> OwnedCoupon | None:
    """The coupon back from an order that was cancelled, usable again until its last day; over by then, for GRACE_DAYS.

    Of an order that did not use it, or not yet, only the cancellation is remembered. None when there is nothing to
    change: it was told before, or the coupon was cancelled.
    """
    is_of_order = coupon.use is not None and coupon.use.order == order.key
    if coupon.state is CouponState.CANCELLED or (order.key in coupon.returned and not is_of_order):
        return None
    if not is_of_order and len(coupon.returned) >= MOST_RETURNS:
        return None  # nothing can use it any more, so there is nothing to remember
    known = coupon._replace(returned=(*coupon.returned, order.key), version=coupon.version + 1)
    if not is_of_order:
        return known
    if coupon.is_withdrawn:
        return known._replace(state=CouponState.CANCELLED, use=None)
    until_on = coupon.until_on if on <= coupon.until_on else on + timedelta(days=GRACE_DAYS - 1)
    return known._replace(state=CouponState.ISSUED, use=None, until_on=until_on)


def withdrawn(coupon: OwnedCoupon) -> OwnedCoupon | None:
    """The coupon when what it was given for comes back: unusable, at once or as soon as its order gives it back. None
    when there is nothing to change.
    """
    if coupon.state is CouponState.USED:
        return None if coupon.is_withdrawn else coupon._replace(is_withdrawn=True, version=coupon.version + 1)
    return cancelled(coupon)


def cancelled(coupon: OwnedCoupon) -> OwnedCoupon | None:
    """The coupon as one that nobody can use any more; None when it is that. Raises COUPON_STATE when it was used."""
    if coupon.state is CouponState.CANCELLED:
        return None
    if coupon.state is CouponState.USED:
        raise JifenError(Code.COUPON_STATE, f"优惠券{coupon.code}已使用,不能作废或退回")
    return coupon._replace(state=CouponState.CANCELLED, version=coupon.version + 1)
