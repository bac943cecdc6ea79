"""The money of a redemption goes back to who paid it (退款), once, under one number, however often it is asked for."""

from __future__ import annotations

from datetime import datetime

from chalicelib.connect.faults import Kind
from chalicelib.connect.wechat_pay.api import PayApi
from chalicelib.connect.wechat_pay.declined import Declined
from chalicelib.connect.wechat_pay.mall_notice import MALL_PREFIX
from chalicelib.connect.wechat_pay.refunds import RefundAsked, RefundState, refund
from chalicelib.runtime import log
from chalicelib.spending.goods.trail import Line
from chalicelib.spending.mall.desk import Desk
from chalicelib.spending.mall.model import Money, Redemption, RedemptionState
from chalicelib.spending.mall.revise import Step, revise

BY_WECHAT_PAY = "wechat_pay"
"""Who did what WeChat Pay told of."""


def refund_number(redemption_id: str) -> str:
    """The one number under which a redemption's money goes back."""
    return f"{MALL_PREFIX}{redemption_id}-1"


def give_money_back(found: Redemption, *, desk: Desk, api: PayApi) -> Redemption:
    """Ask WeChat Pay to give back a redemption's money, and note how that stands. Again asks the same once more;
    where no money is on its way back nothing is asked.

    Raises Unreached, Unanswered and what was declined for now: the sweep asks again. What is declined for good, or came
    back to the merchant, is `stuck`. Raises BUSY.
    """
    if found.money is not Money.REFUNDING:
        return found
    number, fen = refund_number(found.id), found.cash_fen
    try:
        state = refund(api, RefundAsked(number, MALL_PREFIX + found.id, fen, fen, _told(found))).state
    except Declined as no:
        if no.kind is not Kind.INVALID:
            raise
        return note_refund(found.id, RefundState.CLOSED, desk=desk, now=api.now, why=no.code)
    return found if state is RefundState.PROCESSING else note_refund(found.id, state, desk=desk, now=api.now)


def note_refund(redemption_id: str, state: RefundState, *, desk: Desk, now: datetime, why: str = "") -> Redemption:
    """Note how a redemption's refund ended; one that is still on its way changes nothing. What was stuck may be given
    back yet, by people on WeChat Pay's console. Raises REDEMPTION_NOT_FOUND and BUSY.
    """

    def judge(found: Redemption) -> Step | None:
        money = Money.REFUNDED if state is RefundState.DONE else Money.STUCK
        if state is RefundState.PROCESSING or found.money not in (Money.REFUNDING, Money.STUCK) or found.money is money:
            return None
        action, reason = ("refunded", "") if money is Money.REFUNDED else ("refund_stuck", why or state.value)
        line = Line(action, BY_WECHAT_PAY, now, reason, {"fen": found.cash_fen})
        return Step(found._replace(money=money), line)

    noted = revise(redemption_id, judge, mall=desk.mall)
    if not noted.replayed:
        log.outcome("redemption_refund", redemption=redemption_id, state=str(noted.redemption.money))
    return noted.redemption


def _told(found: Redemption) -> str:
    """Why, as the payer reads it: never what staff wrote."""
    return found.reason if found.state is RedemptionState.LAPSED else "兑换已取消"
