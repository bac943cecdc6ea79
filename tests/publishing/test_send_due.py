from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest

from chalicelib.publishing import lifecycle
from chalicelib.publishing.approve_issue import retry_issue
from chalicelib.publishing.channels import CHANNELS
from chalicelib.publishing.channels.port import Channel, ChannelRefused
from chalicelib.publishing.lifecycle import STALE_CLAIM, UNKNOWN_OUTCOME
from chalicelib.publishing.model import Action, Issue, Receipt, State
from chalicelib.publishing.send_due import CLAIMS_MAX, Sweep, claim, deliver, mark_due, send_due
from chalicelib.publishing.table import Overtaken, PublishingTable
from tests.publishing.plans import ISSUE_ID, MONDAY, PUBLISH_AT, a_draft, approved, stored

MINUTE = timedelta(minutes=1)
AFTER_STALE = PUBLISH_AT + STALE_CLAIM + MINUTE


class Counting:
    """A channel over the outbox that counts, and fails as told."""

    def __init__(self, *, deduplicates: bool = True, fault: Exception | None = None) -> None:
        self.sent: list[str] = []
        self.fault = fault
        self.deduplicates = deduplicates

    def send(self, table: PublishingTable, issue: Issue, now: datetime) -> Receipt:
        self.sent.append(issue.id)
        if self.fault:
            raise self.fault
        return CHANNELS["outbox"].send(table, issue, now)

    @property
    def channels(self) -> Mapping[str, Channel]:
        return {"outbox": Channel(self.send, self.deduplicates)}


def test_an_approved_issue_goes_out_at_its_minute_and_its_history_says_so(table: PublishingTable) -> None:
    approved(table)

    early = send_due(table, now=PUBLISH_AT - MINUTE)
    on_time = send_due(table, now=PUBLISH_AT)
    again = send_due(table, now=PUBLISH_AT + MINUTE)

    issue = table.issue(ISSUE_ID)
    assert (early, on_time, again) == (Sweep(), Sweep(sent=1), Sweep())
    assert issue.state is State.SENT
    assert issue.receipt == Receipt(f"outbox-{ISSUE_ID}", PUBLISH_AT)
    assert [line.action for line in issue.history] == [
        Action.DRAFTED,
        Action.APPROVED,
        Action.FELL_DUE,
        Action.CLAIMED,
        Action.SENT,
    ]
    (delivery,) = table.outbox("2026-03", limit=10).list
    assert (delivery.issue_id, delivery.plan) == (ISSUE_ID, issue.plan)


def test_only_approved_issues_go_out(table: PublishingTable) -> None:
    stored(table, a_draft("1" * 16))
    cancelled = approved(table, "2" * 16)
    table.save(lifecycle.cancel(cancelled, by="writer", at=MONDAY), seen_version=cancelled.version)

    assert send_due(table, now=PUBLISH_AT) == Sweep()


def test_missed_minutes_are_caught_up_oldest_first(table: PublishingTable) -> None:
    channel = Counting()
    for number in (3, 1, 2):
        approved(table, str(number) * 16, publish_at=PUBLISH_AT + number * MINUTE)
    approved(table, "9" * 16, publish_at=PUBLISH_AT + timedelta(hours=3))

    swept = send_due(table, now=PUBLISH_AT + timedelta(hours=2), channels=channel.channels)

    assert swept == Sweep(sent=3)
    assert channel.sent == ["1" * 16, "2" * 16, "3" * 16]


def test_two_sweeps_that_both_found_the_issue_mark_it_once(table: PublishingTable) -> None:
    approved(table)
    (first_id,), (second_id,) = list(table.due_ids(PUBLISH_AT)), list(table.due_ids(PUBLISH_AT))
    first, second = table.issue(first_id), table.issue(second_id)

    mark_due(table, first, PUBLISH_AT)

    with pytest.raises(Overtaken):
        mark_due(table, second, PUBLISH_AT)


def test_two_sweeps_that_both_try_to_claim_send_once(table: PublishingTable) -> None:
    channel = Counting(deduplicates=False)
    mark_due(table, approved(table), PUBLISH_AT)
    first, second = table.issue(ISSUE_ID), table.issue(ISSUE_ID)

    claimed = claim(table, first, PUBLISH_AT)
    with pytest.raises(Overtaken):
        claim(table, second, PUBLISH_AT)
    other_sweep = send_due(table, now=PUBLISH_AT, channels=channel.channels)
    outcome = deliver(table, claimed, channel.channels, PUBLISH_AT)

    assert outcome == "sent"
    assert other_sweep == Sweep(left=1)
    assert channel.sent == [ISSUE_ID]
    assert len(table.outbox("2026-03", limit=10).list) == 1


def test_a_sweep_between_every_two_steps_of_another_still_sends_once(table: PublishingTable) -> None:
    """The other sweep runs whole, at the same instant, inside each write of the first."""
    channel = Counting(deduplicates=False)
    approved(table)

    class Interleaved(PublishingTable):
        def save(self, issue: Issue, *, seen_version: int) -> None:
            send_due(table, now=PUBLISH_AT, channels=channel.channels)
            PublishingTable.save(self, issue, seen_version=seen_version)

    swept = send_due(Interleaved(table.dynamo, table.name), now=PUBLISH_AT, channels=channel.channels)

    assert swept == Sweep(left=1)
    assert channel.sent == [ISSUE_ID]
    assert table.issue(ISSUE_ID).state is State.SENT


