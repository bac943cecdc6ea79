"""A second ledger, slow and plain, written from the design's words: lots with a date and a class.

It shares no code with the real one. An operation changes a copy of its member, which stands once nothing refused it.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import NamedTuple

IDLE, NEVER = "idle", "never"


class Lot(NamedTuple):
    points: int
    ends: date | str
    """The last day it is valid, or `idle`, or `never`."""
    of: str
    """Its class."""


@dataclass
class Credit:
    """What one rule gave for an order."""

    rule: str
    points: int
    of: str
    policy: str
    ends_from: Callable[[date], date | str]
    pending: int = 0
    reversed: int = 0
    ends: date | str = ""
    activate_on: date | None = None


@dataclass
class Hold:
    member: str
    release_at: datetime
    held: list[Lot]
    spent: list[Lot] = field(default_factory=list)
    """Captured, less what was given back since."""
    asked: int | None = None
    """What was captured first."""
    is_released: bool = False


@dataclass
class Redemption:
    """Points spent at once, less what was given back since."""

    member: str
    spent: list[Lot]


@dataclass
class Member:
    lots: list[Lot] = field(default_factory=list)
    pending: int = 0
    held: int = 0
    deficit: int = 0
    frozen: bool = False
    counters: dict[str, tuple[date | None, int]] = field(default_factory=dict)
    checked_in: set[date] = field(default_factory=set)
    clock: datetime | None = None
    """When it was last posted to: it never goes back."""
    active_on: date | None = None
    joined_on: date | None = None
    today: date = date.min

    @property
    def available(self) -> int:
        return sum(lot.points for lot in self.lots)

    def by_bucket(self) -> dict[tuple[date | str, str], int]:
        """Points by end and class."""
        sums: dict[tuple[date | str, str], int] = {}
        for lot in self.lots:
            sums[lot.ends, lot.of] = sums.get((lot.ends, lot.of), 0) + lot.points
        return sums


class Refused(Exception):  # an answer, no error
    """Why nothing happened."""


@dataclass
class Model:
    class_order: tuple[str, ...]
    idle_months: int
    grace_days: int
    members: dict[str, Member] = field(default_factory=dict)
    holds: dict[str, Hold] = field(default_factory=dict)
    redemptions: dict[str, Redemption] = field(default_factory=dict)

    @contextmanager
    def at(self, name: str, now: datetime, *, active: bool = False) -> Iterator[Member]:
        """A member at an instant: what is due has gone before and goes after, and activity keeps idle points alive."""
        known = self.members.setdefault(name, Member())
        mine = copy(known)
        mine.lots, mine.counters = [*known.lots], {**known.counters}
        mine.checked_in = {*known.checked_in}
        mine.clock = max(now, known.clock) if known.clock else now
        mine.today = business_day(mine.clock)
        self._expire(mine)
        yield mine
        if active:
            mine.active_on = mine.today
        self._expire(mine)
        mine.counters = {key: one for key, one in mine.counters.items() if one[0] is None or one[0] >= mine.today}
        mine.lots = [lot for lot in mine.lots if lot.points]
        self.members[name] = mine

    def night(self, name: str, now: datetime) -> bool:
        """Whether anything had ended; else nothing is written."""
        before = self.members.setdefault(name, Member())
        with self.at(name, now) as after:
            pass
        if after.available == before.available:
            self.members[name] = before
        return after.available != before.available

    def _expire(self, mine: Member) -> None:
        idle_over = False
        if self.idle_months and mine.active_on:
            idle_over = month_end(mine.active_on, self.idle_months) < mine.today
        mine.lots = [
            lot
            for lot in mine.lots
            if not (lot.ends < mine.today if isinstance(lot.ends, date) else lot.ends == IDLE and idle_over)
        ]

    def give(self, mine: Member, incoming: list[Lot]) -> int:
        """Points come in; what the member owes is paid first, with what ends first. How many paid it."""
        owed_before = mine.deficit
        for lot in sorted(incoming, key=self.order):
            paid = min(mine.deficit, lot.points)
            mine.deficit -= paid
            mine.lots.append(lot._replace(points=lot.points - paid))
            if lot.ends == IDLE and lot.points > paid:
                mine.active_on = mine.today  # points that live on activity begin to live
        return owed_before - mine.deficit

    def spend(self, mine: Member, points: int) -> list[Lot]:
        """Points go, what ends first goes first, and the programme orders the classes of one date."""
        if mine.frozen:
            raise Refused("MEMBER_FROZEN")
        if points > mine.available:
            raise Refused("INSUFFICIENT_POINTS")
        taken, mine.lots = part(sorted(mine.lots, key=self.order), points)
        return taken

    def reverse(
        self, mine: Member, points: int, policy: str, *, pending: int = 0, charged: int = 0, own: Lot | None = None
    ) -> dict[str, int]:
        """Points are taken back; which of them were waived, kept back in money, or are owed now."""
        from_pending = min(points, pending)
        mine.pending -= from_pending
        rest, waived = points - from_pending, 0
        if policy == "pending_only" or (own and isinstance(own.ends, date) and own.ends < mine.today):
            rest, waived = 0, rest
        kept_back = min(rest, charged)
        rest -= kept_back
        lots = sorted(mine.lots, key=lambda lot: (not own or (lot.ends, lot.of) != (own.ends, own.of), self.order(lot)))
        taken, mine.lots = part(lots, rest)
        owed = rest - sum(lot.points for lot in taken)
        if policy == "waive":
            waived, owed = waived + owed, 0
        mine.deficit += owed
        return {"waived_points": waived, "charged_points": kept_back, "deficit_points": owed}

    def give_back(self, mine: Member, lots: list[Lot]) -> None:
        """Points return to their own lots; those whose date has passed get the programme's grace."""
        until = mine.today + timedelta(days=self.grace_days)
        over = [self.grace_days and isinstance(lot.ends, date) and lot.ends < mine.today for lot in lots]
        self.give(mine, [lot._replace(ends=until) if late else lot for lot, late in zip(lots, over, strict=True)])

    def count(self, mine: Member, name: str, through: date | None, add: int) -> None:
        """A counter of a period; a later period begins anew, what belongs to an earlier one is lost."""
        known = mine.counters.get(name)
        if known and known[0] == through:
            mine.counters[name] = (through, max(0, known[1] + add))
        elif not known or through is None or (known[0] and through > known[0]):
            mine.counters[name] = (through, max(0, add))

    def order(self, lot: Lot) -> tuple[int, date, int]:
        """The place of a lot in the order of spending."""
        last = {IDLE: 1, NEVER: 2}.get(str(lot.ends), 0)
        return last, lot.ends if isinstance(lot.ends, date) else date.max, self.class_order.index(lot.of)


def part(lots: list[Lot], points: int) -> tuple[list[Lot], list[Lot]]:
    """The first `points` of some lots, and the rest of them."""
    first, rest = [], []
    for lot in lots:
        taken = min(points, lot.points)
        points -= taken
        first.append(lot._replace(points=taken))
        rest.append(lot._replace(points=lot.points - taken))
    return [lot for lot in first if lot.points], [lot for lot in rest if lot.points]


def business_day(instant: datetime) -> date:
    """The day in Shanghai, which has no summer time."""
    return (instant + timedelta(hours=8)).date()


def month_end(on: date, months_later: int = 0) -> date:
    month = on.month - 1 + months_later
    year, month = on.year + month // 12, month % 12 + 1
    return date(year, month, monthrange(year, month)[1])
