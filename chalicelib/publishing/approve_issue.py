"""Staff decide on issues: approve what is complete, cancel, retry what failed.

Whoever drafted or edited an issue may not approve it (admins may): four eyes see what goes out.
"""

from __future__ import annotations

from datetime import datetime

from chalicelib.errors import Code, JifenError
from chalicelib.publishing import lifecycle
from chalicelib.publishing.completeness import require_complete
from chalicelib.publishing.model import Action, Issue, State
from chalicelib.publishing.plan_issue import change_issue
from chalicelib.publishing.table import Overtaken, PublishingTable

_CANCEL_ATTEMPTS = 3
"""A cancellation names no version: it may meet the sweep marking the issue due, then it looks again."""


def approve_issue(
    table: PublishingTable, issue_id: str, *, version: int, by: str, is_admin: bool, now: datetime
) -> tuple[Issue, bool]:
    """Approve the version that the reviewer read; the sweep sends it at its publish time.

    Raises ISSUE_INCOMPLETE naming the first missing or oversized field, ISSUE_IN_PAST, NOT_ALLOWED for one's own text,
    ISSUE_STATE when it is no draft, VERSION_TAKEN when it was changed since it was read.
    """

    def change(issue: Issue) -> Issue:
        approved = lifecycle.approve(issue, by=by, at=now)
        if by in issue.authors and not is_admin:
            raise JifenError(Code.NOT_ALLOWED, "自己起草或修改过的推文需由他人审核")
        require_complete(issue.plan)
        if issue.plan.publish_at <= now:
            raise JifenError(Code.ISSUE_IN_PAST, field="publish_at")
        return approved

    return change_issue(table, issue_id, version=version, action=Action.APPROVED, by=by, change=change)


def cancel_issue(table: PublishingTable, issue_id: str, *, by: str, reason: str, now: datetime) -> tuple[Issue, bool]:
    """Cancel an issue that no sweep has claimed, whatever version it is at; cancelled already is a repeat.

    Raises ISSUE_STATE when it is being sent or was sent.
    """
    for _attempt in range(_CANCEL_ATTEMPTS):
        issue = table.issue(issue_id)
        if issue.state is State.CANCELLED:
            return issue, True
        cancelled = lifecycle.cancel(issue, by=by, at=now, reason=reason)
        try:
            table.save(cancelled, seen_version=issue.version)
        except Overtaken:
            continue
        return cancelled, False
    raise JifenError(Code.BUSY, retry_after_seconds=1)


def retry_issue(
    table: PublishingTable, issue_id: str, *, version: int, by: str, confirmed_not_sent: bool, now: datetime
) -> tuple[Issue, bool]:
    """Put a failed issue back to approved; the next sweep sends it as it is, late or not.

    Where the outcome is unknown the reviewer must say that he looked and that it did not go out.
    """

    def change(issue: Issue) -> Issue:
        retried = lifecycle.retry(issue, by=by, at=now)
        if issue.failure == lifecycle.UNKNOWN_OUTCOME and not confirmed_not_sent:
            raise JifenError(Code.INVALID_REQUEST, "上次发布结果未知,请核实未发出后再重试", field="confirmed_not_sent")
        return retried

    return change_issue(table, issue_id, version=version, action=Action.RETRIED, by=by, change=change)