def test_a_mark_left_by_a_dead_sweep_is_taken_up_at_once(table: PublishingTable) -> None:
    mark_due(table, approved(table), PUBLISH_AT)

    assert send_due(table, now=PUBLISH_AT + MINUTE) == Sweep(sent=1)


def test_a_crash_after_the_claim_is_retried_when_stale_and_the_outbox_has_it_once(table: PublishingTable) -> None:
    claimed = claim(table, mark_due(table, approved(table), PUBLISH_AT), PUBLISH_AT)
    CHANNELS["outbox"].send(table, claimed, PUBLISH_AT)  # and then the sweep died

    fresh = send_due(table, now=PUBLISH_AT + STALE_CLAIM)
    stale = send_due(table, now=AFTER_STALE)

    issue = table.issue(ISSUE_ID)
    assert (fresh, stale) == (Sweep(left=1), Sweep(sent=1))
    assert issue.receipt == Receipt(f"outbox-{ISSUE_ID}", PUBLISH_AT)
    assert issue.attempts == 2
    assert len(table.outbox("2026-03", limit=10).list) == 1


def test_two_sweeps_that_take_over_the_same_stale_claim_send_once(table: PublishingTable) -> None:
    claim(table, mark_due(table, approved(table), PUBLISH_AT), PUBLISH_AT)
    first, second = table.issue(ISSUE_ID), table.issue(ISSUE_ID)

    claim(table, first, AFTER_STALE)

    with pytest.raises(Overtaken):
        claim(table, second, AFTER_STALE)


def test_a_channel_that_cannot_deduplicate_is_never_asked_twice(table: PublishingTable) -> None:
    channel = Counting(deduplicates=False)
    claim(table, mark_due(table, approved(table), PUBLISH_AT), PUBLISH_AT)

    swept = send_due(table, now=AFTER_STALE, channels=channel.channels)

    issue = table.issue(ISSUE_ID)
    assert swept == Sweep(failed=1)
    assert channel.sent == []
    assert (issue.state, issue.failure) == (State.FAILED, UNKNOWN_OUTCOME)
    assert send_due(table, now=AFTER_STALE + MINUTE, channels=channel.channels) == Sweep()


def test_a_refusal_of_the_channel_fails_the_issue_with_its_reason_and_a_retry_sends_it(table: PublishingTable) -> None:
    approved(table)
    refusing = Counting(fault=ChannelRefused("sensitive_words"))

    refused = send_due(table, now=PUBLISH_AT, channels=refusing.channels)
    failed = table.issue(ISSUE_ID)
    retry_issue(
        table, ISSUE_ID, version=failed.version, by="reviewer", confirmed_not_sent=False, now=PUBLISH_AT + MINUTE
    )
    sent = send_due(table, now=PUBLISH_AT + 2 * MINUTE)

    assert (refused, sent) == (Sweep(failed=1), Sweep(sent=1))
    assert (failed.state, failed.failure) == (State.FAILED, "sensitive_words")
    assert table.issue(ISSUE_ID).failure == ""


def test_a_fault_leaves_the_claim_keeps_no_other_issue_back_and_is_given_up_in_the_end(table: PublishingTable) -> None:
    faulty = Counting(fault=TimeoutError())
    approved(table)
    now = PUBLISH_AT
    sweeps = []

    for _attempt in range(CLAIMS_MAX + 1):
        sweeps.append(send_due(table, now=now, channels=faulty.channels))
        now += STALE_CLAIM + MINUTE

    issue = table.issue(ISSUE_ID)
    assert sweeps == [Sweep(unfinished=1)] * CLAIMS_MAX + [Sweep(failed=1)]
    assert len(faulty.sent) == CLAIMS_MAX
    assert (issue.state, issue.failure, issue.attempts) == (State.FAILED, UNKNOWN_OUTCOME, CLAIMS_MAX)


def test_one_faulty_issue_keeps_no_other_back(table: PublishingTable) -> None:
    approved(table, "1" * 16)
    approved(table, "2" * 16, publish_at=PUBLISH_AT + MINUTE)
    channel = Counting()
    outbox = channel.send

    def send(target: PublishingTable, issue: Issue, now: datetime) -> Receipt:
        if issue.id == "1" * 16:
            raise TimeoutError
        return outbox(target, issue, now)

    swept = send_due(table, now=PUBLISH_AT + MINUTE, channels={"outbox": Channel(send, deduplicates=True)})

    assert swept == Sweep(sent=1, unfinished=1)
    assert channel.sent == ["2" * 16]


def test_an_issue_that_was_put_off_meanwhile_is_left_alone(
    table: PublishingTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    approved(table, publish_at=PUBLISH_AT + timedelta(days=7))
    monkeypatch.setattr(PublishingTable, "due_ids", lambda _table, _now: iter([ISSUE_ID]))  # as a lagging index would

    assert send_due(table, now=PUBLISH_AT) == Sweep(left=1)
