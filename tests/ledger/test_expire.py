from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from botocore.exceptions import ReadTimeoutError

from chalicelib.ledger.apply import apply
from chalicelib.ledger.commands import Expire
from chalicelib.ledger.expire import ShardRun, expire_due, shard_messages
from chalicelib.ledger.table import LedgerTable
from tests.ledger.builders import NOW, TERMS, a_cause, an_earn, bucket

NIGHT = datetime(2027, 1, 31, 16, 5, tzinfo=UTC)
JAN, NOV = date(2027, 1, 31), date(2027, 11, 30)


def credit(ledger: LedgerTable, member_id: str, points: int, expires_on: date) -> None:
    earn = an_earn(points, expires_on, cause=a_cause(id=f"tmall#{member_id}.{points}"))
    ledger.post(member_id, lambda seen: apply(seen.account, [earn], TERMS, NOW))


def night(ledger: LedgerTable, now: datetime = NIGHT, **given: Any) -> ShardRun:
    runs = [
        expire_due(shard, ledger=ledger, terms=TERMS, now=now, has_time=given.get("has_time", lambda: True))
        for shard in range(ledger.due_shards)
    ]
    return ShardRun(
        booked=sum(run.booked for run in runs),
        moved=sum(run.moved for run in runs),
        failed=sum(run.failed for run in runs),
        finished=all(run.finished for run in runs),
    )


def test_a_night_expires_what_is_due_and_leaves_the_rest(moto_ledger: LedgerTable) -> None:
    for number in range(6):
        credit(moto_ledger, f"m{number}", 10, JAN if number % 2 else NOV)

    run = night(moto_ledger)

    assert run == ShardRun(booked=3, moved=0, failed=0, finished=True)
    assert [moto_ledger.read(f"m{number}").available_points for number in range(6)] == [10, 0] * 3


def test_the_same_night_again_finds_nothing(moto_ledger: LedgerTable) -> None:
    credit(moto_ledger, "m1", 10, JAN)
    night(moto_ledger)

    assert night(moto_ledger) == ShardRun(booked=0, moved=0, failed=0, finished=True)


def test_the_night_before_finds_nothing(moto_ledger: LedgerTable) -> None:
    credit(moto_ledger, "m1", 10, JAN)

    assert night(moto_ledger, datetime(2027, 1, 30, 16, 5, tzinfo=UTC)).booked == 0


def test_a_night_that_was_cut_off_goes_on_where_it_stopped(moto_ledger: LedgerTable) -> None:
    for number in range(5):
        credit(moto_ledger, f"m{number}", 10, JAN)

    cut = night(moto_ledger, has_time=lambda: False)
    rest = night(moto_ledger)

    assert (cut.booked, cut.finished) == (0, False)
    assert (rest.booked, rest.finished) == (5, True)


def test_a_missed_night_is_booked_by_the_next_one(moto_ledger: LedgerTable) -> None:
    credit(moto_ledger, "m1", 10, JAN)

    assert night(moto_ledger, datetime(2027, 2, 9, 16, 5, tzinfo=UTC)).booked == 1


def test_a_member_who_cannot_be_booked_is_counted_and_in_nobodys_way(moto_ledger: LedgerTable) -> None:
    for number in range(4):
        credit(moto_ledger, f"m{number}", 10, JAN)
    moto_ledger.dynamo.update_item(
        TableName=moto_ledger.ledger,
        Key={"pk": {"S": "M#m2"}, "sk": {"S": "A"}},
        UpdateExpression="SET available = :wrong",
        ExpressionAttributeValues={":wrong": {"N": "99"}},
    )

    run = night(moto_ledger)

    assert (run.booked, run.failed) == (3, 1)


def test_one_unreadable_account_and_one_timeout_do_not_stop_their_shard(moto_ledger: LedgerTable) -> None:
    for number in range(6):
        credit(moto_ledger, f"m{number}", 10, JAN)
    key = {"pk": {"S": "M#m3"}, "sk": {"S": "A"}}
    moto_ledger.dynamo.update_item(TableName=moto_ledger.ledger, Key=key, UpdateExpression="REMOVE available")
    failed_once = []

    class Slow:
        def __getattr__(self, name: str) -> Any:
            return getattr(moto_ledger.dynamo, name)

        def transact_write_items(self, **request: Any) -> Any:
            if not failed_once:
                failed_once.append(1)
                raise ReadTimeoutError(endpoint_url="test")
            return moto_ledger.dynamo.transact_write_items(**request)

    run = night(replace(moto_ledger, dynamo=Slow()))

    assert (run.booked, run.failed) == (4, 2)


def test_expiry_and_a_credit_at_once_lose_nothing(moto_ledger: LedgerTable) -> None:
    credit(moto_ledger, "m1", 10, JAN)
    real, met = moto_ledger.dynamo, []

    class Slow:
        def __getattr__(self, name: str) -> Any:
            return getattr(real, name)

        def transact_write_items(self, **request: Any) -> Any:
            if not met:
                met.append(1)
                credit(moto_ledger, "m1", 7, NOV)
            return real.transact_write_items(**request)

    replace(moto_ledger, dynamo=Slow()).post("m1", lambda seen: apply(seen.account, [Expire()], TERMS, NIGHT))

    assert moto_ledger.read("m1").buckets == {bucket(NOV): 7}


def test_a_night_is_one_message_a_shard_and_carries_its_own_time() -> None:
    messages = shard_messages(8, NIGHT)

    assert len(messages) == 8
    assert messages[3] == '{"shard": 3, "now": "2027-01-31T16:05:00.000Z"}'
