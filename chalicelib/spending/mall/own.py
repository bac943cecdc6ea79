"""What a member may look at of his own redemptions."""

from __future__ import annotations

from datetime import datetime

from chalicelib.errors import Code, JifenError
from chalicelib.spending.goods.trail import Line
from chalicelib.spending.mall.desk import Desk
from chalicelib.spending.mall.model import Redemption, RedemptionState
from chalicelib.spending.mall.revise import Step, require_state, revise


def owned_redemption(member_id: str, redemption_id: str, *, desk: Desk) -> Redemption:
    """A redemption of this member, under whichever of his ids; raises REDEMPTION_NOT_FOUND for unknown and foreign."""
    found = desk.mall.redemption(redemption_id)
    if found is None or not (found.member_id == member_id or desk.ledger.read(member_id).is_of(found.member_id)):
        raise JifenError(Code.REDEMPTION_NOT_FOUND)
    return found


def reveal(member_id: str, redemption_id: str, *, desk: Desk, now: datetime) -> tuple[Redemption, list[str]]:
    """The codes of a virtual good; the first time is kept. Raises REDEMPTION_NOT_FOUND, REDEMPTION_STATE."""
    owned_redemption(member_id, redemption_id, desk=desk)

    def judge(found: Redemption) -> Step | None:
        require_state(found, RedemptionState.DONE)
        if not found.pool:
            raise JifenError(Code.REDEMPTION_STATE, "这笔兑换没有卡密")
        if found.revealed_at:
            return None
        return Step(found._replace(revealed_at=now), Line("revealed", member_id, now))

    shown = revise(redemption_id, judge, mall=desk.mall).redemption
    return shown, [code.code for code in desk.goods.pool_codes(shown.pool, shown.codes)]
