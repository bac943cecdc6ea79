"""What wakes a simulation: the queue of those that staff have asked for.

Deployed as a stand-alone function: app.py is never imported here, so nothing may rely on it. The template replaces the
placeholder ARN.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, cast

from chalice.app import Blueprint, SQSEvent

from chalicelib.earning.refusals import open_refusals
from chalicelib.earning.simulation import run
from chalicelib.earning.simulation_past import Past
from chalicelib.earning.simulation_table import open_simulations
from chalicelib.earning.table import open_orders
from chalicelib.programme.table import open_programme
from chalicelib.runtime import log, queue
from chalicelib.runtime.clock import utc_now
from chalicelib.runtime.dynamo import client
from chalicelib.runtime.settings import settings

bp = Blueprint(__name__)
STOP_BEFORE_MS = 120_000
"""No page is read later than this before the worker would be cut off: what is held must still be judged."""


@bp.on_sqs_message(
    queue_arn="arn:aws:sqs:us-east-1:000000000000:placeholder",
    batch_size=1,
    maximum_concurrency=2,
    name="run_simulation",
)
def run_simulation(event: SQSEvent) -> dict[str, Any]:
    """One simulation, from its message to its result."""
    remaining_ms: Callable[[], int] = cast(Any, event.context).get_remaining_time_in_millis

    def handle(record: Mapping[str, Any]) -> None:
        past = Past(client(), settings().journal_table, open_orders(), open_refusals(), utc_now())
        done = run(
            open_simulations(),
            open_programme(),
            past,
            json.loads(record["body"])["simulation"],
            now=utc_now,
            has_time=lambda: remaining_ms() > STOP_BEFORE_MS,
        )
        log.outcome("simulation_run", simulation=done.id, state=done.state, failure=done.failure)

    return queue.each_message(event.to_dict(), handle, "run_simulation")
