"""What WeChat Pay itself says of a payment or a refund of the mall's that a notice told of.

A notice is a hint: it may come twice, late, or after what it tells has changed. What is done goes by what stands now.
"""

from __future__ import annotations

from chalicelib.connect.wechat_pay.api import PayApi
from chalicelib.connect.wechat_pay.mall_notice import MallNotice, What
from chalicelib.connect.wechat_pay.orders import Order, State, order_of
from chalicelib.connect.wechat_pay.refunds import Refund, RefundState, refund_of


class Unconfirmed(Exception):
    """WeChat Pay says otherwise than its notice, or not yet the same: to be asked again."""


def confirmed_payment(notice: MallNotice, api: PayApi) -> Order:
    """The order as it stands, paid, or paid and refunded since; raises Unconfirmed, Declined, Unreached, Unanswered."""
    order = order_of(api, notice.out_trade_no)
    if order is None or order.state not in (State.PAID, State.REFUNDED):
        raise Unconfirmed("not paid")
    if (order.transaction_id, order.total_fen) != (notice.transaction_id, notice.total_fen):
        raise Unconfirmed("another payment")
    return order


def confirmed_refund(notice: MallNotice, api: PayApi) -> Refund:
    """The refund as it stands, at its end, which may be another than was told; raises as `confirmed_payment`."""
    refund = refund_of(api, notice.out_refund_no)
    if refund is None or refund.state is RefundState.PROCESSING:
        raise Unconfirmed("not at its end")
    if (refund.out_trade_no, refund.refund_fen) != (notice.out_trade_no, notice.refund_fen):
        raise Unconfirmed("another refund")
    return refund


def confirm(notice: MallNotice, api: PayApi) -> Order | Refund:
    """What stands of what was told: an order, or a refund."""
    return confirmed_payment(notice, api) if notice.what is What.PAID else confirmed_refund(notice, api)
