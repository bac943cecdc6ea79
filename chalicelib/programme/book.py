"""What stands published: headings of versions, pauses of rules, and the book that decisions read. Pure.

A pause is an interval of instants: what a member did before it still earns when it is processed later.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from chalicelib.programme.model import Terms, TermsBook


class Heading(NamedTuple):
    """A version without its document: who published what, when and why."""

    version: int
    effective_from: datetime
    name: str
    zone: str
    rules: int
    published_by: str
    published_at: datetime
    note: str
    draft_id: str


class Edition(NamedTuple):
    """A version as it was published, and what publishing warned of: `{path, code, text}` each."""

    version: int
    effective_from: datetime
    document: dict[str, Any]
    warnings: tuple[dict[str, str], ...]


class Interval(NamedTuple):
    """Paused from an instant until just before another; until further notice when there is none."""

    from_at: datetime
    until_at: datetime | None = None

    def holds(self, instant: datetime) -> bool:
        return self.from_at <= instant and (self.until_at is None or instant < self.until_at)


class Pause(NamedTuple):
    """All pauses of one rule, oldest first, and who made the last change of it, when and why."""

    rule: str
    version: int
    intervals: tuple[Interval, ...]
    by: str
    reason: str
    at: datetime

    @property
    def is_paused(self) -> bool:
        return bool(self.intervals) and self.intervals[-1].until_at is None


class PauseLine(NamedTuple):
    """One line of the history of pauses; `action` is `pause` or `resume`."""

    rule: str
    version: int
    action: str
    by: str
    reason: str
    at: datetime


def paused_at(pauses: Iterable[Pause], instant: datetime) -> frozenset[str]:
    """The rules that were paused at an instant."""
    return frozenset(pause.rule for pause in pauses if any(one.holds(instant) for one in pause.intervals))


class Shelf(Protocol):
    """Where versions that are no longer in force are found; it reads each of them once."""

    def at(self, instant: datetime, *, below: int) -> Terms:
        """The version in force at an instant, among those with a number below the given one; else the first."""

    def version(self, number: int) -> Terms:
        """One version by its number; KeyError when it was never published."""


@dataclass(frozen=True)
class PublishedBook(TermsBook):
    """The version in force and those to come, oldest first; older ones come from the shelf when asked for."""

    pauses: tuple[Pause, ...] = ()
    shelf: Shelf | None = None
    _paused_terms: dict[tuple[int, frozenset[str]], Terms] = field(default_factory=dict, compare=False, repr=False)

    def at(self, instant: datetime) -> Terms | None:
        """The terms in force at an instant, with the rules that were paused then."""
        terms = TermsBook.at(self, instant)
        if terms is not None and self.shelf is not None and instant < terms.effective_from and terms.version > 1:
            terms = self.shelf.at(instant, below=terms.version)
        paused = paused_at(self.pauses, instant) if self.pauses else frozenset()
        if terms is None or not paused:
            return terms
        known = self._paused_terms.get((terms.version, paused))
        if known is None:
            known = Terms(terms.version, terms.effective_from, terms.programme, paused)
            self._paused_terms[terms.version, paused] = known
        return known

    def version(self, number: int) -> Terms:
        """One version by its number, nothing paused: for a refund, which follows what was awarded then."""
        for terms in self.versions:
            if terms.version == number:
                return terms
        if self.shelf is None:
            raise KeyError(number)
        return self.shelf.version(number)

    def following(self, terms: Terms, now: datetime) -> tuple[Terms, ...]:
        """The versions that will be in force after `terms`, oldest first; none after one whose time is over."""
        to_come = [one for one in self.versions if one.effective_from > now and one.version > terms.version]
        standing = self.at(now)
        if standing is None or terms.version < standing.version:
            return ()
        # Of several with one start the last is the one that will be in force.
        return tuple({one.effective_from: one for one in to_come}.values())
