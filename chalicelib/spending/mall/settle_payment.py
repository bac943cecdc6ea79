"""What becomes of a redemption when its money is there: what it promised is given, once, or the money goes back.

Whatever WeChat Pay tells may come twice, late, or after the redemption was closed. Each step here is one transaction at
the redemption's version, with its line, so that of two at once one wins and the other finds what it left.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from chalicelib.connect.wechat_pay.api import PayApi
from chalicelib.connect.wechat_pay.orders import Order, State
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.hold import capture
from chalicelib.ledger.model import Account, Receipt, Stock, business_on
from chalicelib.ledger.redeem import Purchase, redeem
from chalicelib.runtime import log
from chalicelib.spending.goods.give import Handed, coupon_code, hand
from chalicelib.spending.goods.model import Given
from chalicelib.spending.goods.trail import Line
from chalicelib.spending.mall.desk import Desk
from chalicelib.spending.mall.give_money_back import BY_WECHAT_PAY, give_money_back
from chalicelib.spending.mall.lapse import GIVEN_UP, OVERDUE, RACED, lapse, lapsed, standing
from chalicelib.spending.mall.model import ACTIVITY, Money, Redemption, RedemptionState, gone_out, state_once_paid
from chalicelib.spending.mall.promise import promised_good
from chalicelib.spending.mall.redeem_item import PICKS, hold_id_of, picked_codes
from chalicelib.spending.mall.revise import ATTEMPTS, Step, next_version

NO_CODE_LEFT = "卡密已发完,款项原路退回"


class WrongMoney(Exception):
    """What was paid is not what was asked, or went back by another's hand before it was ours: people must look."""


def settle_paid(redemption_id: str, order: Order, *, desk: Desk, api: PayApi, now: datetime) -> Redemption:
    """A redemption's money is there, as `order` (WeChat Pay's own word) says: its points are captured, the coupons or
    codes it promised are the member's, and it goes on.

    Where it was closed meanwhile the item's policy rules: the money goes back, or it is made after all. It also goes
    back where a pool has no code left. Again changes nothing. Raises WrongMoney, REDEMPTION_NOT_FOUND, what
    give_money_back raises, and BUSY when races would not end.
    """
    for _ in range(ATTEMPTS):
        found = standing(redemption_id, desk)
        if found.money is not Money.AWAITED and order.total_fen == found.cash_fen:
            return give_money_back(found, desk=desk, api=api)
        if order.state is not State.PAID or order.total_fen != found.cash_fen:
            raise WrongMoney(redemption_id)
        paid = found._replace(money=Money.PAID, transaction_id=order.transaction_id, payer=order.openid)
        settle = _in_time if found.state is RedemptionState.UNPAID else _late
        try:
            return settle(paid, desk, api, now)
        except JifenError as refused:
            if refused.code not in RACED:
                raise
            if refused.code is Code.HOLD_CLOSED:
                lapse(redemption_id, desk=desk, now=now, reason=OVERDUE)
    raise JifenError(Code.BUSY, retry_after_seconds=1)


def _in_time(paid: Redemption, desk: Desk, api: PayApi, now: datetime) -> Redemption:
    """Its points are spent, and it goes on; where its pool has no code left it is closed, and the money goes back."""
    try:
        return _given(paid, lambda handed: _captured(paid, handed, desk, now), desk, now)
    except JifenError as refused:
        if refused.code is not Code.SOLD_OUT:
            raise
    line = _money_line("paid_sold_out", paid, now)
    closed = paid._replace(state=RedemptionState.LAPSED, money=Money.REFUNDING, reason=NO_CODE_LEFT, promised="")
    back = lapsed(Step(closed, line), desk)
    if back is None:
        raise JifenError(Code.REDEMPTION_STATE)
    log.outcome("redemption_paid_sold_out", redemption=paid.id)
    return give_money_back(back, desk=desk, api=api)


def _captured(paid: Redemption, handed: Handed, desk: Desk, now: datetime) -> Redemption:
    line = _money_line("paid", paid, now)
    goes_on = next_version(Step(_going_on(paid, handed), line))
    receipt = capture(
        paid.member_id,
        hold_id_of(paid.id),
        paid.points,
        actor=BY_WECHAT_PAY,
        ledger=desk.ledger,
        terms=desk.terms.ledger,
        now=now,
        text=f"兑换{paid.name}",
        also=(*desk.mall.revised(goes_on, line), *handed.also),
    )
    return _settled(receipt, goes_on, desk, "redemption_paid")


