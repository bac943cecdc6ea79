"""People end a named difference: what a partner gave and nobody was charged for is charged after all, or waived."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from chalicelib.errors import Code, JifenError
from chalicelib.runtime import log
from chalicelib.spending.exchange.desk import Desk
from chalicelib.spending.exchange.model import Exchange, State
from chalicelib.spending.exchange.settle_exchange import charge, standing_exchange


def close_uncharged(
    exchange_id: str, how: Literal["charge", "waive"], *, why: str, by: str, desk: Desk, now: datetime
) -> Exchange:
    """Charge or waive what is uncharged; what was ended this way by the same person answers again as it stands.

    Raises EXCHANGE_NOT_FOUND, EXCHANGE_STATE, INSUFFICIENT_POINTS, MEMBER_FROZEN.
    """
    found = standing_exchange(exchange_id, desk)
    end = State.DONE if how == "charge" else State.WAIVED
    if found.state is end and found.closed_by == by:
        return found
    if found.state is not State.UNCHARGED:
        raise JifenError(Code.EXCHANGE_STATE)
    closed = found._replace(ended_at=now, closed_by=by, closed_why=why, version=found.version + 1)
    if how == "charge":
        return charge(closed, desk=desk, now=now, actor=by)
    waived = closed._replace(state=State.WAIVED)
    desk.exchanges.write((desk.exchanges.changed(waived),))
    log.outcome("exchange_waived", exchange=waived.id, partner=waived.partner_id, points=waived.points)
    return waived
