"""What the main job prints at its end: what happened, and the member's statement, as tables."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from local import say
from local.http_client import Api

ROWS = 14


def print_outcome(outcomes: Sequence[tuple[str, str]]) -> None:
    """Everything the run did, a line each."""
    say.line("\nWhat happened")
    _table(["step", "outcome"], outcomes)


def print_statement(member: Api) -> None:
    """The member's balance and newest entries."""
    balance = member.get("/v1/me/balance")
    page = member.get(f"/v1/me/entries?limit={ROWS}")
    say.line(f"\nThe member's statement: {balance['available_points']} points available")
    rows = [
        (
            entry["occurred_at"][:16].replace("T", " "),
            f"{entry['points']:+d}",
            entry["reason"],
            entry["source"],
            str(entry["balance_after_points"]),
        )
        for entry in page["list"]
    ]
    _table(["when", "points", "why", "from", "balance"], rows)
    if page["has_more"]:
        say.line("  … older entries: GET /v1/me/entries?cursor=…")


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    widths = [max(_width(row[column]) for row in [head, *rows]) for column in range(len(head))]
    for row in [head, ["─" * width for width in widths], *rows]:
        say.line("  " + "  ".join(cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)))


def _width(text: str) -> int:
    """Columns a terminal needs: a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)
