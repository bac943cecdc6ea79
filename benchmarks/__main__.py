"""`make bench`: what an operation costs, as counts and as ratios within one run. Nothing here passes or fails.

Requests and write units are counted by the client; CPU is compared with a bare boto3 client that sends the very same
requests, the network taken away from both; imports are timed in fresh processes beside Chalice, boto3 and pydantic.
"""

from __future__ import annotations

import json
import platform
import statistics
import subprocess
import sys
from pathlib import Path

from benchmarks.operations import OPERATIONS, Cost, apply_per_second, cost

ROOT = Path(__file__).parents[1]
ROUNDS = 5
CALLS = 400
FLOOR = "import chalice; from pydantic import BaseModel, TypeAdapter"
HANDLERS = {
    "api": "import app; from chalicelib.runtime import dynamo",
    "settle_orders": "import chalicelib.earning.events",
    "expire_shard": "import chalicelib.ledger.events",
    "send_due_issues": "import chalicelib.publishing.events",
}
CLIENT = "; import boto3; boto3.client('dynamodb', region_name='cn-north-1')"


def main() -> None:
    """Print the table and write the same as JSON to dist/bench.json."""
    print(f"{platform.machine()}, Python {platform.python_version()}, {ROUNDS} rounds, medians (spread)\n")
    operations = {name: cost(prepare, calls=CALLS, rounds=ROUNDS) for name, prepare in OPERATIONS.items()}
    _print_operations(operations)
    applied = [apply_per_second() for _ in range(ROUNDS)]
    print(f"\napply, one order credit: {statistics.median(applied):,.0f}/s ({min(applied):,.0f}–{max(applied):,.0f})")
    imports = _imports()
    print("\nimport of a handler beside chalice + boto3 client + pydantic alone")
    for name, (ms, ratio) in imports.items():
        print(f"  {name:18} {ms:6.0f} ms   {ratio:.2f} ×")
    zips = sorted((ROOT / ".local/packages").rglob("deployment.zip"), key=lambda path: path.stat().st_mtime)
    zip_bytes = zips[-1].stat().st_size if zips else 0
    print(f"\nzip: {zip_bytes / 1e6:.1f} MB" if zips else "\nzip: none yet, `make package` makes one")
    written = {
        "operations": {name: vars(one) for name, one in operations.items()},
        "apply_per_second": applied,
        "imports": imports,
        "zip_bytes": zip_bytes,
    }
    (ROOT / "dist").mkdir(exist_ok=True)
    (ROOT / "dist/bench.json").write_text(json.dumps(written, indent=2) + "\n")


def _print_operations(operations: dict[str, Cost]) -> None:
    print("operation               requests  items  write units   CPU ms  floor ms  ratio (spread)")
    for name, one in operations.items():
        ratios = [ours / floor for ours, floor in zip(one.cpu_ms, one.floor_cpu_ms, strict=True)]
        print(
            f"{name:22}  {one.requests:8}  {one.items:5}  {one.write_units:11}  {statistics.median(one.cpu_ms):7.2f}  "
            f"{statistics.median(one.floor_cpu_ms):8.2f}  {statistics.median(ratios):.2f} × "
            f"({min(ratios):.2f}–{max(ratios):.2f})"
        )


def _imports() -> dict[str, tuple[float, float]]:
    floor = [_import_ms(FLOOR + CLIENT) for _ in range(ROUNDS)]
    found = {"floor": (statistics.median(floor), 1.0)}
    for name, statement in HANDLERS.items():
        ms = statistics.median(_import_ms(statement + CLIENT) for _ in range(ROUNDS))
        found[name] = (ms, ms / statistics.median(floor))
    return found


def _import_ms(statement: str) -> float:
    """CPU milliseconds of a fresh interpreter that runs `statement`, less those of one that runs nothing."""
    return _process_ms(statement) - _process_ms("pass")


def _process_ms(statement: str) -> float:
    code = f"import time; began = time.process_time(); {statement}; print((time.process_time() - began) * 1000)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return float(done.stdout)


if __name__ == "__main__":
    main()
