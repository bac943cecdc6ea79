"""The benchmark is no test, but it must start: what it measures goes with the code it measures."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

import boto3
import pytest
from moto import mock_aws

from benchmarks import growth, seckill
from benchmarks.__main__ import main
from benchmarks.callbacks import ACCOUNTS, CALLBACKS, REFUSED_AT_THE_EDGE
from benchmarks.cost import cost
from benchmarks.nights import SHARDS, night
from benchmarks.operations import OPERATIONS, Operation
from chalicelib.runtime import dynamo
from chalicelib.spending.mall import table as mall_table
from chalicelib.spending.offers import table as offers_table
from tests.connect.mall import funded
from tests.connect.stage import open_outside


@pytest.fixture(autouse=True)
def kept_to_itself() -> Iterator[None]:
    """A benchmark leaves a client that answers from memory: no other test may find it in the process."""
    yield
    for cached in (dynamo.client, dynamo.service):
        cached.cache_clear()


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.name)
def test_every_operation_of_the_benchmark_can_be_counted(operation: Operation) -> None:
    assert cost(operation, rounds=1, calls=1).units.requests >= 1


def test_what_grows_with_a_history_can_be_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "SMALL", (2, 3))
    monkeypatch.setattr(growth, "LARGE", (2, 30))

    grown = growth.growth(rounds=1, calls=1)

    assert len(grown) == len(OPERATIONS) - len(growth.LEFT_OUT)
    assert [one.name for one in grown if one.small.requests != one.large.requests] == []


def test_every_callback_of_the_benchmark_gets_its_ack_and_the_floor_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with open_outside(monkeypatch) as outside:
        outside.connect(ACCOUNTS)
        _, uid = funded(outside)
        calls = [one.tell("17", outside.stage.now, uid) for one in CALLBACKS]

        replies = []
        for sent in (*calls, REFUSED_AT_THE_EDGE):
            parts = urlsplit(sent.target)
            query = dict(parse_qsl(parts.query, keep_blank_values=True)) or None
            headers = dict(sent.headers)
            replies.append(outside.call(sent.method, parts.path, headers=headers, body=sent.body, query=query))

        assert [reply.status for reply in replies] == [200] * len(calls) + [401]
        assert [one.name for one, reply in zip(CALLBACKS, replies, strict=False) if one.says not in reply.text] == []


def test_the_seckill_of_the_benchmark_sells_what_there_is_and_its_floor_sends_the_same() -> None:
    with mock_aws():
        dynamo = boto3.client("dynamodb", "cn-north-1", aws_access_key_id="testing", aws_secret_access_key="testing")
        offers_table.forget()
        mall_table.forget()
        room = seckill.room_of(seckill.Counting(dynamo), 2)
        members = [f"m{number:024x}" for number in range(4)]
        seckill.accounts_of(dynamo, room, [seckill.SAMPLE, *members])
        template = seckill.sampled(room, dynamo)

        told = [seckill.buy(room, member_id) for member_id in members[:3]]

        assert told == ["sold", "sold", "sold out"]
        assert [name for name, _ in template.requests] == ["batch_get_item", "batch_get_item", "transact_write_items"]


def test_the_page_is_made_also_of_no_part_at_all(capsys: pytest.CaptureFixture[str]) -> None:
    main(["nothing"])

    assert "# What it costs" in capsys.readouterr().out


def test_a_night_without_anybody_due_asks_each_shard_once_whatever_the_number_of_members() -> None:
    few, many = night(20, due=0), night(400, due=0)

    assert few.units == many.units == (SHARDS, 0, 0, SHARDS * 0.5)


def test_a_night_costs_a_read_and_a_transaction_more_for_each_member_who_is_due() -> None:
    few, many = night(20, due=3), night(400, due=3)

    assert (few.units.requests, many.units.requests) == (SHARDS + 2 * 3, SHARDS + 2 * 3)
    # Account, entry, a line of the log, a notice: each a transaction's two units.
    assert few.units.write_units == many.units.write_units == 3 * 4 * 2
