"""What became of an issue: WeChat tells it minutes later, by the id that the issue's receipt names.

So nothing has to be known about a sending before its end is told, which may be before we have kept its receipt.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from chalicelib.publishing.channels import official_account, official_account_page
from chalicelib.publishing.model import Issue, Outcome
from chalicelib.publishing.publication import outcome_of_job
from chalicelib.publishing.table import PublishingTable, open_publishing
from chalicelib.runtime import log

MOST_ID_CHARS = 64


def keep_outcome(told: Mapping[str, Any], at: datetime) -> None:
    """Keep the figures of WeChat's MASSSENDJOBFINISH, told of an instant; the newest telling of one sending stays.

    Raises KeyError or ValueError when it names no sending or no status, or a figure is no number.
    """
    total, meant, sent, failed = (
        int(told.get(name) or 0) for name in ("TotalCount", "FilterCount", "SentCount", "ErrorCount")
    )
    outcome = Outcome(str(told["Status"]), total=total, meant=meant, sent=sent, failed=failed, told_at=at)
    message_id = str(int(told["MsgID"]))
    open_publishing().put_outcome(official_account.receipt_id(message_id), outcome)
    log.outcome("sending_finished", message_id=message_id, status=outcome.status, sent=sent, failed=failed)


def keep_publication(told: Mapping[str, Any], at: datetime) -> None:
    """Keep the end of a publication without push, WeChat's PUBLISHJOBFINISH, told of an instant; the newest stays.

    Raises KeyError or ValueError when it names no job or no status that is known.
    """
    info = told.get("PublishEventInfo") or told
    publish_id, outcome = str(info["publish_id"]), outcome_of_job(info, at)
    if not 0 < len(publish_id) <= MOST_ID_CHARS:
        raise ValueError("no job's id")
    if outcome is not None:
        open_publishing().put_outcome(official_account_page.receipt_id(publish_id), outcome)
        log.outcome("publication_finished", publish_id=publish_id, status=outcome.status)


def outcome_of(table: PublishingTable, issue: Issue) -> Outcome | None:
    """What became of an issue's sending; None before it was told, and for a channel that tells nothing."""
    return table.outcome(issue.receipt.id) if issue.receipt else None
