"""Lines of the daybook become milestones of their members: read, joined, and put back where they became others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from chalicelib.errors import Code, JifenError
from chalicelib.insight.line import Line
from chalicelib.insight.milestones import joined
from chalicelib.insight.stage_items import Kept
from chalicelib.insight.stages_table import StagesTable

ATTEMPTS = 5


def keep_milestones(lines: Iterable[Line], *, table: StagesTable) -> None:
    """Join the lines into their members' rows; twice, late and shuffled lines leave the same rows.

    Who loses a race for a row reads it again. Raises UNAVAILABLE when that does not end; what was put stands.
    """
    left: Mapping[str, Sequence[Line]] = by_member(lines)
    for _ in range(ATTEMPTS):
        if not left:
            return
        left = _joined_once(left, table)
    if left:
        raise JifenError(Code.UNAVAILABLE, retry_after_seconds=1)


def _joined_once(lines: Mapping[str, Sequence[Line]], table: StagesTable) -> dict[str, Sequence[Line]]:
    """The lines of those members whose row was changed by another meanwhile."""
    standing = table.rows(lines)
    left: dict[str, Sequence[Line]] = {}
    for member_id, own in lines.items():
        kept = standing.get(member_id, Kept())
        row = joined(kept.milestones, own)
        if row != kept.milestones and not table.put_row(member_id, row, kept):
            left[member_id] = own
    return left


def by_member(lines: Iterable[Line]) -> dict[str, list[Line]]:
    """Lines by the member whose they are."""
    found: dict[str, list[Line]] = {}
    for line in lines:
        found.setdefault(line.member_id, []).append(line)
    return found
