"""How the API shows a penalty: whole to staff, its reason and outcome to the member."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from chalicelib.earning.penalty import Penalty, State, Step, appeal_until
from chalicelib.ledger.model import business_on
from chalicelib.runtime.clock import in_zone


def staff_answer(penalty: Penalty, zone: str) -> dict[str, Any]:
    """A penalty with its evidence and every step."""
    shown: dict[str, Any] = {
        "id": penalty.id,
        "member_id": penalty.member_id,
        "indicator": penalty.indicator,
        "name": penalty.name,
        "points": penalty.points,
        "state": penalty.state.value,
        "evidence": penalty.evidence,
        "reason": penalty.reason,
        "terms_version": penalty.terms_version,
        "taken_points": sum(penalty.taken.values()),
        "owed_points": penalty.owed_points,
        "waived_points": penalty.waived_points,
    }
    for name in ("proposed", "decided", "appealed", "heard"):
        step: Step | None = getattr(penalty, name)
        shown[name] = {"by": step.by, "at": in_zone(step.at, zone), "note": step.note} if step else None
    return shown


def member_answer(penalty: Penalty, zone: str, now: datetime) -> dict[str, Any]:
    """Without the evidence and the names of those who acted: who complained is not told."""
    until = appeal_until(penalty, zone)
    posted, asked, heard = penalty.decided, penalty.appealed, penalty.heard
    return {
        "id": penalty.id,
        "name": penalty.name,
        "points": penalty.cost_points,
        "waived_points": penalty.waived_points,
        "reason": penalty.reason,
        "state": penalty.state.value,
        "posted_at": in_zone(posted.at, zone) if posted else None,
        "appeal_until": until.isoformat(),
        "can_appeal": penalty.state is State.POSTED and business_on(now, zone) <= until,
        "appeal": {"text": asked.note, "at": in_zone(asked.at, zone)} if asked else None,
        "hearing": {"note": heard.note, "at": in_zone(heard.at, zone)} if heard else None,
    }
