"""Exchanges and partners as the API shows them."""

from __future__ import annotations

from typing import Any

from chalicelib.runtime.clock import in_zone
from chalicelib.spending.documents import Kept
from chalicelib.spending.exchange.model import Exchange, State
from chalicelib.spending.exchange.partner import Partner, amounts, masked
from chalicelib.spending.exchange.reconcile import Reconciliation
from chalicelib.spending.exchange.table import Used

Answer = dict[str, Any]
STATES = {
    State.ASKED: "处理中",
    State.DONE: "已完成",
    State.REFUSED: "未成功,积分已退回",
    State.VOIDED: "未成功,积分已退回",
    State.UNCHARGED: "已完成",
    State.WAIVED: "已完成",
}
REASONS = {
    "account_unknown": "对方没有这个账号",
    "account_closed": "对方的账号已停用",
    "limit": "超过对方的限额",
    "other": "对方未接受这笔兑换",
}


def exchange_answer(one: Exchange, zone: str, *, for_staff: bool = False) -> Answer:
    """An exchange; of its account only the end is shown."""
    answer: Answer = {
        "id": one.id,
        "partner_id": one.partner_id,
        "name": one.name,
        "account": masked(one.account),
        "points": one.points,
        "units": one.units,
        "unit": one.unit,
        "state": _shown(one, for_staff),
        "state_text": STATES[one.state],
        "reason_text": REASONS.get(one.reason) if one.state is State.REFUSED else None,
        "asked_at": in_zone(one.asked_at, zone),
        "done_at": in_zone(one.done_at, zone) if one.done_at else None,
    }
    if not for_staff:
        return answer
    return answer | {
        "member_id": one.member_id,
        "reason": one.reason or None,
        "looked": one.looked,
        "waits": one.waits or None,
        "look_at": in_zone(one.look_at, zone) if one.look_at else None,
        "ended_at": in_zone(one.ended_at, zone) if one.ended_at else None,
        "charged_late": one.charged_late,
        "closed_by": one.closed_by or None,
        "closed_why": one.closed_why or None,
        "version": one.version,
    }


def _shown(one: Exchange, for_staff: bool) -> str:
    """A member has got his units, however the sides settle it between them."""
    if not for_staff and one.state in (State.UNCHARGED, State.WAIVED):
        return str(State.DONE)
    return str(one.state)


def partner_answer(kept: Kept, partner: Partner, points: int | None, own: Used, every: Used) -> Answer:
    """A partner as a member sees it: what so many points give (without a number, the least), and what is left of
    today's limits; null where there is none.
    """
    given = amounts(partner, points or partner.least_points)
    return {
        "id": kept.id,
        "name": partner.name,
        "unit": partner.unit,
        "ratio": {"points": partner.ratio.points, "units": partner.ratio.units},
        "least_points": partner.least_points,
        "step_points": partner.step_points,
        "account": partner.account,
        "account_hint": partner.account_hint,
        "text": partner.text,
        "reversible": False,
        "gives": {"points": given.points, "units": given.units} if given else None,
        "left": {
            "points": _left(partner.member_points_per_day, own.points),
            "times": _left(partner.member_times_per_day, own.times),
            "points_of_all": _left(partner.all_points_per_day, every.points),
        },
    }


def _left(most: int | None, used: int) -> int | None:
    return None if most is None else max(0, most - used)


def reconciliation_answer(one: Reconciliation, zone: str) -> Answer:
    """One comparison of a day; of many differences the first are shown, all are counted."""
    return {
        "id": one.id,
        "on": one.on.isoformat(),
        "at": in_zone(one.at, zone),
        "by": one.by,
        "rows": one.rows,
        "differing": one.differing,
        "differences": [each._asdict() for each in one.differences],
    }
