from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from chalicelib.errors import Code, JifenError
from chalicelib.publishing import items, lifecycle
from chalicelib.publishing.approve_issue import approve_issue, cancel_issue, retry_issue
from chalicelib.publishing.lifecycle import UNKNOWN_OUTCOME
from chalicelib.publishing.model import HISTORY_LINES_MAX, Issue, State
from chalicelib.publishing.plan_issue import draft_issue, edit_issue
from chalicelib.publishing.send_due import claim, mark_due
from chalicelib.publishing.table import Overtaken, PublishingTable
from chalicelib.runtime.dynamo import Cancelled, encode_item
from tests.publishing.plans import ISSUE_ID, MONDAY, PLAN, PUBLISH_AT, a_draft, a_plan, approved, stored

OTHER_ID = "fedcba9876543210"


def drafted(
    table: PublishingTable, issue_id: str, *, title: str = "三月第一期", key: str = "k-1"
) -> tuple[Issue, bool]:
    return draft_issue(table, a_plan(title=title), issue_id=issue_id, key=key, by="writer", now=MONDAY)


def refusal_of(error: pytest.ExceptionInfo[JifenError]) -> tuple[Code, str | None]:
    return error.value.code, error.value.field


def approve(
    table: PublishingTable, version: int, by: str = "reviewer", *, is_admin: bool = False
) -> tuple[Issue, bool]:
    return approve_issue(table, ISSUE_ID, version=version, by=by, is_admin=is_admin, now=MONDAY)


def test_the_same_key_and_plan_twice_is_one_draft(table: PublishingTable) -> None:
    first, again = drafted(table, ISSUE_ID), drafted(table, OTHER_ID)

    assert (first[0].id, first[1]) == (ISSUE_ID, False)
    assert (again[0], again[1]) == (first[0], True)
    assert len(table.all_headings("2026-03")) == 1


def test_the_same_key_with_another_plan_is_refused(table: PublishingTable) -> None:
    drafted(table, ISSUE_ID)

    with pytest.raises(JifenError) as refused:
        drafted(table, OTHER_ID, title="别的")

    assert refused.value.code is Code.KEY_REUSED
    assert len(table.all_headings("2026-03")) == 1


def test_two_people_may_use_the_same_key(table: PublishingTable) -> None:
    drafted(table, ISSUE_ID)

    other, replayed = draft_issue(table, PLAN, issue_id=OTHER_ID, key="k-1", by="other", now=MONDAY)

    assert (other.id, replayed) == (OTHER_ID, False)


def test_two_requests_with_one_key_at_once_leave_one_draft(table: PublishingTable) -> None:
    """The second is inside its own call when the first is written whole."""

    class Interleaved(PublishingTable):
        def create(self, issue: Issue, *, guard: str, input_hash: str) -> str:
            drafted(table, ISSUE_ID)
            return PublishingTable.create(self, issue, guard=guard, input_hash=input_hash)

    issue, replayed = drafted(Interleaved(table.dynamo, table.name), OTHER_ID)

    assert (issue.id, replayed) == (ISSUE_ID, True)
    assert len(table.all_headings("2026-03")) == 1


def test_a_met_transaction_passes_on_as_what_the_edge_answers_with_try_again(table: PublishingTable) -> None:
    class Conflict(Exception):
        response: ClassVar = {"CancellationReasons": [{"Code": "TransactionConflict"}, {"Code": "None"}]}

    class Contended:
        exceptions = SimpleNamespace(TransactionCanceledException=Conflict)

        def transact_write_items(self, **_request: Any) -> None:
            raise Conflict

    with pytest.raises(Cancelled) as met:
        drafted(replace(table, dynamo=Contended()), ISSUE_ID)

    assert met.value.is_transient()


def test_an_unknown_channel_is_refused_by_name(table: PublishingTable) -> None:
    with pytest.raises(JifenError) as refused:
        draft_issue(table, a_plan(channel="pigeon"), issue_id=ISSUE_ID, key="k", by="writer", now=MONDAY)

    assert refusal_of(refused) == (Code.INVALID_REQUEST, "channel")


