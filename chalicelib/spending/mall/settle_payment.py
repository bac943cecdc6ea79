"""What becomes of a redemption when its money is there, or is not: paid once, closed once, and no money is kept for
nothing.

Whatever WeChat Pay tells may come twice, late, or after the redemption was closed. Each step here is one transaction at
the redemption's version, with its line, so that of two at once one wins and the other finds what it left.
"""

from __future__ import annotations

from datetime import datetime

from chalicelib.connect.wechat_pay.api import PayApi
from chalicelib.connect.wechat_pay.orders import Order, State
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.hold import capture
from chalicelib.ledger.model import Account, Stock
from chalicelib.ledger.redeem import Purchase, redeem
from chalicelib.ledger.release import release
from chalicelib.runtime import log
from chalicelib.spending.goods.table import stock_returned
from chalicelib.spending.goods.trail import Line
from chalicelib.spending.mall.desk import Desk
from chalicelib.spending.mall.fulfil import BY_ITSELF
from chalicelib.spending.mall.give_money_back import BY_WECHAT_PAY, give_money_back
from chalicelib.spending.mall.model import ACTIVITY, Money, Redemption, RedemptionState, state_once_paid
from chalicelib.spending.mall.redeem_item import hold_id_of
from chalicelib.spending.mall.revise import ATTEMPTS, Step, next_version

OVERDUE = "超时未付款"
GIVEN_UP = "会员取消"
_RACED = (Code.REDEMPTION_STATE, Code.HOLD_CLOSED)
"""Somebody was first: it is judged anew."""


class WrongMoney(Exception):
    """What was paid is not what was asked, or went back by another's hand before it was ours: people must look."""


def settle_paid(redemption_id: str, order: Order, *, desk: Desk, api: PayApi, now: datetime) -> Redemption:
    """A redemption's money is there, as `order` (WeChat Pay's own word) says: its points are captured and it goes on.

    Where it was closed meanwhile the item's policy rules: the money goes back, or it is made after all. Again changes
    nothing. Raises WrongMoney, REDEMPTION_NOT_FOUND, what give_money_back raises, and BUSY when races would not end.
    """
    for _ in range(ATTEMPTS):
        found = _standing(redemption_id, desk)
        if found.money is not Money.AWAITED and order.total_fen == found.cash_fen:
            return give_money_back(found, desk=desk, api=api)
        if order.state is not State.PAID or order.total_fen != found.cash_fen:
            raise WrongMoney(redemption_id)
        paid = found._replace(money=Money.PAID, transaction_id=order.transaction_id, payer=order.openid)
        settle = _captured if found.state is RedemptionState.UNPAID else _late
        try:
            return settle(paid, desk, api, now)
        except JifenError as refused:
            if refused.code not in _RACED:
                raise
            if refused.code is Code.HOLD_CLOSED:
                lapse(redemption_id, desk=desk, now=now, reason=OVERDUE)
    raise JifenError(Code.BUSY, retry_after_seconds=1)


def lapse(redemption_id: str, *, desk: Desk, now: datetime, reason: str, by: str = BY_ITSELF) -> Redemption:
    """Close an unpaid redemption: its points and pieces go back, its limits are counted down. Again changes nothing.

    Only for who knows that WeChat Pay will take no money for it any more, or that what comes is settled as late.
    Raises REDEMPTION_NOT_FOUND and BUSY.
    """
    for _ in range(ATTEMPTS):
        found = _standing(redemption_id, desk)
        if found.state is not RedemptionState.UNPAID:
            return found
        closed = found._replace(state=RedemptionState.LAPSED, reason=reason)
        step = Step(closed, Line("lapsed", by, now, reason, {"points": found.points}))
        if after := _lapsed(step, desk):
            log.outcome("redemption_lapsed", redemption=found.id)
            return after
    raise JifenError(Code.BUSY, retry_after_seconds=1)


