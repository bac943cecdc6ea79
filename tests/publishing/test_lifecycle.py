from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest

from chalicelib.errors import Code, JifenError
from chalicelib.publishing import lifecycle
from chalicelib.publishing.lifecycle import STALE_CLAIM, UNKNOWN_OUTCOME
from chalicelib.publishing.model import HISTORY_LINES_MAX, Action, Issue, Receipt, State
from tests.publishing.plans import MONDAY, PLAN, PUBLISH_AT, a_draft, a_plan

LATER = PUBLISH_AT + timedelta(minutes=10)
RECEIPT = Receipt("r-1", LATER)

DO: dict[Action, Callable[[Issue], Issue]] = {
    Action.EDITED: lambda issue: lifecycle.edit(issue, PLAN, by="writer", at=LATER),
    Action.APPROVED: lambda issue: lifecycle.approve(issue, by="reviewer", at=LATER),
    Action.CANCELLED: lambda issue: lifecycle.cancel(issue, by="writer", at=LATER),
    Action.RETRIED: lambda issue: lifecycle.retry(issue, by="reviewer", at=LATER),
    Action.FELL_DUE: lambda issue: lifecycle.fall_due(issue, at=LATER),
    Action.CLAIMED: lambda issue: lifecycle.claim(issue, at=LATER),
    Action.SENT: lambda issue: lifecycle.sent(issue, RECEIPT, at=LATER),
    Action.FAILED: lambda issue: lifecycle.failed(issue, "refused", at=LATER),
}

ALLOWED = {
    "draft": {"edited": "draft", "approved": "approved", "cancelled": "cancelled"},
    "approved": {"edited": "draft", "cancelled": "cancelled", "fell_due": "due"},
    "due": {"cancelled": "cancelled", "claimed": "claimed"},
    "claimed": {"claimed": "claimed", "sent": "sent", "failed": "failed"},
    "sent": {},
    "failed": {"edited": "draft", "retried": "approved", "cancelled": "cancelled"},
    "cancelled": {},
}


def in_state(state: State) -> Issue:
    return replace(a_draft(), state=state, claimed_at=PUBLISH_AT if state is State.CLAIMED else None)


@pytest.mark.parametrize(("state", "action"), [*product(State, DO)])
def test_every_state_allows_exactly_the_actions_of_the_table(state: State, action: Action) -> None:
    issue = in_state(state)
    expected = ALLOWED[state.value].get(action.value)

    if expected is None:
        with pytest.raises(JifenError) as refused:
            DO[action](issue)
        assert refused.value.code is Code.ISSUE_STATE
        return
    changed = DO[action](issue)

    assert changed.state.value == expected
    assert changed.version == issue.version + 1
    assert changed.history[-1].action is action
    assert changed.history[-1].version == changed.version
    assert changed.history[:-1] == issue.history


def test_only_drafting_makes_an_issue() -> None:
    assert set(DO) == set(Action) - {Action.DRAFTED}


def test_a_fresh_claim_may_not_be_taken_over_and_a_stale_one_may() -> None:
    claimed = replace(in_state(State.CLAIMED), claimed_at=PUBLISH_AT, attempts=1)

    with pytest.raises(JifenError) as refused:
        lifecycle.claim(claimed, at=PUBLISH_AT + STALE_CLAIM)
    taken_over = lifecycle.claim(claimed, at=PUBLISH_AT + STALE_CLAIM + timedelta(milliseconds=1))

    assert refused.value.code is Code.ISSUE_STATE
    assert taken_over.attempts == 2


def test_an_issue_cannot_fall_due_before_its_time() -> None:
    with pytest.raises(ValueError, match="not due yet"):
        lifecycle.fall_due(in_state(State.APPROVED), at=PUBLISH_AT - timedelta(milliseconds=1))


def test_an_issue_of_unknown_outcome_cannot_be_edited_into_another_sending() -> None:
    issue = replace(in_state(State.FAILED), failure=UNKNOWN_OUTCOME)

    with pytest.raises(JifenError) as refused:
        lifecycle.edit(issue, PLAN, by="writer", at=LATER)

    assert refused.value.code is Code.ISSUE_STATE


def test_a_retry_and_an_edit_forget_the_failure_and_its_claims() -> None:
    issue = replace(in_state(State.FAILED), failure="refused", attempts=3, claimed_at=PUBLISH_AT)

    for changed in (DO[Action.RETRIED](issue), DO[Action.EDITED](issue)):
        assert (changed.failure, changed.attempts, changed.claimed_at) == ("", 0, None)


def test_the_history_keeps_its_first_line_and_its_newest() -> None:
    issue = a_draft()

    for number in range(HISTORY_LINES_MAX + 50):
        issue = lifecycle.edit(issue, a_plan(title=str(number)), by=f"writer-{number % 3}", at=MONDAY)

    assert len(issue.history) == HISTORY_LINES_MAX
    assert issue.history[0].action is Action.DRAFTED
    assert [line.version for line in issue.history[1:]] == list(range(issue.version - 98, issue.version + 1))
    assert issue.authors == ("writer", "writer-0", "writer-1", "writer-2")
