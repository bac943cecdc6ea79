"""CDNOW through the pure ledger: every order, every night that matters, and the totals agree to the point.

The first 3,000 of 23,570 customers by default; JIFEN_CDNOW=whole, as in `make proofs`, takes them all.
"""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from chalicelib.earning.order import Order, Paid, order_key
from chalicelib.earning.settle_order import settle_order
from chalicelib.ledger.apply import apply
from chalicelib.ledger.chain import sealed
from chalicelib.ledger.commands import Expire
from chalicelib.ledger.model import Account, Entry, Guard, Kind, Receipt, business_on
from chalicelib.ledger.rebuild import rebuild
from chalicelib.ledger.table import Decide, Seen
from chalicelib.programme.document import read_programme
from chalicelib.programme.model import Terms, TermsBook
from local.cdnow import read_log
from local.cdnow_totals import LAST_NIGHT, Totals, recompute

ROOT = Path(__file__).parents[2]
SHANGHAI = timedelta(hours=8)
IS_WHOLE = os.environ.get("JIFEN_CDNOW") == "whole"
CUSTOMERS = None if IS_WHOLE else 3_000
WHOLE, SLICE = (69_659, 2_453_159, 1_985_751, 467_408), (9_481, 344_845, 282_850, 61_995)
"""Orders, points issued, expired and left."""


@pytest.fixture(scope="module")
def terms() -> Terms:
    document = json.loads((ROOT / "local" / "programmes" / "cdnow.json").read_text())
    return Terms(1, datetime(1996, 12, 30, 16, tzinfo=UTC), read_programme(document))


class LedgerInMemory:
    """The ledger's gate without its tables: what `apply` decides is kept as it is."""

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self.guards: dict[str, Guard] = {}
        self.entries: dict[str, list[Entry]] = defaultdict(list)

    def post(self, member_id: str, decide: Decide, *, guard_key: str | None = None) -> Receipt:
        account = self.accounts.get(member_id) or Account(member_id=member_id, due_shard="0000")
        posting, _ = sealed(decide(Seen(account, self.guards.get(guard_key or ""))))
        self.accounts[member_id] = posting.account
        self.entries[member_id] += posting.entries
        if posting.guard:
            self.guards[posting.guard.key] = posting.guard
        return Receipt(posting.entries, posting.account, guard=posting.guard)

    def due_through(self, on: date) -> list[str]:
        return [account.member_id for account in self.accounts.values() if account.due_on and account.due_on <= on]


def replay(orders: list[Paid], terms: Terms) -> LedgerInMemory:
    """Day by day: the night first, then the day's orders, through LAST_NIGHT."""
    ledger = LedgerInMemory()
    book = TermsBook((terms,))
    by_day: dict[date, list[Paid]] = defaultdict(list)
    for paid in orders:
        by_day[paid.paid_at.date()].append(paid)
    for on in every_day(min(by_day), LAST_NIGHT):
        night = datetime(on.year, on.month, on.day, 0, 5, tzinfo=UTC) - SHANGHAI
        if on.day == 1:  # points end with a month here: no other night has anything to do
            for member_id in ledger.due_through(on):
                ledger.post(member_id, lambda seen, now=night: apply(seen.account, [Expire()], terms.ledger, now))
        for paid in by_day[on]:
            key = order_key(paid.platform, paid.order_no)
            order = Order(key=key, paid=paid, member_id=paid.buyer_id, received_at=paid.paid_at.astimezone(UTC))
            settle_order(order, ledger=ledger, book=book)  # type: ignore[arg-type]
    return ledger


def every_day(first: date, last: date) -> Iterator[date]:
    for ahead in range((last - first).days + 1):
        yield first + timedelta(days=ahead)


def totals_of(ledger: LedgerInMemory, zone: str) -> Totals:
    by_kind: dict[Kind, Counter[str]] = {Kind.EARN: Counter(), Kind.EXPIRE: Counter()}
    for entries in ledger.entries.values():
        for entry in entries:
            by_kind[entry.kind][f"{business_on(entry.posted_at, zone):%Y-%m}"] += abs(entry.points)
    return Totals(dict(by_kind[Kind.EARN]), dict(by_kind[Kind.EXPIRE]))


def test_the_log_is_read_whole(cdnow: Path) -> None:
    orders = read_log(cdnow)

    assert len(orders) == len({paid.order_no for paid in orders}) == 69_659
    assert len({paid.buyer_id for paid in orders}) == 23_570
    assert sum(paid.paid_fen == 0 for paid in orders) == 80


def test_cdnow_agrees_to_the_point(cdnow: Path, terms: Terms) -> None:
    """One test, for the replay is its cost: side-by-side test workers would each run it again."""
    independent = recompute(cdnow, CUSTOMERS)
    orders = read_log(cdnow, CUSTOMERS)

    replayed = replay(orders, terms)

    found = totals_of(replayed, terms.zone)
    earned = [entry for entries in replayed.entries.values() for entry in entries if entry.kind == Kind.EARN]
    assert len(earned) == len(orders), "an order of 0 points leaves its entry, too"
    assert found == independent
    assert sum(account.available_points for account in replayed.accounts.values()) == found.outstanding
    issued, expired = sum(found.issued.values()), sum(found.expired.values())
    assert (len(orders), issued, expired, found.outstanding) == (WHOLE if IS_WHOLE else SLICE)
    assert replayed.due_through(LAST_NIGHT) == []
    assert_journals_rebuild(replayed)


def assert_journals_rebuild(replayed: LedgerInMemory) -> None:
    """The members with the longest journals, and one in a thousand of all."""
    longest = sorted(replayed.entries, key=lambda member: -len(replayed.entries[member]))[:20]
    for member_id in [*longest, *sorted(replayed.entries)[::1000]]:
        account = replayed.accounts[member_id]
        again = rebuild(member_id, account.due_shard, replayed.entries[member_id])
        assert (again.buckets, again.sequence, again.last_hash) == (
            account.buckets,
            account.sequence,
            account.last_hash,
        )
