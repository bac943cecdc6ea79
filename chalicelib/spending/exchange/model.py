"""An exchange and what has become of it. Pure."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

ACTIVITY = "exchange"

FIRST_LOOK = timedelta(minutes=1)
"""After so long the sweep looks at what no call has settled; longer than such a call may take."""
EAGER_LOOKS = 3
MOST_PAUSE = timedelta(minutes=30)
GIVE_UP_AFTER = timedelta(hours=24)
"""From then on the partner is no longer asked to do it, but to void it."""
PAUSE_GIVEN_UP = timedelta(hours=1)
HELD_FOR = timedelta(days=30)
"""The ledger gives held points back by itself then, though the partner may still say that it did it."""


class State(StrEnum):
    """How far an exchange has come."""

    ASKED = "asked"
    """Its points are held; what the partner does is not known."""
    DONE = "done"
    """The partner gave the units, the points are spent."""
    REFUSED = "refused"
    VOIDED = "voided"
    """Given up in time: the partner will never do it."""
    UNCHARGED = "uncharged"
    """The partner gave the units after the hold had ended, and the member no longer had the points."""
    WAIVED = "waived"
    """Uncharged, and staff let it be."""


class Exchange(NamedTuple):
    """Points that become a partner's units."""

    id: str
    """24 hex digits; the partner's idempotency key, too."""
    member_id: str
    partner_id: str
    name: str
    unit: str
    account: str
    wished_points: int
    """What the member asked for."""
    points: int
    """What is taken."""
    units: int
    asked_at: datetime
    on: date
    """The business day whose limits it counts against."""
    counts_for_all: bool
    """Whether it counts against the points of all members."""
    state: State = State.ASKED
    looked: int = 0
    """How often nothing could be settled."""
    waits: str = ""
    """What was heard last: `pending`, or the kind of silence (`unanswered`, `unreached`, `not_connected`, …)."""
    look_at: datetime | None = None
    """When the sweep looks next; only while it is ASKED."""
    done_at: datetime | None = None
    """The partner's own instant."""
    done_on: date | None = None
    ended_at: datetime | None = None
    reason: str = ""
    charged_late: bool = False
    """Its points were spent after the hold had ended."""
    closed_by: str = ""
    """Who charged or waived what was uncharged, and why."""
    closed_why: str = ""
    version: int = 1

    @property
    def hold_id(self) -> str:
        """Its hold in the ledger."""
        return f"{ACTIVITY}.{self.id}"

    @property
    def void_from_at(self) -> datetime:
        """From then on it is given up."""
        return self.asked_at + GIVE_UP_AFTER


def is_worth_a_look(one: Exchange, now: datetime) -> bool:
    """Whether a client's repeat asks the partner at once: its first ones do, then they go by the sweep's pauses."""
    return one.looked < EAGER_LOOKS or one.look_at is None or one.look_at <= now


def is_late(one: Exchange) -> bool:
    """Whether it was given up and its end is not known: people must ask the partner."""
    return one.state is State.ASKED and one.look_at is not None and one.look_at > one.void_from_at


def next_look(one: Exchange, why: str, now: datetime) -> Exchange:
    """The exchange after a look that settled nothing, because of `why`: the pauses grow, and are an hour once it is
    given up.
    """
    pause = min(FIRST_LOOK * 2 ** min(one.looked, 10), MOST_PAUSE)
    if now >= one.void_from_at:
        pause = PAUSE_GIVEN_UP
    elif now + pause > one.void_from_at:
        pause = one.void_from_at - now
    return one._replace(looked=one.looked + 1, waits=why, look_at=now + pause, version=one.version + 1)
