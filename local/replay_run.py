"""A replay's course: the log cut at its nights, how far it has come, where its time went."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

from chalicelib.earning.order import Paid
from local.cdnow_totals import LAST_NIGHT
from local.progress import Progress
from local.replay_steps import Steps, all_credited

EVERY = "every"
MONTH_STARTS = "month-starts"


@dataclass(frozen=True, slots=True)
class Period:
    """Orders between two nights, and the business date that the night after them begins."""

    orders: tuple[Paid, ...]
    night_on: date


@dataclass
class Run:
    """How far a replay has come and the seconds it took, over all its runs."""

    log: str = ""
    """Which log, and how many customers of it."""
    night: str = ""
    """The last night that has passed, as a date."""
    orders: int = 0
    member_seconds: float = 0
    order_seconds: float = 0
    night_seconds: float = 0

    @classmethod
    def opened(cls, file: Path, log: str) -> Run:
        """The run of this log as it was left, else a new one."""
        kept = cls(**json.loads(file.read_text())) if file.exists() else cls()
        return kept if kept.log == log else cls(log=log)

    def save(self, file: Path) -> None:
        unfinished = file.with_suffix(".new")
        unfinished.write_text(json.dumps(asdict(self)))
        unfinished.rename(file)


def periods(orders: Sequence[Paid], nights: str) -> list[Period]:
    """The log cut at `every` night, or only at the `month-starts`: no points of these terms end on another one."""
    by_day: dict[date, list[Paid]] = defaultdict(list)
    for paid in orders:
        by_day[paid.paid_at.date()].append(paid)
    first = min(by_day)
    days = [first + timedelta(days=ahead) for ahead in range((LAST_NIGHT - first).days + 1)]
    cuts = [first, *(day for day in days[1:] if nights == EVERY or day.day == 1)]
    return [
        Period(tuple(paid for ahead in range((night - since).days) for paid in by_day[since + timedelta(ahead)]), night)
        for since, night in pairwise(cuts)
    ]


def advance(steps: Steps, course: Sequence[Period], run: Run, save: Callable[[], None]) -> None:
    """Everything up to and including the last night; `save` is called after each."""
    left = remaining(course, run)
    began = time.monotonic()
    _register(steps, [paid for period in left for paid in period.orders])
    run.member_seconds += time.monotonic() - began
    bar = Progress("nights", len(course), len(course) - len(left))
    for passed, period in enumerate(left, start=len(course) - len(left) + 1):
        began = time.monotonic()
        steps.record(period.orders)
        steps.await_credit(period.orders)
        recorded = time.monotonic()
        steps.pass_night(period.night_on)
        run.order_seconds += recorded - began
        run.night_seconds += time.monotonic() - recorded
        run.orders += len(period.orders)
        run.night = period.night_on.isoformat()
        save()
        bar.advance(passed, f"{run.night}, {run.orders:,} orders")


def remaining(course: Sequence[Period], run: Run) -> list[Period]:
    """What is left to do.

    A cloud that lost what it had not saved makes the run begin anew: every step bears repeating.
    """
    passed = [period for period in course if period.night_on.isoformat() <= run.night]
    last = next((period for period in reversed(passed) if period.orders), None)
    if last is not None and not all_credited(last.orders):
        run.night, run.orders = "", 0
        run.member_seconds = run.order_seconds = run.night_seconds = 0
        passed = []
    return list(course[len(passed) :])


def _register(steps: Steps, orders: Sequence[Paid]) -> None:
    bar = Progress("members", len({paid.buyer_id for paid in orders}))
    for done in steps.register_buyers(orders):
        bar.advance(done)
