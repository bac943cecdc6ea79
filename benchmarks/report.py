"""The measurements as a page of markdown: dist/bench.md, and the same on the screen."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from benchmarks.acks import Ack
from benchmarks.cost import Cost
from benchmarks.decisions import Speed
from benchmarks.growth import Grown
from benchmarks.nights import SHARDS, Night
from benchmarks.operations import Operation
from benchmarks.seckill import Rush
from benchmarks.starts import Start
from benchmarks.units import Units


class Sizes(NamedTuple):
    """Bytes of the largest items by DynamoDB's rules, and of the zip."""

    account_bytes: int
    entry_bytes: int
    night_entry_bytes: int
    zip_bytes: int


class Found(NamedTuple):
    """Everything that one run measured."""

    machine: dict[str, str]
    operations: list[tuple[Operation, Cost]]
    growth: list[Grown]
    nights: list[Night]
    speeds: list[Speed]
    starts: list[Start]
    acks: list[Ack]
    rushes: list[Rush]
    sizes: Sizes


def page(found: Found) -> str:
    """The whole report."""
    said = " · ".join(f"{name} {value}" for name, value in found.machine.items())
    return "\n\n".join(
        (
            "# What it costs",
            f"{said}. Figures are medians, the spread over the rounds in brackets; ratios are taken within a round.",
            _operations(found.operations),
            _growth(found.growth),
            _nights(found.nights),
            _speeds(found.speeds),
            _starts(found.starts),
            _acks(found.acks),
            rushes(found.rushes),
            _sizes(found.sizes),
        )
    )


def _operations(rows: Iterable[tuple[Operation, Cost]]) -> str:
    return (
        "## Operations\n\n"
        "Budget: requests / write units. CPU is ours with the network taken away; beside it the very same requests by "
        "a boto3 client as it comes (goal 1.2), and by a client configured as ours, which leaves out botocore's own "
        "check of each request: what is above 1 there is our code.\n\n"
    ) + _table(
        ("operation", "budget", *Units._fields, "CPU ms", "× bare boto3", "× own client"),
        (
            (
                operation.name,
                operation.budget,
                *(f"{figure:g}" for figure in cost.units),
                _spread(cost.cpu_ms, 2),
                _spread(_ratios(cost.cpu_ms, cost.floor_ms), 2),
                _spread(_ratios(cost.cpu_ms, cost.like_ms), 2),
            )
            for operation, cost in rows
        ),
    )


def _growth(rows: Iterable[Grown]) -> str:
    return (
        "## Growth\n\nTen times the members, a hundred times the history of each. Own CPU, without any client.\n\n"
    ) + _table(
        ("operation", *Units._fields, "own CPU µs", "grown", "× CPU"),
        (
            (
                one.name,
                *(_both(before, after) for before, after in zip(one.small, one.large, strict=True)),
                f"{statistics.median(one.small_ms) * 1000:.0f}",
                f"{statistics.median(one.large_ms) * 1000:.0f}",
                _spread(_ratios(one.large_ms, one.small_ms), 2),
            )
            for one in rows
        ),
    )


def _nights(rows: Iterable[Night]) -> str:
    return (
        "## Nights of levels\n\n"
        f"All {SHARDS} shards of a night whose members hold levels: what nobody is due for costs a request a shard, "
        "with any number of members.\n\n"
    ) + _table(
        ("members", "due", *Units._fields),
        ((f"{one.members:,}", one.due, *(f"{figure:g}" for figure in one.units)) for one in rows),
    )


def _speeds(rows: Iterable[Speed]) -> str:
    return (
        "## Decisions on one core\n\n"
        "`apply` by the demo programme's ledger terms, levels and notices too, on an account with its counters; goal "
        "50,000/s. The rows of a whole deed also ask all of the demo's rules.\n\n"
    ) + _table(("decision", "per second"), ((one.name, _spread(one.per_second, 0)) for one in rows))


