"""Pages of a month's list and their cursors: a cursor is the place of the last entry shown, and no secret."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from chalicelib.errors import Code, JifenError
from chalicelib.publishing.model import day_of, month_of

T = TypeVar("T")

_PLACE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00) ([0-9a-f]{16})")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list, and the cursor of the next if there is one."""

    list: tuple[T, ...]
    next_cursor: str | None


def cursor_of(publish_at: str, issue_id: str) -> str:
    """The cursor after an entry."""
    return urlsafe_b64encode(f"{publish_at} {issue_id}".encode()).decode()


def position_of(cursor: str, month: str) -> tuple[str, str]:
    """The stored publish time and the issue id that a cursor of this month names; raises INVALID_CURSOR."""
    try:
        found = _PLACE.fullmatch(urlsafe_b64decode(cursor.encode()).decode("ascii"))
        cursor_month = month_of(day_of(datetime.fromisoformat(found[1]))) if found else None
    except (ValueError, OverflowError):  # no base64, no ASCII, no date
        raise JifenError(Code.INVALID_CURSOR, field="cursor") from None
    if found is None or cursor_month != month:
        raise JifenError(Code.INVALID_CURSOR, field="cursor")
    return found[1], found[2]
