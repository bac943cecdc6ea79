"""The benchmark is no test, but it must start: what it measures goes with the code it measures."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchmarks.__main__ import main
from benchmarks.cost import cost
from benchmarks.nights import SHARDS, night
from benchmarks.operations import OPERATIONS, Operation
from chalicelib.runtime import dynamo


@pytest.fixture(autouse=True)
def kept_to_itself() -> Iterator[None]:
    """A benchmark leaves a client that answers from memory: no other test may find it in the process."""
    yield
    for cached in (dynamo.client, dynamo.service):
        cached.cache_clear()


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.name)
def test_every_operation_of_the_benchmark_can_be_counted(operation: Operation) -> None:
    assert cost(operation, rounds=1, calls=1).units.requests >= 1


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
