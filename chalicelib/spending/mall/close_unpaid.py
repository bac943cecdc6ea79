"""Redemptions whose money did not come in time are closed, and money on its way back is looked after: swept by minutes.

WeChat Pay is asked to close the order first. Only when it takes no more money is the redemption closed here; what it
says was paid is settled instead.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from chalicelib.connect.outside import Unanswered, Unreached
from chalicelib.connect.wechat_pay.api import PayApi
from chalicelib.connect.wechat_pay.declined import Declined
from chalicelib.connect.wechat_pay.orders import Closing, close, order_of
from chalicelib.errors import Code, JifenError
from chalicelib.runtime import log
from chalicelib.spending.mall.begin_payment import trade_number
from chalicelib.spending.mall.desk import Desk
from chalicelib.spending.mall.give_money_back import give_money_back
from chalicelib.spending.mall.items import UNPAID_SHARDS, unpaid_shard
from chalicelib.spending.mall.model import Redemption
from chalicelib.spending.mall.own import owned_redemption
from chalicelib.spending.mall.settle_payment import WrongMoney, lapse, settle_paid

PAGE = 100


class Swept(NamedTuple):
    """What a sweep did."""

    closed: int = 0
    refunds: int = 0
    failed: int = 0


def sweep(*, desk: Desk, api: PayApi | None, now: datetime, has_time: Callable[[], bool]) -> Swept:
    """Close what is overdue and ask for refunds that are not at their end. One that fails is logged and left to the
    next sweep. `api` is None where no merchant is connected: then nobody can have paid.
    """
    closed = refunds = failed = 0
    for number in range(UNPAID_SHARDS):
        for redemption_id in desk.mall.unpaid_until(unpaid_shard(number), now):
            if not has_time():
                return Swept(closed, refunds, failed)
            done = _tried(lambda id=redemption_id: close_unpaid(id, desk=desk, api=api, now=now), redemption_id)  # type: ignore[misc]
            closed, failed = closed + done, failed + (not done)
    if api is not None:
        for _, redemption_id in desk.mall.work_of("REFUNDS", after="", limit=PAGE):
            if not has_time():
                break
            done = _tried(lambda id=redemption_id: _refund(id, desk, api), redemption_id)  # type: ignore[misc]
            refunds, failed = refunds + done, failed + (not done)
    return Swept(closed, refunds, failed)


def close_unpaid(
    redemption_id: str, *, desk: Desk, api: PayApi | None, now: datetime, reason: str = "超时未付款"
) -> Redemption:
    """Close one, or settle it where it was paid just before. Raises Declined, Unreached, Unanswered, BUSY."""
    number = trade_number(redemption_id)
    if api is not None and close(api, number) is Closing.PAID:
        order = order_of(api, number)
        if order is None:
            raise Unanswered("paid, and not known")
        return settle_paid(redemption_id, order, desk=desk, api=api, now=now)
    return lapse(redemption_id, desk=desk, now=now, reason=reason)


def give_up(member_id: str, redemption_id: str, *, desk: Desk, api: PayApi | None, now: datetime) -> Redemption:
    """A member gives up an unpaid redemption of his; again answers what stands. Raises REDEMPTION_NOT_FOUND."""
    owned_redemption(member_id, redemption_id, desk=desk)
    return close_unpaid(redemption_id, desk=desk, api=api, now=now, reason="会员取消")


def _refund(redemption_id: str, desk: Desk, api: PayApi) -> None:
    found = desk.mall.redemption(redemption_id)
    if found is not None:
        give_money_back(found, desk=desk, api=api)


def _tried(act: Callable[[], object], redemption_id: str) -> bool:
    try:
        act()
    except (Declined, Unreached, Unanswered, WrongMoney) as fault:
        log.outcome("redemption_sweep_failed", redemption=redemption_id, why=type(fault).__name__)
        return False
    except JifenError as refused:
        if refused.code is not Code.BUSY:
            raise
        log.outcome("redemption_sweep_failed", redemption=redemption_id, why=refused.code.name)
        return False
    return True
