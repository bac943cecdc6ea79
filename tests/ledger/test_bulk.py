"""Bulk adjustments: a file is taken whole or not at all, decided by another person, posted line by line, once."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

import pytest

from chalicelib.errors import Code, JifenError
from chalicelib.ledger import adjustment_items, bulk
from chalicelib.ledger.adjustment_csv import MAX_ROWS, RowError, read_rows
from chalicelib.ledger.adjustment_items import timed_id
from chalicelib.ledger.adjustments import Batch, Row, State
from chalicelib.ledger.adjustments_table import AdjustmentsTable
from chalicelib.ledger.apply import apply
from chalicelib.ledger.buckets import PointsClass
from chalicelib.ledger.table import LedgerTable
from tests.ledger.builders import NOW, TERMS, TODAY_ON, an_earn, bucket
from tests.ledger.meetings import Interrupted, Meanwhile

HEADER = "member_id,points,class,expires_on,reason\n"
LATER = NOW + timedelta(hours=1)


def member(number: int) -> str:
    return f"m{number:024x}"


def a_line(number: int, points: int = 10) -> str:
    end = "activity,2027-11-30" if points > 0 else ","
    return f"{member(number)},{points},{end},双十一补发\n"


def a_file(lines: int = 3, points: int = 10) -> str:
    return HEADER + "".join(a_line(number, points) for number in range(1, lines + 1))


def nobody(_ids: Collection[str]) -> set[str]:
    return set()


@dataclass
class Office:
    """Those who import and decide, the queue between them and the worker."""

    table: AdjustmentsTable
    queued: list[str] = field(default_factory=list)
    fails_to_send: bool = False

    def imported(
        self, text: str, *, key: str = "k1", by: str = "clerk", number: int = 1, now: Any = NOW, **given: Any
    ) -> tuple[Batch, bool]:
        values: dict[str, Any] = {"terms": TERMS, "daily_points": 100_000, "find_unknown": nobody}
        return bulk.import_batch(
            self.table,
            "双十一",
            text,
            id=timed_id("b", now, f"{number:012x}"),
            key=f"K#batch#{by}{key}",
            by=by,
            now=now,
            **{**values, **given},
        )

    def send(self, bodies: Any) -> None:
        if self.fails_to_send:
            raise JifenError(Code.UNAVAILABLE)
        self.queued += bodies

    def approved(
        self, id: str, *, by: str = "boss", now: Any = LATER, daily_points: int = 100_000
    ) -> tuple[Batch, bool]:
        return bulk.approve_batch(self.table, id, by=by, daily_points=daily_points, send=self.send, now=now)

    def worked(self, *, table: AdjustmentsTable | None = None, lines: int = 10**9) -> list[bulk.ChunkRun]:
        """Everything queued, handled once; out of time after `lines` lines."""
        bodies, self.queued = self.queued, []
        return [self.handled(body, table or self.table, lines) for body in bodies]

    def handled(self, body: str, table: AdjustmentsTable, lines: int = 10**9) -> bulk.ChunkRun:
        left = iter(range(lines))
        message = json.loads(body)
        return bulk.post_chunk(
            table,
            message["batch"],
            message["chunk"],
            terms_at=lambda _at: TERMS,
            has_time=lambda: next(left, None) is not None,
        )

    def progress(self, batch: Batch) -> bulk.Progress:
        return bulk.progress(self.table, self.table.batch(batch.id))

    def points(self, *numbers: int) -> list[int]:
        return [self.table.ledger.read(member(number)).total_points for number in numbers]


@pytest.fixture
def office(ledger: LedgerTable) -> Office:
    return Office(AdjustmentsTable(ledger))


@pytest.fixture
def moto_office(moto_ledger: LedgerTable) -> Office:
    return Office(AdjustmentsTable(moto_ledger))


def behind(office: Office, dynamo: Any) -> AdjustmentsTable:
    return AdjustmentsTable(replace(office.table.ledger, dynamo=dynamo))


def test_an_approved_file_is_posted_line_by_line(office: Office) -> None:
    office.table.ledger.post(member(3), lambda seen: apply(seen.account, [an_earn(50)], TERMS, NOW))
    batch, _ = office.imported(a_file(2) + a_line(3, -20))
    before = office.points(1, 2, 3)

    office.approved(batch.id)
    office.worked()

    assert before == [0, 0, 50]
    assert office.points(1, 2, 3) == [10, 10, 30]
    assert office.table.ledger.read(member(1)).buckets == {bucket(date(2027, 11, 30), PointsClass.ACTIVITY): 10}
    assert (batch.rows, batch.credit_points, batch.debit_points) == (3, 20, 20)
    assert office.progress(batch) == bulk.Progress(3, (), 0)


def test_a_lines_entry_names_its_line_and_both_persons(office: Office) -> None:
    batch, _ = office.imported(a_file(1))
    office.approved(batch.id)
    office.worked()

    (entry,) = office.table.ledger.entries(member(1), before_key=None, limit=9)
    assert (entry.cause.id, entry.cause.source, entry.cause.actor) == (f"{batch.id}:2", "import", "boss")
    assert entry.facts == {"adjustment": f"{batch.id}:2", "proposed_by": "clerk", "approved_by": "boss"}
    assert (entry.text, entry.cause.at) == ("双十一补发", LATER)


def test_before_its_approval_a_message_posts_nothing(office: Office) -> None:
    batch, _ = office.imported(a_file(1))

    office.queued = [json.dumps({"batch": batch.id, "chunk": 0})]
    office.worked()

    assert office.points(1) == [0]
    assert office.progress(batch).waiting == 1


def test_messages_that_come_twice_post_once(office: Office) -> None:
    batch, _ = office.imported(a_file(3))
    office.approved(batch.id)
    office.queued *= 2

    office.worked()

    assert office.points(1, 2, 3) == [10, 10, 10]
    assert office.progress(batch).posted == 3


def test_two_workers_at_once_on_one_chunk_post_once(moto_office: Office) -> None:
    batch, _ = moto_office.imported(a_file(3))
    moto_office.approved(batch.id)
    body = moto_office.queued[0]
    meanwhile = Meanwhile(moto_office.table.ledger.dynamo, lambda: moto_office.handled(body, moto_office.table))

    run = moto_office.handled(body, behind(moto_office, meanwhile))

    assert run.finished
    assert moto_office.points(1, 2, 3) == [10, 10, 10]
    assert moto_office.progress(batch) == bulk.Progress(3, (), 0)


def test_a_line_that_one_worker_gave_up_is_not_posted_by_another(moto_office: Office) -> None:
    """The member earns between the two: whoever says first what became of the line is right."""
    ledger = moto_office.table.ledger
    batch, _ = moto_office.imported(HEADER + a_line(1, -10))
    moto_office.approved(batch.id)
    body = moto_office.queued[0]

    def the_other_gives_up_and_the_member_earns() -> None:
        ledger.post(member(1), lambda seen: apply(seen.account, [an_earn(50)], TERMS, NOW))

    first = moto_office.handled(body, moto_office.table)
    the_other_gives_up_and_the_member_earns()
    again = moto_office.handled(body, moto_office.table)

    assert (first.failed, again.posted) == (1, 0)
    assert moto_office.points(1) == [50]
    assert moto_office.progress(batch).failed == ((2, Code.INSUFFICIENT_POINTS.number),)


def test_given_up_while_it_is_being_posted_it_stays_given_up(moto_office: Office) -> None:
    ledger = moto_office.table.ledger
    batch, _ = moto_office.imported(HEADER + a_line(1, -10))
    moto_office.approved(batch.id)
    body = moto_office.queued[0]
    ledger.post(member(1), lambda seen: apply(seen.account, [an_earn(50)], TERMS, NOW))
    number = Code.INSUFFICIENT_POINTS.number
    meanwhile = Meanwhile(ledger.dynamo, lambda: moto_office.table.fail(batch.id, 0, 2, number))

    moto_office.handled(body, behind(moto_office, meanwhile))

    assert moto_office.points(1) == [50]
    assert moto_office.progress(batch).failed == ((2, number),)


def test_posted_while_it_is_being_given_up_it_stays_posted(moto_office: Office) -> None:
    ledger = moto_office.table.ledger
    batch, _ = moto_office.imported(HEADER + a_line(1, -10))
    moto_office.approved(batch.id)
    body = moto_office.queued[0]

    def earn_and_post() -> None:
        ledger.post(member(1), lambda seen: apply(seen.account, [an_earn(50)], TERMS, NOW))
        moto_office.handled(body, moto_office.table)

    meanwhile = Meanwhile(ledger.dynamo, earn_and_post, calls=("update_item",))
    moto_office.handled(body, behind(moto_office, meanwhile))

    assert moto_office.points(1) == [40]
    assert moto_office.progress(batch) == bulk.Progress(1, (), 0)


def test_a_worker_out_of_time_leaves_the_rest_to_the_next(office: Office) -> None:
    batch, _ = office.imported(a_file(5))
    office.approved(batch.id)
    body = office.queued[0]

    (cut,) = office.worked(lines=2)
    half_way = office.progress(batch)
    rest = office.handled(body, office.table)

    assert (cut.posted, cut.finished, half_way.waiting) == (2, False, 3)
    assert (rest.posted, rest.finished) == (3, True)
    assert office.points(1, 2, 3, 4, 5) == [10] * 5


def test_a_batch_resumes_wherever_its_worker_is_cut(moto_office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small chunks and many lines of few members, so that moto's tables stay small."""
    monkeypatch.setattr(adjustment_items, "CHUNK_ROWS", 10)
    lines = [f"{member(number % 3)},1,activity,2027-11-30,第{number}笔\n" for number in range(40)]
    batch, _ = moto_office.imported(HEADER + "".join(lines))
    moto_office.approved(batch.id)
    bodies = list(moto_office.queued)
    for number, body in enumerate(bodies):
        # The worker dies in the middle of a posting that went through, then another is out of time.
        cut = Interrupted(moto_office.table.ledger.dynamo, after=2 * number + 1, error=SystemExit)
        with pytest.raises(SystemExit):
            moto_office.handled(body, behind(moto_office, cut))
        late = moto_office.handled(body, moto_office.table, lines=1)
        assert (late.posted, late.finished) == (1, False)

    runs = moto_office.worked()

    assert (batch.chunks, len(bodies)) == (4, 4)
    assert all(run.finished for run in runs)
    assert moto_office.progress(batch) == bulk.Progress(40, (), 0)
    assert sum(moto_office.points(0, 1, 2)) == 40
    assert sum(moto_office.table.ledger.read(member(n)).sequence for n in range(3)) == 40


