"""The brand's accounts at outside systems, from one secret: a JSON object of systems.

    {"official_account": {"appid": "wx…", "secret": "…", "token": "…", "aes_key": "…"},
     "mini_program":     {"appid": "wx…", "secret": "…", "token": "…", "aes_key": "…", "messages": {…}},
     "wecom":            {"appid": "ww…", "secret": "…", "token": "…", "aes_key": "…", "robots": {"<name>": "<key>"}}}

A system that is not named is not connected. Nothing of it is ever logged or written elsewhere. `messages` are the
templates of subscribe messages, as wechat/templates.py reads them; `robots` the group robots by the names staff use.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from chalicelib.errors import Code, JifenError
from chalicelib.members import secret_values
from chalicelib.runtime.settings import settings


class Account(NamedTuple):
    """One account: `appid` is its name at the platform (WeCom: the corp id), the rest is secret."""

    appid: str
    secret: str
    token: str = ""
    """What callbacks are signed with."""
    aes_key: str = ""
    """What callbacks are encrypted with: 43 characters, as the platform shows them (EncodingAESKey)."""


def account(system: str, now: datetime) -> Account:
    """The brand's account at a system; raises JifenError NOT_CONNECTED when it has none."""
    found = _systems(now).get(system)
    if not isinstance(found, dict) or not found.get("appid") or not found.get("secret"):
        raise JifenError(Code.NOT_CONNECTED)
    return Account(**{name: str(found.get(name, "")) for name in Account._fields})


def is_connected(system: str, now: datetime) -> bool:
    """Whether the brand has an account at a system."""
    return system in _systems(now)


def part(system: str, name: str, now: datetime) -> Any:
    """What the brand has written beside a system's account under a name, unchecked; None where there is nothing."""
    found = _systems(now).get(system)
    return found.get(name) if isinstance(found, dict) else None


def _systems(now: datetime) -> Mapping[str, Any]:
    systems = json.loads(secret_values.current(settings().connect_secret, now))
    return systems if isinstance(systems, dict) else {}
