"""CDNOW with redemptions, which its log has none of: a stated, seeded behaviour over its real purchases.

Who buys again while points are there redeems all of them with an even chance, told by a hash of member and purchase: so
a member who does not come back spends nothing, and points are lost with him. Dates, amounts and who came back are real;
the chance is made up.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta

from chalicelib.earning.order import Order, Paid, order_key
from chalicelib.earning.settle_order import settle_order
from chalicelib.ledger.apply import apply
from chalicelib.ledger.commands import Expire, Redeem
from chalicelib.ledger.model import Cause, Entry, Kind
from chalicelib.programme.model import Terms, TermsBook
from local.cdnow_totals import LAST_NIGHT
from tests.replay.test_cdnow_ledger import LedgerInMemory, every_day

SEED = "jifen-1"
LAST_PURCHASES = "1998-06"
"""The log ends with this month: what ends later could not have been spent in it to the last."""


def redeeming_replay(orders: list[Paid], terms: Terms) -> list[Entry]:
    """Every entry of the replay: the month's night first, then each purchase, before it perhaps a redemption."""
    ledger, book = LedgerInMemory(), TermsBook((terms,))
    by_day: dict[date, list[Paid]] = defaultdict(list)
    for paid in orders:
        by_day[paid.paid_at.date()].append(paid)
    for on in every_day(min(by_day), LAST_NIGHT):
        if on.day == 1:
            night = datetime(on.year, on.month, on.day, 0, 5, tzinfo=UTC) - timedelta(hours=8)
            for member_id in ledger.due_through(on):
                ledger.post(member_id, lambda seen, now=night: apply(seen.account, [Expire()], terms.ledger, now))
        for paid in by_day[on]:
            _redeem(ledger, paid, terms)
            key = order_key(paid.platform, paid.order_no)
            order = Order(key=key, paid=paid, member_id=paid.buyer_id, received_at=paid.paid_at.astimezone(UTC))
            settle_order(order, ledger=ledger, book=book)  # type: ignore[arg-type]
    return [entry for entries in ledger.entries.values() for entry in entries]


def _redeem(ledger: LedgerInMemory, paid: Paid, terms: Terms) -> None:
    account = ledger.accounts.get(paid.buyer_id)
    if account is None or not account.available_points or not is_redeeming(paid):
        return
    now = paid.paid_at.astimezone(UTC)
    cause = Cause(Kind.REDEEM, "redemption", paid.order_no, now, now, "cdnow", "test")
    command = Redeem(cause, account.available_points, terms.version)
    ledger.post(paid.buyer_id, lambda seen: apply(seen.account, [command], terms.ledger, now))


def is_redeeming(paid: Paid) -> bool:
    """An even chance, the same in every run."""
    return hashlib.sha256(f"{SEED}#{paid.order_no}".encode()).digest()[0] % 2 == 0
