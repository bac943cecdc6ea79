"""What a member must have done before he may have an item (骑行3次): counted in his journal, when such an item is asked
for and not otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from chalicelib.ledger.model import Account, Entry, Kind
from chalicelib.ledger.table import LedgerTable
from chalicelib.spending.mall.desk import Desk
from chalicelib.spending.mall.item import MallItem
from chalicelib.spending.mall.shelf import WhyNot, task_key

MOST_LUMPS = 100
PAGE, PAGES = 200, 5
"""How far back one looks: a thousand entries of the member."""


@dataclass(frozen=True, slots=True)
class Journal:
    """Entries of members, newest first: however many items ask for deeds, each page is read once."""

    ledger: LedgerTable
    read: dict[tuple[str, str | None], list[Entry]] = field(default_factory=dict)

    def page(self, member_id: str, before_key: str | None) -> list[Entry]:
        """Up to PAGE entries older than a key."""
        place = member_id, before_key
        if place not in self.read:
            self.read[place] = self.ledger.entries(member_id, before_key=before_key, limit=PAGE)
        return self.read[place]


def lacking(item: MallItem, account: Account, journal: Journal) -> WhyNot | None:
    """What is missing of an item's needs; None when nothing is, or nothing is needed."""
    if item.needs is None:
        return None
    needed = item.needs
    done = _done(account, journal, lambda entry: entry.activity == needed.activity, needed.times)
    missing = needed.times - (len(done.keys) - done.taken_back)
    return WhyNot("needs", f"还差{missing}次{needed.name}") if missing > 0 else None


def free_lump(item_id: str, task: str, account: Account, desk: Desk, journal: Journal) -> str | None:
    """The entry of a lump of a task that has not opened the item yet, the newest first; None when there is none.

    Each lump in sight counts once, whatever was long ago: a lump that was taken back takes the place of a free one.
    """
    paid = _done(account, journal, lambda entry: entry.rule == task, MOST_LUMPS)
    rows = {task_key(item_id, member_id, key): key for key in paid.keys for member_id in account.member_ids}
    used = {rows[row] for row, pieces in desk.mall.used([*rows]).items() if pieces > 0}
    free = [key for key in paid.keys if key not in used]
    return free[0] if len(free) > paid.taken_back else None


class _Done(NamedTuple):
    """What a member was paid for something, as far back as one looks: keys of the entries, newest first, and how many
    of such were taken back.
    """

    keys: list[str]
    taken_back: int


def _done(account: Account, journal: Journal, is_meant: Callable[[Entry], bool], enough: int) -> _Done:
    keys: list[str] = []
    taken_back = 0
    for member_id in account.member_ids:
        before: str | None = None
        for _ in range(PAGES):
            page = journal.page(member_id, before)
            keys += [entry.key for entry in page if entry.kind is Kind.EARN and is_meant(entry)]
            taken_back += sum(entry.kind is Kind.REVERSE and is_meant(entry) for entry in page)
            if len(keys) - taken_back >= enough or len(page) < PAGE:
                break
            before = page[-1].key
    return _Done(keys, taken_back)
