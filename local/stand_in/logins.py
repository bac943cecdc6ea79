"""Codes a phone would bring: of a log-in, or of the button that shares a number. Pure."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import NamedTuple

from local.stand_in.clock import MINUTE
from local.stand_in.ids import Ids
from local.stand_in.wire import Refused

CODE_LIFE = 5 * MINUTE


class Session(NamedTuple):
    """`unionid` is empty where the app belongs to no open platform account."""

    openid: str
    unionid: str
    session_key: str


class Phone(NamedTuple):
    number: str
    country_code: str


@dataclass(slots=True)
class _Code:
    appid: str
    ends_at: int
    bears: Session | Phone
    blocked: bool = False
    used: bool = False


class Logins:
    def __init__(self, ids: Ids) -> None:
        self._ids = ids
        self._codes: dict[str, _Code] = {}
        self._people: set[tuple[str, str]] = set()

    def mint(self, appid: str, openid: str, unionid: str, now: int, *, blocked: bool = False) -> str:
        """The code of one log-in; `blocked`: of somebody whom WeChat holds to be a risk."""
        self.meet(appid, openid)
        session_key = base64.b64encode(self._ids.data(16)).decode()
        return self._keep("0", _Code(appid, now + CODE_LIFE, Session(openid, unionid, session_key), blocked))

    def mint_phone(self, appid: str, number: str, country_code: str, now: int) -> str:
        """The code of one tap on the phone button."""
        return self._keep("e", _Code(appid, now + CODE_LIFE, Phone(number, country_code)))

    def meet(self, appid: str, openid: str) -> None:
        """From now on this is a user of the app."""
        self._people.add((appid, openid))

    def knows(self, appid: str, openid: str) -> bool:
        return (appid, openid) in self._people

    def whose(self, code: str) -> str:
        """The openid a log-in code was minted for, whatever became of the code; empty for none."""
        found = self._codes.get(code)
        return found.bears.openid if found and isinstance(found.bears, Session) else ""

    def redeem(self, appid: str, code: str, now: int) -> Session:
        """Once, within five minutes, by its own app; raises Refused 40029, 40163, 40226."""
        found = self._codes.get(code)
        if found is None or found.appid != appid or found.ends_at <= now or not isinstance(found.bears, Session):
            raise Refused(40029)
        if found.used:
            raise Refused(40163)
        if found.blocked:
            raise Refused(40226)
        found.used = True
        return found.bears

    def redeem_phone(self, appid: str, code: str, now: int) -> Phone:
        """Once, within five minutes, by its own app; raises Refused 40029, 40013."""
        found = self._codes.get(code)
        if found is None or found.used or found.ends_at <= now or not isinstance(found.bears, Phone):
            raise Refused(40029)
        if found.appid != appid:
            raise Refused(40013)
        found.used = True
        return found.bears

    def _keep(self, prefix: str, code: _Code) -> str:
        value = self._ids.text(31, prefix)
        self._codes[value] = code
        return value
