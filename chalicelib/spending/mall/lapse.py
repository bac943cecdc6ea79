"""An unpaid redemption is closed: its points and pieces go back and its limits are counted down, in one transaction."""

from __future__ import annotations

from datetime import datetime

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.release import release
from chalicelib.runtime import log
from chalicelib.spending.goods.table import stock_returned
from chalicelib.spending.goods.trail import Line
from chalicelib.spending.mall.desk import Desk
from chalicelib.spending.mall.fulfil import BY_ITSELF
from chalicelib.spending.mall.model import Redemption, RedemptionState
from chalicelib.spending.mall.redeem_item import hold_id_of
from chalicelib.spending.mall.revise import ATTEMPTS, Step, next_version

OVERDUE = "超时未付款"
GIVEN_UP = "会员取消"
RACED = (Code.REDEMPTION_STATE, Code.HOLD_CLOSED)
"""Somebody was first: it is judged anew."""


def lapse(redemption_id: str, *, desk: Desk, now: datetime, reason: str, by: str = BY_ITSELF) -> Redemption:
    """Close an unpaid redemption. Again changes nothing.

    Only for who knows that WeChat Pay will take no money for it any more, or that what comes is settled as late.
    Raises REDEMPTION_NOT_FOUND and BUSY.
    """
    for _ in range(ATTEMPTS):
        found = standing(redemption_id, desk)
        if found.state is not RedemptionState.UNPAID:
            return found
        closed = found._replace(state=RedemptionState.LAPSED, reason=reason)
        step = Step(closed, Line("lapsed", by, now, reason, {"points": found.points}))
        if after := lapsed(step, desk):
            log.outcome("redemption_lapsed", redemption=found.id)
            return after
    raise JifenError(Code.BUSY, retry_after_seconds=1)


def lapsed(step: Step, desk: Desk) -> Redemption | None:
    """The redemption after a step that closes it; None when somebody was first."""
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
        if refused.code not in RACED:
            raise
        return None
    return after if is_done else None


def standing(redemption_id: str, desk: Desk) -> Redemption:
    """A redemption as it stands; raises REDEMPTION_NOT_FOUND."""
    found = desk.mall.redemption(redemption_id)
    if found is None:
        raise JifenError(Code.REDEMPTION_NOT_FOUND)
    return found
