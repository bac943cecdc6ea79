"""Who is a buyer (有过消费的会员): a member with an order that was credited and of which any money is left. Pure.

The account counts such orders: one more with an order's first settlement, one less with the refund that takes its last
money.
"""

from __future__ import annotations

from datetime import date

from chalicelib.ledger.counters import Counted, Counters, used
from chalicelib.programme.activity import Ordered, money_fen

ORDERS = ":orders"
"""The counter; no rule, cap or task can be named so."""


def is_buyer(counters: Counters, on: date) -> bool:
    """Whether one of the member's orders stands."""
    return used(counters, ORDERS, on) > 0


def bought(ordered: Ordered) -> tuple[Counted, ...]:
    """What a credited order adds; nothing when no money was paid for its goods."""
    return (Counted(ORDERS, None, 1),) if any(money_fen(ordered)) else ()


def returned(before: Ordered, after: Ordered) -> tuple[Counted, ...]:
    """What a refund takes, from the order before it and after it: nothing while any money is left."""
    return (Counted(ORDERS, None, -1),) if any(money_fen(before)) and not any(money_fen(after)) else ()
