"""Stages as members and staff read them: plain JSON, dates of the programme's zone."""

from __future__ import annotations

from datetime import date
from typing import Any

from chalicelib.insight.milestones import Milestones
from chalicelib.insight.progress import Following, Progress
from chalicelib.insight.stages import EARLIER, Counts, StageCount, StageReport
from chalicelib.programme.model import Terms
from chalicelib.programme.stages import Stage
from chalicelib.runtime.clock import in_zone

Answer = dict[str, Any]


def member_answer(shown: Progress) -> Answer:
    """Where a member stands; the benefits of the next stage are there to be seen."""
    following = shown.following
    return {
        "stage": _stage(shown.stage),
        "since_on": _day(shown.since_on),
        "is_member": shown.is_member,
        "next": None
        if following is None
        else {
            **_stage(following.stage),
            "usable": False,
            "needed": following.needed,
            "done": following.done,
            "left": following.needed - following.done,
        },
        "text": _in_words(shown.stage, following),
    }


def staff_answer(shown: Progress, row: Milestones) -> Answer:
    """The same with the emotional plan."""
    answer = member_answer(shown)
    answer["stage"]["emotion"] = list(shown.stage.emotion)
    if shown.following:
        answer["next"]["emotion"] = list(shown.following.stage.emotion)
    return {**answer, "active_on": _day(row.active_on), "lost_after_days": shown.stage.lost_after_days}


def report_answer(report: StageReport, terms: Terms) -> Answer:
    """All stages with their plans, by the version they were counted by."""
    stages = terms.programme.stages
    known = {stage.id: stage for stage in stages.stages} if stages else {}
    last = report.stages[-1].id
    return {
        "on": report.on.isoformat(),
        "counted_at": in_zone(report.counted_at, terms.zone),
        "terms_version": report.terms_version,
        "membership_from": stages.membership_from if stages else None,
        "members": report.members,
        "strangers": report.strangers,
        "stages": [_counted(one, known[one.id], is_last=one.id == last) for one in report.stages],
    }


def _counted(one: StageCount, stage: Stage, *, is_last: bool) -> Answer:
    """Of a stage; from the last one nobody can move on, so it has no conversion."""
    return {
        **_stage(stage),
        "emotion": list(stage.emotion),
        "lost_after_days": stage.lost_after_days,
        **_counts(one.counts, is_last=is_last),
        "median_days": one.median_days,
        "intakes": [
            {"month": None if month == EARLIER else month, **_counts(counts, is_last=is_last)}
            for month, counts in one.intakes.items()
        ],
    }


def _counts(counts: Counts, *, is_last: bool) -> Answer:
    return {
        "entered": counts.entered,
        "moved_on": counts.moved_on,
        "lost": counts.lost,
        "staying": counts.staying,
        "conversion_bp": None if is_last else counts.share_bp(counts.moved_on),
        "loss_bp": counts.share_bp(counts.lost),
    }


def _stage(stage: Stage) -> Answer:
    return {"id": stage.id, "name": stage.name, "benefits": list(stage.benefits)}


def _in_words(stage: Stage, following: Following | None) -> str:
    if following is None:
        return f"您已是{stage.name}"
    return f"{following.text}成为{following.stage.name}"


def _day(on: date | None) -> str | None:
    return on.isoformat() if on else None
