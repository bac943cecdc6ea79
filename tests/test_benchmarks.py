"""The benchmark is no test, but it must start: what it measures goes with the code it measures."""

from __future__ import annotations

import pytest

from benchmarks.__main__ import main
from benchmarks.cost import cost
from benchmarks.operations import OPERATIONS, Operation


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.name)
def test_every_operation_of_the_benchmark_can_be_counted(operation: Operation) -> None:
    assert cost(operation, rounds=1, calls=1).units.requests >= 1


def test_the_page_is_made_also_of_no_part_at_all(capsys: pytest.CaptureFixture[str]) -> None:
    main(["nothing"])

    assert "# What it costs" in capsys.readouterr().out
