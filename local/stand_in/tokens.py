"""Access tokens: how long each lives, when it is replaced, and what ends it before its time. Pure."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from local.stand_in.clock import MINUTE, SECOND, day_of
from local.stand_in.ids import Ids
from local.stand_in.wire import Refused

LIFE = 7200 * SECOND
OVERLAP = 5 * MINUTE
"""A token is renewed this long before its end; old and new then both work."""
FORCED_A_DAY = 20
FORCED_APART = 30 * SECOND
LEGACY, STABLE, CORP = "legacy", "stable", "corp"
"""Three spaces that know nothing of each other; a corp's is one for each secret."""


class Token(NamedTuple):
    """`owner` is an appid or a corpid."""

    value: str
    owner: str
    ends_at: int
    killed: bool = False

    def expires_in(self, now: int) -> int:
        return (self.ends_at - now) // SECOND


class Tokens:
    def __init__(self, ids: Ids) -> None:
        self._ids = ids
        self._latest: dict[tuple[str, str], str] = {}
        self._tokens: dict[str, Token] = {}
        self._forced: dict[tuple[str, str], int] = defaultdict(int)
        self._forced_at: dict[str, int] = {}

    def legacy(self, appid: str, now: int) -> Token:
        """A new one each time; the one before works for five minutes more."""
        self._end_latest((LEGACY, appid), now + OVERLAP)
        return self._issue((LEGACY, appid), appid, now)

    def stable(self, appid: str, now: int, *, forced: bool = False) -> Token:
        """The same one until five minutes before its end; forced, a new one that ends the old at once.

        Forced again within half a minute nothing is refreshed. Raises Refused 45009 for the 21st of a day.
        """
        space = (STABLE, appid)
        if forced and now - self._forced_at.get(appid, now - FORCED_APART) >= FORCED_APART:
            key = (appid, day_of(now))
            if self._forced[key] >= FORCED_A_DAY:
                raise Refused(45009)
            self._forced[key] += 1
            self._forced_at[appid] = now
            self.kill(self._latest.get(space, ""))
            return self._issue(space, appid, now)
        return self._latest_of(space, now, OVERLAP) or self._issue(space, appid, now)

    def of_corp(self, corpid: str, secret: str, now: int) -> Token:
        """The same one of this secret until its end."""
        space = (CORP, f"{corpid} {secret}")
        return self._latest_of(space, now, 0) or self._issue(space, corpid, now)

    def owner(self, value: str, now: int) -> str:
        """Whose token this is; raises Refused 41001, 40001 or 42001."""
        if not value:
            raise Refused(41001)
        token = self._tokens.get(value)
        if token is None or token.killed:
            raise Refused(40001)
        if token.ends_at <= now:
            raise Refused(42001)
        return token.owner

    def kill(self, value: str) -> None:
        """From now on 40001."""
        if value in self._tokens:
            self._tokens[value] = self._tokens[value]._replace(killed=True)

    def kill_all(self, owner: str, *, expire: bool, now: int) -> int:
        """End every token of an app or corp at once, with 42001 where `expire`, else with 40001; how many."""
        mine = [one for one in self._tokens.values() if one.owner == owner and not one.killed and one.ends_at > now]
        for token in mine:
            changed = token._replace(ends_at=now) if expire else token._replace(killed=True)
            self._tokens[token.value] = changed
        return len(mine)

    def _latest_of(self, space: tuple[str, str], now: int, margin: int) -> Token | None:
        token = self._tokens.get(self._latest.get(space, ""))
        return token if token and not token.killed and token.ends_at - now > margin else None

    def _end_latest(self, space: tuple[str, str], at: int) -> None:
        token = self._tokens.get(self._latest.get(space, ""))
        if token:
            self._tokens[token.value] = token._replace(ends_at=min(token.ends_at, at))

    def _issue(self, space: tuple[str, str], owner: str, now: int) -> Token:
        token = Token(self._ids.text(136, "9"), owner, now + LIFE)
        self._latest[space] = token.value
        self._tokens[token.value] = token
        return token
