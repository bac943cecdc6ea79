"""What a night of levels costs: it follows what is due, not how many members have a level.

All shards of a night are asked, on stores of two sizes; of the members none is due, or so many as are said. Requests
and units are counted on the in-memory stand-in; own CPU is not told, since the stand-in's index is a walk over all.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import NamedTuple

from benchmarks.operations import DEMO_TERMS
from benchmarks.recording import Recorder
from benchmarks.units import Units, units_of
from chalicelib.ledger.expire import expire_due
from chalicelib.ledger.items import account_item
from chalicelib.ledger.levels import Tenure
from chalicelib.ledger.table import LedgerTable
from chalicelib.runtime.dynamo import encode_item
from tests.ledger.builders import NOW, TODAY_ON
from tests.ledger.reference_store import MemoryDynamo

SIZES = (2_000, 100_000)
SHARDS = 8
DUE = 10


class Night(NamedTuple):
    """One night over all shards."""

    members: int
    due: int
    units: Units


def nights(sizes: tuple[int, ...] = SIZES) -> list[Night]:
    """A night without anybody due, and one with a few, for each number of members."""
    return [night(members, due) for due in (0, DUE) for members in sizes]


def night(members: int, due: int) -> Night:
    """The night of today: all members hold a level; that of the first `due` of them ends its grace yesterday."""
    store = MemoryDynamo("ledger", "journal")
    ledger = LedgerTable(store, "ledger", "journal", SHARDS, pause=lambda _seconds: None)
    for number in range(members):
        _put(ledger, f"m{number:024x}", store, is_due=number < due)
    recorder = Recorder(store)
    asked = LedgerTable(recorder, "ledger", "journal", SHARDS, pause=lambda _seconds: None)
    for shard in range(SHARDS):
        expire_due(shard, ledger=asked, terms=DEMO_TERMS.ledger, now=NOW, has_time=lambda: True)
    return Night(members, due, units_of(recorder.asked, store))


def _put(ledger: LedgerTable, member_id: str, store: MemoryDynamo, *, is_due: bool) -> None:
    levels = DEMO_TERMS.programme.levels
    grace_days = levels.grace_days if levels else 0
    until_on = TODAY_ON - timedelta(days=grace_days + 1) if is_due else TODAY_ON + timedelta(days=200)
    account = ledger.fresh(member_id)._replace(
        tenure=Tenure("gold", date(2026, 1, 1), until_on),
        due_on=TODAY_ON if is_due else until_on - timedelta(days=30),
        version=1,
        posted_at=datetime(2026, 1, 1, tzinfo=NOW.tzinfo),
    )
    item = encode_item(account_item(account))
    store.tables["ledger"][item["pk"]["S"], item["sk"]["S"]] = item
