"""What became of the cash part of a redemption: paid, given back, or not given back. THE PLACE WHERE IT IS SETTLED.

An order's number at WeChat Pay is `JF` and the redemption's id; a refund's is `JFR` and the id.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from chalicelib.runtime import log


class CashState(StrEnum):
    """What stands at WeChat Pay."""

    PAID = "paid"
    """Some of it, or all, may have been given back since: that is told by itself."""
    REFUNDED = "refunded"
    NOT_REFUNDED = "not_refunded"
    """A refund came to its end and the payer got nothing."""


class Cash(NamedTuple):
    """An order or a refund of the mall's as WeChat Pay itself confirms it."""

    state: CashState
    out_trade_no: str
    fen: int
    """The whole order's where it is PAID, else the refund's."""
    transaction_id: str = ""
    """Of an order; else empty."""
    out_refund_no: str = ""
    """Of a refund; else empty."""
    at: datetime | None = None
    """When it was paid or given back; None where nothing was."""


def paid(notice: Cash) -> None:
    """Settle a redemption by what stands. It is only logged yet: no redemption with money in it can be paid so far.

    Called by the worker of MallPaymentsQueue, which confirmed it. It comes at least once, in any order: a payment also
    of a redemption that lapsed or was cancelled before, which must be refunded, or of none, which people must see.
    What is raised here makes the notice come again, five times, and then wait among the dead letters.
    """
    log.outcome(
        "mall_cash",
        state=notice.state.value,
        out_trade_no=notice.out_trade_no,
        out_refund_no=notice.out_refund_no or None,
        fen=notice.fen,
    )
