"""A redemption is undone as far as it has come: one that is not paid yet is given up, and what was paid goes back,
points at once and money as soon as WeChat Pay gives it.
"""

from __future__ import annotations

from datetime import datetime

from chalicelib.connect.outside import Unanswered, Unreached
from chalicelib.connect.wechat_pay.api import PayApi
from chalicelib.connect.wechat_pay.declined import Declined
from chalicelib.errors import Code, JifenError
from chalicelib.runtime import log
from chalicelib.spending.mall.cancel import Wish, cancel
from chalicelib.spending.mall.close_unpaid import give_up
from chalicelib.spending.mall.desk import Desk
from chalicelib.spending.mall.give_money_back import give_money_back
from chalicelib.spending.mall.lapse import lapse
from chalicelib.spending.mall.model import Money, Redemption, RedemptionState
from chalicelib.spending.mall.own import owned_redemption
from chalicelib.spending.mall.revise import Revised
from chalicelib.spending.mall.settle_payment import WrongMoney


def undo(redemption_id: str, wish: Wish, *, desk: Desk, api: PayApi | None, now: datetime) -> Revised:
    """Undo a redemption, once; again answers what stands. A member who paid while he gave it up has his money back.

    Its money is asked back afterwards, and by each sweep until that has an end: it never holds up the rest. `api` is
    None where no merchant is connected. Raises as `cancel`, for a member also where it is another's; of one that is not
    paid yet Declined, Unreached and Unanswered, too, for a member also WrongMoney, and then it stands as it was.
    """
    found = (
        owned_redemption(wish.by, redemption_id, desk=desk) if wish.is_member else desk.mall.redemption(redemption_id)
    )
    if found is not None and found.state is RedemptionState.UNPAID:
        found = _given_up(redemption_id, wish, desk, api, now)
        if found.state is RedemptionState.LAPSED:
            return Revised(found, replayed=False)
        wish = wish._replace(gave_up=True)
    if wish.is_member and found is not None and found.state is RedemptionState.LAPSED:
        return Revised(found, replayed=True)
    done = cancel(redemption_id, wish, desk=desk, now=now)
    return done._replace(redemption=_asked_back(done.redemption, desk, api))


def _given_up(redemption_id: str, wish: Wish, desk: Desk, api: PayApi | None, now: datetime) -> Redemption:
    """An unpaid one closed, or settled where it was paid. Money that is not what was asked is staff's to see to, on
    WeChat Pay's console: on their word it is closed all the same.
    """
    try:
        return give_up(redemption_id, by=wish.by, desk=desk, api=api, now=now)
    except WrongMoney:
        if wish.is_member:
            raise
    return lapse(redemption_id, desk=desk, now=now, reason=wish.reason, by=wish.by)


def _asked_back(cancelled: Redemption, desk: Desk, api: PayApi | None) -> Redemption:
    """The redemption, its money asked back if that can be done now."""
    if api is None or cancelled.money is not Money.REFUNDING:
        return cancelled
    try:
        return give_money_back(cancelled, desk=desk, api=api)
    except (Declined, Unreached, Unanswered) as fault:
        log.outcome("redemption_refund_waits", redemption=cancelled.id, why=type(fault).__name__)
    except JifenError as refused:
        if refused.code is not Code.BUSY:
            raise
    return cancelled
