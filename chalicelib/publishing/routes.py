"""The publishing calendar over HTTP, for staff.

Operators write and cancel; reviewers do that too, approve and retry; admins may do everything, their own text included.

Each view imports its own use case: few staff ever call these, and members' cold starts do without the room.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from datetime import date

from chalice.app import Blueprint

from chalicelib.errors import Code, JifenError
from chalicelib.members.access import staff
from chalicelib.publishing.bodies import (
    COVER_BODY_LIMIT_BYTES,
    PLAN_BODY_LIMIT_BYTES,
    ApprovalBody,
    CancellationBody,
    CoverBody,
    EditBody,
    PlanBody,
    PreviewBody,
    RetryBody,
)
from chalicelib.runtime.edge import JSON_BODY, Call, Json, client_key, endpoint
from chalicelib.runtime.lists import limit_of

bp = Blueprint(__name__)

_ISSUE_ID = re.compile(r"[0-9a-f]{16}")
_MONTH = re.compile(r"20[0-9]{2}-(0[1-9]|1[0-2])")
_WRITERS = staff("operator", "reviewer")
_REVIEWERS = staff("reviewer")
_PAGE_QUERY = frozenset({"month", "limit", "cursor"})


@bp.route("/staff/issues", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=_WRITERS, body=PlanBody, limit_bytes=PLAN_BODY_LIMIT_BYTES)
def post_issue(call: Call) -> Json:
    """Draft an issue, however incomplete. Needs an Idempotency-Key; the same key and plan again is `replayed`."""
    from chalicelib.publishing import answers, plan_issue, table

    key = client_key(call)
    return answers.changed_answer(
        plan_issue.draft_issue(
            table.open_publishing(),
            call.body.plan(),
            issue_id=secrets.token_hex(8),
            key=key,
            by=call.caller.id,
            now=call.now,
        )
    )


@bp.route("/staff/covers", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=_WRITERS, body=CoverBody, limit_bytes=COVER_BODY_LIMIT_BYTES)
def post_cover(call: Call) -> Json:
    """Bring a cover (JPG or PNG) to the Official Account; the same picture again is `replayed`."""
    from chalicelib.publishing import cover, table

    kept = cover.keep_cover(table.open_publishing(), call.body.picture, cover.to_official_account(call.now))
    return {"cover_media_id": kept.media_id, "replayed": kept.replayed}


@bp.route("/staff/issues", methods=["GET"])
@endpoint(bp, caller=_WRITERS, query=_PAGE_QUERY)
def get_issues(call: Call) -> Json:
    """The issues planned in a month, earliest first, without their articles."""
    from chalicelib.publishing import answers, table

    month, limit = _month(call.query), limit_of(call.query, 100)
    page = table.open_publishing().headings(month, limit=limit, cursor=call.query.get("cursor"))
    return answers.page_answer(page, answers.heading_answer)


@bp.route("/staff/issues/{issue_id}", methods=["GET"])
@endpoint(bp, caller=_WRITERS)
def get_issue(call: Call, issue_id: str) -> Json:
    """An issue with its articles, what it still lacks, its history and what became of its sending."""
    from chalicelib.publishing import answers, outcome, table

    publishing = table.open_publishing()
    issue = publishing.issue(_known_id(issue_id))
    return answers.sent_answer(issue, outcome.outcome_of(publishing, issue))


@bp.route("/staff/issues/{issue_id}", methods=["PUT"], **JSON_BODY)
@endpoint(bp, caller=_WRITERS, body=EditBody, limit_bytes=PLAN_BODY_LIMIT_BYTES)
def put_issue(call: Call, issue_id: str) -> Json:
    """Replace the plan at the version seen; an approved issue becomes a draft again."""
    from chalicelib.publishing import answers, plan_issue, table

    return answers.changed_answer(
        plan_issue.edit_issue(
            table.open_publishing(),
            _known_id(issue_id),
            call.body.plan(),
            version=call.body.version,
            by=call.caller.id,
            now=call.now,
        )
    )


@bp.route("/staff/issues/{issue_id}/previews", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=_WRITERS, body=PreviewBody)
def post_preview(call: Call, issue_id: str) -> Json:
    """Show an issue that was not sent yet to one follower of the Official Account."""
    from chalicelib.publishing import preview_issue, table

    preview_issue.preview_issue(table.open_publishing(), _known_id(issue_id), call.body.openid, call.now)
    return {"shown": True}


@bp.route("/staff/issues/{issue_id}/figures", methods=["GET"])
@endpoint(bp, caller=_WRITERS, query=frozenset({"on"}))
def get_figures(call: Call, issue_id: str) -> Json:
    """How the articles of a sent issue were read on a day (`on`, the day it was sent when left out)."""
    from chalicelib.publishing import figures, table

    on, found = figures.figures_of(table.open_publishing(), _known_id(issue_id), _day(call.query), call.now)
    return {"on": on.isoformat(), "list": [one._asdict() for one in found]}


@bp.route("/staff/issues/{issue_id}/approval", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=_REVIEWERS, body=ApprovalBody)
def post_approval(call: Call, issue_id: str) -> Json:
    """Approve the version read: three complete slots, not one's own text, not in the past."""
    from chalicelib.publishing import answers, approve_issue, table

    return answers.changed_answer(
        approve_issue.approve_issue(
            table.open_publishing(),
            _known_id(issue_id),
            version=call.body.version,
            by=call.caller.id,
            is_admin="admin" in call.caller.roles,
            now=call.now,
        )
    )


