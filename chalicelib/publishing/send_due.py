"""The minute sweep: what is due is marked, claimed and sent, each step a write at the version that was read.

Two sweeps at once send once: the second finds the version gone and leaves the issue alone. A minute that was missed
is caught up by the next, since everything due up to now is taken. A sweep that dies leaves its mark or its claim
behind; the mark is taken up at once, the claim when it is stale.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from chalicelib.publishing import lifecycle
from chalicelib.publishing.channels import CHANNELS
from chalicelib.publishing.channels.port import Channel, ChannelRefused
from chalicelib.publishing.lifecycle import UNKNOWN_OUTCOME
from chalicelib.publishing.model import Issue, State, whole_minutes
from chalicelib.publishing.table import Overtaken, PublishingTable
from chalicelib.runtime import log

CLAIMS_MAX = 5
"""After this many claims of one approval the issue is flagged for staff instead of being tried for ever."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """What one sweep did with the issues it found; `left` were another sweep's, `unfinished` had a fault."""

    sent: int = 0
    failed: int = 0
    left: int = 0
    unfinished: int = 0


def send_due(table: PublishingTable, *, now: datetime, channels: Mapping[str, Channel] = CHANNELS) -> Sweep:
    """Send every issue whose time has come; one that has a fault keeps none of the others back."""
    outcomes: Counter[str] = Counter()
    for issue_id in table.due_ids(now):
        try:
            outcomes[_take(table, issue_id, channels, now)] += 1
        except Overtaken:
            outcomes["left"] += 1
        except Exception as error:  # noqa: BLE001  # the claim stays; a later sweep settles it
            log.defect("issue_unfinished", error, issue_id=issue_id)
            outcomes["unfinished"] += 1
    return Sweep(**outcomes)


def _take(table: PublishingTable, issue_id: str, channels: Mapping[str, Channel], now: datetime) -> str:
    issue = table.issue(issue_id)
    if issue.plan.publish_at > now:  # the index lags: it was put off since
        return "left"
    if issue.state is State.APPROVED:
        issue = mark_due(table, issue, now)
    if issue.state is State.DUE:
        return deliver(table, claim(table, issue, now), channels, now)
    if issue.state is State.CLAIMED and lifecycle.is_stale(issue, now):
        return _take_over(table, issue, channels, now)
    return "left"


def mark_due(table: PublishingTable, issue: Issue, now: datetime) -> Issue:
    """Store that an approved issue's time has come; raises Overtaken when it was changed since it was read."""
    return _saved(table, issue, lifecycle.fall_due(issue, at=now))


def claim(table: PublishingTable, issue: Issue, now: datetime) -> Issue:
    """Take an issue for sending; raises Overtaken when another sweep, or a cancellation, was faster."""
    return _saved(table, issue, lifecycle.claim(issue, at=now))


def deliver(table: PublishingTable, issue: Issue, channels: Mapping[str, Channel], now: datetime) -> str:
    """Send a claimed issue and store how it went: `sent` or `failed`.

    What the channel raises besides its refusal passes through: the outcome is unknown and the claim stays.
    """
    channel = channels.get(issue.plan.channel)
    if channel is None:
        return _fail(table, issue, "no_such_channel", now)
    try:
        receipt = channel.send(table, issue, now)
    except ChannelRefused as refused:
        return _fail(table, issue, refused.reason, now)
    _saved(table, issue, lifecycle.sent(issue, receipt, at=now))
    late_minutes = whole_minutes(receipt.sent_at - issue.plan.publish_at)
    log.outcome("issue_sent", issue_id=issue.id, channel=issue.plan.channel, late_minutes=late_minutes)
    return "sent"


def _take_over(table: PublishingTable, issue: Issue, channels: Mapping[str, Channel], now: datetime) -> str:
    channel = channels.get(issue.plan.channel)
    if channel is None or not channel.deduplicates or issue.attempts >= CLAIMS_MAX:
        return _fail(table, issue, UNKNOWN_OUTCOME, now)
    return deliver(table, claim(table, issue, now), channels, now)


def _fail(table: PublishingTable, issue: Issue, reason: str, now: datetime) -> str:
    _saved(table, issue, lifecycle.failed(issue, reason, at=now))
    log.outcome("issue_failed", issue_id=issue.id, channel=issue.plan.channel, reason=reason)
    return "failed"


def _saved(table: PublishingTable, issue: Issue, changed: Issue) -> Issue:
    table.save(changed, seen_version=issue.version)
    return changed
