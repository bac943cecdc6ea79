"""Issues, deliveries and reports as staff read them: plain JSON, times with the programme's offset."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any, TypeVar

from chalicelib.publishing.cadence_report import Intervals, PlannedDay, Report
from chalicelib.publishing.completeness import missing, slots
from chalicelib.publishing.model import ZONE, Delivery, Heading, Issue, Outcome, Plan, whole_minutes
from chalicelib.publishing.pages import Page
from chalicelib.runtime.clock import in_zone
from chalicelib.runtime.lists import listing

Answer = dict[str, Any]
T = TypeVar("T")


def page_answer(page: Page[T], show: Callable[[T], Answer]) -> Answer:
    """`{list, next_cursor, has_more}`."""
    return listing([show(entry) for entry in page.list], page.next_cursor)


def changed_answer(changed: tuple[Issue, bool]) -> Answer:
    """An issue after a write, and whether the write had been done before."""
    issue, replayed = changed
    return {**issue_answer(issue), "replayed": replayed}


def issue_answer(issue: Issue) -> Answer:
    """The whole issue; `missing` names what an approval would still ask for."""
    receipt = issue.receipt
    return {
        "id": issue.id,
        "state": issue.state.value,
        "version": issue.version,
        **_plan_answer(issue.plan),
        "missing": list(missing(issue.plan)),
        "authors": list(issue.authors),
        "attempts": issue.attempts,
        "receipt": receipt.id if receipt else None,
        "sent_at": _time(receipt.sent_at) if receipt else None,
        "failure": issue.failure or None,
        "history": [{**asdict(line), "action": line.action.value, "at": _time(line.at)} for line in issue.history],
    }


def sent_answer(issue: Issue, outcome: Outcome | None) -> Answer:
    """The whole issue, and what its channel has told of its sending since."""
    told = outcome and {**outcome._asdict(), "told_at": _time(outcome.told_at), "text": outcome.text or None}
    return {**issue_answer(issue), "outcome": told}


def heading_answer(heading: Heading) -> Answer:
    """An issue in a list."""
    return {
        "id": heading.id,
        "title": heading.title,
        "publish_at": _time(heading.publish_at),
        "channel": heading.channel,
        "state": heading.state.value,
        "version": heading.version,
        "slot_titles": dict(zip(("headline", "second", "third"), heading.slot_titles, strict=True)),
        "sent_at": _time(heading.sent_at),
    }


def delivery_answer(delivery: Delivery) -> Answer:
    """An issue as the outbox has it."""
    return {
        "issue_id": delivery.issue_id,
        **_plan_answer(delivery.plan),
        "receipt": delivery.receipt.id,
        "sent_at": _time(delivery.receipt.sent_at),
    }


def report_answer(report: Report) -> Answer:
    """A month against its cadence; hours and days are whole, rounded down."""
    longest = report.longest_gap
    filled = {planned.day for planned in report.planned if not planned.is_gap}
    return {
        "month": report.month,
        "cadence": {**asdict(report.cadence), "weekdays": sorted(report.cadence.weekdays)},
        "planned": [_planned_answer(planned) for planned in report.planned],
        "gaps": [
            {"day": planned.day.isoformat(), "is_past": planned.is_past} for planned in report.planned if planned.is_gap
        ],
        "off_plan": [{**heading_answer(stray.issue), "reason": stray.reason} for stray in report.strays],
        "pushes": {
            "most": report.pushes.most,
            "planned": report.pushes.planned,
            "left": report.pushes.left,
            "over": [heading_answer(heading) for heading in report.pushes.over],
        },
        "intervals": _intervals_answer(report.intervals),
        "longest_gap": longest
        and {
            "since": _time(longest.since),
            "until": _time(longest.until),
            "hours": longest.hours,
            "days": longest.hours // 24,
        },
        "alerts": [
            {
                "day": alert.day.isoformat(),
                "planned_at": _time(alert.planned_at),
                "raised_at": _time(alert.raised_at),
                "is_open": alert.day not in filled,
            }
            for alert in report.alerts
        ],
    }


def _plan_answer(plan: Plan) -> Answer:
    return {
        "title": plan.title,
        "publish_at": _time(plan.publish_at),
        "channel": plan.channel,
        **{role: {"role": role, **asdict(slot)} for role, slot in slots(plan).items()},
    }


def _planned_answer(planned: PlannedDay) -> Answer:
    issue = planned.issue
    sent_at = issue.sent_at if issue else None
    return {
        "day": planned.day.isoformat(),
        "planned_at": _time(planned.planned_at),
        "is_past": planned.is_past,
        "drafts": planned.drafts,
        "issue": heading_answer(issue) if issue else None,
        "suggested_channel": planned.suggested_channel,
        "minutes_from_plan": planned.minutes_from_plan,
        "late_minutes": whole_minutes(sent_at - issue.publish_at) if issue and sent_at else None,
    }


def _intervals_answer(intervals: Intervals) -> Answer:
    hours = {"shortest": intervals.shortest_hours, "median": intervals.median_hours, "longest": intervals.longest_hours}
    return {
        "count": intervals.count,
        **{f"{name}_hours": value for name, value in hours.items()},
        **{f"{name}_days": value // 24 if value is not None else None for name, value in hours.items()},
    }


def _time(at: datetime | None) -> str | None:
    return in_zone(at, ZONE) if at else None
