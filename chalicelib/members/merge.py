"""Two members who are one person become one (合并): accounts, identities and profiles, in one transaction.

The one who registered first survives, by whichever of them it is asked. What bears the other's id stays and leads to
him. It cannot be undone.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.merge import merge_accounts
from chalicelib.ledger.model import Also, LedgerTerms
from chalicelib.ledger.table import LedgerTable
from chalicelib.members.merge_writes import merge_writes
from chalicelib.members.model import Member
from chalicelib.members.table import MembersTable

MOST_IDENTITIES = 40
"""So many identities, two writes each, fit into one transaction beside the accounts."""


class Merged(NamedTuple):
    """Who survives, and whether that was so before this call."""

    survivor: Member
    replayed: bool


def merge_members(
    member_id: str,
    other_id: str,
    *,
    actor: str,
    reason: str = "",
    table: MembersTable,
    ledger: LedgerTable,
    terms: LedgerTerms,
    now: datetime,
) -> Merged:
    """Make two members one; `replayed` when both ids lead to one already.

    Raises MEMBER_NOT_FOUND, MERGE_REFUSED for more identities or accounts than one transaction takes, BUSY when either
    of them changed meanwhile: then the next try decides anew.
    """
    found = [table.member(one) for one in (member_id, other_id)]
    one, other = found
    if one is None or other is None:
        raise JifenError(Code.MEMBER_NOT_FOUND)
    if one.member_id == other.member_id:
        return Merged(one, replayed=True)
    surviving, closing = sorted((one, other), key=lambda member: (member.registered_at, member.member_id))
    identities = table.identities(closing.member_id)
    if len(identities) > MOST_IDENTITIES:
        raise JifenError(Code.MERGE_REFUSED)
    busy = JifenError(Code.BUSY, retry_after_seconds=1)
    receipt = merge_accounts(
        closing.member_id,
        surviving.member_id,
        also=tuple(Also(write, busy) for write in merge_writes(table.name, closing, surviving, identities)),
        actor=actor,
        reason=reason,
        ledger=ledger,
        terms=terms,
        now=now,
    )
    return Merged(table.member(surviving.member_id) or surviving, replayed=not receipt.entries)
