"""What a member must have done before he may have an item (骑行3次): counted in his journal, when such an item is asked
for and not otherwise.
"""

from __future__ import annotations

from collections.abc import Callable

from chalicelib.ledger.model import Account, Entry, Kind
from chalicelib.ledger.table import LedgerTable
from chalicelib.spending.mall.item import MallItem
from chalicelib.spending.mall.shelf import WhyNot

MOST_LUMPS = 100
PAGE, PAGES = 200, 5
"""How far back one looks: a thousand entries of the member."""


def lacking(item: MallItem, account: Account, ledger: LedgerTable) -> WhyNot | None:
    """What is missing of an item's needs; None when nothing is, or nothing is needed."""
    if item.needs is None:
        return None
    needed = item.needs
    missing = needed.times - _times(account, ledger, lambda entry: entry.activity == needed.activity, needed.times)
    return WhyNot("needs", f"还差{missing}次{needed.name}") if missing > 0 else None


def lumps(task: str, account: Account, ledger: LedgerTable) -> int:
    """How many lumps of a task a member has been paid, those that were taken back left out."""
    return _times(account, ledger, lambda entry: entry.rule == task, MOST_LUMPS)


def _times(account: Account, ledger: LedgerTable, is_meant: Callable[[Entry], bool], enough: int) -> int:
    """How often a member was paid for something, what was taken back not counted, up to `enough` or as far as one
    looks.
    """
    earned = taken_back = 0
    for member_id in account.member_ids:
        before: str | None = None
        for _ in range(PAGES):
            page = ledger.entries(member_id, before_key=before, limit=PAGE)
            meant = [entry.kind for entry in page if is_meant(entry)]
            earned, taken_back = earned + meant.count(Kind.EARN), taken_back + meant.count(Kind.REVERSE)
            if earned - taken_back >= enough or len(page) < PAGE:
                break
            before = page[-1].key
    return earned - taken_back
