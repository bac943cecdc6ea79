"""Staff settle a dispute: an order that nobody has is given to a member, with a reason that stays with it.

An order that has a member keeps him: its guard belongs to him for ever, and so do the refunds that may still come. What
two members owe each other then is an adjustment of each, by two people.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from chalicelib.earning.claims_table import ClaimsTable
from chalicelib.earning.order import Order
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import business_on
from chalicelib.runtime import log

ATTEMPTS = 4


class Assigned(NamedTuple):
    """Whose order it is; `replayed` when it was so before this call."""

    order: Order
    replayed: bool


def known_order(order_key: str, *, claims: ClaimsTable) -> Order:
    """An order as it stands, perhaps with nothing but claims that wait for it; raises ORDER_NOT_FOUND."""
    found = claims.orders.orders([order_key])
    if not found:
        raise JifenError(Code.ORDER_NOT_FOUND, "没有收到过这笔订单,也没有人在等待它", field="order_no")
    return found[0]


def assign_order(
    order_key: str, member_id: str, *, by: str, why: str, claims: ClaimsTable, zone: str, now: datetime
) -> Assigned:
    """Give an order to a member; the stream then credits it as of now. Who did so and why stands on the order, in its
    entry's facts and in the log.

    Raises ORDER_NOT_FOUND while its payment is not known, ORDER_OWNED when it has another member.
    """
    for _ in range(ATTEMPTS):
        order = known_order(order_key, claims=claims)
        if order.paid is None:
            raise JifenError(Code.ORDER_NOT_FOUND, "还没有收到这笔订单", field="order_no")
        if order.member_id == member_id:
            return Assigned(order, replayed=True)
        if order.member_id:
            raise JifenError(Code.ORDER_OWNED, "订单已归属其他会员,不能改归属;如需更正请对两个会员分别提交积分调整")
        failed = claims.assign(order, member_id, by=by, why=why, now=now, on=business_on(now, zone))
        if not failed:
            log.outcome("order_assigned", order=order_key, member_id=member_id, actor=by)
            return Assigned(order._replace(member_id=member_id, bound_by=by, bound_why=why), replayed=False)
    raise JifenError(Code.BUSY, retry_after_seconds=1)
