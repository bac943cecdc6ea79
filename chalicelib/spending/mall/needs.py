"""What a member must have done before he may have an item (骑行3次): counted in his journal, when such an item is asked
for and not otherwise.
"""

from __future__ import annotations

from chalicelib.ledger.model import Account, Kind
from chalicelib.ledger.table import LedgerTable
from chalicelib.spending.mall.item import MallItem
from chalicelib.spending.mall.shelf import WhyNot

PAGE, PAGES = 200, 5
"""How far back one looks: a thousand entries of the member."""


def lacking(item: MallItem, account: Account, ledger: LedgerTable) -> WhyNot | None:
    """What is missing of an item's needs; None when nothing is, or nothing is needed."""
    if item.needs is None:
        return None
    missing = item.needs.times - times_done(item.needs.activity, account, ledger, enough=item.needs.times)
    return WhyNot("needs", f"还差{missing}次{item.needs.name}") if missing > 0 else None


def times_done(activity: str, account: Account, ledger: LedgerTable, *, enough: int) -> int:
    """How often a member did an activity, what was taken back not counted, up to `enough` or as far as one looks."""
    earned: set[str] = set()
    reversed_ids: set[str] = set()
    for member_id in account.member_ids:
        before: str | None = None
        for _ in range(PAGES):
            page = ledger.entries(member_id, before_key=before, limit=PAGE)
            for entry in page:
                if entry.activity == activity:
                    bare = entry.cause.id.partition("~")[0]
                    (earned if entry.kind is Kind.EARN else reversed_ids).add(bare.partition(":")[0])
            if len(earned - reversed_ids) >= enough or len(page) < PAGE:
                break
            before = page[-1].key
    return len(earned - reversed_ids)
