"""Levels (等级): up at once when growth reaches one, kept by a review after its validity, down after a grace. Pure.

A tenure is what a member has of levels: the level, since when, until when, the level before it, and a trial of a higher
one. An empty name is the first level, which everybody has and nobody loses.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import NamedTuple

from chalicelib.ledger.calendar import months_after
from chalicelib.ledger.growth import Growth, in_window


class Level(NamedTuple):
    """Reached with `from_growth`, kept with `keep_growth` of the window; the first level has 0 and 0."""

    id: str
    from_growth: int
    keep_growth: int


class LevelTerms(NamedTuple):
    """The levels of a programme, lowest first, and how they are won and lost."""

    levels: tuple[Level, ...]
    window_months: int
    """Growth of so many calendar months counts, the running one among them."""
    valid_months: int
    """So long a level lasts from the upgrade, and from each review that keeps it."""
    grace_days: int
    """So long a level stays after its validity, for the missing growth to come."""
    is_one_step: bool
    """Whether a level falls by one step at a time, or to the highest that its growth would keep."""
    rechecks_refunds: bool
    """Whether a refund that brings growth below the level's keep threshold takes the level at once."""
    warn_days: tuple[int, ...] = ()
    """So many days before the end of its validity a level that would not be kept is told."""

    def rank(self, level_id: str) -> int:
        """The place of a level, 0 for the first and for one these terms do not know."""
        for place, level in enumerate(self.levels):
            if level.id == level_id:
                return place
        return 0


class Tenure(NamedTuple):
    """What a member has of levels."""

    level: str = ""
    since_on: date | None = None
    until_on: date | None = None
    """The last day of its validity; None when it has no end."""
    prior: str = ""
    """The level before `since_on`."""
    trial: str = ""
    trial_until_on: date | None = None


FIRST = Tenure()


def raised(tenure: Tenure, growth: Growth, terms: LevelTerms, on: date) -> Tenure:
    """Up at once: the tenure with the highest level that growth reaches on `on`, the same when that is no higher."""
    reached = in_window(growth, on, terms.window_months)
    rank = terms.rank(tenure.level)
    if rank + 1 >= len(terms.levels) or reached < terms.levels[rank + 1].from_growth:
        return tenure
    level = max(
        (one for one in terms.levels[rank + 1 :] if one.from_growth <= reached), key=lambda one: one.from_growth
    )
    until_on = months_after(on, terms.valid_months)
    return tenure._replace(level=level.id, since_on=on, until_on=until_on, prior=tenure.level)


def kept(tenure: Tenure, growth: Growth, terms: LevelTerms, on: date) -> Tenure:
    """The tenure renewed from the end of its validity when that is over by `on` and growth is enough to keep it."""
    if tenure.until_on is None or tenure.until_on >= on or not _is_enough(tenure, growth, terms, on):
        return tenure
    return tenure._replace(until_on=months_after(tenure.until_on, terms.valid_months))


def rechecked(tenure: Tenure, before: Growth, growth: Growth, terms: LevelTerms, on: date) -> Tenure:
    """After a refund: the highest level whose keep threshold is still met, the same when that is the level itself.

    What growth did not keep before the refund either (set by hand, brought over, in its grace) is for its review.
    """
    if not _is_enough(tenure, before, terms, on) or _is_enough(tenure, growth, terms, on):
        return tenure
    return _fallen(tenure, growth, terms, on, on, one_step=False)


def after_growth(tenure: Tenure, before: Growth, growth: Growth, amount: int, terms: LevelTerms, on: date) -> Tenure:
    """The tenure once `amount` has made `growth` of `before`: up at once, kept within the grace; down, where refunds
    are rechecked.
    """
    if amount > 0:
        return kept(raised(tenure, growth, terms, on), growth, terms, on)
    return rechecked(tenure, before, growth, terms, on) if terms.rechecks_refunds else tenure


