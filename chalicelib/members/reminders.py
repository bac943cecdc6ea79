"""What other rooms ask about check-in reminders: at which hour, whom at an hour. Opens the stage's own table."""

from __future__ import annotations

from collections.abc import Iterator

from chalicelib.members.items import REMINDER_SHARDS
from chalicelib.members.table import open_members

FIRST_HOUR, LAST_HOUR = 8, 22
"""Hours of the day at which a reminder may be asked for: never at night."""


def reminder_hour(member_id: str) -> int | None:
    """The hour of a member's reminder, None while it is off."""
    found = open_members().member(member_id)
    return found.reminder_hour if found else None


def remind_at(member_id: str, hour: int | None) -> None:
    """Move a member's reminder to an hour of the day, None to end it; twice is the same. Errors: MEMBER_NOT_FOUND,
    BUSY.
    """
    open_members().set_reminder(member_id, hour)


def reminded(hour: int) -> list[Iterator[list[str]]]:
    """The members of an hour's list: its parts, each in pages of at most 100 ids."""
    table = open_members()
    return [table.reminded(hour, shard) for shard in range(REMINDER_SHARDS)]