def test_an_edit_needs_the_version_that_stands(table: PublishingTable) -> None:
    drafted(table, ISSUE_ID)

    edited, _ = edit_issue(table, ISSUE_ID, a_plan(title="改"), version=1, by="writer", now=MONDAY)
    with pytest.raises(Overtaken) as refused:
        edit_issue(table, ISSUE_ID, a_plan(title="再改"), version=1, by="other", now=MONDAY)

    assert refused.value.code is Code.VERSION_TAKEN
    assert edited.version == 2
    assert table.issue(ISSUE_ID).plan.title == "改"


def test_the_same_edit_again_is_a_repeat_and_another_of_the_same_person_is_not(table: PublishingTable) -> None:
    drafted(table, ISSUE_ID)
    first = edit_issue(table, ISSUE_ID, a_plan(title="改"), version=1, by="writer", now=MONDAY)

    again = edit_issue(table, ISSUE_ID, a_plan(title="改"), version=1, by="writer", now=MONDAY)
    with pytest.raises(Overtaken):
        edit_issue(table, ISSUE_ID, a_plan(title="再改"), version=1, by="writer", now=MONDAY)

    assert again == (first[0], True)


def test_an_edit_moves_the_issue_to_its_new_month_and_an_approved_one_back_to_draft(table: PublishingTable) -> None:
    issue = approved(table)
    april = PUBLISH_AT + timedelta(days=28)

    edited, _ = edit_issue(table, ISSUE_ID, a_plan(publish_at=april), version=issue.version, by="writer", now=MONDAY)

    assert edited.state is State.DRAFT
    assert table.all_headings("2026-03") == []
    assert [heading.id for heading in table.all_headings("2026-04")] == [ISSUE_ID]
    assert list(table.due_ids(april)) == []


def test_approval_names_the_missing_points_item_and_goal(table: PublishingTable) -> None:
    third = replace(PLAN.third, points_item=None)
    stored(table, a_draft(third=third))

    with pytest.raises(JifenError) as refused:
        approve(table, 1)

    assert refusal_of(refused) == (Code.ISSUE_INCOMPLETE, "third.points_item")
    assert refused.value.msg == "三条缺少积分内容"
    assert table.issue(ISSUE_ID).state is State.DRAFT


def test_nobody_approves_what_he_drafted_or_edited_but_an_admin(table: PublishingTable) -> None:
    drafted(table, ISSUE_ID)
    edit_issue(table, ISSUE_ID, a_plan(title="改"), version=1, by="reviewer", now=MONDAY)

    for author in ("writer", "reviewer"):
        with pytest.raises(JifenError) as refused:
            approve(table, 2, author)
        assert refused.value.code is Code.NOT_ALLOWED
    by_admin, _ = approve(table, 2, "writer", is_admin=True)

    assert by_admin.state is State.APPROVED


def test_an_issue_cannot_be_approved_once_its_time_has_passed(table: PublishingTable) -> None:
    stored(table, a_draft(publish_at=MONDAY))

    with pytest.raises(JifenError) as refused:
        approve(table, 1)

    assert refusal_of(refused) == (Code.ISSUE_IN_PAST, "publish_at")


def test_what_was_edited_since_it_was_read_is_not_approved(table: PublishingTable) -> None:
    drafted(table, ISSUE_ID)
    edit_issue(table, ISSUE_ID, a_plan(title="改"), version=1, by="writer", now=MONDAY)

    with pytest.raises(Overtaken):
        approve(table, 1)


def test_an_approval_again_is_a_repeat_even_after_the_issue_went_on(table: PublishingTable) -> None:
    drafted(table, ISSUE_ID)
    first, _ = approve(table, 1)
    mark_due(table, first, PUBLISH_AT)

    again, replayed = approve(table, 1)

    assert replayed
    assert again.state is State.DUE
    with pytest.raises(Overtaken):
        approve(table, 1, "another reviewer")


