"""What the ledger can be asked to do to one account. Each command leaves one entry; its cause says kind and reason."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

from chalicelib.ledger.buckets import Buckets
from chalicelib.ledger.counters import Counted
from chalicelib.ledger.model import Account, Cause, Part, Policy


class Earn(NamedTuple):
    """Credit `points` into `bucket`, or as pending when it is empty; 0 points still leave their entry."""

    cause: Cause
    points: int
    bucket: str
    rule: str
    terms_version: int
    breakdown: tuple[Part, ...] = ()
    text: str = ""
    facts: Mapping[str, str | int] = {}
    counts: tuple[Counted, ...] = ()
    checked_in_on: date | None = None
    joined_on: date | None = None
    """The member's registration, when this is how the ledger hears of it."""
    growth: int = 0
    growth_on: date | None = None
    """The business date in whose month the growth counts; given with `growth`."""


class Activate(NamedTuple):
    """Pending `points` become available in `bucket`; what the member owes is paid first."""

    cause: Cause
    points: int
    bucket: str
    rule: str
    terms_version: int
    text: str = ""
    facts: Mapping[str, str | int] = {}


class Redeem(NamedTuple):
    """Spend `points`, earliest expiry first; refused when the member has fewer or is frozen."""

    cause: Cause
    points: int
    terms_version: int
    text: str = ""
    facts: Mapping[str, str | int] = {}
    counts: tuple[Counted, ...] = ()
    credit: str = "redeemed"
    checked_in_on: date | None = None
    """The day a make-up card repairs."""


class Reverse(NamedTuple):
    """Take back `points`: first `pending_points` of them, then `bucket`, then earliest expiry, then by policy."""

    cause: Cause
    points: int
    policy: Policy
    terms_version: int
    bucket: str = ""
    """Where they went; empty for a deduction that no single credit caused."""
    credited_on: date | None = None
    """When they went there, known for points that live on activity."""
    pending_points: int = 0
    """How many of `points` are still pending."""
    charged_points: int = 0
    """How many the shop already kept back in money (policy `charge_refund`)."""
    rule: str = ""
    text: str = ""
    facts: Mapping[str, str | int] = {}
    counts: tuple[Counted, ...] = ()
    breakdown: tuple[Part, ...] = ()
    growth: int = 0
    """Growth taken back, below 0."""
    growth_on: date | None = None
    """The business date in whose month it had counted."""


class AdjustPending(NamedTuple):
    """Change what is pending by `points` (either sign)."""

    cause: Cause
    points: int
    rule: str
    terms_version: int
    text: str = ""
    facts: Mapping[str, str | int] = {}


class Hold(NamedTuple):
    """Set `points` aside, earliest expiry first, until they are captured or released."""

    cause: Cause
    points: int
    terms_version: int
    text: str = ""
    facts: Mapping[str, str | int] = {}


class Capture(NamedTuple):
    """Spend held `points` for good; also a frozen member's, since the hold was promised."""

    cause: Cause
    points: int
    terms_version: int
    text: str = ""
    facts: Mapping[str, str | int] = {}


class GiveBack(NamedTuple):
    """Put points back into the buckets they came from, from a hold or from a redemption that is undone."""

    cause: Cause
    buckets: Buckets
    from_hold: bool
    terms_version: int
    text: str = ""
    facts: Mapping[str, str | int] = {}
    debit: str = "redeemed"
    """The leg they come from, when not from a hold."""


class Receive(NamedTuple):
    """Take in another member's points, in the buckets they had there."""

    cause: Cause
    buckets: Buckets
    terms_version: int
    text: str = ""
    facts: Mapping[str, str | int] = {}


class Freeze(NamedTuple):
    """Stop the member from spending, or allow it again; an entry of 0 points says so."""

    cause: Cause
    frozen: bool
    terms_version: int
    text: str = ""
    facts: Mapping[str, str | int] = {}


class SetLevel(NamedTuple):
    """Give the member a level until a date, or a trial of one; an entry of 0 points says so."""

    cause: Cause
    level: str
    until_on: date | None
    is_trial: bool
    terms_version: int
    text: str = ""
    facts: Mapping[str, str | int] = {}


class Open(NamedTuple):
    """What a member brings from another programme: points by bucket, growth, level, run of check-ins."""

    cause: Cause
    buckets: Buckets
    terms_version: int
    text: str = ""
    facts: Mapping[str, str | int] = {}
    growth: int = 0
    growth_on: date | None = None
    level: str = ""
    level_until_on: date | None = None
    checked_in_on: date | None = None
    run_days: int = 0
    """Days in a row that end with `checked_in_on`."""
    joined_on: date | None = None


class Close(NamedTuple):
    """Give everything away to another account of the same person, for good."""

    cause: Cause
    to: str
    """The survivor's id."""
    terms_version: int
    text: str = ""
    facts: Mapping[str, str | int] = {}


class TakeIn(NamedTuple):
    """Take in everything of another account of the same person."""

    cause: Cause
    left: Account
    """That account just before it is closed, with all booked that was due."""
    terms_version: int
    text: str = ""
    facts: Mapping[str, str | int] = {}


class Expire(NamedTuple):
    """Nothing but what is due: the nightly worker's command. Only it may move the due date later."""


Command = (
    Earn
    | Activate
    | Redeem
    | Reverse
    | AdjustPending
    | Hold
    | Capture
    | GiveBack
    | Receive
    | Freeze
    | SetLevel
    | Open
    | Close
    | TakeIn
    | Expire
)
