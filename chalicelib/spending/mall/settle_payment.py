"""What becomes of a redemption when its money is there, or is not: paid once, closed once, and no money is kept for
nothing.

Whatever WeChat Pay tells may come twice, late, or after the redemption was closed. Each step here is one transaction at
the redemption's version, so that of two at once one wins and the other finds what it left.
"""

from __future__ import annotations

from datetime import datetime

from chalicelib.connect.wechat_pay.api import PayApi
from chalicelib.connect.wechat_pay.orders import Order
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.hold import capture
from chalicelib.ledger.model import Account, Stock
from chalicelib.ledger.redeem import Purchase, redeem
from chalicelib.ledger.release import release
from chalicelib.runtime import log
from chalicelib.spending.goods.table import stock_returned
from chalicelib.spending.mall.desk import Desk
from chalicelib.spending.mall.give_money_back import give_money_back
from chalicelib.spending.mall.model import ACTIVITY, Money, Redemption, RedemptionState, state_once_paid
from chalicelib.spending.mall.redeem_item import hold_id_of

ATTEMPTS = 5
CLOSED = (RedemptionState.LAPSED, RedemptionState.CANCELLED)


class WrongMoney(Exception):
    """What was paid is not what was asked: people must look at it."""


def settle_paid(redemption_id: str, order: Order, *, desk: Desk, api: PayApi, now: datetime) -> Redemption:
    """A redemption's money is there, as `order` (WeChat Pay's own word) says: its points are captured and it goes on.

    Where it was closed meanwhile the item's policy rules: the money goes back, or it is made after all. Again changes
    nothing. Raises WrongMoney, REDEMPTION_NOT_FOUND, and BUSY when the races would not end.
    """
    for _ in range(ATTEMPTS):
        found = _standing(redemption_id, desk)
        if order.total_fen != found.cash_fen:
            raise WrongMoney(redemption_id)
        if found.money is not Money.AWAITED:
            return _with_money_back(found, desk, api)
        paid = found._replace(
            money=Money.PAID, transaction_id=order.transaction_id, changed_at=now, version=found.version + 1
        )
        try:
            if found.state is RedemptionState.UNPAID:
                return _captured(paid, desk, now)
            return _late(paid, desk, api, now)
        except JifenError as refused:
            if refused.code not in (Code.REDEMPTION_STATE, Code.HOLD_CLOSED):
                raise
            if refused.code is Code.HOLD_CLOSED:
                lapse(redemption_id, desk=desk, now=now, reason="超时未付款")
    raise JifenError(Code.BUSY, retry_after_seconds=1)


def _captured(paid: Redemption, desk: Desk, now: datetime) -> Redemption:
    goes_on = paid._replace(state=state_once_paid(paid.delivery))
    capture(
        paid.member_id,
        hold_id_of(paid.id),
        paid.points,
        actor="wechat_pay",
        ledger=desk.ledger,
        terms=desk.terms.ledger,
        now=now,
        text=f"兑换{paid.name}",
        also=(desk.mall.changed_redemption(goes_on),),
    )
    log.outcome("redemption_paid", redemption=paid.id)
    return goes_on


def _late(paid: Redemption, desk: Desk, api: PayApi, now: datetime) -> Redemption:
    """The money of a redemption that was closed before."""
    listed = desk.mall.catalogue(now).get(paid.item_id)
    may_honour = listed and listed.item.late_payment == "honour" and not paid.offer_id
    if paid.state is RedemptionState.LAPSED and may_honour:
        try:
            return _honoured(paid, desk, now)
        except JifenError as refused:
            if refused.code is Code.REDEMPTION_STATE:
                raise
    back = paid._replace(money=Money.REFUNDING, reason="超时后付款,原路退回")
    desk.mall.change(back)
    log.outcome("redemption_paid_late", redemption=paid.id, honoured=0)
    return give_money_back(back, desk=desk, api=api)


def _honoured(paid: Redemption, desk: Desk, now: datetime) -> Redemption:
    """Made after all, with points and pieces as they are now; raises JifenError where they no longer suffice."""
    goes_on = paid._replace(state=state_once_paid(paid.delivery), reason="", limits=())
    shards = desk.mall.shards_of(paid.item_id, now)

    def buy(_account: Account) -> Purchase:
        stock = Stock(desk.goods.name, paid.stock_id, shards, paid.quantity)
        return Purchase((desk.mall.changed_redemption(goes_on),), (stock,))

    redeem(
        paid.member_id,
        paid.id,
        paid.points,
        activity=ACTIVITY,
        at=paid.quoted_at,
        source=ACTIVITY,
        actor="wechat_pay",
        ledger=desk.ledger,
        terms=desk.terms.ledger,
        now=now,
        text=f"兑换{paid.name}",
        buy=buy,
    )
    log.outcome("redemption_paid_late", redemption=paid.id, honoured=1)
    return goes_on


def lapse(redemption_id: str, *, desk: Desk, now: datetime, reason: str, actor: str = ACTIVITY) -> Redemption:
    """Close an unpaid redemption: its points and pieces go back, its limits are counted down. Again changes nothing.

    Only for who knows that WeChat Pay will take no money for it any more, or that what comes is settled as late.
    """
    for _ in range(ATTEMPTS):
        found = _standing(redemption_id, desk)
        if found.state is not RedemptionState.UNPAID:
            return found
        closed = found._replace(state=RedemptionState.LAPSED, reason=reason, changed_at=now, version=found.version + 1)
        also = (
            desk.mall.changed_redemption(closed),
            stock_returned(desk.goods.name, found.stock_id, found.quantity),
            *(desk.mall.counted_down(key, found.quantity) for key in found.limits),
        )
        try:
            receipt = release(
                found.member_id,
                hold_id_of(found.id),
                actor=actor,
                ledger=desk.ledger,
                terms=desk.terms.ledger,
                now=now,
                also=also,
            )
            if receipt.replayed:
                # The ledger has given the points back by itself; only the rest is left to do.
                desk.mall.write(also)
        except JifenError as refused:
            if refused.code is not Code.REDEMPTION_STATE:
                raise
            continue
        log.outcome("redemption_lapsed", redemption=found.id)
        return closed
    raise JifenError(Code.BUSY, retry_after_seconds=1)


def _with_money_back(found: Redemption, desk: Desk, api: PayApi) -> Redemption:
    """A repeat: what was settled stays, and money that is on its way back is asked for again."""
    return give_money_back(found, desk=desk, api=api) if found.money is Money.REFUNDING else found


def _standing(redemption_id: str, desk: Desk) -> Redemption:
    found = desk.mall.redemption(redemption_id)
    if found is None:
        raise JifenError(Code.REDEMPTION_NOT_FOUND)
    return found
