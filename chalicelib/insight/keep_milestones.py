"""Lines of the daybook become milestones of their members: read, joined, and put back where they became others.

The row of a member whose account was closed is taken into the survivor's each time that a line of his comes: the last
one, which says so, and any that comes late.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from chalicelib.errors import Code, JifenError
from chalicelib.insight.line import Line
from chalicelib.insight.milestones import Milestones, joined, taken_in
from chalicelib.insight.stage_items import Kept
from chalicelib.insight.stages_table import StagesTable

ATTEMPTS = 5

_Change = Callable[[Milestones], Milestones]


def keep_milestones(lines: Iterable[Line], *, table: StagesTable) -> None:
    """Join the lines into their members' rows; twice, late and shuffled lines leave the same rows.

    Who loses a race for a row reads it again. Raises UNAVAILABLE when that does not end; what was put stands.
    """
    changes: Mapping[str, _Change] = {member_id: _joining(own) for member_id, own in by_member(lines).items()}
    while changes:
        changes = _taking_in(_changed(changes, table))


def _changed(changes: Mapping[str, _Change], table: StagesTable) -> dict[str, Milestones]:
    """The rows after their changes."""
    rows: dict[str, Milestones] = {}
    left = dict(changes)
    for _ in range(ATTEMPTS):
        standing = table.rows(left)
        for member_id, change in [*left.items()]:
            kept = standing.get(member_id, Kept())
            row = change(kept.milestones)
            if row == kept.milestones or table.put_row(member_id, row, kept):
                rows[member_id] = row
                del left[member_id]
        if not left:
            return rows
    raise JifenError(Code.UNAVAILABLE, retry_after_seconds=1)


def _taking_in(rows: Mapping[str, Milestones]) -> dict[str, _Change]:
    """What is to be changed of survivors' rows for those of closed accounts."""
    merged: dict[str, list[tuple[str, Milestones]]] = {}
    for member_id, row in rows.items():
        if row.merged_into:
            merged.setdefault(row.merged_into, []).append((member_id, row))
    return {survivor_id: _inheriting(others) for survivor_id, others in merged.items()}


def _joining(lines: Sequence[Line]) -> _Change:
    return lambda row: joined(row, lines)


def _inheriting(others: Sequence[tuple[str, Milestones]]) -> _Change:
    def change(row: Milestones) -> Milestones:
        for member_id, other in others:
            row = taken_in(row, member_id, other)
        return row

    return change


def by_member(lines: Iterable[Line]) -> dict[str, list[Line]]:
    """Lines by the member whose they are."""
    found: dict[str, list[Line]] = {}
    for line in lines:
        found.setdefault(line.member_id, []).append(line)
    return found
