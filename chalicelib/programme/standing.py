"""How a member stands on a date, as conditions ask it. Pure."""

from __future__ import annotations

from datetime import date

from chalicelib.ledger.levels import level_on, settled
from chalicelib.ledger.model import Account
from chalicelib.programme.activity import Standing
from chalicelib.programme.model import Terms

NO_TAGS: frozenset[str] = frozenset()
"""Of who has none, and wherever nobody asks for them: what earns reads no member's tags."""


def standing_of(account: Account, terms: Terms, on: date, tags: frozenset[str] = NO_TAGS) -> Standing:
    """What the programme may look at of the member whose account this is; the level is that of the date `on`. His tags
    are kept elsewhere: who asks for them has read them.
    """
    tenure, levels = account.tenure, terms.ledger.levels
    if levels is not None:
        tenure = settled(tenure, account.growth, levels, on)
    level = level_on(tenure, on, levels)
    return Standing(
        level=level,
        gates=terms.gates(level),
        counters=account.counters,
        tags=tags,
        joined_on=account.joined_on,
        member_id=account.member_id,
    )
