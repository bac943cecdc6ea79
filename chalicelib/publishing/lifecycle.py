"""How an issue moves: one table of what may follow what, and one function per action. Pure.

    draft ──approve──> approved ──fall due──> due ──claim──> claimed ──> sent
      ^                   │                    │                │
      └──────edit─────────┤                    │                └──────> failed ──retry──> approved
                          └──────cancel────────┴──────> cancelled           └──edit──> draft, or cancel

- An edit of an approved issue puts it back to draft: what is sent is what was approved, to the letter.
- Cancelling is possible until a sweep has claimed the issue, and again after a failure.
- A claim older than five minutes belongs to a sweep that died (no function lives so long) and may be taken over.
- A failed issue may be retried or edited; where nobody knows whether it went out it must be retried (by a reviewer
  who looked) or cancelled, never edited into another sending.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from chalicelib.errors import Code, JifenError
from chalicelib.publishing.model import HISTORY_LINES_MAX, Action, Issue, Line, Plan, Receipt, State

STALE_CLAIM = timedelta(minutes=5)
UNKNOWN_OUTCOME = "unknown_outcome"
SCHEDULE = "schedule"
"""The name under which the minute rule stands in the history."""

NEXT: Mapping[tuple[State, Action], State] = {
    (State.DRAFT, Action.EDITED): State.DRAFT,
    (State.DRAFT, Action.APPROVED): State.APPROVED,
    (State.DRAFT, Action.CANCELLED): State.CANCELLED,
    (State.APPROVED, Action.EDITED): State.DRAFT,
    (State.APPROVED, Action.CANCELLED): State.CANCELLED,
    (State.APPROVED, Action.FELL_DUE): State.DUE,
    (State.DUE, Action.CANCELLED): State.CANCELLED,
    (State.DUE, Action.CLAIMED): State.CLAIMED,
    (State.CLAIMED, Action.CLAIMED): State.CLAIMED,
    (State.CLAIMED, Action.SENT): State.SENT,
    (State.CLAIMED, Action.FAILED): State.FAILED,
    (State.FAILED, Action.EDITED): State.DRAFT,
    (State.FAILED, Action.RETRIED): State.APPROVED,
    (State.FAILED, Action.CANCELLED): State.CANCELLED,
}

_STATE_WORDS = {
    State.DRAFT: "草稿",
    State.APPROVED: "已审核",
    State.DUE: "待发布",
    State.CLAIMED: "发布中",
    State.SENT: "已发布",
    State.FAILED: "发布失败",
    State.CANCELLED: "已取消",
}


def draft(issue_id: str, plan: Plan, *, by: str, at: datetime) -> Issue:
    """A new issue, version 1."""
    return Issue(issue_id, plan, State.DRAFT, 1, (by,), (Line(Action.DRAFTED, by, at, 1),))


def edit(issue: Issue, plan: Plan, *, by: str, at: datetime) -> Issue:
    """The issue as a draft with another plan; refused while nobody knows whether the last one went out."""
    if issue.failure == UNKNOWN_OUTCOME:
        raise JifenError(Code.ISSUE_STATE, "上次发布结果未知,请先核实后重试或取消")
    authors = issue.authors if by in issue.authors else (*issue.authors, by)
    return replace(_cleared(_step(issue, Action.EDITED, by, at)), plan=plan, authors=authors)


def approve(issue: Issue, *, by: str, at: datetime) -> Issue:
    """The draft, approved; what it must hold and who may do it is for the caller to check."""
    return _step(issue, Action.APPROVED, by, at)


def cancel(issue: Issue, *, by: str, at: datetime, reason: str = "") -> Issue:
    """The issue, given up for good."""
    return _step(issue, Action.CANCELLED, by, at, reason)


def retry(issue: Issue, *, by: str, at: datetime) -> Issue:
    """A failed issue, approved once more as it is; the next sweep sends it."""
    return _cleared(_step(issue, Action.RETRIED, by, at))


def fall_due(issue: Issue, *, at: datetime) -> Issue:
    """An approved issue whose time has come; too early is a defect of the caller."""
    if issue.plan.publish_at > at:
        raise ValueError("the issue is not due yet")
    return _step(issue, Action.FELL_DUE, SCHEDULE, at)


def claim(issue: Issue, *, at: datetime) -> Issue:
    """A due issue, or one left behind by a dead sweep, taken for sending."""
    if issue.state is State.CLAIMED and not is_stale(issue, at):
        raise JifenError(Code.ISSUE_STATE, "推文正在发布中")
    return replace(_step(issue, Action.CLAIMED, SCHEDULE, at), claimed_at=at, attempts=issue.attempts + 1)


def sent(issue: Issue, receipt: Receipt, *, at: datetime) -> Issue:
    """A claimed issue that its channel has."""
    return replace(_step(issue, Action.SENT, SCHEDULE, at, receipt.id), receipt=receipt)


def failed(issue: Issue, reason: str, *, at: datetime) -> Issue:
    """A claimed issue that did not go out, or (`unknown_outcome`) of which nobody knows."""
    return replace(_step(issue, Action.FAILED, SCHEDULE, at, reason), failure=reason)


def is_stale(issue: Issue, at: datetime) -> bool:
    """Whether the claim is so old that the sweep that made it must be dead."""
    return issue.claimed_at is not None and at - issue.claimed_at > STALE_CLAIM


def has_happened(issue: Issue, action: Action, by: str, version: int) -> bool:
    """Whether this person's action made this version: then asking for it again is a repeat."""
    return any(line.action is action and line.by == by and line.version == version for line in issue.history)


def _step(issue: Issue, action: Action, by: str, at: datetime, detail: str = "") -> Issue:
    state = NEXT.get((issue.state, action))
    if state is None:
        raise JifenError(Code.ISSUE_STATE, f"推文{_STATE_WORDS[issue.state]},不能这样操作")
    version = issue.version + 1
    history = (*issue.history, Line(action, by, at, version, detail))
    if len(history) > HISTORY_LINES_MAX:
        history = (history[0], *history[-HISTORY_LINES_MAX + 1 :])
    return replace(issue, state=state, version=version, history=history)


def _cleared(issue: Issue) -> Issue:
    return replace(issue, claimed_at=None, attempts=0, receipt=None, failure="")
