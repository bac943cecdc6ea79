"""What a posting has to tell of levels that fell or of a trial that ended, whoever or whatever did it. Pure.

One notice of a kind a day: what the day's later postings tell takes the place of the earlier. The log beside the
account has every step.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from chalicelib.ledger.levels import LevelTerms, Tenure
from chalicelib.ledger.model import Entry, Kind, Notice

LOWERED, TRIAL_ENDED = "level_lowered", "level_trial_ended"


def level_notices(
    before: Tenure, after: Tenure, entries: Sequence[Entry], terms: LevelTerms, today_on: date
) -> Iterator[Notice]:
    """A level that is lower after all of a posting's entries than before them; a trial that ended above the level."""
    if terms.rank(after.level) < terms.rank(before.level):
        facts = {"before": before.level, "after": after.level, "by": _what_lowered(entries, terms)}
        yield Notice(LOWERED, today_on, facts)
    if before.trial and not after.trial and terms.rank(before.trial) > terms.rank(after.level):
        yield Notice(TRIAL_ENDED, today_on, {"trial": before.trial, "level": after.level or terms.levels[0].id})


def _what_lowered(entries: Sequence[Entry], terms: LevelTerms) -> str:
    """`take_back`, `review` or `staff`: what the last entry that lowered the level was."""
    for entry in reversed(entries):
        if terms.rank(entry.level_after) < terms.rank(entry.level_before):
            if entry.kind is Kind.REVERSE:
                return "take_back"
            return "review" if entry.activity == "level" else "staff"
    raise AssertionError("a level fell without an entry that lowers it")
