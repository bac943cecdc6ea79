"""A redemption goes from one state to the next: judged as it stands, written with its line, once."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import Also
from chalicelib.spending.goods.trail import Line
from chalicelib.spending.mall.model import Redemption, RedemptionState
from chalicelib.spending.mall.table import MallTable

ATTEMPTS = 5
STATES = {
    RedemptionState.UNPAID: "待付款",
    RedemptionState.TO_SHIP: "待发货",
    RedemptionState.TO_PICK_UP: "待自提",
    RedemptionState.SHIPPED: "已发货",
    RedemptionState.DONE: "已完成",
    RedemptionState.LAPSED: "已关闭",
    RedemptionState.CANCELLED: "已取消",
}


class Step(NamedTuple):
    """A redemption as it shall stand, why, and what is written with it."""

    after: Redemption
    line: Line
    also: tuple[Also, ...] = ()


class Revised(NamedTuple):
    """A redemption as it stands, and whether it stood so before."""

    redemption: Redemption
    replayed: bool


Judge = Callable[[Redemption], Step | None]
"""Says what comes next of what stands; None when that is so already. A JifenError refuses.
May run again after a lost race.
"""


def revise(redemption_id: str, judge: Judge, *, mall: MallTable) -> Revised:
    """Make the step that `judge` names; who lost a race judges anew what the winner left.

    Raises REDEMPTION_NOT_FOUND, BUSY, and the refusals of `judge` and of what is written beside.
    """
    for _ in range(ATTEMPTS):
        found = mall.redemption(redemption_id)
        if found is None:
            raise JifenError(Code.REDEMPTION_NOT_FOUND)
        step = judge(found)
        if step is None:
            return Revised(found, replayed=True)
        after = next_version(step)
        if mall.move(after, step.line, step.also):
            return Revised(after, replayed=False)
    raise JifenError(Code.BUSY, retry_after_seconds=1)


def next_version(step: Step) -> Redemption:
    """The redemption after a step, as it is stored."""
    return step.after._replace(version=step.after.version + 1, changed_at=step.line.at)


def require_state(found: Redemption, *allowed: RedemptionState) -> None:
    """Raises REDEMPTION_STATE, with the state it is in, unless that is one of these."""
    if found.state not in allowed:
        raise JifenError(Code.REDEMPTION_STATE, f"这笔兑换{STATES[found.state]},不能这样操作")