def _captured(paid: Redemption, desk: Desk, _api: PayApi, now: datetime) -> Redemption:
    """In time: its points are spent, and it goes on."""
    line = _money_line("paid", paid, now)
    goes_on = next_version(Step(paid._replace(state=state_once_paid(paid.delivery)), line))
    capture(
        paid.member_id,
        hold_id_of(paid.id),
        paid.points,
        actor=BY_WECHAT_PAY,
        ledger=desk.ledger,
        terms=desk.terms.ledger,
        now=now,
        text=f"兑换{paid.name}",
        also=desk.mall.revised(goes_on, line),
    )
    log.outcome("redemption_paid", redemption=paid.id)
    return goes_on


def _late(paid: Redemption, desk: Desk, api: PayApi, now: datetime) -> Redemption:
    """The money of a redemption that was closed before. Who gave it up himself is not given it after all."""
    listed = desk.mall.catalogue(now).get(paid.item_id)
    may_honour = listed and listed.item.late_payment == "honour" and not paid.offer_id
    if may_honour and paid.reason != GIVEN_UP:
        try:
            return _honoured(paid, desk, now)
        except JifenError as refused:
            if refused.code in (Code.REDEMPTION_STATE, Code.BUSY):
                raise
    line = _money_line("paid_late", paid, now)
    why = "取消后付款,原路退回" if paid.reason == GIVEN_UP else "超时后付款,原路退回"
    back = next_version(Step(paid._replace(money=Money.REFUNDING, reason=why), line))
    if not desk.mall.move(back, line):
        raise JifenError(Code.REDEMPTION_STATE)
    log.outcome("redemption_paid_late", redemption=paid.id, honoured=0)
    return give_money_back(back, desk=desk, api=api)


def _honoured(paid: Redemption, desk: Desk, now: datetime) -> Redemption:
    """Made after all, with points and pieces as they are now; raises JifenError where they no longer suffice."""
    line = _money_line("honoured", paid, now)
    made = paid._replace(state=state_once_paid(paid.delivery), reason="", limits=(), is_late=True)
    goes_on = next_version(Step(made, line))
    shards = desk.mall.shards_of(paid.item_id, now)

    def buy(_account: Account) -> Purchase:
        stock = Stock(desk.goods.name, paid.stock_id, shards, paid.quantity)
        return Purchase(desk.mall.revised(goes_on, line), (stock,))

    redeem(
        paid.member_id,
        paid.id,
        paid.points,
        activity=ACTIVITY,
        at=paid.quoted_at,
        source=ACTIVITY,
        actor=BY_WECHAT_PAY,
        ledger=desk.ledger,
        terms=desk.terms.ledger,
        now=now,
        text=f"兑换{paid.name}",
        buy=buy,
    )
    log.outcome("redemption_paid_late", redemption=paid.id, honoured=1)
    return goes_on


def _lapsed(step: Step, desk: Desk) -> Redemption | None:
    """The redemption, closed; None when somebody was first."""
    found, line, after = step.after, step.line, next_version(step)
    back = (
        stock_returned(desk.goods.name, found.stock_id, found.quantity),
        *(desk.mall.counted_down(key, found.quantity) for key in found.limits),
    )
    try:
        receipt = release(
            found.member_id,
            hold_id_of(found.id),
            actor=line.by,
            ledger=desk.ledger,
            terms=desk.terms.ledger,
            now=line.at,
            also=(*desk.mall.revised(after, line), *back),
        )
        # Where the ledger has given the points back by itself, only the rest is left to do.
        is_done = desk.mall.move(after, line, back) if receipt.replayed else True
    except JifenError as refused:
        if refused.code not in _RACED:
            raise
        return None
    return after if is_done else None


def _money_line(action: str, paid: Redemption, now: datetime) -> Line:
    return Line(action, BY_WECHAT_PAY, now, facts={"fen": paid.cash_fen, "transaction_id": paid.transaction_id})


def _standing(redemption_id: str, desk: Desk) -> Redemption:
    found = desk.mall.redemption(redemption_id)
    if found is None:
        raise JifenError(Code.REDEMPTION_NOT_FOUND)
    return found
