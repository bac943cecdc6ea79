"""Chances (抽奖机会): what a member's own journal says he has earned of them in a campaign. Pure.

Nothing is kept: a chance is there while the entry that gave it stands, and a refund or a void takes it back by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import NamedTuple

from chalicelib.ledger.model import Entry, Kind, business_on
from chalicelib.spending.lottery.campaign import Grant


class _Deed(NamedTuple):
    """One cause of an activity, as its entries tell of it."""

    at: datetime
    rules: frozenset[str]
    """Those that paid for it."""
    points: int
    paid_fen: int
    """Of an order."""


def earned_chances(entries: Iterable[Entry], grants: Sequence[Grant], zone: str) -> int:
    """How many chances a member's entries of the campaign's time have given and not lost again."""
    by_activity: dict[str, list[Entry]] = {}
    for entry in entries:
        by_activity.setdefault(entry.activity, []).append(entry)
    return sum(_by_grant(_standing(by_activity.get(grant.activity, [])), grant, zone) for grant in grants)


def _by_grant(deeds: Iterable[_Deed], grant: Grant, zone: str) -> int:
    per_day: dict[date, int] = {}
    for deed in deeds:
        if not grant.rules or not deed.rules.isdisjoint(grant.rules):
            on = business_on(deed.at, zone)
            most = grant.most_per_day
            found = per_day.get(on, 0) + grant.chances
            per_day[on] = found if most is None else min(found, most)
    chances = sum(per_day.values())
    return chances if grant.most is None else min(chances, grant.most)


def _standing(entries: Sequence[Entry]) -> list[_Deed]:
    """What was done and has not come back whole."""
    done: dict[str, _Deed] = {}
    for entry in entries:
        if entry.kind is Kind.EARN:
            done[_base(entry)] = _with(done.get(_base(entry)), entry)
    back_points, back_fen, voided = dict.fromkeys(done, 0), dict.fromkeys(done, 0), set[str]()
    for entry in entries:
        id = _base(entry)
        while entry.kind is Kind.REVERSE and id not in done and ":" in id:
            id = id.rpartition(":")[0]
        if entry.kind is not Kind.REVERSE or id not in done:
            continue
        kept = [int(entry.facts.get(name, 0)) for name in ("waived_points", "charged_points")]
        back_points[id] += sum(kept) - entry.points
        if "voided_points" in entry.facts:
            voided.add(id)
        if "~" not in entry.cause.id:
            back_fen[id] += int(entry.facts.get("refunded_fen", 0))
    return [
        deed
        for id, deed in done.items()
        if id not in voided
        and not (deed.paid_fen and back_fen[id] >= deed.paid_fen)
        and not (deed.points and back_points[id] >= deed.points)
    ]


def _base(entry: Entry) -> str:
    """The cause that an entry follows from: a further award carries its rule after a `~`."""
    return entry.cause.id.partition("~")[0]


def _with(known: _Deed | None, entry: Entry) -> _Deed:
    rules = frozenset(part.rule for part in entry.breakdown if part.points > 0)
    paid_fen = int(entry.facts.get("paid_fen", 0))
    if known is None:
        return _Deed(entry.cause.at, rules, entry.points, paid_fen)
    return _Deed(
        min(known.at, entry.cause.at), known.rules | rules, known.points + entry.points, max(known.paid_fen, paid_fen)
    )
