"""The clock of the world outside: real time unless an admin sets or advances it. It never goes back.

Instants are whole milliseconds since 1970 (UTC) everywhere in the stand-in.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

from local.stand_in.wire import Unknown

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
BEIJING = timezone(timedelta(hours=8))
"""China has had no other time since 1991; quotas and months turn with it."""


class Clock:
    """Runs with real time, shifted; or stands still where it was set."""

    def __init__(self, real: Callable[[], float], *, stands_at: int | None = None) -> None:
        self._real = real
        self._shift = 0
        self._stands_at = stands_at

    @property
    def stands(self) -> bool:
        return self._stands_at is not None

    def now(self) -> int:
        return self._stands_at if self._stands_at is not None else int(self._real() * SECOND) + self._shift

    def move_to(self, at: int) -> None:
        """To an instant from now on; the clock stands or runs as before. An instant that is past changes nothing."""
        if at <= self.now():
            return
        if self._stands_at is None:
            self._shift += at - self.now()
        else:
            self._stands_at = at

    def stand(self) -> None:
        self._stands_at = self.now()

    def run(self) -> None:
        """On with real time from where it is."""
        at = self.now()
        self._stands_at = None
        self._shift += at - self.now()


def seconds(at: int) -> int:
    return at // SECOND


def beijing(at: int) -> datetime:
    return datetime.fromtimestamp(at / SECOND, UTC).astimezone(BEIJING)


def day_of(at: int) -> str:
    """The day in Beijing as 2026-11-26."""
    return beijing(at).date().isoformat()


def month_of(at: int) -> str:
    return day_of(at)[:7]


def days_in_month(at: int) -> int:
    first = beijing(at).date().replace(day=1)
    return ((first + timedelta(days=32)).replace(day=1) - first).days


def rfc3339(at: int) -> str:
    """As WeChat Pay writes it: 2026-11-26T10:00:00+08:00."""
    return beijing(at).replace(microsecond=0).isoformat()


def instant(text: str) -> int:
    """An ISO instant with its offset as milliseconds; raises Unknown."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise Unknown(f"{text!r} is no instant: write 2026-11-26T10:00:00+08:00") from None
    if read.tzinfo is None:
        raise Unknown(f"{text!r} has no offset: write 2026-11-26T10:00:00+08:00")
    return int(read.timestamp() * SECOND)
