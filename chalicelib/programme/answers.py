"""Versions, drafts and pauses as staff read them, and the page as anybody does: plain JSON, times with an offset."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from chalicelib.programme.book import Heading, Pause, PauseLine
from chalicelib.programme.difference import Change, lines
from chalicelib.programme.drafts import Checked
from chalicelib.programme.items import Draft
from chalicelib.programme.model import Terms
from chalicelib.programme.page import programme_page
from chalicelib.programme.pause import Changed
from chalicelib.runtime.clock import in_zone
from chalicelib.runtime.lists import listing

Answer = dict[str, Any]
T = TypeVar("T")

DEFAULT_ZONE = "Asia/Shanghai"
"""For times that belong to no version."""


def page_answer(found: Sequence[T], limit: int, show: Callable[[T], Answer], place: Callable[[T], str]) -> Answer:
    """`{list, next_cursor, has_more}` of up to `limit` of what was found, which is one more where there is more."""
    shown = found[:limit]
    return listing([show(one) for one in shown], place(shown[-1]) if len(found) > limit else None)


def heading_answer(heading: Heading) -> Answer:
    """A version in a list: who published what, when and why."""
    return {
        "version": heading.version,
        "name": heading.name,
        "effective_from": in_zone(heading.effective_from, heading.zone),
        "rules": heading.rules,
        "published_by": heading.published_by,
        "published_at": in_zone(heading.published_at, heading.zone),
        "note": heading.note,
        "draft_id": heading.draft_id or None,
    }


def difference_answer(changes: Sequence[Change]) -> Answer:
    """Every change, and the words of those that have some."""
    return {"changes": [change._asdict() for change in changes], "lines": lines(changes)}


def draft_answer(draft: Draft) -> Answer:
    """A draft; in a list without its document."""
    document = {} if draft.document is None else {"document": draft.document}
    return {
        "id": draft.id,
        "version": draft.version,
        "state": draft.state,
        "name": draft.name,
        "author": draft.author,
        "created_at": in_zone(draft.created_at, DEFAULT_ZONE),
        "updated_by": draft.updated_by,
        "updated_at": in_zone(draft.updated_at, DEFAULT_ZONE),
        "published_version": draft.published_version,
        **document,
    }


def checked_answer(checked: Checked) -> Answer:
    """What stands in a draft's way."""
    judged = checked.judged
    earliest = judged.earliest_from if judged else None
    zone = (checked.draft.document or {}).get("zone", DEFAULT_ZONE)
    return {
        "version": checked.draft.version,
        "publishable": not checked.faults,
        "faults": [fault._asdict() for fault in checked.faults],
        "warnings": list(judged.warnings) if judged else [],
        "worse": [worse._asdict() for worse in judged.worse] if judged else [],
        "earliest_effective_from": in_zone(earliest, zone) if earliest else None,
    }


def pause_answer(pause: Pause) -> Answer:
    """How a rule stands, and who made it so."""
    return {
        "rule": pause.rule,
        "paused": pause.is_paused,
        "by": pause.by,
        "reason": pause.reason,
        "at": in_zone(pause.at, DEFAULT_ZONE),
    }


def changed_answer(rule_id: str, changed: Changed) -> Answer:
    """The same after a change; a rule that never was paused has nobody to name."""
    pause = changed.pause
    shown = pause_answer(pause) if pause else {"rule": rule_id, "paused": False, "by": None, "reason": None, "at": None}
    return {**shown, "replayed": changed.replayed}


def pause_line_answer(line: PauseLine) -> Answer:
    """A line of the history of pauses."""
    return {
        "rule": line.rule,
        "action": line.action,
        "by": line.by,
        "reason": line.reason,
        "at": in_zone(line.at, DEFAULT_ZONE),
    }


def trial_answers(terms: Terms) -> list[Answer]:
    """The rules and tasks on trial and their members."""
    return [
        {
            "rule": rule.id,
            "name": rule.name,
            "activity": rule.activity,
            "enabled": rule.enabled,
            "paused": rule.id in terms.paused,
            "members": list(rule.trial.members),
        }
        for rule in terms.programme.earners
        if rule.trial is not None
    ]


def programme_answer(terms: Terms, following: Sequence[Terms]) -> Answer:
    """The programme page of one version, with what follows it."""
    upcoming = following[0] if following else None
    return {
        "name": terms.programme.name,
        "version": terms.version,
        "effective_from": in_zone(terms.effective_from, terms.zone),
        "sections": [section._asdict() for section in programme_page(terms, following)],
        "next_version": upcoming.version if upcoming else None,
        "next_effective_from": in_zone(upcoming.effective_from, upcoming.zone) if upcoming else None,
    }
