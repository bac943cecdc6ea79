"""Before a refund: what it would take back, and how much of it is spent already (从退款抵扣). Reads only.

It runs the very code that settles the refund later, on a refund that is not stored, so quote and settlement agree as
long as nothing happens between them.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from chalicelib.earning.order import Order, Refund, Refunded, order_key, why_not
from chalicelib.earning.settle_order import guard_key
from chalicelib.earning.table import OrdersTable
from chalicelib.earning.take_back import take_back
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.apply import apply
from chalicelib.ledger.commands import Command, Reverse
from chalicelib.ledger.model import LedgerTerms
from chalicelib.ledger.table import LedgerTable
from chalicelib.programme.model import TermsBook


class RefundQuote(NamedTuple):
    """What a refund takes back. The parts sum to `points`."""

    points: int
    pending_points: int
    available_points: int
    waived_points: int
    """What the brand bears: expired since, or waived by the programme's policy."""
    shortfall_points: int
    """What is spent already, and owed or charged by the programme's policy."""
    policy: str
    charge_fen: int
    """What to keep back from the money, rounded up to a fen so that it covers the shortfall; 0 under other policies."""
    growth: int = 0
    """The growth that would go."""
    level_before: str = ""
    level_after: str = ""
    """The member's level before and after it, the same where it would not fall; empty in a programme without levels."""


def refund_quote(
    refund: Refund, *, orders: OrdersTable, ledger: LedgerTable, book: TermsBook, now: datetime
) -> RefundQuote:
    """What `refund` would take back now.

    Raises ORDER_NOT_FOUND while the order has no points, and what would refuse the refund itself.
    """
    key = order_key(refund.platform, refund.order_no)
    found: list[Order] = orders.orders([key])
    order = found[0] if found else None
    if order is None or order.paid is None or not order.member_id:
        raise JifenError(Code.ORDER_NOT_FOUND)
    if problem := why_not(refund, order):
        raise problem
    seen = ledger.see(order.member_id, guard_key(key))
    if seen.guard is None:
        raise JifenError(Code.ORDER_NOT_FOUND)
    asked = Refunded(
        refund.refund_no, refund.refunded_fen, refund.refunded_at, now, refund.freight_fen, lines=refund.lines
    )
    commands: list[Command] = []
    known = {no: one for no, one in order.refunds.items() if no in seen.guard.state["refunds"]}
    after = order._replace(refunds={**known, refund.refund_no: asked})
    take_back(after, order.paid, seen.guard, seen.account, commands, book)
    terms = book.version(seen.guard.state["terms"])
    in_force = (book.at(now) or terms).ledger  # as the settlement of a refund received now
    posting = apply(seen.account, commands, in_force, now)
    entries = [entry for entry in posting.entries if entry.kind == "reverse"]
    points = sum(command.points for command in commands if isinstance(command, Reverse))
    pending = -sum(entry.pending_points for entry in entries)
    available = -sum(sum(entry.buckets.values()) for entry in entries)
    waived = sum(int(entry.facts.get("waived_points", 0)) for entry in entries)
    shortfall = points - pending - available - waived
    value, policy = terms.programme.point_value, terms.programme.reversal
    charged = policy == "charge_refund" and shortfall
    return RefundQuote(
        points=points,
        pending_points=pending,
        available_points=available,
        waived_points=waived,
        shortfall_points=shortfall,
        policy=policy,
        charge_fen=-(-shortfall * value.fen // value.points) if charged else 0,
        growth=-sum(entry.growth for entry in entries),
        level_before=_level(entries[0].level_before, in_force),
        level_after=_level(entries[-1].level_after, in_force),
    )


def _level(level_id: str, terms: LedgerTerms) -> str:
    return terms.levels.levels[terms.levels.rank(level_id)].id if terms.levels else ""
