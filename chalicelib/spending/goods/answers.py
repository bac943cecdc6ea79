"""What members own, as they and staff are told of it."""

from __future__ import annotations

from datetime import date
from typing import Any

from chalicelib.runtime.clock import in_zone
from chalicelib.spending.goods.model import CouponState, OwnedBadge, OwnedCoupon
from chalicelib.spending.goods.trail import Line

Answer = dict[str, Any]


def trail_answer(line: Line, zone: str) -> Answer:
    """A line of a trail; `facts` are the action's own."""
    return {
        "at": in_zone(line.at, zone),
        "by": line.by,
        "action": line.action,
        "reason": line.reason,
        "facts": dict(line.facts),
    }


def coupon_answer(coupon: OwnedCoupon, on: date, zone: str) -> Answer:
    """A coupon of a member."""
    is_over = coupon.is_over(on)
    return {
        "code": coupon.code,
        "name": coupon.name,
        "face_fen": coupon.face_fen,
        "min_order_fen": coupon.min_order_fen,
        "until_on": coupon.until_on.isoformat(),
        "state": "expired" if is_over else str(coupon.state),
        "can_use": coupon.state is CouponState.ISSUED and not is_over,
        "source": coupon.source,
        "issued_at": in_zone(coupon.issued_at, zone),
        "used": {
            "platform": coupon.use.platform,
            "order_no": coupon.use.order_no,
            "order_fen": coupon.use.order_fen,
            "used_at": in_zone(coupon.use.used_at, zone),
        }
        if coupon.use
        else None,
    }


def badge_answer(badge: OwnedBadge, zone: str) -> Answer:
    """An honour of a member."""
    return {"badge": badge.badge, "name": badge.name, "given_at": in_zone(badge.given_at, zone)}