def next_step(tenure: Tenure, growth: Growth, terms: LevelTerms, on: date) -> tuple[date, Tenure] | None:
    """The first thing that time alone has decided by `on`: (the last day before it, the tenure after it).

    A trial ends after its last day; a level's validity ends in a renewal, or after the grace in a fall.
    """
    if tenure.trial and tenure.trial_until_on is not None and tenure.trial_until_on < on:
        return tenure.trial_until_on, tenure._replace(trial="", trial_until_on=None)
    until_on = tenure.until_on
    if until_on is None or until_on >= on:
        return None
    if not terms.rank(tenure.level):
        return until_on, tenure._replace(until_on=None)
    if _is_enough(tenure, growth, terms, until_on):
        return until_on, tenure._replace(until_on=months_after(until_on, terms.valid_months))
    grace_until_on = until_on + timedelta(days=terms.grace_days)
    if grace_until_on >= on:
        return None
    fallen_on = grace_until_on + timedelta(days=1)
    return grace_until_on, _fallen(tenure, growth, terms, grace_until_on, fallen_on, one_step=terms.is_one_step)


def step_due_on(tenure: Tenure, terms: LevelTerms, done_on: date) -> date | None:
    """The first business date on which time alone decides something, when all of `done_on` was done; may be overdue."""
    dates = []
    if tenure.trial and tenure.trial_until_on is not None:
        dates.append(tenure.trial_until_on + timedelta(days=1))
    if tenure.until_on is not None:
        review_on = tenure.until_on + timedelta(days=1)
        # A review that did not keep the level leaves the end of its grace to come.
        dates.append(review_on if review_on > done_on else review_on + timedelta(days=terms.grace_days))
    return min(dates, default=None)


def warned_on(tenure: Tenure, terms: LevelTerms, today_on: date) -> date | None:
    """The first business date after today on which the end of the level's validity may have to be told."""
    if tenure.until_on is None:
        return None
    days = (tenure.until_on - timedelta(days=before) for before in terms.warn_days)
    return min((on for on in days if on > today_on), default=None)


def is_warned(tenure: Tenure, growth: Growth, terms: LevelTerms, since_on: date, today_on: date) -> bool:
    """Whether the end of a level that would not be kept is to be told on one of the days from `since_on` to today.

    It would not be kept when what counts on its last day is too little as things stand.
    """
    until_on = tenure.until_on
    if until_on is None or until_on < today_on or _is_enough(tenure, growth, terms, until_on):
        return False
    return any(since_on <= until_on - timedelta(days=days) <= today_on for days in terms.warn_days)


def settled(tenure: Tenure, growth: Growth, terms: LevelTerms, on: date) -> Tenure:
    """The tenure once all that time has decided by `on` is done, booked or not."""
    while (step := next_step(tenure, growth, terms, on)) is not None:
        tenure = step[1]
    return tenure


def level_on(tenure: Tenure, on: date, terms: LevelTerms | None) -> str:
    """The level whose privileges a member has on `on`, a running trial's where that is higher; the one before for a
    day before the last change.
    """
    if terms is None:
        return tenure.level
    level = tenure.level if tenure.since_on is None or on >= tenure.since_on else tenure.prior
    is_tried = tenure.trial and tenure.trial_until_on is not None and on <= tenure.trial_until_on
    if is_tried and terms.rank(tenure.trial) > terms.rank(level):
        return tenure.trial
    return level or terms.levels[0].id


def _is_enough(tenure: Tenure, growth: Growth, terms: LevelTerms, on: date) -> bool:
    keep_growth = terms.levels[terms.rank(tenure.level)].keep_growth
    return in_window(growth, on, terms.window_months) >= keep_growth


def _fallen(tenure: Tenure, growth: Growth, terms: LevelTerms, judged_on: date, on: date, *, one_step: bool) -> Tenure:
    """One level lower, or at the highest lower one that growth keeps on `judged_on`; valid anew from `on`."""
    rank = terms.rank(tenure.level) - 1
    if not one_step:
        had = in_window(growth, judged_on, terms.window_months)
        while rank and terms.levels[rank].keep_growth > had:
            rank -= 1
    until_on = months_after(on, terms.valid_months) if rank else None
    return tenure._replace(level=terms.levels[rank].id, since_on=on, until_on=until_on, prior=tenure.level)
