"""Records that no retry could post: parked with their payload, seen by operators, replayed when the cause is mended."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime

from chalicelib.earning.caused import take_back_caused
from chalicelib.earning.claims_table import ClaimsTable
from chalicelib.earning.points_back import tell_refunds
from chalicelib.earning.settle_claims import settle_claims
from chalicelib.earning.settle_order import settle_order
from chalicelib.earning.table import OrdersTable
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import Receipt
from chalicelib.ledger.table import LedgerTable
from chalicelib.programme.model import TermsBook
from chalicelib.runtime import log


def settle_message(
    message: str,
    *,
    orders: OrdersTable,
    ledger: LedgerTable,
    book: TermsBook,
    send: Callable[[Sequence[str]], None],
    tell: Callable[[Sequence[str]], None],
    now: datetime,
) -> Receipt | None:
    """Settle the order a retry or parked message names, as it stands now: the newest image includes the parked one.

    A claim that waits on it and fits gets it at `now`; the stream then credits it.
    What it caused elsewhere goes back through `send`, the queue of behaviours, when it is refunded in full; through
    `tell` its refunds are told where points paid a part of it.

    Raises PARKED_RECORD_UNREADABLE when the message names no order that can be read, and whatever settling raises.
    """
    try:
        key = str(json.loads(message)["order"])
    except (KeyError, TypeError, ValueError):
        key = ""
    found = orders.orders([key]) if key else []
    if not found:
        raise JifenError(Code.PARKED_RECORD_UNREADABLE)
    settle_claims(found[0], claims=ClaimsTable(ledger, orders), book=book, now=now)
    receipt = settle_order(found[0], ledger=ledger, book=book)
    take_back_caused(found[0], ledger=ledger, send=send)
    tell_refunds(found[0], tell)
    return receipt


def replay_parked(
    record_id: str,
    *,
    orders: OrdersTable,
    ledger: LedgerTable,
    book: TermsBook,
    send: Callable[[Sequence[str]], None],
    tell: Callable[[Sequence[str]], None],
    now: datetime,
) -> Receipt | None:
    """Settle a parked record again and forget it; it stays parked when that fails."""
    payload = orders.parked_payload(record_id)
    if payload is None:
        raise JifenError(Code.PARKED_RECORD_NOT_FOUND)
    receipt = settle_message(payload, orders=orders, ledger=ledger, book=book, send=send, tell=tell, now=now)
    orders.unpark(record_id)
    return receipt


def discard_parked(record_id: str, *, orders: OrdersTable, actor: str) -> None:
    """Forget a parked record that stands for no order; who did so is logged."""
    if orders.parked_payload(record_id) is None:
        raise JifenError(Code.PARKED_RECORD_NOT_FOUND)
    orders.unpark(record_id)
    log.outcome("parked_order_discarded", record=record_id, actor=actor)
