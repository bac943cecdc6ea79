"""Levels over all of CDNOW: each real order's growth, every review on its day, beside a plain recomputation."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from chalicelib.ledger.apply import apply
from chalicelib.ledger.commands import Earn, Expire
from chalicelib.ledger.model import Account, Cause, Entry, Kind
from chalicelib.programme.activity import Ordered
from chalicelib.programme.document import read_programme
from chalicelib.programme.growth import growth_of_order
from chalicelib.programme.model import Terms
from local.cdnow import read_log

ROOT = Path(__file__).parents[2]
LAST_ON = date(2000, 12, 31)
LEVELS = [("normal", 0, 0), ("silver", 100, 80), ("gold", 300, 240), ("diamond", 1000, 800)]
GRACE_DAYS = 30

Change = tuple[date, str]
"""From which day on, which level."""


def terms() -> Terms:
    document = json.loads((ROOT / "local" / "programmes" / "cdnow.json").read_text())
    levels = [{"id": id, "name": id, "from_growth": rise, "keep_growth": keep} for id, rise, keep in LEVELS]
    document |= {
        "growth": {"order": {"fen": 100, "growth": 1}},
        "levels": {"levels": levels, "grace_days": GRACE_DAYS, "warn_days": []},
    }
    return Terms(1, datetime(1996, 12, 30, 16, tzinfo=UTC), read_programme(document))


def by_the_engine(orders: dict[str, list[tuple[date, int]]], terms: Terms) -> dict[str, list[Change]]:
    """Every member's changes of level: orders as they come, and a night wherever the due index names one."""
    found: dict[str, list[Change]] = {}
    for member_id, bought in orders.items():
        account, changes = Account(member_id, "0000"), list[Change]()

        def booked(commands: list[Earn | Expire], on: date, hour: int) -> None:
            nonlocal account
            now = datetime(on.year, on.month, on.day, hour, tzinfo=UTC) - timedelta(hours=8)
            posting = apply(account, commands, terms.ledger, now)
            account = posting.account
            changes.extend(changed(entry) for entry in posting.entries if entry.level_before != entry.level_after)  # noqa: B023

        def nights_through(on: date) -> None:
            while account.due_on is not None and account.due_on <= on:  # noqa: B023
                booked([Expire()], account.due_on, 1)  # noqa: B023

        for number, (on, fen) in enumerate(bought):
            nights_through(on)
            growth = growth_of_order(terms, Ordered(fen))
            at = datetime(on.year, on.month, on.day, 12, tzinfo=UTC)
            cause = Cause(Kind.EARN, "order", str(number), at, at, "cdnow", "replay")
            booked([Earn(cause, 0, "", "", 1, growth=growth, growth_on=on)], on, 12)
        nights_through(LAST_ON)
        found[member_id] = changes
    return found


def changed(entry: Entry) -> Change:
    return date.fromisoformat(str(entry.facts["level_since"])), entry.level_after


def of_twelve_months(had: list[tuple[date, int]], on: date) -> int:
    """Whole yuan of the calendar month of `on` and the eleven before it."""
    months = {(on.year * 12 + on.month) - ago for ago in range(12)}
    return sum(yuan for then, yuan in had if then.year * 12 + then.month in months)


def a_year_after(on: date) -> date:
    return date(on.year + 1, 2, 28) if (on.month, on.day) == (2, 29) else date(on.year + 1, on.month, on.day)


class ByHand:
    """The same for one member, from the words of the terms alone."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.had: list[tuple[date, int]] = []
        self.rank = 0
        self.until: date | None = None

    def come_to(self, on: date) -> None:
        while self.until is not None and on > self.until:
            if of_twelve_months(self.had, self.until) >= LEVELS[self.rank][2]:
                self.until = a_year_after(self.until)
            elif on > self.until + timedelta(days=GRACE_DAYS):
                self.rank -= 1
                self.begin(self.until + timedelta(days=GRACE_DAYS + 1))
            else:
                return

    def begin(self, on: date) -> None:
        self.changes.append((on, LEVELS[self.rank][0]))
        self.until = a_year_after(on) if self.rank else None

    def buy(self, on: date, fen: int) -> None:
        self.come_to(on)
        self.had.append((on, fen // 100))
        growth = of_twelve_months(self.had, on)
        risen = max(place for place, (_, rise, _) in enumerate(LEVELS) if growth >= rise)
        if risen > self.rank:
            self.rank = risen
            self.begin(on)
        elif self.until is not None and on > self.until and growth >= LEVELS[self.rank][2]:
            self.until = a_year_after(self.until)


def by_hand(bought: list[tuple[date, int]]) -> list[Change]:
    """A member's changes of level, recomputed."""
    member = ByHand()
    for on, fen in bought:
        member.buy(on, fen)
    member.come_to(LAST_ON)
    return member.changes


def test_every_level_of_every_customer_is_the_recomputed_one_on_its_day(cdnow: Path) -> None:
    orders: dict[str, list[tuple[date, int]]] = defaultdict(list)
    for paid in read_log(cdnow):
        orders[paid.buyer_id].append((paid.paid_at.date(), paid.paid_fen))

    found = by_the_engine(orders, terms())

    assert found == {member_id: by_hand(bought) for member_id, bought in orders.items()}
    assert sum(len(changes) for changes in found.values()) == 14_310
