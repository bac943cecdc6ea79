"""What a member's level is good for on a date (权益): price, freight, and what only some levels may enter. Pure.

A running trial's level counts where it is the higher one. The brand's own shop and tills ask this; the rules of earning
ask `gates_of` alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import NamedTuple

from chalicelib.ledger.levels import LevelTerms, Tenure, level_on, settled
from chalicelib.ledger.model import Account
from chalicelib.programme.levels import Level, Levels

ONE_BP = 10_000


class Entitled(NamedTuple):
    """The level whose privileges a member has, and for how long that is certain."""

    level: Level
    until_on: date | None
    """The last day of it: of the trial, of the validity, or of the grace once that has begun; None without an end."""
    is_trial: bool

    def price_fen(self, fen: int) -> int:
        """What the member pays of a price: rounded down, so that nobody is charged for a part of a fen."""
        return price_fen(fen, self.level.privileges.price_bp)


def entitled_on(account: Account, levels: Levels, judged: LevelTerms, on: date) -> Entitled:
    """Whose privileges a member has on a business date, with all that time has decided by then."""
    tenure = settled(account.tenure, account.growth, judged, on)
    level_id = level_on(tenure, on, judged)
    level = next((one for one in levels.levels if one.id == level_id), levels.levels[0])
    is_trial = level.id == tenure.trial and level.id != tenure.level
    return Entitled(level, tenure.trial_until_on if is_trial else _end(tenure, judged, on), is_trial)


def _end(tenure: Tenure, judged: LevelTerms, on: date) -> date | None:
    until_on = tenure.until_on
    if until_on is None or on <= until_on:
        return until_on
    return until_on + timedelta(days=judged.grace_days)


def price_fen(fen: int, price_bp: int) -> int:
    """`price_bp` of a price, rounded down to whole fen."""
    return fen * price_bp // ONE_BP


def gates_of(levels: Levels | None) -> Mapping[str, frozenset[str]]:
    """What the members of each level may enter; a member of no level, or of an unknown one, is of the first."""
    if levels is None:
        return {}
    opened = {level.id: frozenset(level.privileges.gates) for level in levels.levels}
    return {"": opened[levels.levels[0].id], **opened}
