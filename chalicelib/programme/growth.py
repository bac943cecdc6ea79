"""How much growth value an activity brings, apart from the points of its rules. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from chalicelib.ledger.buckets import PointsClass
from chalicelib.ledger.counters import Counted, used
from chalicelib.programme.activity import Activity, Ordered, Standing, earning_fen
from chalicelib.programme.decision import Award
from chalicelib.programme.model import Terms
from chalicelib.programme.periods import through_on

SUM, GRANTED = ":gb", ":gg"
"""Counters of the year: behaviour points that count for growth, and the growth granted for them."""


class Grown(NamedTuple):
    """Growth of one activity and what it counts."""

    growth: int = 0
    counts: tuple[Counted, ...] = ()


NONE = Grown()


def growth_of(terms: Terms, activity: Activity, awards: Iterable[Award], standing: Standing, on: date) -> Grown:
    """The growth of an activity that came to `awards` on the business date `on`."""
    growth = terms.programme.growth
    if growth is None:
        return NONE
    if isinstance(activity, Ordered):
        return Grown(growth_of_order(terms, activity))
    points = sum(award.points for award in awards if award.points_class is PointsClass.BEHAVIOUR)
    if growth.behaviour is None or not points:
        return NONE
    ends_on = through_on("year", on)
    points_before = used(standing.counters, SUM, on)
    share = min(growth.behaviour.most_per_year, (points_before + points) * growth.behaviour.bp // 10_000)
    more = max(0, share - used(standing.counters, GRANTED, on))
    counts = (Counted(SUM, ends_on, points), Counted(GRANTED, ends_on, more))
    return Grown(more, counts if more else counts[:1])


def growth_of_order(terms: Terms, ordered: Ordered) -> int:
    """The growth of an order by what was paid less refunds, rounded down once; 0 where orders bring none."""
    growth = terms.programme.growth
    if growth is None or growth.order is None:
        return 0
    return sum(earning_fen(ordered, growth.order.less)) * growth.order.growth // growth.order.fen


def growth_taken_back(points: int, growth: int, counted_on: date) -> tuple[Counted, ...]:
    """What a voided behaviour takes from the counters of its year: its points, and the growth it was granted."""
    ends_on = through_on("year", counted_on)
    return tuple(Counted(name, ends_on, -less) for name, less in ((SUM, points), (GRANTED, growth)) if less)