def test_an_approval_whose_own_first_write_already_stands_is_a_repeat(table: PublishingTable) -> None:
    drafted(table, ISSUE_ID)

    class Interleaved(PublishingTable):
        def save(self, issue: Issue, *, seen_version: int) -> None:
            table.save(issue, seen_version=seen_version)
            PublishingTable.save(self, issue, seen_version=seen_version)

    issue, replayed = approve(Interleaved(table.dynamo, table.name), 1)

    assert (issue.version, replayed) == (2, True)


def test_a_cancellation_looks_again_when_the_sweep_marks_the_issue_due_meanwhile(table: PublishingTable) -> None:
    issue = approved(table)

    class Interleaved(PublishingTable):
        def save(self, changed: Issue, *, seen_version: int) -> None:
            if seen_version == issue.version:
                mark_due(table, issue, PUBLISH_AT)
            PublishingTable.save(self, changed, seen_version=seen_version)

    cancelled, _ = cancel_issue(
        Interleaved(table.dynamo, table.name), ISSUE_ID, by="writer", reason="改期", now=PUBLISH_AT
    )
    again, replayed = cancel_issue(table, ISSUE_ID, by="other", reason="", now=PUBLISH_AT)

    assert cancelled.state is State.CANCELLED
    assert cancelled.history[-1].detail == "改期"
    assert (again, replayed) == (cancelled, True)
    assert list(table.due_ids(PUBLISH_AT)) == []


def test_a_claimed_issue_cannot_be_cancelled_or_edited(table: PublishingTable) -> None:
    claimed = claim(table, mark_due(table, approved(table), PUBLISH_AT), PUBLISH_AT)

    with pytest.raises(JifenError) as not_cancelled:
        cancel_issue(table, ISSUE_ID, by="writer", reason="", now=PUBLISH_AT)
    with pytest.raises(JifenError) as not_edited:
        edit_issue(table, ISSUE_ID, PLAN, version=claimed.version, by="writer", now=PUBLISH_AT)

    assert not_cancelled.value.code is not_edited.value.code is Code.ISSUE_STATE


def test_an_unknown_outcome_is_retried_only_by_who_looked(table: PublishingTable) -> None:
    claimed = claim(table, mark_due(table, approved(table), PUBLISH_AT), PUBLISH_AT)
    failed = lifecycle.failed(claimed, UNKNOWN_OUTCOME, at=PUBLISH_AT)
    table.save(failed, seen_version=claimed.version)

    def retry(*, confirmed_not_sent: bool) -> tuple[Issue, bool]:
        return retry_issue(
            table,
            ISSUE_ID,
            version=failed.version,
            by="reviewer",
            confirmed_not_sent=confirmed_not_sent,
            now=PUBLISH_AT,
        )

    with pytest.raises(JifenError) as refused:
        retry(confirmed_not_sent=False)
    retried, _ = retry(confirmed_not_sent=True)

    assert refusal_of(refused) == (Code.INVALID_REQUEST, "confirmed_not_sent")
    assert retried.state is State.APPROVED
    assert retry(confirmed_not_sent=True) == (retried, True)


def test_an_issue_comes_back_from_the_table_as_it_went_in(table: PublishingTable) -> None:
    claimed = claim(table, mark_due(table, approved(table), PUBLISH_AT), PUBLISH_AT)

    assert table.issue(ISSUE_ID) == claimed


def test_the_largest_issue_stays_below_dynamodbs_limit() -> None:
    slot = replace(
        PLAN.headline,
        title="𠮷" * 64,
        body="𠮷" * 20_000,
        goods=("𠮷" * 64,) * 20,
        sign_up_link="pages/" + "x" * 506,
        interaction="𠮷" * 200,
        points_item=PLAN.third.points_item,
    )
    issue = a_draft(headline=slot, second=slot, third=slot)
    for number in range(HISTORY_LINES_MAX):
        issue = lifecycle.edit(issue, issue.plan, by=f"s{number:024}", at=MONDAY)

    size_bytes = len(str(encode_item(items.issue_item(issue))).encode())

    assert 240_000 < size_bytes < 340_000
