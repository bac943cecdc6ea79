"""What one call of an operation costs: requests and units by counting, CPU beside a bare boto3 client."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import boto3
from moto import mock_aws

from benchmarks.operations import Operation, Stage
from benchmarks.recording import Asked, Recorder, Wire
from benchmarks.units import Units, units_of
from chalicelib.earning.refusals import RefusalsTable
from chalicelib.insight.table import InsightTable
from chalicelib.ledger.table import LedgerTable
from chalicelib.members.table import MembersTable
from chalicelib.runtime import dynamo
from chalicelib.spending.goods.table import GoodsTable
from chalicelib.spending.lottery.table import LotteryTable
from chalicelib.spending.mall.table import MallTable
from tests.tables import create_tables

BLOCK = 10
"""Calls of ours, then as many of the floor: so short that a busy neighbour is beside both."""


class Cost(NamedTuple):
    """Counts, and CPU milliseconds per call, one figure a round."""

    units: Units
    cpu_ms: list[float]
    """The operation, over the product's own client."""
    floor_ms: list[float]
    """The same requests by a boto3 client as it comes."""
    like_ms: list[float]
    """The same requests by a client configured as the product's: what is left above it is our own code."""


def cost(operation: Operation, *, rounds: int, calls: int) -> Cost:
    """Record one run on moto, then time `calls` of it and of its floors, in turns, `rounds` times."""
    os.environ |= {"AWS_DEFAULT_REGION": "cn-north-1", "AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench"}
    with mock_aws():
        bare = boto3.client("dynamodb")
        stage = _stage(bare)
        for step in operation.before:
            step(stage)
        recorder, wire = Recorder(bare), Wire(bare)
        operation.run(stage.over(recorder))
        units = units_of(recorder.asked, bare)
    dynamo.service.cache_clear()
    own = dynamo.service("dynamodb")
    dynamo.service.cache_clear()  # its wire is cut: nobody else is to have it
    own_wire = Wire(own, wire.bodies)
    own_stage = stage.over(own)
    wire.cut()
    own_wire.cut()

    def ours() -> None:
        own_wire.rewind()
        operation.run(own_stage)

    runs = [ours, _repeat(bare, wire, recorder.asked), _repeat(own, own_wire, recorder.asked)]
    return Cost(units, *in_turns(runs, rounds=rounds, calls=calls))


def _stage(client: Any) -> Stage:
    names = create_tables(client, "bench")
    ledger = LedgerTable(client, names["LEDGER_TABLE"], names["JOURNAL_TABLE"], 8, pause=lambda _seconds: None)
    members = MembersTable(client, names["MEMBERS_TABLE"], pause=lambda _seconds: None)
    refusals, insight = RefusalsTable(client, names["REFUSALS_TABLE"]), InsightTable(client, names["INSIGHT_TABLE"])
    mall, goods = MallTable(client, names["SPENDING_TABLE"]), GoodsTable(client, names["SPENDING_TABLE"])
    lotteries = LotteryTable(client, names["SPENDING_TABLE"])
    return Stage(ledger, refusals, members, insight, mall, goods, lotteries)


def _repeat(client: Any, wire: Wire, asked: Sequence[Asked]) -> Callable[[], None]:
    def repeat() -> None:
        wire.rewind()
        for name, request, _answer in asked:
            getattr(client, name)(**request)

    return repeat


def in_turns(runs: Sequence[Callable[[], object]], *, rounds: int, calls: int) -> list[list[float]]:
    """CPU milliseconds per call of each run, one figure a round; within a round they take turns, block by block."""
    for run in runs:
        cpu_s(run, BLOCK)
    gc.collect()
    gc.freeze()  # what the preparation left behind is not walked again at anybody's cost
    found: list[list[float]] = [[] for _ in runs]
    for _ in range(rounds):
        spent_s = [0.0] * len(runs)
        for _ in range(calls // BLOCK):
            for place, run in enumerate(runs):
                spent_s[place] += cpu_s(run, BLOCK)
        for place, total_s in enumerate(spent_s):
            found[place].append(total_s * 1000 / calls)
    gc.unfreeze()
    return found


def cpu_s(run: Callable[[], object], times: int) -> float:
    """CPU seconds of so many calls."""
    began = time.process_time()
    for _ in range(times):
        run()
    return time.process_time() - began
