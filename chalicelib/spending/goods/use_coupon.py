"""Coupons as the brand's shops and tills use them, and as staff cancel them: each change once, with its line."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import NamedTuple

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.table import LedgerTable
from chalicelib.spending.goods.coupon_life import Order, cancelled, returned, used
from chalicelib.spending.goods.model import OwnedCoupon
from chalicelib.spending.goods.table import GoodsTable
from chalicelib.spending.goods.trail import Line

ATTEMPTS = 5
FEED = "order_feed"


class Change(NamedTuple):
    """A coupon as it shall stand, and the line that says why."""

    after: OwnedCoupon
    line: Line


class Settled(NamedTuple):
    """A coupon as it stands, and whether it stood so before."""

    coupon: OwnedCoupon
    replayed: bool


def use_coupon(
    code: str,
    order: Order,
    order_fen: int,
    *,
    member_id: str = "",
    goods: GoodsTable,
    ledger: LedgerTable,
    on: date,
    now: datetime,
) -> Settled:
    """Use a coupon for one order; the same again answers what stands. `member_id`, where the shop knows who buys.

    Raises COUPON_NOT_FOUND, also for one of another member; COUPON_STATE, KEY_REUSED, BUSY.
    """

    line = Line("used", FEED, now, facts={**order._asdict(), "order_fen": order_fen})

    def change(coupon: OwnedCoupon) -> Change | None:
        if member_id not in ("", coupon.member_id) and not ledger.read(member_id).is_of(coupon.member_id):
            raise JifenError(Code.COUPON_NOT_FOUND)
        after = used(coupon, order, order_fen, on=on, now=now)
        return Change(after, line) if after else None

    return _settled(code, change, goods)


def return_coupon(code: str, order: Order, reason: str, *, goods: GoodsTable, on: date, now: datetime) -> Settled:
    """The order was cancelled: the coupon can be used again; raises COUPON_NOT_FOUND, BUSY."""

    def change(coupon: OwnedCoupon) -> Change | None:
        after = returned(coupon, order, on=on)
        action = "returned" if after and after.use != coupon.use else "order_cancelled"
        return Change(after, Line(action, FEED, now, reason, order._asdict())) if after else None

    return _settled(code, change, goods)


def cancel_coupon(code: str, reason: str, *, by: str, goods: GoodsTable, now: datetime) -> Settled:
    """Make a coupon unusable; again is no change. Raises COUPON_NOT_FOUND, COUPON_STATE when it was used, BUSY."""

    def change(coupon: OwnedCoupon) -> Change | None:
        after = cancelled(coupon)
        return Change(after, Line("cancelled", by, now, reason)) if after else None

    return _settled(code, change, goods)


def _settled(code: str, change: Callable[[OwnedCoupon], Change | None], goods: GoodsTable) -> Settled:
    """The change made on what stands; who lost a race judges anew what the winner left."""
    for _ in range(ATTEMPTS):
        coupon = goods.coupon(code)
        changed = change(coupon)
        if changed is None:
            return Settled(coupon, replayed=True)
        if goods.change_coupon(changed.after, changed.line):
            return Settled(changed.after, replayed=False)
    raise JifenError(Code.BUSY, retry_after_seconds=1)