@bp.route("/staff/issues/{issue_id}/cancellation", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=_WRITERS, body=CancellationBody)
def post_cancellation(call: Call, issue_id: str) -> Json:
    """Cancel an issue that is not being sent yet."""
    from chalicelib.publishing import answers, approve_issue, table

    return answers.changed_answer(
        approve_issue.cancel_issue(
            table.open_publishing(), _known_id(issue_id), by=call.caller.id, reason=call.body.reason, now=call.now
        )
    )


@bp.route("/staff/issues/{issue_id}/retry", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=_REVIEWERS, body=RetryBody)
def post_retry(call: Call, issue_id: str) -> Json:
    """Send a failed issue again as it is, within a minute."""
    from chalicelib.publishing import answers, approve_issue, table

    return answers.changed_answer(
        approve_issue.retry_issue(
            table.open_publishing(),
            _known_id(issue_id),
            version=call.body.version,
            by=call.caller.id,
            confirmed_not_sent=call.body.confirmed_not_sent,
            now=call.now,
        )
    )


@bp.route("/staff/cadence", methods=["GET"])
@endpoint(bp, caller=_WRITERS, query=frozenset({"month"}))
def get_cadence(call: Call) -> Json:
    """A month against its cadence: planned days, gaps and how to fill them, strays, pushes, intervals, alerts."""
    from chalicelib.publishing import answers, cadence_report, table

    return answers.report_answer(cadence_report.month_report(table.open_publishing(), _month(call.query), now=call.now))


@bp.route("/staff/outbox", methods=["GET"])
@endpoint(bp, caller=_WRITERS, query=_PAGE_QUERY)
def get_outbox(call: Call) -> Json:
    """What went out through the outbox channel, by the month it was planned in."""
    from chalicelib.publishing import answers, table

    month, limit = _month(call.query), limit_of(call.query, 100)
    page = table.open_publishing().outbox(month, limit=limit, cursor=call.query.get("cursor"))
    return answers.page_answer(page, answers.delivery_answer)


def _known_id(issue_id: str) -> str:
    if not _ISSUE_ID.fullmatch(issue_id):
        raise JifenError(Code.ISSUE_NOT_FOUND)
    return issue_id


def _month(query: Mapping[str, str]) -> str:
    month = query.get("month", "")
    if not _MONTH.fullmatch(month):
        raise JifenError(Code.INVALID_REQUEST, "month应为年月,如2026-03", field="month")
    return month


def _day(query: Mapping[str, str]) -> date | None:
    try:
        return date.fromisoformat(query["on"]) if "on" in query else None
    except ValueError:
        raise JifenError(Code.INVALID_REQUEST, "on应为YYYY-MM-DD", field="on") from None
