"""Bulk adjustment: a file is imported whole or not at all, approved by a second person, then posted line by line.

Each line is posted by a cause of its own (batch and line), together with the word that it was; so whatever is cut off,
doubled or sent again, a line is posted once or said once to be impossible.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.adjust import FindUnknown, require_fresh, require_second, require_within
from chalicelib.ledger.adjustment_csv import RowError, read_rows
from chalicelib.ledger.adjustment_items import POSTED, chunks_of, row_item
from chalicelib.ledger.adjustments import Batch, Review, Row, State, adjustment, cause_of
from chalicelib.ledger.adjustments_table import AdjustmentsTable
from chalicelib.ledger.model import Also, LedgerTerms, Posting, business_on, digest
from chalicelib.ledger.table import Seen
from chalicelib.runtime import log

FINAL = (Code.INSUFFICIENT_POINTS, Code.VALIDITY_OVER)
"""What no later attempt is to mend: the line is said to have failed."""
SHOWN_ERRORS = 10

Send = Callable[[Sequence[str]], None]


class Checked(NamedTuple):
    """A file as it was read: what it would do, and what is wrong with it."""

    rows: list[Row]
    errors: list[RowError]

    @property
    def credit_points(self) -> int:
        return sum(row.change.points for row in self.rows if row.change.points > 0)

    @property
    def debit_points(self) -> int:
        return -sum(row.change.points for row in self.rows if row.change.points < 0)


class ChunkRun(NamedTuple):
    """What one pass over a chunk did, in lines; `broken` ones and those not reached come again."""

    posted: int
    failed: int
    broken: int
    finished: bool


class Progress(NamedTuple):
    """How far a batch is; `failed` holds (line, error code's number)."""

    posted: int
    failed: tuple[tuple[int, int], ...]
    waiting: int


def check_file(text: str, *, terms: LedgerTerms, find_unknown: FindUnknown, now: datetime) -> Checked:
    """Read a file and look its members up; nothing is stored."""
    rows, errors = read_rows(text, business_on(now, terms.zone))
    unknown = find_unknown({row.change.member_id for row in rows}) if rows else set()
    errors += [RowError(row.line, "member_id", "没有这个会员") for row in rows if row.change.member_id in unknown]
    return Checked(rows, sorted(errors))


def import_batch(
    table: AdjustmentsTable,
    name: str,
    text: str,
    *,
    id: str,
    key: str,
    by: str,
    terms: LedgerTerms,
    daily_points: int,
    find_unknown: FindUnknown,
    now: datetime,
) -> tuple[Batch, bool]:
    """Store a file as a batch, once per client key; answers it as it stands and whether it was there.

    Raises IMPORT_INVALID naming the first lines that are wrong, KEY_REUSED when the key came with another file,
    BATCH_TAKEN when another batch has the same rows, ADJUSTMENT_LIMIT when they are more than a day allows.
    """
    input_hash = digest({"name": name, "csv": text})
    claim = table.claim(key)
    if claim is None:
        checked = check_file(text, terms=terms, find_unknown=find_unknown, now=now)
        if checked.errors:
            raise _invalid(checked.errors)
        require_within(checked.credit_points + checked.debit_points, daily_points)
        batch = Batch(
            id=id,
            name=name,
            rows=len(checked.rows),
            chunks=len(chunks_of(checked.rows)),
            credit_points=checked.credit_points,
            debit_points=checked.debit_points,
            content_hash=digest({"rows": [row_item(row) for row in checked.rows]}),
            review=Review(by, now, business_on(now, terms.zone)),
        )
        claim = table.create_batch(batch, checked.rows, key=key, input_hash=input_hash)
        if claim.id == id:
            return batch, False
    if claim.input_hash != input_hash:
        raise JifenError(Code.KEY_REUSED)
    return table.batch(claim.id), True


def approve_batch(
    table: AdjustmentsTable, id: str, *, by: str, daily_points: int, send: Send, now: datetime
) -> tuple[Batch, bool]:
    """Let a batch be posted: its chunks are queued. Approved already, what is not posted yet is queued again.

    Raises NOT_ALLOWED for one's own batch, ADJUSTMENT_STATE when it is declined, ADJUSTMENT_LAPSED, ADJUSTMENT_LIMIT.
    """
    batch = table.batch(id)
    require_second(batch.review, by)
    replayed = batch.review.state is not State.PROPOSED
    if not replayed:
        batch, replayed = _approve(table, batch, by, daily_points, now)
    if batch.review.state is not State.APPROVED:
        raise JifenError(Code.ADJUSTMENT_STATE)
    chunks = _unfinished(table, batch) if replayed else list(range(batch.chunks))
    send([json.dumps({"batch": id, "chunk": number}) for number in chunks])
    return batch, replayed


def decline_batch(table: AdjustmentsTable, id: str, *, by: str, note: str, now: datetime) -> tuple[Batch, bool]:
    """Refuse a batch, for a reason; also one's own. Its content may be imported again. Who declines again gets it as it
    stands; raises ADJUSTMENT_STATE once it is approved, or declined by another.
    """
    batch = table.batch(id)
    if batch.review.state is State.PROPOSED:
        declined = batch._replace(review=batch.review.decided(State.DECLINED, by, now, note))
        try:
            table.write([table.decided(declined), table.freed(batch)], [JifenError(Code.ADJUSTMENT_STATE), None])
        except JifenError as refused:
            if refused.code is not Code.ADJUSTMENT_STATE:
                raise
            batch = table.batch(id)
        else:
            return declined, False
    if batch.review.state is not State.DECLINED or batch.review.decided_by != by:
        raise JifenError(Code.ADJUSTMENT_STATE)
    return batch, True


def post_chunk(
    table: AdjustmentsTable,
    batch_id: str,
    chunk: int,
    *,
    terms_at: Callable[[datetime], LedgerTerms],
    has_time: Callable[[], bool],
) -> ChunkRun:
    """Post the lines of a chunk that nothing was said of yet, as of the batch's approval.

    A line that ails from something passing, or from a defect, is logged and left; the others go on.
    """
    batch = table.batch(batch_id)
    approved_at = batch.review.decided_at
    if batch.review.state is not State.APPROVED or approved_at is None:
        return ChunkRun(0, 0, 0, True)
    terms = terms_at(approved_at)
    rows, said = table.chunk(batch_id, chunk)
    done = {"posted": 0, "failed": 0, "broken": 0}
    for row in rows:
        if row.line in said:
            continue
        if not has_time():
            return ChunkRun(**done, finished=False)
        done[_outcome(table, batch, chunk, row, terms, approved_at)] += 1
    return ChunkRun(**done, finished=not done["broken"])


def progress(table: AdjustmentsTable, batch: Batch) -> Progress:
    """How far a batch is, from what is said of each line."""
    said = table.outcomes(batch) if batch.review.state is State.APPROVED else {}
    failed = tuple(sorted((line, int(text)) for line, text in said.items() if text != POSTED))
    return Progress(len(said) - len(failed), failed, batch.rows - len(said))


def _approve(table: AdjustmentsTable, batch: Batch, by: str, daily_points: int, now: datetime) -> tuple[Batch, bool]:
    """The decision alone; answers the batch as another approved it when that came first."""
    require_fresh(batch.review, now)
    points = batch.credit_points + batch.debit_points
    require_within(points, daily_points)
    approved = batch._replace(review=batch.review.decided(State.APPROVED, by, now))
    day = table.counted(batch.review.proposed_by, batch.review.proposed_on, points, daily_points)
    try:
        table.write(
            [table.decided(approved), day],
            [JifenError(Code.ADJUSTMENT_STATE), JifenError(Code.ADJUSTMENT_LIMIT)],
        )
    except JifenError as refused:
        if refused.code is not Code.ADJUSTMENT_STATE:
            raise
        return table.batch(batch.id), True
    return approved, False


def _unfinished(table: AdjustmentsTable, batch: Batch) -> list[int]:
    return [
        number
        for number in range(batch.chunks)
        if any(row.line not in said for rows, said in [table.chunk(batch.id, number)] for row in rows)
    ]


def _outcome(
    table: AdjustmentsTable, batch: Batch, chunk: int, row: Row, terms: LedgerTerms, approved_at: datetime
) -> str:
    review = batch.review
    line_id = f"{batch.id}:{row.line}"
    cause = cause_of(line_id, approved_by=review.decided_by, at=approved_at, source="import")
    facts = {"adjustment": line_id, "proposed_by": review.proposed_by, "approved_by": review.decided_by}
    also = Also(table.posted(batch.id, chunk, row.line), JifenError(Code.ADJUSTMENT_STATE))

    def decide(seen: Seen) -> Posting:
        return adjustment(seen.account, row.change, cause, facts, terms, approved_at)._replace(also=(also,))

    try:
        table.ledger.post(row.change.member_id, decide)
        return "posted"
    except JifenError as refused:
        if refused.code in FINAL and table.fail(batch.id, chunk, row.line, refused.code.number):
            return "failed"
        if refused.code in (*FINAL, Code.ADJUSTMENT_STATE):
            return "posted"  # another worker was faster: what it said of the line stands
        log.defect("adjustment_failed", refused, batch=batch.id, line=row.line, code_number=refused.code.number)
    except Exception as error:  # noqa: BLE001  # whatever ails one line, the others go on
        log.defect("adjustment_failed", error, batch=batch.id, line=row.line)
    return "broken"


def _invalid(errors: Sequence[RowError]) -> JifenError:
    """One refusal that names the first lines that are wrong, and how many there are."""
    words = ";".join(f"第{error.line}行{error.field}{error.msg}" for error in errors[:SHOWN_ERRORS])
    rest = f";共{len(errors)}处" if len(errors) > SHOWN_ERRORS else ""
    return JifenError(Code.IMPORT_INVALID, f"未保存:{words}{rest}", field=f"csv.{errors[0].line}.{errors[0].field}")