def test_two_thousand_lines_are_stored_in_one_transaction_and_queued_in_chunks(moto_office: Office) -> None:
    lines = [f"{member(number)},1,activity,2027-11-30,{'理' * 76}{number}\n" for number in range(MAX_ROWS)]

    batch, _ = moto_office.imported(HEADER + "".join(lines))
    moto_office.approved(batch.id)

    assert (batch.rows, batch.chunks, len(moto_office.queued)) == (MAX_ROWS, 20, 20)
    rows = [row for number in range(20) for row in moto_office.table.chunk(batch.id, number)[0]]
    assert [row.line for row in rows] == list(range(2, MAX_ROWS + 2))
    assert moto_office.progress(batch) == bulk.Progress(0, (), MAX_ROWS)


def test_a_line_that_ails_does_not_stop_the_others_and_comes_again(moto_office: Office) -> None:
    batch, _ = moto_office.imported(a_file(3))
    moto_office.approved(batch.id)
    body = moto_office.queued[0]
    real = moto_office.table.ledger

    class OneAils:
        def __getattr__(self, name: str) -> Any:
            return getattr(real.dynamo, name)

        def transact_write_items(self, **request: Any) -> Any:
            if member(2) in json.dumps(request["TransactItems"][0], default=str):
                raise ConnectionError
            return real.dynamo.transact_write_items(**request)

    run = moto_office.handled(body, behind(moto_office, OneAils()))
    again = moto_office.handled(body, moto_office.table)

    assert run == bulk.ChunkRun(posted=2, failed=0, broken=1, finished=False)
    assert again == bulk.ChunkRun(posted=1, failed=0, broken=0, finished=True)
    assert moto_office.points(1, 2, 3) == [10, 10, 10]


