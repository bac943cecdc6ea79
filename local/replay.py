"""`make replay [FILE=] [CUSTOMERS=n]`: real purchases, day by day, every night passed, through that of 1999-01-01.

A stage of its own with the nightly rule off; orders take the importer's path, the stage's stream credits them, its
nights expire them. Interrupted, the same command goes on; repeated, it changes nothing and prints the same table.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path

from chalicelib.earning.order import Paid
from chalicelib.errors import JifenError
from chalicelib.members.model import Identity
from local import floor, say
from local.cdnow import log_file, read_log
from local.cdnow_totals import Totals, recompute
from local.in_process import adopted
from local.places import Mend, default_places
from local.replay_run import EVERY, MONTH_STARTS, Run, advance, periods
from local.replay_steps import ZONE, Steps
from local.replay_totals import journal_totals, members_of, print_table
from local.stack import Cloud, Stack, start

STAGE = "replay"
PARAMETERS = {"Schedules": "DISABLED", "DueShards": "1"}
"""No rule of its own may start a night; one shard, because each of 730 nights costs a message a shard."""


def deploy_stage(cloud: Cloud, *, quiet: bool = False) -> Stack:
    """The replay's own stage, beside whatever else the embedded cloud runs."""
    return cloud.deploy(STAGE, PARAMETERS, quiet=quiet)


def replay_slice(stack: Stack, customers: int, nights: str = MONTH_STARTS, file: Path | None = None) -> Totals:
    """The log's first so many customers through a stage of `deploy_stage`; prints the table.

    Raises AssertionError when journal and recomputation differ. A later full replay of the same stage goes on from it.
    """
    log = log_file(file)
    orders = read_log(log, customers)
    say.line(f"  CDNOW: {len(orders)} real orders of {customers} customers, into a stage of their own")
    with adopted(stack):
        run = Run()
        found = _replay(stack, orders, nights, run, None)
        agree = print_table(found, recompute(log, customers))
    if not agree:
        raise AssertionError("the replayed slice and its recomputation differ")
    return found


def replay(file: Path | None, customers: int | None) -> bool:
    """The whole log, or its first so many customers; whether the totals agree. Raises Mend."""
    log = log_file(file)
    orders = read_log(log, customers)
    if not orders:
        raise Mend(f"{log} holds no purchase")
    stack = deploy_stage(start())
    name = f"{hashlib.sha256(log.read_bytes()).hexdigest()} {customers or 'all'}"
    kept = default_places().home / "replay.json"
    run = Run.opened(kept, name)
    with adopted(stack):
        found = _replay(stack, orders, EVERY, run, kept)
        agree = print_table(found, recompute(log, customers))
        _print_speed(stack, run)
    return agree


def _replay(stack: Stack, orders: Sequence[Paid], nights: str, run: Run, kept: Path | None) -> Totals:
    steps = Steps(stack)
    steps.publish_terms()
    advance(steps, periods(orders, nights), run, lambda: run.save(kept) if kept else None)
    buyers = list(dict.fromkeys(Identity(paid.platform, paid.buyer_id) for paid in orders))
    with say.step("summing up the journal"):
        return journal_totals(members_of(buyers), ZONE)


def _print_speed(stack: Stack, run: Run) -> None:
    """Orders a second, and how much of an order's time the embedded cloud itself takes.

    An order's time is wall time from the first record of its day to the last credit, over all days, divided by the
    orders; the cloud's part is what `floor` needs for the same requests now, with this very journal standing.
    """
    if not run.orders or not run.order_seconds:
        return
    with say.step("measuring the floor"):
        bare_ms = floor.seconds_per_order(stack) * 1000
    order_ms = run.order_seconds * 1000 / run.orders
    share = min(100, round(bare_ms * 100 / order_ms))
    say.line(
        f"    {run.orders:,} orders in {run.order_seconds:.1f} s: {run.orders / run.order_seconds:.0f} orders "
        f"a second, {order_ms:.2f} ms each from its record to its credit"
    )
    say.line(
        f"    {bare_ms:.2f} ms of them ({share} %) are the embedded cloud's own: a bare boto3 client needs them for "
        f"the same requests, {floor.WORKERS} at once; {100 - share} % are the stack's functions, stream and this tool"
    )
    whole = run.member_seconds + run.order_seconds + run.night_seconds
    say.line(
        f"    members {run.member_seconds:.1f} s, orders {run.order_seconds:.1f} s, nights {run.night_seconds:.1f} s; "
        f"in all {whole:.1f} s"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m local.replay", description=__doc__)
    parser.add_argument("--file", type=Path, default=None)
    parser.add_argument("--customers", type=int, default=None)
    chosen = parser.parse_args(arguments)
    if chosen.customers is not None and chosen.customers < 1:
        parser.error("CUSTOMERS must be at least 1")
    try:
        return 0 if replay(chosen.file, chosen.customers) else 1
    except (Mend, TimeoutError) as mend:
        say.trouble(str(mend))
        return 1
    except JifenError as refused:
        say.trouble(refused.msg)
        return 1
    except KeyboardInterrupt:
        say.trouble("interrupted: the same command goes on from the last night")
        return 130


if __name__ == "__main__":
    sys.exit(main())