def _late(paid: Redemption, desk: Desk, api: PayApi, now: datetime) -> Redemption:
    """The money of a redemption that was closed before. Who gave it up himself is not given it after all."""
    listed = desk.mall.catalogue(now).get(paid.item_id)
    is_open = not paid.offer_id and paid.reason != GIVEN_UP
    if listed and listed.item.late_payment == "honour" and is_open:
        campaign = listed.item.campaign
        try:
            return _given(paid, lambda handed: _honoured(paid, handed, campaign, desk, now), desk, now)
        except JifenError as refused:
            if refused.code in (Code.REDEMPTION_STATE, Code.BUSY):
                raise
    line = _money_line("paid_late", paid, now)
    why = "取消后付款,原路退回" if paid.reason == GIVEN_UP else "超时后付款,原路退回"
    back = next_version(Step(paid._replace(money=Money.REFUNDING, reason=why, promised=""), line))
    if not desk.mall.move(back, line):
        raise JifenError(Code.REDEMPTION_STATE)
    log.outcome("redemption_paid_late", redemption=paid.id, honoured=0)
    return give_money_back(back, desk=desk, api=api)


def _honoured(paid: Redemption, handed: Handed, campaign: str, desk: Desk, now: datetime) -> Redemption:
    """Made after all, with points and pieces as they are now; raises JifenError where they no longer suffice."""
    line = _money_line("honoured", paid, now)
    goes_on = next_version(Step(_going_on(paid, handed)._replace(reason="", limits=(), is_late=True), line))
    shards = desk.mall.shards_of(paid.item_id, now)

    def buy(_account: Account) -> Purchase:
        stock = Stock(desk.goods.name, paid.stock_id, shards, paid.quantity)
        return Purchase((*desk.mall.revised(goes_on, line), *handed.also), (stock,))

    receipt = redeem(
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
        campaign=campaign,
        buy=buy,
    )
    return _settled(receipt, goes_on, desk, "redemption_paid_late", honoured=1)


def _given(paid: Redemption, give: Callable[[Handed], Redemption], desk: Desk, now: datetime) -> Redemption:
    """`give` with what was promised; with other codes where somebody was quicker or the index was behind, PICKS times.

    Raises SOLD_OUT where the pool has too few, BUSY.
    """
    for _ in range(PICKS - 1 if paid.pool else 0):
        try:
            return give(_handed(paid, desk, now))
        except JifenError as refused:
            if refused.code not in (Code.BUSY, Code.SOLD_OUT):
                raise
    return give(_handed(paid, desk, now))


def _handed(paid: Redemption, desk: Desk, now: datetime) -> Handed:
    """The writes that give what was promised; coupons are good from today on. Raises SOLD_OUT."""
    good = promised_good(paid)
    if good is None:
        return Handed((), ())
    picked = picked_codes(good, paid.quantity, desk)
    if isinstance(picked, JifenError):
        raise picked
    return hand(
        good,
        paid.name,
        paid.quantity,
        member_id=paid.member_id,
        given=Given(ACTIVITY, paid.id, now, business_on(now, desk.terms.zone)),
        new_codes=iter(coupon_code, ""),
        picked=picked,
        table=desk.goods.name,
    )


def _going_on(paid: Redemption, handed: Handed) -> Redemption:
    """Once all of its price is there. What is not sent has gone out with that."""
    after = paid._replace(state=state_once_paid(paid.delivery), codes=handed.codes, promised="")
    return after if after.delivery else gone_out(after)


def _settled(receipt: Receipt, goes_on: Redemption, desk: Desk, what: str, **facts: int) -> Redemption:
    """What was written; where another wrote it before, what that left: his coupons and codes and not these."""
    if receipt.replayed:
        return standing(goes_on.id, desk)
    log.outcome(what, redemption=goes_on.id, **facts)
    return goes_on


def _money_line(action: str, paid: Redemption, now: datetime) -> Line:
    return Line(action, BY_WECHAT_PAY, now, facts={"fen": paid.cash_fen, "transaction_id": paid.transaction_id})
