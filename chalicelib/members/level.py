"""What a member sees of levels (等级): where he stands, what is missing, what the next one brings, what will become of
it as things stand. Pure.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import NamedTuple

from chalicelib.ledger.growth import in_window
from chalicelib.ledger.levels import LevelTerms, Tenure, settled
from chalicelib.ledger.model import Account
from chalicelib.programme.levels import Level
from chalicelib.programme.model import Terms
from chalicelib.programme.privileges import entitled_on


class Step(NamedTuple):
    """A higher level and the growth that is missing to reach it."""

    level: Level
    missing_growth: int


class Standing(NamedTuple):
    """A member's level on a day."""

    level: Level
    """The one whose privileges count: a running trial's where that is higher."""
    own: Level
    """The one that growth has won."""
    growth: int
    """What counts of it today."""
    since_on: date | None
    until_on: date | None
    """The last day of its validity, None for the first level."""
    days_left: int | None
    """Days until then, today not counted; below 0 in the grace."""
    grace_until_on: date | None
    keep_growth: int
    """The growth that keeps it on `until_on`, or later within the grace."""
    missing_to_keep: int
    """What is missing of that as things stand, in the grace today: growth of months that will not count any more is
    left out.
    """
    projected: Level
    """The level after `until_on` and its grace when no more growth comes."""
    following: Step | None
    trial: Level | None
    trial_until_on: date | None


def standing_on(account: Account, terms: Terms, on: date) -> Standing | None:
    """How an account stands on a business date; None where the programme has no levels."""
    levels, judged = terms.programme.levels, terms.ledger.levels
    if levels is None or judged is None:
        return None
    by_id = {level.id: level for level in levels.levels}
    tenure = settled(account.tenure, account.growth, judged, on)
    own = levels.levels[judged.rank(tenure.level)]
    growth = in_window(account.growth, on, judged.window_months)
    until_on = tenure.until_on
    # In the grace new growth is judged in the window of its own day.
    judged_on = max(until_on, on) if until_on else on
    kept_growth = in_window(account.growth, judged_on, judged.window_months)
    is_tried = tenure.trial in by_id and tenure.trial_until_on is not None and tenure.trial_until_on >= on
    return Standing(
        level=entitled_on(account, levels, judged, on).level,
        own=own,
        growth=growth,
        since_on=tenure.since_on,
        until_on=until_on,
        days_left=(until_on - on).days if until_on else None,
        grace_until_on=until_on + timedelta(days=judged.grace_days) if until_on else None,
        keep_growth=own.keep_growth,
        missing_to_keep=max(0, own.keep_growth - kept_growth) if until_on else 0,
        projected=levels.levels[judged.rank(_projected(tenure, account, judged))],
        following=_following(levels.levels, judged.rank(tenure.level), growth),
        trial=by_id[tenure.trial] if is_tried else None,
        trial_until_on=tenure.trial_until_on if is_tried else None,
    )


def _projected(tenure: Tenure, account: Account, judged: LevelTerms) -> str:
    """The level on the first day after this validity and its grace."""
    if tenure.until_on is None:
        return tenure.level
    then_on = tenure.until_on + timedelta(days=judged.grace_days + 1)
    return settled(tenure, account.growth, judged, then_on).level


def _following(levels: tuple[Level, ...], rank: int, growth: int) -> Step | None:
    if rank + 1 >= len(levels):
        return None
    level = levels[rank + 1]
    return Step(level, max(0, level.from_growth - growth))
