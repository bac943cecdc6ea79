"""Stages over the CDNOW replay, held against a recomputation from the file alone: known, first, second, third order.

A slice of the customers by default; JIFEN_CDNOW=whole, as in `make proofs`, takes them all.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from chalicelib.insight.line import line_of
from chalicelib.insight.milestones import NOTHING, Milestones, joined
from chalicelib.insight.stages import EARLIER, Counts, Tally
from chalicelib.programme.document import read_programme
from chalicelib.programme.model import Programme, Terms
from local.cdnow import read_log
from tests.insight.test_cdnow_months import CUSTOMERS
from tests.programme.builders import a_document, a_rule
from tests.replay.conftest import cdnow  # noqa: F401  # a fixture
from tests.replay.test_cdnow_ledger import replay, terms  # noqa: F401  # a fixture

LOST_AFTER_DAYS = 90
COUNTED_AT = datetime(1999, 1, 1, tzinfo=UTC)
ORDERS = (1, 2, 3)


def programme() -> Programme:
    stages: list[dict[str, Any]] = [{"id": "known", "name": "访客"}]
    stages += [
        {
            "id": f"order_{times}",
            "name": f"{times}单",
            "reach": {"kind": "activity", "activity": "order", "times": times},
        }
        for times in ORDERS
    ]
    return read_programme(a_document(a_rule("order"), stages={"stages": stages, "membership_from": "order_1"}))


def purchases(file: Path, customers: int | None) -> dict[str, list[date]]:
    """The days of each customer's purchases, earliest first, read by hand."""
    found: dict[str, list[date]] = {}
    for line in file.read_text().splitlines()[1:]:
        if not line.split():
            continue
        customer, day = line.split()[:2]
        if customer not in found and customers is not None and len(found) >= customers:
            continue
        found.setdefault(customer, []).append(date(int(day[:4]), int(day[4:6]), int(day[6:])))
    return {customer: sorted(days) for customer, days in found.items()}


def by_hand(bought: dict[str, list[date]], times: int, on: date) -> tuple[dict[str, Counts], int | None]:
    """Of those with so many orders by `on`: counts by month of that order, and the lower median until the next."""
    counted: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    waits: list[int] = []
    for every in bought.values():
        days = [day for day in every if day <= on]
        if len(days) < times:
            continue
        entered_on = days[times - 1]
        months_ago = (on.year - entered_on.year) * 12 + on.month - entered_on.month
        counts = counted[f"{entered_on.year}-{entered_on.month:02d}" if months_ago < 12 else EARLIER]
        counts[0] += 1
        if times < len(ORDERS) and len(days) > times:
            counts[1] += 1
            waits.append((days[times] - entered_on).days)
        elif (on - every[-1]).days >= LOST_AFTER_DAYS:
            counts[2] += 1
    middle = sorted(waits)[(len(waits) - 1) // 2] if waits else None
    return {month: Counts(*counts) for month, counts in counted.items()}, middle


@pytest.fixture(scope="module")
def rows(cdnow: Path, terms: Terms) -> list[Milestones]:  # noqa: F811
    """Every customer's milestones, his lines joined backwards."""
    found = []
    for entries in replay(read_log(cdnow, CUSTOMERS), terms).entries.values():
        lines = [line_of(entry, zone=terms.zone, pending={}, held={}) for entry in entries]
        found.append(joined(NOTHING, reversed(lines)))
    return found


@pytest.mark.parametrize("on", [date(1997, 3, 31), date(1997, 12, 31), date(1998, 6, 30)])
def test_conversions_by_month_are_those_of_the_file(cdnow: Path, rows: list[Milestones], on: date) -> None:  # noqa: F811
    given = programme()
    assert given.stages is not None
    tally = Tally(given, given.stages, on)
    for row in rows:
        tally.add(row)
    report = tally.report(COUNTED_AT, 1)

    bought = purchases(cdnow, CUSTOMERS)
    for times, stage in zip(ORDERS, report.stages[1:], strict=True):
        intakes, median_days = by_hand(bought, times, on)
        assert dict(stage.intakes) == intakes
        assert stage.median_days == median_days
        assert stage.counts.entered == sum(sum(day <= on for day in days) >= times for days in bought.values())
    assert report.strangers == 0
    assert Counter(len(days) >= 3 for days in bought.values())[True] > 50
