"""What Tencent's platforms say no with: `errcode` in an answer of status 200, turned into few kinds of our own. Pure.

Codes: developers.weixin.qq.com, "全局返回码"; developer.work.weixin.qq.com, document/path/90313.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """What a caller can do about a refusal."""

    ACCESS = "access"
    """The access token is wrong or over: fetch another one, once."""
    BUSY = "busy"
    """Later, in seconds or a minute: the platform is busy, or asked too often."""
    QUOTA = "quota"
    """Not before tomorrow, or before the month is over."""
    ACCOUNT = "account"
    """The account, its secret, its rights or its list of allowed addresses have to be put in order by people."""
    DONE = "done"
    """The same was asked before and is done."""
    INVALID = "invalid"
    """What was asked is wrong, and will stay so."""


KINDS: Mapping[int, Kind] = {
    -1: Kind.BUSY,
    45011: Kind.BUSY,
    45033: Kind.BUSY,
    45066: Kind.BUSY,
    53501: Kind.BUSY,
    40001: Kind.ACCESS,
    40014: Kind.ACCESS,
    42001: Kind.ACCESS,
    45009: Kind.QUOTA,
    45028: Kind.QUOTA,
    40013: Kind.ACCOUNT,
    40125: Kind.ACCOUNT,
    40164: Kind.ACCOUNT,
    48001: Kind.ACCOUNT,
    48002: Kind.ACCOUNT,
    48006: Kind.ACCOUNT,
    50002: Kind.ACCOUNT,
    60011: Kind.ACCOUNT,
    60020: Kind.ACCOUNT,
    61004: Kind.ACCOUNT,
    89501: Kind.ACCOUNT,
    89503: Kind.ACCOUNT,
    89506: Kind.ACCOUNT,
    89507: Kind.ACCOUNT,
    45065: Kind.DONE,
    10060002: Kind.DONE,
    10060023: Kind.DONE,
    10060012: Kind.BUSY,
    10060019: Kind.BUSY,
}
"""Whatever is not here is INVALID."""

_RID = re.compile(r"rid: ?([0-9a-zA-Z-]{1,64})")


class Refused(Exception):
    """The platform said no; nothing was done, except for DONE. `rid` is what its support asks for."""

    def __init__(self, path: str, errcode: int, rid: str, answer: Mapping[str, Any]) -> None:
        super().__init__(f"{path}: {errcode}")
        self.path = path
        self.errcode = errcode
        self.rid = rid
        self.answer = answer

    @property
    def kind(self) -> Kind:
        return KINDS.get(self.errcode, Kind.INVALID)


def require_done(path: str, answer: Mapping[str, Any]) -> None:
    """Raise Refused when an answer carries an errcode other than 0."""
    errcode = answer.get("errcode", 0)
    if not isinstance(errcode, int) or errcode:
        found = _RID.search(str(answer.get("errmsg", "")))
        raise Refused(path, errcode if isinstance(errcode, int) else -2, found[1] if found else "", answer)
