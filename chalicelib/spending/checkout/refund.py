"""Points of a refunded order go back to where they came from, each line's share with the line, each refund once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from chalicelib.earning.points_back import ToldRefund
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import digest
from chalicelib.ledger.redeem import restore
from chalicelib.ledger.release import hold_key
from chalicelib.ledger.table import LedgerTable
from chalicelib.programme.model import Terms
from chalicelib.spending.checkout.deducted import (
    Deducted,
    GivenBack,
    LineRefund,
    Refunded,
    fitted_after,
    given_back,
    refunded_after,
)
from chalicelib.spending.checkout.table import CheckoutTable

ATTEMPTS = 4
"""How often a refund is judged anew when another one of its order was booked meanwhile."""


class Asked(NamedTuple):
    """A refund as a shop states it; `whole_fen` beyond its parts is for the order at large, None is nothing beyond."""

    platform: str
    order_no: str
    refund_no: str
    lines: Sequence[LineRefund]
    freight_fen: int = 0
    whole_fen: int | None = None


class Done(NamedTuple):
    """What a refund gave back, and of which deduction."""

    deducted: Deducted
    back: GivenBack
    replayed: bool


_After = Callable[[Deducted], dict[str, Refunded]]


def refund_deduction(
    asked: Asked, *, actor: str, table: CheckoutTable, ledger: LedgerTable, terms: Terms, now: datetime
) -> Done:
    """Give back the points of what is refunded; a repeat returns the first answer.

    Raises DEDUCTION_NOT_FOUND when no points paid for the order, KEY_REUSED when the number was another refund,
    REFUND_EXCEEDS_ORDER, ORDER_CHANGED for a line that the order has not, INVALID_REQUEST when nothing is refunded.
    """
    input_hash = digest({**asked._asdict(), "lines": sorted(asked.lines)})

    def after(deducted: Deducted) -> dict[str, Refunded]:
        found = refunded_after(deducted, asked.lines, asked.freight_fen, asked.whole_fen)
        if found == deducted.refunded:
            raise JifenError(Code.INVALID_REQUEST, "应写明退款的明细、运费或金额", field="lines")
        return found

    done = _book(asked, after, input_hash, actor=actor, table=table, ledger=ledger, terms=terms, now=now)
    if done is None:
        raise JifenError(Code.DEDUCTION_NOT_FOUND)
    if done.replayed and done.back.input_hash not in (input_hash, ""):
        raise JifenError(Code.KEY_REUSED, field="refund_no")
    return done


def refund_told(
    told: ToldRefund, *, actor: str, table: CheckoutTable, ledger: LedgerTable, terms: Terms
) -> Done | None:
    """The same of a refund that the order feed told; None when no points paid for the order.

    What the shop asked for under the same number before stands.
    """

    def after(deducted: Deducted) -> dict[str, Refunded]:
        return fitted_after(deducted, told.lines, told.freight_fen, told.refunded_fen)

    return _book(told, after, "", actor=actor, table=table, ledger=ledger, terms=terms, now=told.received_at)


def _book(
    named: Asked | ToldRefund,
    after: _After,
    input_hash: str,
    *,
    actor: str,
    table: CheckoutTable,
    ledger: LedgerTable,
    terms: Terms,
    now: datetime,
) -> Done | None:
    for attempt in range(ATTEMPTS):
        deducted = table.find(named.platform, named.order_no)
        if deducted is None:
            return None
        if standing := deducted.refunds.get(named.refund_no):
            return Done(deducted, standing, replayed=True)
        changed, back = given_back(deducted, after(deducted), named.refund_no, input_hash=input_hash, at=now)
        try:
            if _write(changed, back, actor, table, ledger, terms, now):
                return Done(changed, back, replayed=False)
        except JifenError as error:
            if error.code is not Code.BUSY or attempt + 1 == ATTEMPTS:
                raise
    raise JifenError(Code.BUSY, retry_after_seconds=1)


def _write(
    changed: Deducted,
    back: GivenBack,
    actor: str,
    table: CheckoutTable,
    ledger: LedgerTable,
    terms: Terms,
    now: datetime,
) -> bool:
    """The refund's row and its points, in one transaction; the row alone where no whole point comes back. False when
    another call has just booked the same refund.
    """
    if not back.points:
        table.save(changed)
        return True
    receipt = restore(
        changed.member_id,
        hold_key(changed.hold_id),
        back.refund_no,
        back.points,
        actor=actor,
        ledger=ledger,
        terms=terms.ledger,
        now=now,
        text=f"订单{changed.order_no}退款,退回抵扣的积分",
        also=(table.changed(changed),),
    )
    return not receipt.replayed
