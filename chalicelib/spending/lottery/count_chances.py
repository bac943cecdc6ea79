"""How many chances a member has earned in a campaign, read from his journal."""

from __future__ import annotations

from datetime import datetime

from chalicelib.ledger.model import Account, Entry, Kind, stamp
from chalicelib.ledger.table import LedgerTable
from chalicelib.spending.lottery.campaign import Campaign
from chalicelib.spending.lottery.chances import earned_chances

PAGE = 200
MOST_PAGES = 10
"""Of each of a member's journals. The newest come first, so whatever took something back was read before what gave it:
who has more entries in a campaign may have fewer chances counted, never more.
"""


def count_chances(campaign: Campaign, account: Account, *, ledger: LedgerTable, zone: str) -> int:
    """The chances of an account's member since the campaign began; none are read of a campaign that gives none.

    Strongly read: one query for each 200 entries and each account that was merged into this one.
    """
    if not campaign.grants:
        return 0
    entries = [entry for one in account.member_ids for entry in _since(campaign.from_at, one, ledger)]
    return earned_chances(reversed(entries), campaign.grants, zone)


def _since(from_at: datetime, member_id: str, ledger: LedgerTable) -> list[Entry]:
    found: list[Entry] = []
    before_key = None
    for _ in range(MOST_PAGES):
        page = ledger.entries(member_id, before_key=before_key, limit=PAGE)
        found += [entry for entry in page if entry.key >= stamp(from_at) and not _is_earlier(entry, from_at)]
        if len(page) < PAGE or page[-1].key < stamp(from_at):
            break
        before_key = page[-1].key
    return found


def _is_earlier(entry: Entry, from_at: datetime) -> bool:
    """Whether it was done before the campaign and only told since: an order of a history that is brought in late."""
    return entry.kind is Kind.EARN and entry.cause.occurred_at < from_at