def test_a_line_that_cannot_be_posted_is_said_with_its_reason_and_the_others_are(office: Office) -> None:
    batch, _ = office.imported(HEADER + a_line(1, -10) + a_line(2))
    office.approved(batch.id)

    office.worked()

    assert office.progress(batch) == bulk.Progress(1, ((2, 40901),), 0)
    assert office.points(1, 2) == [0, 10]


def test_lines_are_posted_as_of_the_approval_however_late_the_worker(office: Office) -> None:
    text = HEADER + f"{member(1)},10,activity,{TODAY_ON + timedelta(days=1)},补发\n"
    batch, _ = office.imported(text)
    office.approved(batch.id, now=NOW + timedelta(days=2))

    office.worked()

    assert office.progress(batch).failed == ((2, Code.VALIDITY_OVER.number),)


def test_the_same_key_and_file_again_is_the_first_batch_and_another_file_is_refused(office: Office) -> None:
    first, _ = office.imported(a_file())

    again, replayed = office.imported(a_file(), number=2, now=NOW + timedelta(days=900))
    with pytest.raises(JifenError) as refused:
        office.imported(a_file(4), number=3)

    assert (again, replayed) == (first, True)
    assert refused.value.code is Code.KEY_REUSED


def test_the_same_rows_under_another_key_are_refused_until_the_first_batch_is_declined(office: Office) -> None:
    first, _ = office.imported(a_file())

    with pytest.raises(JifenError) as refused:
        office.imported("\ufeff" + a_file().replace("\n", "\r\n"), key="k2", by="other", number=2)
    bulk.decline_batch(office.table, first.id, by="boss", note="算错了", now=LATER)
    second, replayed = office.imported(a_file(), key="k2", number=3)

    assert refused.value.code is Code.BATCH_TAKEN
    assert first.id in refused.value.msg
    assert not replayed
    assert second.id != first.id


