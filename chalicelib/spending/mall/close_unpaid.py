"""Redemptions whose money did not come are closed: in time, or because their member gives them up.

WeChat Pay is asked to close the order first. Only when it takes no more money is the redemption closed here; what it
says was paid is settled instead.
"""

from __future__ import annotations

from datetime import datetime

from chalicelib.connect.outside import Unanswered
from chalicelib.connect.wechat_pay.api import PayApi
from chalicelib.connect.wechat_pay.orders import Closing, close, order_of
from chalicelib.spending.mall.begin_payment import trade_number
from chalicelib.spending.mall.desk import Desk
from chalicelib.spending.mall.fulfil import BY_ITSELF
from chalicelib.spending.mall.lapse import GIVEN_UP, OVERDUE, lapse
from chalicelib.spending.mall.model import Redemption
from chalicelib.spending.mall.settle_payment import settle_paid


def close_unpaid(redemption_id: str, *, desk: Desk, api: PayApi | None, now: datetime) -> Redemption:
    """Close one whose time to pay is over, or settle it where it was paid just before; again answers what stands.

    `api` is None where no merchant is connected: then nobody can have paid. Raises Declined, Unreached, Unanswered,
    WrongMoney, BUSY.
    """
    return _closed(redemption_id, desk, api, now, OVERDUE, BY_ITSELF)


def give_up(redemption_id: str, *, by: str, desk: Desk, api: PayApi | None, now: datetime) -> Redemption:
    """The same of one that its member, `by`, does not want to pay."""
    return _closed(redemption_id, desk, api, now, GIVEN_UP, by)


def _closed(redemption_id: str, desk: Desk, api: PayApi | None, now: datetime, reason: str, by: str) -> Redemption:
    number = trade_number(redemption_id)
    if api is not None and close(api, number) is Closing.PAID:
        order = order_of(api, number)
        if order is None:
            raise Unanswered("paid, and not known")
        return settle_paid(redemption_id, order, desk=desk, api=api, now=now)
    return lapse(redemption_id, desk=desk, now=now, reason=reason, by=by)
