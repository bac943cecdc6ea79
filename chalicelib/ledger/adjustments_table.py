"""Proposals and batches in the ledger table: they are decided in the very transaction that posts their points.

A month of staff work is small, so one partition a month lists it, newest first, strongly read. Keys and items are drawn
in adjustment_items.py.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple, TypeVar

from chalicelib.errors import Code, JifenError
from chalicelib.ledger import adjustment_items as items
from chalicelib.ledger.adjustments import Batch, Proposal, Row, State
from chalicelib.ledger.model import stamp
from chalicelib.ledger.table import LedgerTable, open_ledger
from chalicelib.runtime.dynamo import (
    Cancelled,
    ConditionFailed,
    Item,
    conditional,
    encode_item,
    transact,
)

T = TypeVar("T")
Write = dict[str, Any]
ATTEMPTS = 5
ABSENT = "attribute_not_exists(pk)"


class Claim(NamedTuple):
    """What a client's key stands for."""

    id: str
    input_hash: str


@dataclass(frozen=True, slots=True)
class AdjustmentsTable:
    """The adjustments of one stage, beside its accounts."""

    ledger: LedgerTable

    def claim(self, key: str) -> Claim | None:
        """What was made under a client's key."""
        for item in self.ledger.items([{"pk": key, "sk": "K"}]):
            return Claim(item["id"], item["input_hash"])
        return None

    def create(self, proposal: Proposal, *, key: str, input_hash: str) -> Claim:
        """Store a proposal unless the key stands for one already; answers what the key stands for."""
        return self._create([self._put(items.proposal_item(proposal))], proposal.id, key, input_hash)

    def create_batch(self, batch: Batch, rows: Sequence[Row], *, key: str, input_hash: str) -> Claim:
        """Store a batch whole, in one transaction; answers what the key stands for. Raises BATCH_TAKEN."""
        content = {**items.content_key(batch.content_hash), "id": batch.id, "is_free": False}
        writes = [
            self._put(content, f"{ABSENT} OR is_free = :true", {":true": True}),
            self._put(items.batch_item(batch)),
        ]
        for number, chunk in enumerate(items.chunks_of(rows)):
            stored = [items.row_item(row) for row in chunk]
            writes.append(self._put({**items.rows_key(batch.id, number), "rows": stored}))
        return self._create(writes, batch.id, key, input_hash)

    def proposal(self, id: str) -> Proposal:
        """A proposal as it stands; raises ADJUSTMENT_NOT_FOUND."""
        for item in self.ledger.items([items.timed_key("ADJ", id)]):
            return items.proposal_of(item)
        raise JifenError(Code.ADJUSTMENT_NOT_FOUND)

    def batch(self, id: str) -> Batch:
        """A batch's head as it stands; raises ADJUSTMENT_NOT_FOUND."""
        for item in self.ledger.items([items.timed_key("ADJB", id)]):
            return items.batch_of(item)
        raise JifenError(Code.ADJUSTMENT_NOT_FOUND, "没有这个导入批次")

    def proposals(self, months: Sequence[str], state: str, *, after_id: str, limit: int) -> list[Proposal]:
        """Up to `limit` proposals of these months (latest first) in a state, newest first, made before `after_id`."""
        return list(self._listed("ADJ", items.proposal_of, months, state, after_id, limit))

    def batches(self, months: Sequence[str], state: str, *, after_id: str, limit: int) -> list[Batch]:
        """The same of batches."""
        return list(self._listed("ADJB", items.batch_of, months, state, after_id, limit))

    def chunk(self, batch_id: str, number: int) -> tuple[list[Row], dict[int, str]]:
        """A chunk's rows, and what became of them so far: POSTED or an error code's number as text, by line."""
        keys = [items.rows_key(batch_id, number), items.outcomes_key(batch_id, number)]
        found = {item["sk"]: item for item in self.ledger.items(keys)}
        rows = [items.row_of(row) for row in found.get(keys[0]["sk"], {}).get("rows", [])]
        return rows, items.outcomes(found.get(keys[1]["sk"], {}))

    def outcomes(self, batch: Batch) -> dict[int, str]:
        """What became of a batch's rows so far, by line."""
        keys = [items.outcomes_key(batch.id, number) for number in range(batch.chunks)]
        found: dict[int, str] = {}
        for item in self.ledger.items(keys):
            found |= items.outcomes(item)
        return found

    def decided(self, subject: Proposal | Batch) -> Write:
        """The write that decides, while nobody else has."""
        review = subject.review
        values = {
            ":state": review.state.value,
            ":by": review.decided_by,
            ":at": stamp(review.decided_at) if review.decided_at else "",
            ":note": review.note,
            ":proposed": State.PROPOSED.value,
        }
        return self._update(
            items.timed_key("ADJ" if isinstance(subject, Proposal) else "ADJB", subject.id),
            "SET #state = :state, decided_by = :by, decided_at = :at, note = :note",
            "#state = :proposed",
            values,
            {"#state": "state"},
        )

    def counted(self, staff_id: str, on: date, points: int, daily_points: int) -> Write:
        """The write that counts `points` of a day's proposals of one person, while they stay within `daily_points`.

        `points` alone must be within it: nothing counted yet always has room.
        """
        return self._update(
            items.day_key(staff_id, on),
            "ADD spent :points",
            "attribute_not_exists(spent) OR spent <= :room",
            {":points": points, ":room": daily_points - points},
        )

    def freed(self, batch: Batch) -> Write:
        """The write that lets a declined batch's content be imported again."""
        key = items.content_key(batch.content_hash)
        return self._update(key, "SET is_free = :true", "id = :id", {":true": True, ":id": batch.id})

    def posted(self, batch_id: str, chunk: int, line: int) -> Write:
        """The write that says a line was posted, unless it was said what became of it."""
        return self._outcome(batch_id, chunk, line, items.POSTED)

    def fail(self, batch_id: str, chunk: int, line: int, number: int) -> bool:
        """Say for good that a line cannot be posted; False when something else was said of it before."""
        try:
            conditional(
                self.ledger.dynamo, "update_item", **self._outcome(batch_id, chunk, line, str(number))["Update"]
            )
        except ConditionFailed:
            return False
        return True

    def write(self, writes: Sequence[Write], refusals: Sequence[JifenError | None]) -> None:
        """All or nothing; raises the refusal of the first write whose condition failed, BUSY after endless meetings."""
        cancelled = self._write(writes)
        if cancelled is None:
            return
        for reason, refusal in zip(cancelled.reasons, refusals, strict=True):
            if reason.code == "ConditionalCheckFailed" and refusal:
                raise refusal
        raise cancelled

    def _create(self, writes: list[Write], id: str, key: str, input_hash: str) -> Claim:
        claimed = {"pk": key, "sk": "K", "id": id, "input_hash": input_hash}
        cancelled = self._write([self._put(claimed), *writes])
        if cancelled is None:
            return Claim(id, input_hash)
        standing = cancelled.reasons[0].item
        if standing:
            return Claim(standing["id"], standing["input_hash"])
        if cancelled.reasons[1].item:
            raise JifenError(Code.BATCH_TAKEN, f"同样内容的批次已提交过({cancelled.reasons[1].item['id']})")
        raise cancelled

    def _write(self, writes: Sequence[Write]) -> Cancelled | None:
        """All or nothing; answers the refusal if a condition failed. Contention is tried again, then BUSY."""
        for attempt in range(ATTEMPTS):
            try:
                transact(self.ledger.dynamo, writes)
            except Cancelled as cancelled:
                if not cancelled.is_transient():
                    return cancelled
            else:
                return None
            self.ledger.pause(random.uniform(0, 0.05 * 2**attempt))
        raise JifenError(Code.BUSY, retry_after_seconds=1)

    def _listed(
        self, kind: str, read: Callable[[Item], T], months: Sequence[str], state: str, after_id: str, limit: int
    ) -> Iterator[T]:
        left = limit
        for month in months:
            for item in self._month(f"{kind}#{month}", after_id):
                if not left:
                    return
                if not state or item["state"] == state:
                    left -= 1
                    yield read(item)

    def _month(self, pk: str, after_id: str) -> Iterator[Item]:
        """One month's items, newest first, page by page as far as they are asked for."""
        return self.ledger.listed(pk, after_id, 200)

    def _outcome(self, batch_id: str, chunk: int, line: int, outcome: str) -> Write:
        key = items.outcomes_key(batch_id, chunk)
        names = {"#line": f"L{line}"}
        return self._update(key, "SET #line = :outcome", "attribute_not_exists(#line)", {":outcome": outcome}, names)

    def _put(self, item: Item, condition: str = ABSENT, values: Mapping[str, Any] | None = None) -> Write:
        put = {"TableName": self.ledger.ledger, "Item": encode_item(item), "ConditionExpression": condition}
        return {"Put": {**put, **({"ExpressionAttributeValues": encode_item(values)} if values else {})}}

    def _update(
        self,
        key: Mapping[str, str],
        change: str,
        condition: str,
        values: Mapping[str, Any],
        names: Mapping[str, str] | None = None,
    ) -> Write:
        update = {
            "TableName": self.ledger.ledger,
            "Key": encode_item(key),
            "UpdateExpression": change,
            "ConditionExpression": condition,
            "ExpressionAttributeValues": encode_item(values),
        }
        return {"Update": {**update, **({"ExpressionAttributeNames": names} if names else {})}}


def open_adjustments() -> AdjustmentsTable:
    """The stage's adjustments."""
    return AdjustmentsTable(open_ledger())
