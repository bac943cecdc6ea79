"""A line of the daybook (日记账): one entry of the journal, as the totals of its business day need it. Pure.

A line is what its entry says and nothing else, so the same entry makes the same line for ever, whenever it is heard of.
What an entry does not say is found by what it names: the class of pending points by their rule, the class of held
points by their hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from chalicelib.ledger import opening
from chalicelib.ledger.buckets import Buckets, PointsClass, spend_order, take
from chalicelib.ledger.carried import closed_into
from chalicelib.ledger.model import Entry, Kind, business_on

ByClass = Mapping[str, int]
"""Points by the first letter of their class."""


class Movement(StrEnum):
    """Why points move; every entry is one of these."""

    ISSUED = "issued"
    TAKEN_BACK = "taken_back"
    """Refunds, voids and penalties; what an overturned penalty gives back stands here, too, above zero."""
    SPENT = "spent"
    RETURNED = "returned"
    """Of what was spent."""
    EXPIRED = "expired"
    ADJUSTED = "adjusted"
    BROUGHT = "brought"
    """From another programme, when its members moved in."""
    TRANSFERRED_IN = "transferred_in"
    TRANSFERRED_OUT = "transferred_out"
    SETTLED = "settled"
    """Points that became available, were held or released: never a change of the total."""


class Line(NamedTuple):
    """One entry's line. Signed fields are changes."""

    member_id: str
    sequence: int
    posted_on: date
    """The business date on which it was booked: the day and the month it belongs to."""
    occurred_on: date
    entry: str
    """Its entry's key."""
    kind: str
    movement: Movement
    activity: str
    rule: str
    campaign: str
    source: str
    points: int
    buckets: Buckets
    pending: ByClass
    held: ByClass
    deficit_points: int
    growth: int
    waived_points: int
    charged_points: int
    level: str = ""
    """The level it brought the member to, empty when it left the level as it was."""
    merged_into: str = ""
    """Of the last line of an account that was closed: the member whose account all of it went into."""


def line_of(entry: Entry, *, zone: str, pending: ByClass, held: ByClass) -> Line:
    """The line of an entry; `pending` and `held` say by class what it changes of such points."""
    return Line(
        member_id=entry.member_id,
        sequence=entry.sequence,
        posted_on=business_on(entry.posted_at, zone),
        occurred_on=business_on(entry.cause.occurred_at, zone),
        entry=entry.key,
        kind=entry.kind.value,
        movement=movement_of(entry),
        activity=entry.activity,
        rule=entry.rule,
        campaign=entry.cause.campaign,
        source=entry.cause.source,
        points=entry.points,
        buckets=entry.buckets,
        pending=pending,
        held=held,
        deficit_points=entry.deficit_points,
        growth=entry.growth,
        waived_points=int(entry.facts.get("waived_points", 0)),
        charged_points=int(entry.facts.get("charged_points", 0)),
        level=entry.level_after if entry.level_after != entry.level_before else "",
        merged_into=closed_into(entry),
    )


def movement_of(entry: Entry) -> Movement:
    """Why an entry moves points."""
    if entry.kind is Kind.TRANSFER:
        return Movement.TRANSFERRED_OUT if entry.credit == "other_member" else Movement.TRANSFERRED_IN
    if entry.kind is Kind.REVERSE and entry.debit == "redeemed":
        return Movement.RETURNED
    if entry.kind is Kind.ADJUST and entry.activity == opening.ACTIVITY:
        return Movement.BROUGHT
    return _MOVEMENTS[entry.kind]


_MOVEMENTS = {
    Kind.EARN: Movement.ISSUED,
    Kind.REVERSE: Movement.TAKEN_BACK,
    Kind.REDEEM: Movement.SPENT,
    Kind.CAPTURE: Movement.SPENT,
    Kind.EXPIRE: Movement.EXPIRED,
    Kind.ADJUST: Movement.ADJUSTED,
    Kind.ACTIVATE: Movement.SETTLED,
    Kind.HOLD: Movement.SETTLED,
    Kind.RELEASE: Movement.SETTLED,
    Kind.LEVEL: Movement.SETTLED,
}


def hold_key(entry: Entry) -> str:
    """The key of the entry that set aside what this one captures or releases; empty for any other."""
    if entry.kind not in (Kind.CAPTURE, Kind.RELEASE):
        return ""
    id = entry.cause.id.removesuffix(":rest") if entry.kind is Kind.RELEASE else entry.cause.id
    return entry.cause._replace(kind=Kind.HOLD, id=id).key


def held_changes(entry: Entry, hold: Entry | None, class_order: Iterable[PointsClass]) -> dict[str, int]:
    """What an entry changes of held points, by class.

    A capture takes what is spent first, in the programme's order; what a capture leaves is what is released.
    """
    if not entry.held_points:
        return {}
    if hold is None:
        return by_class((key, -change) for key, change in entry.buckets.items())
    taken = {key: -change for key, change in hold.buckets.items()}
    order = spend_order(taken, tuple(class_order))
    points = -entry.held_points
    if entry.kind is Kind.RELEASE:
        order = order[::-1]
    return by_class((key, -part) for key, part in take(taken, points, order).items())


def by_class(parts: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Points of bucket keys, summed by class; classes of 0 are left out."""
    found: dict[str, int] = {}
    for key, points in parts:
        found[key[3]] = found.get(key[3], 0) + points
    return {letter: points for letter, points in found.items() if points}
