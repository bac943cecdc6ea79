"""The money of a redemption is asked for (收银): an order at WeChat Pay under the redemption's own number."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from chalicelib.connect.wechat_pay.api import PayApi
from chalicelib.connect.wechat_pay.mall_notice import MALL_PREFIX
from chalicelib.connect.wechat_pay.orders import OrderAsked, Readiness, order_of, prepay
from chalicelib.errors import Code, JifenError
from chalicelib.spending.mall.desk import Desk
from chalicelib.spending.mall.model import Redemption, RedemptionState
from chalicelib.spending.mall.own import owned_redemption
from chalicelib.spending.mall.settle_payment import settle_paid


class Payment(NamedTuple):
    """A redemption, and the id to pay it by while it is unpaid."""

    redemption: Redemption
    prepay_id: str


def trade_number(redemption_id: str) -> str:
    """A redemption's number at WeChat Pay."""
    return MALL_PREFIX + redemption_id


def redemption_id_of(out_trade_no: str) -> str:
    """The other way round."""
    return out_trade_no.removeprefix(MALL_PREFIX)


def begin_payment(
    member_id: str, redemption_id: str, openid: str, *, desk: Desk, api: PayApi, now: datetime
) -> Payment:
    """Ask WeChat Pay for the order of an unpaid redemption; again answers the same order. What turns out to be paid is
    settled at once.

    Raises REDEMPTION_NOT_FOUND, REDEMPTION_STATE when it is not awaiting money (any more), Declined, Unreached,
    Unanswered.
    """
    found = owned_redemption(member_id, redemption_id, desk=desk)
    is_open = found.state is RedemptionState.UNPAID and found.pay_until_at is not None and now < found.pay_until_at
    if not is_open or found.pay_until_at is None:
        raise JifenError(Code.REDEMPTION_STATE, "这笔兑换不在待付款状态" if found.cash_fen else None)
    number = trade_number(found.id)
    asked = OrderAsked(number, found.name, found.cash_fen, openid, found.pay_until_at)
    prepaid = prepay(api, asked)
    if prepaid.readiness is Readiness.READY:
        return Payment(found, prepaid.prepay_id)
    order = order_of(api, number) if prepaid.readiness is Readiness.PAID else None
    if order is None:
        raise JifenError(Code.REDEMPTION_STATE, "支付单已关闭,请重新兑换")
    return Payment(settle_paid(found.id, order, desk=desk, api=api, now=now), "")