def test_two_imports_of_one_key_at_once_are_one_batch(moto_office: Office) -> None:
    meanwhile = Meanwhile(moto_office.table.ledger.dynamo, lambda: moto_office.imported(a_file(), number=7))

    batch, replayed = Office(behind(moto_office, meanwhile)).imported(a_file(), number=8)

    assert (batch.id[-1], replayed) == ("7", True)
    assert len(moto_office.table.batches(["2026-11"], "", after_id="", limit=9)) == 1


def test_nobody_approves_his_own_batch_and_a_declined_one_is_never_approved(office: Office) -> None:
    batch, _ = office.imported(a_file())

    with pytest.raises(JifenError) as own:
        office.approved(batch.id, by="clerk")
    done, _ = bulk.decline_batch(office.table, batch.id, by="clerk", note="撤回", now=LATER)
    again, replayed = bulk.decline_batch(office.table, batch.id, by="clerk", note="撤回", now=LATER)
    with pytest.raises(JifenError) as late:
        office.approved(batch.id)

    assert (own.value.code, late.value.code) == (Code.NOT_ALLOWED, Code.ADJUSTMENT_STATE)
    assert (again, replayed) == (done, True)
    assert office.queued == []


def test_declined_while_it_is_being_approved_nothing_is_queued(moto_office: Office) -> None:
    batch, _ = moto_office.imported(a_file())
    meanwhile = Meanwhile(
        moto_office.table.ledger.dynamo,
        lambda: bulk.decline_batch(moto_office.table, batch.id, by="other", note="错", now=LATER),
    )
    racing = Office(behind(moto_office, meanwhile))

    with pytest.raises(JifenError) as refused:
        racing.approved(batch.id)

    assert refused.value.code is Code.ADJUSTMENT_STATE
    assert racing.queued == []


def test_a_batch_counts_whole_against_the_day_of_who_imported_it(office: Office) -> None:
    first, _ = office.imported(a_file(3, 100))
    second, _ = office.imported(a_file(4, 100), key="k2", number=2)
    office.approved(first.id, daily_points=699)

    with pytest.raises(JifenError) as refused:
        office.approved(second.id, daily_points=699)
    with pytest.raises(JifenError) as too_large:
        office.imported(a_file(5, 100), key="k3", number=3, daily_points=499)

    assert (refused.value.code, too_large.value.code) == (Code.ADJUSTMENT_LIMIT, Code.ADJUSTMENT_LIMIT)
    assert office.table.batch(second.id).review.state is State.PROPOSED


def test_an_approval_that_could_not_queue_is_mended_by_asking_again(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adjustment_items, "CHUNK_ROWS", 2)
    batch, _ = office.imported(a_file(3))
    office.fails_to_send = True
    with pytest.raises(JifenError):
        office.approved(batch.id)
    office.fails_to_send = False

    _, replayed = office.approved(batch.id, by="other")
    queued = len(office.queued)
    office.handled(office.queued.pop(), office.table)
    office.queued.clear()
    office.approved(batch.id)
    left = list(office.queued)
    office.worked()
    office.approved(batch.id)

    assert (replayed, queued) == (True, 2)
    assert left == [json.dumps({"batch": batch.id, "chunk": 0})]
    assert office.queued == []
    assert office.progress(batch).posted == 3


def test_a_batch_that_waited_too_long_is_not_approved(office: Office) -> None:
    batch, _ = office.imported(a_file())

    with pytest.raises(JifenError) as refused:
        office.approved(batch.id, now=NOW + timedelta(days=31))

    assert refused.value.code is Code.ADJUSTMENT_LAPSED


