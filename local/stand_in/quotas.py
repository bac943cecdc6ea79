"""How often something may be done: in a day of Beijing, or within sliding seconds."""

from __future__ import annotations

from collections import defaultdict, deque

from local.stand_in.clock import MINUTE, day_of
from local.stand_in.wire import Refused

DAILY = {
    "/cgi-bin/token": 2000,
    "/cgi-bin/stable_token": 500_000,
    "/cgi-bin/message/mass/sendall": 100,
    "/cgi-bin/message/mass/send": 100,
    "/cgi-bin/message/mass/preview": 100,
    "/cgi-bin/message/mass/delete": 10,
    "/cgi-bin/draft/add": 1000,
    "/cgi-bin/draft/get": 500,
    "/cgi-bin/draft/delete": 1000,
    "/cgi-bin/draft/count": 1000,
    "/cgi-bin/draft/batchget": 1000,
    "/cgi-bin/freepublish/submit": 100,
    "/cgi-bin/freepublish/get": 100,
    "/cgi-bin/freepublish/batchget": 100,
    "/cgi-bin/freepublish/delete": 10,
    "/cgi-bin/media/upload": 100_000,
}
"""Calls a day of one Official Account."""


class Quotas:
    def __init__(self) -> None:
        self._limits = dict(DAILY)
        self._used: dict[tuple[str, str, str], int] = defaultdict(int)
        self._recent: dict[tuple[str, str], deque[int]] = defaultdict(deque)

    def set(self, api: str, daily: int) -> None:
        self._limits[api] = daily

    def take(self, account: str, api: str, now: int) -> None:
        """Count a call against its day; raises Refused 45009."""
        limit = self._limits.get(api)
        if limit is None:
            return
        key = (account, api, day_of(now))
        if self._used[key] >= limit:
            raise Refused(45009)
        self._used[key] += 1

    def pace(self, who: str, what: str, now: int, *, most: int, errcode: int, within: int = MINUTE) -> None:
        """Count one of at most so many within the last minute; raises Refused with the code given."""
        times = self._recent[(who, what)]
        while times and times[0] <= now - within:
            times.popleft()
        if len(times) >= most:
            raise Refused(errcode)
        times.append(now)

    def listed(self, now: int) -> list[dict[str, str | int]]:
        today = day_of(now)
        return [
            {"account": account, "api": api, "used": used, "daily": self._limits[api]}
            for (account, api, day), used in self._used.items()
            if day == today
        ]
