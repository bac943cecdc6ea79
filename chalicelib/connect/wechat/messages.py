"""What a queued message says, in the words of the brand's template, and until when it is true. Pure.

Messages of RemindersQueue: a check-in reminder as `earning/remind_check_ins.py` makes it, or what names its `kind`: a
notice of the night as `ledger/expire.py` makes it, a payment's gift (`spending/gifts/events.py`), or an item that is
there again (`spending/mall/restock.py`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any, NamedTuple

from chalicelib.connect.wechat.templates import Template, alternatives, words_of

REMINDER, GIFT = "check_in_reminder", "payment_gift"
RESTOCKED_DAYS = 1
"""Days after its own on which it is still worth telling that an item is there again."""


class Due(NamedTuple):
    """A message that is due to one member."""

    kind: str
    member_id: str
    on: date
    """The business date it was made for."""
    last_on: date
    """The last business date on which it is true."""
    words: Mapping[str, str]
    """What is known; a word that has nothing to say that day is missing."""
    id: str = ""
    """Of what may happen to a member several times a day."""
    page: str = ""
    """The page it leads to, where that is not the template's."""

    @property
    def key(self) -> str:
        """The same however often it is queued: a member is told of one thing once a day."""
        return ":".join((self.kind, self.member_id, self.on.isoformat(), *((self.id,) if self.id else ())))


def due(body: str, level_name: Callable[[str], str]) -> Due:
    """The message in a queue's body; `level_name` answers a level's name by its id, empty for an unknown one."""
    given = json.loads(body)
    on = date.fromisoformat(given["on"])
    kind = given.get("kind", REMINDER)
    last_on, words = _KINDS[kind](given, on, level_name)
    known = {name: word for name, word in words.items() if word}
    said = {"on": shown(on), **known}
    return Due(kind, given["member_id"], on, last_on, said, given.get("id", ""), given.get("page", ""))


def values(template: Template, words: Mapping[str, str]) -> dict[str, str]:
    """The fields' texts: of each the first whose words are all known, empty where there is none."""
    return {
        name: next((text.format_map(words) for text in alternatives(texts) if words.keys() >= set(words_of(text))), "")
        for name, texts in template.fields.items()
    }


def shown(on: date) -> str:
    """A day as WeChat's fields of dates want it."""
    return f"{on.year}年{on.month}月{on.day}日"


Said = tuple[date, dict[str, str]]


def _reminder(given: Mapping[str, Any], on: date, _level_name: Callable[[str], str]) -> Said:
    counts = ("streak_days", "next_reward_days", "next_reward_points", "lost_streak_days")
    return on, {name: str(given.get(name) or "") for name in counts}


def _points(given: Mapping[str, Any], _on: date, _level_name: Callable[[str], str]) -> Said:
    ends: Mapping[str, int] = given["facts"]["points"]
    first = min(ends)
    until = date.fromisoformat(first)
    return until, {"points": str(ends[first]), "until": shown(until), "all_points": str(sum(ends.values()))}


def _level(given: Mapping[str, Any], on: date, level_name: Callable[[str], str]) -> Said:
    facts = given["facts"]
    until = date.fromisoformat(facts["until"]) if facts["until"] else None
    return until or on, {"level": level_name(facts["level"]), "until": shown(until) if until else ""}


def _gift(given: Mapping[str, Any], on: date, _level_name: Callable[[str], str]) -> Said:
    return on, {"message": given["facts"]["message"], "coupons": str(given["facts"]["coupons"])}


def _restocked(given: Mapping[str, Any], on: date, _level_name: Callable[[str], str]) -> Said:
    return on + timedelta(days=RESTOCKED_DAYS), {"item": given["facts"]["item"]}


_KINDS: Mapping[str, Callable[[Mapping[str, Any], date, Callable[[str], str]], Said]] = {
    REMINDER: _reminder,
    "points_expiring": _points,
    "level_ending": _level,
    GIFT: _gift,
    "restocked": _restocked,
}