def _starts(rows: Iterable[Start]) -> str:
    return (
        "## Cold starts\n\n"
        "A fresh process, bytecode present. The floor is Chalice, a boto3 client and pydantic alone (goal 1.15). "
        "`with terms` goes on to the published terms, built: all that a first decision needs in memory.\n\n"
    ) + _table(
        ("handler", "import ms", "× floor", "with terms, × floor", "peak MB"),
        (
            (
                one.name,
                _spread(one.import_ms, 0),
                _spread(_ratios(one.import_ms, one.floor_ms), 2),
                _spread(_ratios(one.first_ms, one.floor_ms), 2) if one.first_ms else "",
                f"{one.peak_mb:.0f}",
            )
            for one in rows
        ),
    )


def _acks(rows: Iterable[Ack]) -> str:
    return (
        "## Acks of callbacks\n\n"
        "Milliseconds until the caller has its answer, on the deployed handlers of an embedded cloud of the run's own, "
        "one call after another, all kinds in turns. The first row is the stack itself: through API and function to a "
        "view that refuses the call at once. What was acked before is settled meanwhile, on the same cores.\n\n"
    ) + _table(
        ("callback", "p50 ms", "× p50", "p99 ms", "× p99", "its sender waits"),
        (
            (
                one.name,
                f"{_percentile(one.ms, 50):.1f}",
                f"{_percentile(one.ms, 50) / _percentile(one.floor_ms, 50):.2f}",
                f"{_percentile(one.ms, 99):.1f}",
                f"{_percentile(one.ms, 99) / _percentile(one.floor_ms, 99):.2f}",
                one.limit,
            )
            for one in rows
        ),
    )


def rushes(rows: Iterable[Rush]) -> str:
    """Seckills, each beside the bare transactions of its run."""
    return (
        "## Seckill\n\n"
        "A tenth more members than units, so many clients at once, on a store of the run's own; the floor is the same "
        "reads and transactions by bare boto3. Retries are transactions that met another, or found a shard empty. "
        "That store runs transactions one after another; DynamoDB cancels those that meet, and runs the others at "
        "once.\n\n"
    ) + _table(
        (
            "units",
            "clients",
            "shards",
            "sold",
            "told sold out",
            "met",
            "empty",
            "retries",
            "sold/s",
            "floor/s",
            "× floor",
        ),
        (
            (
                f"{one.units:,}",
                one.clients,
                one.shards,
                f"{one.sold:,}",
                f"{one.sold_out:,}",
                one.conflicts,
                one.empty,
                one.retries,
                f"{one.per_second:.0f}",
                f"{one.floor_per_second:.0f}",
                f"{one.per_second / one.floor_per_second:.2f}",
            )
            for one in rows
        ),
    )


def _sizes(sizes: Sizes) -> str:
    zipped = f"{sizes.zip_bytes / 1e6:.1f} MB" if sizes.zip_bytes else "none yet, `make package` makes one"
    return "## Sizes\n\n" + _table(
        ("what", "size", "goal"),
        (
            ("the largest account of the demo programme", f"{sizes.account_bytes} bytes", "1,024"),
            ("the largest entry", f"{sizes.entry_bytes} bytes", "1,024"),
            ("the entry of its night, 39 buckets", f"{sizes.night_entry_bytes} bytes", "1,024"),
            ("zip", zipped, "10 MB"),
        ),
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A markdown table whose columns line up."""
    texts = [tuple(head), *(tuple(map(str, row)) for row in rows)]
    widths = [max(len(row[place]) for row in texts) for place in range(len(head))]
    lines = [
        "| " + " | ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) + " |" for row in texts
    ]
    lines.insert(1, "| " + " | ".join("-" * width for width in widths) + " |")
    return "\n".join(lines)


def _ratios(ours: Sequence[float], floor: Sequence[float]) -> list[float]:
    return [mine / theirs for mine, theirs in zip(ours, floor, strict=True)]


def _spread(figures: Sequence[float], digits: int) -> str:
    return f"{statistics.median(figures):,.{digits}f} ({min(figures):,.{digits}f}–{max(figures):,.{digits}f})"


def _percentile(figures: Sequence[float], percent: int) -> float:
    """The smallest figure that so many of a hundred do not exceed."""
    return sorted(figures)[-(-len(figures) * percent // 100) - 1]


def _both(before: float, after: float) -> str:
    """One figure where growth changed nothing, else both."""
    return f"{before:g}" if before == after else f"{before:g} → {after:g}"
