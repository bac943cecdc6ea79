"""Records that no retry could post: parked with their payload, seen by operators, replayed when the cause is mended."""

from __future__ import annotations

import json

from chalicelib.earning.settle_order import settle_order
from chalicelib.earning.table import OrdersTable
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import Receipt
from chalicelib.ledger.table import LedgerTable
from chalicelib.programme.model import TermsBook


def settle_message(message: str, *, orders: OrdersTable, ledger: LedgerTable, book: TermsBook) -> Receipt | None:
    """Settle the order a retry or parked message names, as it stands now: the newest image includes the parked one.

    Raises LookupError when the message names no order that exists, and whatever settling raises.
    """
    key = json.loads(message).get("order", "")
    found = orders.orders([key]) if key else []
    if not found:
        raise LookupError("the message names no order")
    return settle_order(found[0], ledger=ledger, book=book)


def replay_parked(record_id: str, *, orders: OrdersTable, ledger: LedgerTable, book: TermsBook) -> Receipt | None:
    """Settle a parked record again and forget it; it stays parked when that fails."""
    payload = next((one["payload"] for one in orders.parked() if one["id"] == record_id), None)
    if payload is None:
        raise JifenError(Code.PARKED_RECORD_NOT_FOUND)
    receipt = settle_message(payload, orders=orders, ledger=ledger, book=book)
    orders.unpark(record_id)
    return receipt
