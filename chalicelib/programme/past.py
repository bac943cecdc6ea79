"""What members did in a past window, as it can be judged again, and what it really paid. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import NamedTuple

from chalicelib.ledger.check_in_days import CheckInDays
from chalicelib.ledger.counters import Counted, Counters
from chalicelib.ledger.growth import Growth
from chalicelib.ledger.levels import FIRST, Tenure
from chalicelib.ledger.model import Part
from chalicelib.programme.activity import Activity, Ordered, split


class Window(NamedTuple):
    """Business dates, both included."""

    from_on: date
    to_on: date

    @property
    def days(self) -> int:
        return (self.to_on - self.from_on).days + 1


class Claim(NamedTuple):
    """A cumulative reward that was claimed by hand."""

    rule: str
    days: int


class Repair(NamedTuple):
    """A missed day that was bought back."""

    on: date


class Deed(NamedTuple):
    """What a member did, with all that `decide` asks; the days of a check-in are those of the replay."""

    at: datetime
    id: str
    activity: Activity | Claim | Repair
    on: date
    hour: int
    level: str | None = None
    """The member's level by then; None: as before."""


class TakenBack(NamedTuple):
    """A refund of an order (`ordered` is the order after it), or a void of a behaviour."""

    at: datetime
    of: str
    """The deed's id."""
    ordered: Ordered | None = None


class Aside(NamedTuple):
    """What is not judged again: what it really counted for caps and tasks, the day of joining it told."""

    at: datetime
    counts: tuple[Counted, ...] = ()
    joined_on: date | None = None
    growth: int = 0
    growth_on: date | None = None
    """The business date in whose month the growth counts; given with `growth`."""


Event = Deed | TakenBack | Aside


class PaidBefore(NamedTuple):
    """What a rule or task really paid a member under one version, less what was taken back; `points` may be below 0."""

    rule: str
    terms_version: int
    times: int
    points: int


class MemberHistory(NamedTuple):
    """A member's window, events oldest first, and how the member stood as it began."""

    member_id: str
    events: tuple[Event, ...]
    paid: tuple[PaidBefore, ...] = ()
    check_ins: CheckInDays = CheckInDays()
    counters: Counters = {}  # noqa: RUF012 - never changed
    level: str = ""
    joined_on: date | None = None
    growth: Growth = {}  # noqa: RUF012 - never changed
    tenure: Tenure = FIRST
    level_after: str | None = None
    """The level at the window's end as the journal has it; None where it was set by hand."""
    not_simulated: Mapping[str, int] = {}
    """What was done but cannot be judged again, by kind; it is on neither side."""


def shares(parts: Iterable[Part], kept_points: int | None = None) -> dict[str, int]:
    """An award's points by the rules of its breakdown, multipliers apart; what was cut off or taken back (all but
    `kept_points`) falls on them pro rata. The shares sum to what is kept; rules without a share are left out.
    """
    net: Counter[str] = Counter()
    gross: Counter[str] = Counter()
    for part in parts:
        net[part.rule] += part.points
        gross[part.rule] += max(0, part.points)
    weights = net if min(net.values(), default=0) >= 0 else gross
    kept = sum(net.values()) if kept_points is None else kept_points
    return {rule: share for rule, share in zip(weights, split(kept, list(weights.values())), strict=True) if share}
