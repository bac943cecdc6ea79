"""What a member may look at of his own redemptions."""

from __future__ import annotations

from datetime import datetime

from chalicelib.errors import Code, JifenError
from chalicelib.spending.mall.desk import Desk
from chalicelib.spending.mall.model import Redemption, RedemptionState


def owned_redemption(member_id: str, redemption_id: str, *, desk: Desk) -> Redemption:
    """A redemption of this member, under whichever of his ids; raises REDEMPTION_NOT_FOUND for unknown and foreign."""
    found = desk.mall.redemption(redemption_id)
    if found is None or not (found.member_id == member_id or desk.ledger.read(member_id).is_of(found.member_id)):
        raise JifenError(Code.REDEMPTION_NOT_FOUND)
    return found


def reveal(member_id: str, redemption_id: str, *, desk: Desk, now: datetime) -> tuple[Redemption, list[str]]:
    """The codes of a virtual good; the first time is kept. Raises REDEMPTION_NOT_FOUND, REDEMPTION_STATE."""
    found = owned_redemption(member_id, redemption_id, desk=desk)
    if not found.pool or found.state is not RedemptionState.DONE:
        raise JifenError(Code.REDEMPTION_STATE)
    if found.revealed_at is None:
        found = found._replace(revealed_at=now, changed_at=now, version=found.version + 1)
        desk.mall.change(found)
    return found, [code.code for code in desk.goods.pool_codes(found.pool, found.codes)]