def test_a_file_with_any_wrong_line_stores_nothing_and_every_wrong_line_is_named(moto_office: Office) -> None:
    text = (
        HEADER
        + a_line(1)
        + f"=HYPERLINK(1),10,activity,2027-11-30,r\n{member(2)},ten,activity,2027-11-30,r\n"
        + a_line(9)
    )

    def find_unknown(ids: Collection[str]) -> set[str]:
        return {member(9)} & set(ids)

    with pytest.raises(JifenError) as refused:
        moto_office.imported(text, find_unknown=find_unknown)

    assert refused.value.code is Code.IMPORT_INVALID
    assert refused.value.field == "csv.3.member_id"
    assert "第3行member_id不是会员编号;第4行points应为不超过9位的整数;第5行member_id没有这个会员" in refused.value.msg
    assert moto_office.table.ledger.dynamo.scan(TableName=moto_office.table.ledger.ledger)["Count"] == 0


@pytest.mark.parametrize(
    ("line", "field"),
    [
        (f"=1+1,{'1'},activity,2027-11-30,r", "member_id"),
        (f"+{member(1)},1,activity,2027-11-30,r", "member_id"),
        (f"@{member(1)[1:]},1,activity,2027-11-30,r", "member_id"),
        (f"{member(1).upper()},1,activity,2027-11-30,r", "member_id"),
        (f"{member(1)},0,activity,2027-11-30,r", "points"),
        (f"{member(1)},1.0,activity,2027-11-30,r", "points"),
        (f"{member(1)},١,activity,2027-11-30,r", "points"),  # an Arabic digit is the point
        (f"{member(1)},1000000000,activity,2027-11-30,r", "points"),
        (f"{member(1)},1,vip,2027-11-30,r", "class"),
        (f"{member(1)},1,,2027-11-30,r", "class"),
        (f"{member(1)},1,activity,,r", "expires_on"),
        (f"{member(1)},1,activity,30/11/2027,r", "expires_on"),
        (f"{member(1)},1,activity,20271130,r", "expires_on"),
        (f"{member(1)},1,activity,2027-02-29,r", "expires_on"),
        (f"{member(1)},1,activity,2026-11-21,r", "expires_on"),
        (f"{member(1)},-1,activity,,r", "expires_on"),
        (f"{member(1)},1,activity,2027-11-30,", "reason"),
        (f"{member(1)},1,activity,2027-11-30,{'长' * 81}", "reason"),
        (f'{member(1)},1,activity,2027-11-30,"两\n行"', "reason"),
        (f"{member(1)},1,activity,2027-11-30", "row"),
        (f"{member(1)},1,activity,2027-11-30,r,x", "row"),
        (f'{member(1)},1,activity,2027-11-30,"r', "row"),
    ],
)
def test_a_wrong_cell_is_named(line: str, field: str) -> None:
    _, errors = read_rows(HEADER + line + "\n", TODAY_ON)

    assert [error.field for error in errors] == [field]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", RowError(1, "header", "表头应为member_id,points,class,expires_on,reason")),
        ("member_id,points\n", RowError(1, "header", "表头应为member_id,points,class,expires_on,reason")),
        (HEADER, RowError(1, "rows", "应有1至2000行数据")),
        (HEADER + a_line(1) * (MAX_ROWS + 1), RowError(1, "rows", "应有1至2000行数据")),
        (HEADER + a_line(1) + a_line(1), RowError(3, "row", "与第2行完全相同")),
    ],
)
def test_a_wrong_file_is_named(text: str, error: RowError) -> None:
    assert read_rows(text, TODAY_ON)[1] == [error]


def test_columns_may_stand_in_any_order_with_a_bom_spaces_and_blank_lines() -> None:
    text = f"\ufeffreason, points,class,expires_on,member_id\r\n\r\n =补发, +5 ,behaviour,never,{member(1)}\r\n"

    rows, errors = read_rows(text, TODAY_ON)

    assert errors == []
    (row,) = rows
    assert row == Row(3, row.change)
    assert (row.change.member_id, row.change.points, row.change.reason) == (member(1), 5, "=补发")
    assert row.change.bucket(TODAY_ON) == bucket(None, PointsClass.BEHAVIOUR)


def test_a_check_stores_nothing_and_tells_every_error(moto_office: Office) -> None:
    seen = bulk.check_file(a_file(2) + HEADER, terms=TERMS, find_unknown=lambda ids: {member(2)} & set(ids), now=NOW)

    assert [(error.line, error.field) for error in seen.errors] == [(3, "member_id"), (4, "member_id")]
    assert (len(seen.rows), seen.credit_points) == (2, 20)
    assert moto_office.table.ledger.dynamo.scan(TableName=moto_office.table.ledger.ledger)["Count"] == 0
