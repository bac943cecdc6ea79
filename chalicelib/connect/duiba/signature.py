"""Duiba's signature, in both directions. Pure.

    sign = hex MD5(values of all parameters but `sign`, and of `appSecret`, in the order of their names), UTF-8

Only values are signed, without anything between them: what stood in one parameter may be passed off as part of the
next. So each parameter that counts has a form of its own, and a call is no older than Duiba's last retry.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from chalicelib.errors import Code, JifenError

LATEST = timedelta(hours=48)
"""How old a call may be: a result is told for 24 hours, and nobody says whether under its first timestamp."""
EARLIEST = timedelta(minutes=5)
"""How far Duiba's clock may run ahead of ours."""

_MILLISECONDS = re.compile(r"[0-9]{13}")


def sign(params: Mapping[str, str], app_secret: str) -> str:
    """The signature of decoded parameters, lower hex."""
    signed = {name: value for name, value in params.items() if name != "sign"} | {"appSecret": app_secret}
    values = "".join(signed[name] for name in sorted(signed))
    return hashlib.md5(values.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()


def verify(params: Mapping[str, str], app_key: str, app_secret: str, now: datetime) -> None:
    """Raise JifenError BAD_SIGNATURE or STALE_TIMESTAMP unless Duiba signed these parameters for this app."""
    told = params.get("sign", "").encode("utf-8", "surrogatepass")
    is_signed = hmac.compare_digest(told, sign(params, app_secret).encode())
    if not is_signed or params.get("appKey") != app_key or "appSecret" in params:
        raise JifenError(Code.BAD_SIGNATURE)
    if not _MILLISECONDS.fullmatch(params.get("timestamp", "")):
        raise JifenError(Code.BAD_SIGNATURE)
    if not -EARLIEST <= now - told_at(params) <= LATEST:
        raise JifenError(Code.STALE_TIMESTAMP)


def told_at(params: Mapping[str, str]) -> datetime:
    """When Duiba says it made the call; its `timestamp` has 13 digits of milliseconds."""
    milliseconds = int(params["timestamp"])
    return datetime.fromisoformat("1970-01-01T00:00:00+00:00") + timedelta(milliseconds=milliseconds)
