"""Does an operation cost more with ten times the members and a hundred times the history? Counts must be equal.

Both stores are the in-memory stand-in of the tests; CPU is the operation's own, its requests answered from memory.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from benchmarks.cost import in_turns
from benchmarks.operations import BATCH, OPERATIONS, Operation, Stage
from benchmarks.recording import Recorder, Replay
from benchmarks.units import Units, units_of
from chalicelib.earning.refusals import RefusalsTable
from chalicelib.insight.table import InsightTable
from chalicelib.ledger.apply import apply
from chalicelib.ledger.buckets import PointsClass, bucket_key
from chalicelib.ledger.commands import Command
from chalicelib.ledger.items import member_pk
from chalicelib.ledger.model import Posting, business_on
from chalicelib.ledger.table import LedgerTable, Seen
from chalicelib.ledger.validity import Months
from chalicelib.members.table import MembersTable
from chalicelib.spending.goods.table import GoodsTable
from chalicelib.spending.lottery.table import LotteryTable
from chalicelib.spending.mall.table import MallTable
from tests.ledger.builders import NOW, TERMS, a_cause, an_earn
from tests.ledger.reference_store import MemoryDynamo

SMALL, LARGE = (20, 100), (200, 10_000)
"""(members, entries of each)."""
SPAN = timedelta(days=330)
"""The history's length in time: the same, so that both accounts have the same month-ends."""
LEFT_OUT = (
    "adjustment, approved",
    f"{BATCH} entries recorded",
    "lottery draw of a limited prize",
    "lottery draw of points",
)
"""Updates, batch writes and the publishing of a lottery are beyond the stand-in."""


class Grown(NamedTuple):
    """One operation on the small and on the large store."""

    name: str
    small: Units
    large: Units
    small_ms: list[float]
    large_ms: list[float]


class Store(MemoryDynamo):
    """The stand-in with the two calls more that these operations make: a plain put, and a page of a partition."""

    def put_item(self, TableName: str, Item: Any) -> dict[str, Any]:  # noqa: N803
        self.tables[TableName][Item["pk"]["S"], Item["sk"]["S"]] = Item
        return {}

    def query(self, TableName: str, IndexName: str = "", KeyConditionExpression: str = "", **request: Any) -> Any:  # noqa: N803
        if IndexName:
            return super().query(TableName, IndexName, KeyConditionExpression, **request)
        if KeyConditionExpression != "pk = :pk":
            raise NotImplementedError(KeyConditionExpression)
        wanted = request["ExpressionAttributeValues"][":pk"]["S"]
        backwards = not request.get("ScanIndexForward", True)
        found = sorted((sk for pk, sk in self.tables[TableName] if pk == wanted), reverse=backwards)
        found = found[: request.get("Limit")]
        return {"Items": [self.tables[TableName][wanted, sk] for sk in found]}


def growth(rounds: int, calls: int) -> list[Grown]:
    """Every operation on both stores."""
    small, large = _store(*SMALL), _store(*LARGE)
    asked = [operation for operation in OPERATIONS if operation.name not in LEFT_OUT]
    return [_grown(operation, small, large, rounds, calls) for operation in asked]


def _grown(operation: Operation, small: Store, large: Store, rounds: int, calls: int) -> Grown:
    units, runs = [], []
    for store in (small, large):
        standing = {name: dict(items) for name, items in store.tables.items()}
        stage = _stage(store)
        for step in operation.before:
            step(stage)
        recorder = Recorder(store)
        operation.run(stage.over(recorder))
        units.append(units_of(recorder.asked, store))
        runs.append(_repeat(operation, stage, Replay(recorder)))
        store.tables = standing
    small_ms, large_ms = in_turns(runs, rounds=rounds, calls=calls)
    return Grown(operation.name, units[0], units[1], small_ms, large_ms)


def _repeat(operation: Operation, stage: Stage, replay: Replay) -> Any:
    own = stage.over(replay)

    def repeat() -> None:
        replay.rewind()
        operation.run(own)

    return repeat


def _stage(store: Store) -> Stage:
    ledger = LedgerTable(store, "ledger", "journal", 8)
    return Stage(
        ledger,
        RefusalsTable(store, "refusals"),
        MembersTable(store, "members"),
        InsightTable(store, "insight"),
        MallTable(store, "spending"),
        GoodsTable(store, "spending"),
        LotteryTable(store, "spending"),
    )


def _store(members: int, entries: int) -> Store:
    """One member's history posted by the ledger itself; the others have the same."""
    store = Store("ledger", "journal", "refusals", "members", "spending")
    ledger = _stage(store).ledger
    for number in range(entries):
        at = NOW - SPAN + SPAN * number / entries
        expires_on = Months(kind="months", months=12).expires_on(business_on(at, TERMS.zone))
        key = bucket_key(expires_on, PointsClass.BEHAVIOUR)
        command = an_earn(1, cause=a_cause(id=f"old#{number}", at=at, occurred_at=at), bucket=key)
        ledger.post("m1", functools.partial(_posting, [command], at))
    for number in range(members):
        for table in ("ledger", "journal"):
            store.tables[table] |= {
                (f"{member_pk('other')}{number}", sk): item for (pk, sk), item in _of_the_first(store.tables[table])
            }
    store.written.clear()
    return store


def _posting(commands: list[Command], at: datetime, seen: Seen) -> Posting:
    return apply(seen.account, commands, TERMS, at)


def _of_the_first(items: Mapping[tuple[str, str], Any]) -> list[tuple[tuple[str, str], Any]]:
    return [(key, item) for key, item in items.items() if key[0] == member_pk("m1")]
