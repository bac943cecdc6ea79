"""`make bench`: what an operation costs, as counts and as ratios within one run. Nothing here passes or fails.

Requests and units are counted; CPU is compared with a bare boto3 client that sends the very same requests, the network
taken away from both; the same operations run on a small and on a large store; a night's shards are asked with few and
with many members; imports are timed in fresh processes.
`python -m benchmarks operations` prints one part alone (operations, growth, nights, decisions, starts,
acks, seckill).
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.acks import acks
from benchmarks.cost import cost
from benchmarks.decisions import speeds
from benchmarks.growth import growth
from benchmarks.nights import nights
from benchmarks.operations import OPERATIONS
from benchmarks.report import Found, Sizes, page
from benchmarks.seckill import seckill
from benchmarks.starts import starts, zip_bytes
from chalicelib.ledger.apply import apply
from chalicelib.ledger.commands import Expire
from chalicelib.ledger.items import account_item, entry_item
from chalicelib.runtime.dynamo import encode_item
from tests.ledger.builders import NOW, TERMS
from tests.ledger.item_size import item_bytes
from tests.ledger.test_budgets import a_maximal_credit, a_maximal_demo_account

ROOT = Path(__file__).parents[1]
ROUNDS = 7
START_ROUNDS = 9
CALLS = 60
GROWTH_CALLS = 100
ACK_TURNS = 200


def main(parts: list[str]) -> None:
    """Print the page; a whole one is kept as dist/bench.md, with every figure in dist/bench.json."""
    began, load_before = time.monotonic(), os.getloadavg()[0]

    def asked(part: str) -> bool:
        return not parts or part in parts

    operations = [(one, cost(one, rounds=ROUNDS, calls=CALLS)) for one in OPERATIONS] if asked("operations") else []
    grown = growth(ROUNDS, GROWTH_CALLS) if asked("growth") else []
    nightly = nights() if asked("nights") else []
    decided = speeds(ROUNDS) if asked("decisions") else []
    started = starts(START_ROUNDS) if asked("starts") else []
    acked = acks(ACK_TURNS) if asked("acks") else []
    rushed = [seckill()] if asked("seckill") else []
    machine = {
        "CPU": f"{_cpu_name()}, {os.cpu_count()} cores",
        "Python": platform.python_version(),
        "load": f"{load_before:.1f} before, {os.getloadavg()[0]:.1f} after",
        "rounds": f"{ROUNDS} of {CALLS} calls, {START_ROUNDS} of starts, {ACK_TURNS} of acks",
        "took": f"{time.monotonic() - began:.0f} s",
    }
    found = Found(machine, operations, grown, nightly, decided, started, acked, rushed, _sizes())
    text = page(found)
    print(text)
    if parts:
        return
    (ROOT / "dist").mkdir(exist_ok=True)
    (ROOT / "dist/bench.md").write_text(text + "\n")
    (ROOT / "dist/bench.json").write_text(json.dumps(_plain(found), ensure_ascii=False, indent=1) + "\n")


def _plain(found: Found) -> dict[str, object]:
    return {
        "machine": found.machine,
        "operations": {
            one.name: {**one_cost._asdict(), "units": one_cost.units._asdict(), "budget": one.budget}
            for one, one_cost in found.operations
        },
        "growth": {
            one.name: {**one._asdict(), "small": one.small._asdict(), "large": one.large._asdict()}
            for one in found.growth
        },
        "nights": [{**one._asdict(), "units": one.units._asdict()} for one in found.nights],
        "decisions_per_second": {one.name: one.per_second for one in found.speeds},
        "starts": {one.name: one._asdict() for one in found.starts},
        "acks": {one.name: one._asdict() for one in found.acks},
        "seckill": [one._asdict() for one in found.rushes],
        "sizes": found.sizes._asdict(),
    }


def _sizes() -> Sizes:
    account = a_maximal_demo_account()
    (night,) = apply(account, [Expire()], TERMS, datetime(2028, 1, 1, tzinfo=UTC)).entries
    (entry,) = apply(account, [a_maximal_credit()], TERMS, NOW).entries
    return Sizes(
        item_bytes(encode_item(account_item(account))),
        item_bytes(encode_item(entry_item(entry))),
        item_bytes(encode_item(entry_item(night))),
        zip_bytes(),
    )


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


if __name__ == "__main__":
    main(sys.argv[1:])
