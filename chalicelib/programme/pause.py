"""Pausing a rule or a task in an emergency: at once, in every version, without a new one; and resuming it.

The state is the natural key: a rule that is paused already stays paused as it was. A client that retries may send an
Idempotency-Key too: then its late retry does not undo what somebody else did in between.
"""

from __future__ import annotations

import json
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple

from chalicelib.errors import Code, JifenError
from chalicelib.programme.book import Interval, Pause
from chalicelib.programme.table import ProgrammeTable

ATTEMPTS = 4
"""How often a change is judged again when somebody else changed the same rule in between."""


class Changed(NamedTuple):
    """The rule's pauses as they stand now; `replayed` when there was nothing to change."""

    pause: Pause | None
    replayed: bool


def pause_rule(table: ProgrammeTable, rule_id: str, *, reason: str, by: str, now: datetime, key: str = "") -> Changed:
    """Pause a rule or task from `now` on. Raises RULE_NOT_FOUND when no version in force or to come has it, BUSY."""
    _require_known(table, rule_id, now)
    return _change(table, rule_id, to_paused=True, reason=reason, by=by, now=now, key=key)


def resume_rule(table: ProgrammeTable, rule_id: str, *, reason: str, by: str, now: datetime, key: str = "") -> Changed:
    """Let what is paused earn again from `now` on. Raises RULE_NOT_FOUND when there is no such rule or task, BUSY."""
    if table.pause(rule_id) is None:
        _require_known(table, rule_id, now)
    return _change(table, rule_id, to_paused=False, reason=reason, by=by, now=now, key=key)


def _require_known(table: ProgrammeTable, rule_id: str, now: datetime) -> None:
    programmes = [terms.programme for terms in table.book(now).versions]
    if not any(one.id == rule_id for programme in programmes for one in programme.earners):
        raise JifenError(Code.RULE_NOT_FOUND)


def _change(
    table: ProgrammeTable, rule_id: str, *, to_paused: bool, reason: str, by: str, now: datetime, key: str
) -> Changed:
    guard = sha256(json.dumps([by, key, rule_id, to_paused]).encode()).hexdigest() if key else ""
    for _ in range(ATTEMPTS):
        standing = table.pause(rule_id)
        if (standing is not None and standing.is_paused) == to_paused:
            return Changed(standing, replayed=True)
        changed = _next(standing or Pause(rule_id, 0, (), "", "", now), by=by, reason=reason, now=now)
        try:
            table.save_pause(changed, key=guard)
        except JifenError as error:
            if error.code is Code.KEY_REUSED:  # done long ago, and somebody has changed it back since
                return Changed(standing, replayed=True)
            if error.code is not Code.VERSION_TAKEN:
                raise
        else:
            return Changed(changed, replayed=False)
    raise JifenError(Code.BUSY, retry_after_seconds=1)


def _next(pause: Pause, *, by: str, reason: str, now: datetime) -> Pause:
    """The other state, from `now`. Clocks differ by a little: intervals follow each other all the same."""
    earlier, last = pause.intervals[:-1], pause.intervals[-1] if pause.intervals else None
    if last is None:
        intervals: tuple[Interval, ...] = (Interval(now),)
    elif last.until_at is None:
        intervals = (*earlier, Interval(last.from_at, max(now, last.from_at)))
    else:
        intervals = (*earlier, last, Interval(max(now, last.until_at)))
    return Pause(pause.rule, pause.version + 1, intervals, by, reason, now)
