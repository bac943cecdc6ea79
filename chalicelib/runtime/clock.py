"""The wall clock, read once per request at the edge; everything inside gets `now` as an argument."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo


def utc_now() -> datetime:
    """The current instant, UTC, to the millisecond (the precision every key and entry carries)."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def in_zone(at: datetime, zone: str) -> str:
    """An instant as members and operators read it: ISO-8601 with the programme's offset, e.g. `+08:00`."""
    return at.astimezone(ZoneInfo(zone)).isoformat(timespec="seconds")
