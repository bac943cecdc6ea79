"""Claims as members and staff read them: plain JSON, times with the programme's offset."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.earning.order import Order
from chalicelib.earning.order_claim import OrderClaim, State
from chalicelib.programme.claims import platform_name
from chalicelib.runtime.clock import in_zone

Answer = dict[str, Any]
STATES = {
    State.WAITING: "已提交,核对后到账",
    State.OWNED: "已认领,积分按规则到账",
    State.LAPSED: "未查到符合的订单,请核对后重新提交",
}


def claim_answer(claim: OrderClaim, zone: str) -> Answer:
    """A claim as its member sees it; one that waits looks the same whatever it waits for."""
    return {
        "platform": claim.platform,
        "platform_name": platform_name(claim.platform),
        "order_no": claim.order_no,
        "state": claim.state.value,
        "state_text": STATES[claim.state],
        "claimed_at": in_zone(claim.claimed_at, zone),
        "waits_until_on": claim.waits_until_on.isoformat(),
    }


def disputed_answer(order: Order, claims: Mapping[str, OrderClaim], zone: str) -> Answer:
    """An order and who claims it, as staff see it; `fits` says whether what the claim states is right of the order."""
    paid = order.paid
    fits = {one.member_id: one.fits(paid) for one in order.waiting} if paid else {}
    return {
        **owner_answer(order),
        "paid_at": in_zone(paid.paid_at, zone) if paid else None,
        "paid_fen": paid.paid_fen if paid else None,
        "refunded_fen": sum(refund.refunded_fen for refund in order.refunds.values()),
        "store_id": (paid.store_id if paid else "") or None,
        "guide_id": (paid.guide_id if paid else "") or None,
        "has_phone": bool(paid and paid.phone_tail),
        "claims": [
            {"member_id": member_id, **claim_answer(claim, zone), "fits": fits.get(member_id)}
            for member_id, claim in claims.items()
        ],
    }


def owner_answer(order: Order) -> Answer:
    """Whose an order is, and how it became his."""
    platform, _, order_no = order.key.partition("#")
    return {
        "platform": platform,
        "order_no": order_no,
        "member_id": order.member_id or None,
        "bound_by": order.bound_by or None,
        "reason": order.bound_why or None,
    }
