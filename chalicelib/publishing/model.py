"""What an issue 推文 is: one publication with a headline, a second and a third slot. Pure: no I/O, no clock.

A `Plan` is what staff write; an `Issue` is the plan with its state, its version and who did what when.
How an issue moves from state to state is in lifecycle.py; what a plan must hold to be approved in completeness.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo

ZONE = "Asia/Shanghai"
"""The zone that days and months of the publishing calendar are read in."""

PUSHED, PAGE = "official_account", "official_account_page"
"""The Official Account's channels: to all followers (群发), four times a month; published without push (发布)."""

HISTORY_LINES_MAX = 100
"""The first line (who drafted) and the newest 99 are kept, so that an item stays far below DynamoDB's 400 KB."""


class State(StrEnum):
    """Where an issue stands."""

    DRAFT = "draft"
    APPROVED = "approved"
    DUE = "due"
    CLAIMED = "claimed"
    SENT = "sent"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Action(StrEnum):
    """What can be done to an issue; the value is how its history tells it."""

    DRAFTED = "drafted"
    EDITED = "edited"
    APPROVED = "approved"
    CANCELLED = "cancelled"
    RETRIED = "retried"
    FELL_DUE = "fell_due"
    CLAIMED = "claimed"
    SENT = "sent"
    FAILED = "failed"


AWAITING = frozenset({State.APPROVED, State.DUE, State.CLAIMED})
"""States that the minute rule still has work with; issues in them stand in the `due` index."""

LIVE = AWAITING | {State.SENT}
"""States that fill a planned day: the issue went out, or will without anybody's further doing."""


@dataclass(frozen=True, slots=True)
class Kpi:
    """A figure to reach: its name and its whole-number target."""

    name: str
    target: int


@dataclass(frozen=True, slots=True)
class Goal:
    """What a slot is published for."""

    text: str
    kpi: Kpi | None = None


@dataclass(frozen=True, slots=True)
class PointsItem:
    """What points can buy now, or the points activity: a `coupon`, a `gift` or an `activity`."""

    kind: str
    name: str
    points: int
    """Points to pay; 0 for an activity that costs none."""
    cash_fen: int = 0
    """Money to pay on top of the points."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One article of an issue; everything may still be empty while drafting."""

    title: str = ""
    body: str = ""
    goods: tuple[str, ...] = ()
    """References of the goods on display."""
    points_item: PointsItem | None = None
    sign_up_link: str = ""
    interaction: str = ""
    """How fans take part: a question, a poll, a comment to win."""
    goal: Goal | None = None
    cover_media_id: str = ""
    """The cover as the Official Account has it: the id of a permanent picture."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What staff lay down for one issue."""

    title: str
    publish_at: datetime
    channel: str
    headline: Slot
    """头条: the main campaign, goods on display, a sign-up link at the end, fan interaction."""
    second: Slot
    """次条: the brand."""
    third: Slot
    """三条: the points activity, coupons or gifts."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an issue's history: who did what when, and the version that came of it."""

    action: Action
    by: str
    at: datetime
    version: int
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Receipt:
    """A channel's word that it has the issue; the same again when asked again."""

    id: str
    sent_at: datetime


class Sending(NamedTuple):
    """How far an issue has got at a channel that takes more than one step."""

    content: str
    """Hash of what was to be sent: another one is another draft."""
    began_at: datetime
    draft_id: str = ""
    is_tried: bool = False
    """Whether sending was asked for, so that nobody knows what a later refusal means."""
    data_id: str = ""
    """What the articles are called in the channel's figures, where it said so."""
    tried_at: datetime | None = None
    """When a publication without push was asked for first."""
    publish_id: str = ""
    """Its job, once WeChat has said it."""
    look_at: datetime | None = None
    """When that job is to be asked for, unless its end is told before."""


class Outcome(NamedTuple):
    """What became of a sending, in followers; one without push reaches none."""

    status: str
    """The channel's own word: WeChat's `send success`, `send fail` or `err(<number>)`; without push `published` or what
    kept it from that.
    """
    total: int
    """Who follows, of those it was meant for."""
    meant: int
    """Who was left once blocked and used-up followers were taken out: sent and failed together."""
    sent: int
    failed: int
    told_at: datetime
    text: str = ""
    """How a publication without push came out, in words for staff."""
    links: tuple[str, ...] = ()
    """Where its articles can be read, in order."""


@dataclass(frozen=True, slots=True)
class Issue:
    """A plan on its way; `version` rises by one with every change of anything."""

    id: str
    plan: Plan
    state: State
    version: int
    authors: tuple[str, ...]
    """Everybody who drafted or edited it; none of them may approve it."""
    history: tuple[Line, ...]
    claimed_at: datetime | None = None
    attempts: int = 0
    """Claims since the last approval or retry."""
    receipt: Receipt | None = None
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Heading:
    """An issue without its articles, as lists and reports show it."""

    id: str
    title: str
    publish_at: datetime
    channel: str
    state: State
    version: int
    slot_titles: tuple[str, str, str]
    sent_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """An issue as a channel has it."""

    issue_id: str
    plan: Plan
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Alert:
    """A planned day for which nothing was approved when the lookahead reached it."""

    day: date
    planned_at: datetime
    raised_at: datetime


def day_of(at: datetime) -> date:
    """The calendar day of an instant, in the programme's zone."""
    return at.astimezone(ZoneInfo(ZONE)).date()


def month_of(day: date) -> str:
    """The month of a day, `YYYY-MM`."""
    return f"{day.year:04}-{day.month:02}"


def whole_minutes(span: timedelta) -> int:
    """A span in whole minutes, rounded down."""
    return span // timedelta(minutes=1)
