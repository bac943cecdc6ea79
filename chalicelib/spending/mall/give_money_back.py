"""The money of a redemption goes back to who paid it (退款), once, under one number, however often it is asked for."""

from __future__ import annotations

from chalicelib.connect.faults import Kind
from chalicelib.connect.wechat_pay.api import PayApi
from chalicelib.connect.wechat_pay.declined import Declined
from chalicelib.connect.wechat_pay.mall_notice import MALL_PREFIX
from chalicelib.connect.wechat_pay.refunds import RefundAsked, RefundState, refund
from chalicelib.runtime import log
from chalicelib.spending.mall.desk import Desk
from chalicelib.spending.mall.model import Money, Redemption


def refund_number(redemption_id: str) -> str:
    """The one number under which a redemption's money goes back."""
    return f"{MALL_PREFIX}{redemption_id}-1"


def give_money_back(found: Redemption, *, desk: Desk, api: PayApi) -> Redemption:
    """Ask WeChat Pay to give back a redemption's money, and note how that stands. Again asks the same once more.

    Raises Unreached, Unanswered and what was declined for now: the sweep asks again. What is declined for good, or came
    back to the merchant, is `stuck`.
    """
    if found.money is not Money.REFUNDING:
        return found
    asked = RefundAsked(
        refund_number(found.id), MALL_PREFIX + found.id, found.cash_fen, found.cash_fen, found.reason or "兑换已取消"
    )
    try:
        state = refund(api, asked).state
    except Declined as no:
        if no.kind is not Kind.INVALID:
            raise
        state = RefundState.CLOSED
    return note_refund(found, state, desk=desk)


def note_refund(found: Redemption, state: RefundState, *, desk: Desk) -> Redemption:
    """Note how a redemption's refund ended; one that is still on its way changes nothing."""
    if state is RefundState.PROCESSING or found.money is not Money.REFUNDING:
        return found
    money = Money.REFUNDED if state is RefundState.DONE else Money.STUCK
    after = found._replace(money=money, version=found.version + 1)
    desk.mall.change(after)
    log.outcome("redemption_refund", redemption=found.id, state=str(money))
    return after
