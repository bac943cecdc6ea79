"""Proposals and batches as items of the ledger table, both ways.

pk              sk          what
ADJ#<month>     <id>        a proposal; its id begins with the instant it was made at, which says its month
ADJB#<month>    <id>        a batch's head, likewise
ADJB#<id>       C#<chunk>   up to 100 of a batch's rows
ADJB#<id>       R#<chunk>   what became of them: one attribute a line, written once
ADJD#<staff>    <date>      points of a day's proposals of one person that were approved
K#<key>         K           what a client's key stands for
K#batch#<hash>  K           the batch that has this content; free again once that was declined
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

from chalicelib.ledger.adjustments import PROPOSAL_LIFE, Batch, Change, Proposal, Review, Row, State
from chalicelib.ledger.buckets import PointsClass
from chalicelib.ledger.model import stamp

Item = dict[str, Any]
Key = dict[str, str]
CHUNK_ROWS = 100
POSTED = "posted"
_ID = re.compile(r"[ab][0-9a-f]{23}")


def timed_id(kind: str, at: datetime, random_hex: str) -> str:
    """An id that sorts by time: `kind` (`a` or `b`), 11 hex digits of milliseconds, 12 of chance."""
    return f"{kind}{int(at.timestamp() * 1000):011x}{random_hex}"


def is_timed_id(text: str, kind: str) -> bool:
    """Whether a text has the form of such an id."""
    return _ID.fullmatch(text) is not None and text[0] == kind


def month_of(at: datetime) -> str:
    """The partition of what was proposed at an instant: its month, UTC."""
    return f"{at.astimezone(UTC):%Y-%m}"


def open_months(now: datetime) -> list[str]:
    """The months in which something may lie that can still be approved, latest first."""
    since, month = month_of(now - PROPOSAL_LIFE), now.astimezone(UTC).replace(day=1)
    months = [month_of(month)]
    while months[-1] > since:
        year, number = int(months[-1][:4]), int(months[-1][5:])
        months.append(f"{year - (number == 1)}-{(number - 2) % 12 + 1:02d}")
    return months


def timed_key(kind: str, id: str) -> Key:
    """The key of a proposal (`ADJ`) or of a batch's head (`ADJB`)."""
    at = datetime.fromtimestamp(int(id[1:12], 16) / 1000, UTC)
    return {"pk": f"{kind}#{month_of(at)}", "sk": id}


def rows_key(batch_id: str, chunk: int) -> Key:
    return {"pk": f"ADJB#{batch_id}", "sk": f"C#{chunk:03d}"}


def outcomes_key(batch_id: str, chunk: int) -> Key:
    return {"pk": f"ADJB#{batch_id}", "sk": f"R#{chunk:03d}"}


def day_key(staff_id: str, on: date) -> Key:
    return {"pk": f"ADJD#{staff_id}", "sk": on.isoformat()}


def content_key(content_hash: str) -> Key:
    return {"pk": f"K#batch#{content_hash}", "sk": "K"}


def chunks_of(rows: Sequence[Row]) -> list[Sequence[Row]]:
    """The rows as they are stored and posted, CHUNK_ROWS together."""
    return [rows[start : start + CHUNK_ROWS] for start in range(0, len(rows), CHUNK_ROWS)]


def proposal_item(proposal: Proposal) -> Item:
    """A proposal as stored."""
    return {
        **timed_key("ADJ", proposal.id),
        **stored_change(proposal.change),
        **_review_item(proposal.review),
        "evidence": proposal.evidence,
    }


def proposal_of(item: Item) -> Proposal:
    return Proposal(item["sk"], _change_of(item), _review_of(item), item["evidence"])


def batch_item(batch: Batch) -> Item:
    """A batch's head as stored."""
    return {
        **timed_key("ADJB", batch.id),
        **_review_item(batch.review),
        "name": batch.name,
        "rows": batch.rows,
        "chunks": batch.chunks,
        "credit_points": batch.credit_points,
        "debit_points": batch.debit_points,
        "content_hash": batch.content_hash,
    }


def batch_of(item: Item) -> Batch:
    return Batch(
        id=item["sk"],
        name=item["name"],
        rows=item["rows"],
        chunks=item["chunks"],
        credit_points=item["credit_points"],
        debit_points=item["debit_points"],
        content_hash=item["content_hash"],
        review=_review_of(item),
    )


def row_item(row: Row) -> Item:
    """A row as stored among those of its chunk."""
    return {"line": row.line, **stored_change(row.change)}


def row_of(item: Item) -> Row:
    return Row(item["line"], _change_of(item))


def outcomes(item: Item) -> dict[int, str]:
    """What became of a chunk's lines: POSTED or an error code's number as text."""
    return {int(name[1:]): text for name, text in item.items() if name[:1] == "L"}


def stored_change(change: Change) -> Item:
    """A change as stored, which is also what a client's key is held to."""
    item: Item = {"member_id": change.member_id, "points": change.points, "reason": change.reason}
    if change.points_class is not None:
        item["class"] = change.points_class.value
    if change.expires_on is not None:
        item["expires_on"] = change.expires_on.isoformat()
    if change.validity is not None:
        item["validity"] = dict(change.validity)
    return item


def _change_of(item: Item) -> Change:
    return Change(
        member_id=item["member_id"],
        points=item["points"],
        reason=item["reason"],
        points_class=PointsClass(item["class"]) if "class" in item else None,
        expires_on=date.fromisoformat(item["expires_on"]) if "expires_on" in item else None,
        validity=item.get("validity"),
    )


def _review_item(review: Review) -> Item:
    return {
        "state": review.state.value,
        "proposed_by": review.proposed_by,
        "proposed_at": stamp(review.proposed_at),
        "proposed_on": review.proposed_on.isoformat(),
        "decided_by": review.decided_by,
        "decided_at": stamp(review.decided_at) if review.decided_at else "",
        "note": review.note,
    }


def _review_of(item: Item) -> Review:
    return Review(
        proposed_by=item["proposed_by"],
        proposed_at=datetime.fromisoformat(item["proposed_at"]),
        proposed_on=date.fromisoformat(item["proposed_on"]),
        state=State(item["state"]),
        decided_by=item["decided_by"],
        decided_at=datetime.fromisoformat(item["decided_at"]) if item["decided_at"] else None,
        note=item["note"],
    )
