"""Cold starts: what each Lambda module imports, in fresh processes, beside what every one of them must import anyhow.

Compiled bytecode is present, in a directory of the run's own. Floor and handlers take turns, so that a busy neighbour
is beside both. The zip is the last that `make package` made.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
FLOOR = "import chalice; from pydantic import BaseModel, TypeAdapter"
CLIENT = "import boto3; boto3.client('dynamodb', region_name='cn-north-1')"
TERMS = (
    "import json; from datetime import datetime, UTC; "
    "from chalicelib.programme.book import Edition; from chalicelib.programme.items import terms_of; "
    "document = json.load(open('local/programmes/demo.json')); "
    "terms_of(Edition(1, datetime(2020, 1, 1, tzinfo=UTC), document, ())).answers"
)
"""What a first decision needs beside the imports: the published terms, built."""
# With each worker what its handler goes on to import; with the API one room, as a request for it opens it.
HANDLERS = {
    "api, a first check-in": "app, chalicelib.earning.check_in_routes",
    "api, a first look at the mall": "app, chalicelib.spending.mall.routes",
    "api, a first draw": "app, chalicelib.spending.lottery.routes",
    "api, a first notice of WeChat Pay": "app, chalicelib.connect.wechat_pay.routes",
    "settle_orders and its retries": "chalicelib.earning.events",
    "settle_behaviours": "chalicelib.earning.behaviour_events",
    "run_simulation": "chalicelib.earning.simulation_events",
    "remind_check_ins": "chalicelib.earning.check_in_events",
    "send_messages": "chalicelib.connect.wechat.message_events",
    "expire_shard and the ledger's other": "chalicelib.ledger.events",
    "send_due_issues, check_cadence": "chalicelib.publishing.events, chalicelib.publishing.send_due, "
    "chalicelib.publishing.follow_publications",
}
NO_TERMS = "send_due_issues, check_cadence"


class Start(NamedTuple):
    """CPU milliseconds of a fresh process, one figure a round, and its peak memory."""

    name: str
    import_ms: list[float]
    floor_ms: list[float]
    first_ms: list[float]
    """Import and the published terms, built; empty where the handler needs none."""
    peak_mb: float


def starts(rounds: int) -> list[Start]:
    """Every handler, in turns with the floor."""
    statements = {"floor": f"{FLOOR}; {CLIENT}"}
    for name, module in HANDLERS.items():
        statements[name] = f"import {module}; {CLIENT}"
        if name != NO_TERMS:
            statements[f"{name} with terms"] = f"import {module}; {CLIENT}; {TERMS}"
    with tempfile.TemporaryDirectory() as bytecode:
        for statement in statements.values():
            _run(statement, bytecode)
        ran = {name: [] for name in statements}  # type: dict[str, list[tuple[float, float]]]
        for _ in range(rounds):
            for name, statement in statements.items():
                ran[name].append(_run(statement, bytecode))
    ms = {name: [took for took, _ in figures] for name, figures in ran.items()}
    return [
        Start(name, ms[name], ms["floor"], ms.get(f"{name} with terms", []), max(mb for _, mb in ran[name]))
        for name in ("floor", *HANDLERS)
    ]


def zip_bytes() -> int:
    """The size of the last deployable zip, 0 while there is none."""
    found = sorted((ROOT / ".local/packages").rglob("deployment.zip"), key=lambda path: path.stat().st_mtime)
    return found[-1].stat().st_size if found else 0


def _run(statement: str, bytecode: str) -> tuple[float, float]:
    """(CPU milliseconds, peak megabytes) of a fresh interpreter from its start to the end of `statement`."""
    code = (
        f"import time; began = time.process_time(); {statement}; took = time.process_time() - began; "
        "peak = [line for line in open('/proc/self/status') if line.startswith('VmHWM')]; "  # ru_maxrss is the parent's
        "print(took * 1000, int(peak[0].split()[1]) / 1024)"
    )
    given = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    given |= {"AWS_LAMBDA_FUNCTION_NAME": "measured"}  # else the API opens all of its rooms at once
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**given, "PYTHONPYCACHEPREFIX": bytecode},
        capture_output=True,
        text=True,
        check=True,
    )
    took, peak = done.stdout.split()
    return float(took), float(peak)
