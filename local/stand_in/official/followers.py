"""Who follows an account, with which tags, and how much each was sent in a month. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

A_MONTH = 4
"""Mass messages one follower of a service account may get."""


@dataclass(slots=True)
class Followers:
    _tags: dict[str, dict[str, frozenset[int]]] = field(default_factory=lambda: defaultdict(dict))
    _got: dict[tuple[str, str, str], int] = field(default_factory=lambda: defaultdict(int))

    def put(self, appid: str, openid: str, tags: Iterable[int]) -> None:
        self._tags[appid][openid] = frozenset(tags)

    def of(self, appid: str, tag: int | None) -> list[str]:
        """The followers of an account with a tag, or all."""
        return [openid for openid, tags in self._tags[appid].items() if tag is None or tag in tags]

    def knows(self, appid: str, openid: str) -> bool:
        return openid in self._tags[appid]

    def has_tag(self, appid: str, tag: int) -> bool:
        return any(tag in tags for tags in self._tags[appid].values())

    def deliver(self, appid: str, to: Iterable[str], month: str, *, limited: bool) -> list[str]:
        """Those who can still get one this month; it is counted for each."""
        reached = [one for one in to if not limited or self._got[(appid, one, month)] < A_MONTH]
        for openid in reached:
            self._got[(appid, openid, month)] += 1
        return reached
