"""Staff give members tags and take them: one member's whole set at the version they saw, or one tag of many members.

Every write stands at the versions that were read: of two changes at once the later one is decided anew on what the
first left, so neither is lost.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Literal, NamedTuple, TypeVar

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.table import LedgerTable
from chalicelib.members.tags import MOST_TAGS, Change, Held, all_tags, changes, version_of
from chalicelib.members.tags_table import TagsTable

ATTEMPTS = 6
BACKOFF_S = 0.03
AT_ONCE = 25
"""Members whose changes share a transaction: it takes a hundred writes, two of each id."""
READ_AT_ONCE = 100

Action = Literal["give", "take"]
T = TypeVar("T")


class Outcome(StrEnum):
    """What became of one id of many."""

    GIVEN = "given"
    TAKEN = "taken"
    UNCHANGED = "unchanged"
    UNKNOWN = "unknown"
    """No member has this id."""
    FULL = "full"
    """The member has as many tags as one may have."""
    BUSY = "busy"
    """Others changed his tags all the while: ask again."""


class Rooms(NamedTuple):
    """Where tags are kept, and the ledger, which knows all ids of a member."""

    tags: TagsTable
    ledger: LedgerTable
    known: Callable[[Collection[str]], Collection[str]]
    """Those of the ids that are members'."""


class By(NamedTuple):
    """Who changes tags, when and why."""

    actor: str
    reason: str
    now: datetime


class Tagged(NamedTuple):
    """A member's tags under all of his ids; `replayed` when he had just these before."""

    member_id: str
    held: tuple[Held, ...]
    replayed: bool = False

    @property
    def tags(self) -> list[str]:
        return sorted(all_tags(self.held))

    @property
    def version(self) -> int:
        return version_of(self.held)


def tagged(member_id: str, rooms: Rooms) -> Tagged:
    """A member's tags, by whichever of his ids. Raises MEMBER_NOT_FOUND."""
    if not rooms.known([member_id]):
        raise JifenError(Code.MEMBER_NOT_FOUND)
    return _tagged([rooms.ledger.read(member_id).member_ids], rooms)[0]


def replace_tags(
    member_id: str,
    tags: frozenset[str],
    *,
    seen_version: int,
    by: By,
    rooms: Rooms,
    pause: Callable[[float], None] = time.sleep,
) -> Tagged:
    """Give a member these tags and no others, at the version that was seen; just these again is no change.

    Raises MEMBER_NOT_FOUND, VERSION_TAKEN, BUSY.
    """
    for attempt in range(ATTEMPTS):
        standing = tagged(member_id, rooms)
        made = changes(standing.held, tags, by=by.actor, reason=by.reason, at=by.now)
        if not made:
            return standing._replace(replayed=True)
        if standing.version != seen_version:
            raise JifenError(Code.VERSION_TAKEN)
        after = {one.after.member_id: one.after for one in made}
        if rooms.tags.write(made, [one for one in standing.held if one.member_id not in after]):
            return standing._replace(held=tuple(after.get(one.member_id, one) for one in standing.held))
        pause(random.uniform(0, BACKOFF_S * 2**attempt))
    raise JifenError(Code.BUSY, retry_after_seconds=1)


def tag_members(
    member_ids: Sequence[str],
    tag: str,
    action: Action,
    *,
    by: By,
    rooms: Rooms,
    pause: Callable[[float], None] = time.sleep,
) -> dict[str, Outcome]:
    """Give one tag to members, or take it from them, each for himself; what became of each id. Again changes nothing:
    where a call breaks off, what was done stands, and a repeat goes on.
    """
    known = set(rooms.known(member_ids))
    persons = _persons([one for one in dict.fromkeys(member_ids) if one in known], rooms.ledger)
    outcomes: dict[str, Outcome] = {}
    for some in _in_parts([*dict.fromkeys(persons.values())], AT_ONCE):
        outcomes |= _settled(some, tag, action, by, rooms, pause)
    return {one: outcomes[persons[one][0]] if one in persons else Outcome.UNKNOWN for one in member_ids}


def _persons(member_ids: Sequence[str], ledger: LedgerTable) -> dict[str, tuple[str, ...]]:
    """All ids of whose each id is, his own first: two of them may have been asked for."""
    found: dict[str, tuple[str, ...]] = {}
    for some in _in_parts(member_ids, READ_AT_ONCE):
        found |= {id: account.member_ids for id, account in zip(some, ledger.accounts(some), strict=True)}
    return found


def _settled(
    persons: Sequence[tuple[str, ...]], tag: str, action: Action, by: By, rooms: Rooms, pause: Callable[[float], None]
) -> dict[str, Outcome]:
    """What became of each, by his own id: in one transaction if nobody else comes between, else one by one."""
    outcomes, made = _decided(persons, tag, action, by, rooms)
    if not made or (len(made) <= AT_ONCE and rooms.tags.write(made)):
        return outcomes
    for one in persons:
        outcomes[one[0]] = _alone(one, tag, action, by, rooms, pause)
    return outcomes


def _alone(
    person: tuple[str, ...], tag: str, action: Action, by: By, rooms: Rooms, pause: Callable[[float], None]
) -> Outcome:
    for attempt in range(ATTEMPTS):
        outcomes, made = _decided([person], tag, action, by, rooms)
        if not made or rooms.tags.write(made):
            return outcomes[person[0]]
        pause(random.uniform(0, BACKOFF_S * 2**attempt))
    return Outcome.BUSY


def _decided(
    persons: Sequence[tuple[str, ...]], tag: str, action: Action, by: By, rooms: Rooms
) -> tuple[dict[str, Outcome], list[Change]]:
    outcomes: dict[str, Outcome] = {}
    made: list[Change] = []
    for one in _tagged(persons, rooms):
        has = all_tags(one.held)
        if (tag in has) == (action == "give"):
            outcomes[one.member_id] = Outcome.UNCHANGED
        elif action == "give" and len(has) >= MOST_TAGS:
            outcomes[one.member_id] = Outcome.FULL
        else:
            outcomes[one.member_id] = Outcome.GIVEN if action == "give" else Outcome.TAKEN
            made += changes(one.held, has ^ {tag}, by=by.actor, reason=by.reason, at=by.now)
    return outcomes, made


def _tagged(persons: Sequence[tuple[str, ...]], rooms: Rooms) -> list[Tagged]:
    held = rooms.tags.held([id for ids in persons for id in ids])
    return [Tagged(ids[0], tuple(held[id] for id in ids)) for ids in persons]


def _in_parts(whole: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (whole[start : start + size] for start in range(0, len(whole), size))
