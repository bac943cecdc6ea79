"""The brand's accounts at outside systems, from one secret that people fill in: a JSON object of systems.

    {"official_account": {"appid": "wx…", "secret": "…", "token": "…", "aes_key": "…"},
     "mini_program":     {"appid": "wx…", "secret": "…", "token": "…", "aes_key": "…", "messages": {…}},
     "wecom":            {"appid": "ww…", "secret": "…", "token": "…", "aes_key": "…", "robots": {"<name>": "<key>"}},
     "wechat_pay":       {"mchid": "…", "appid": "wx…", "api_v3_key": "…", "keys": {"<serial>": "<PEM>"},
                          "serial": "…", "private_key": "<PEM>", "notify_url": "https://…/v1/callbacks/wechat-pay"},
     "partners":         {"<partner>": {"secret": "…"}},
     "duiba": {…}, "youzan": {…}, "doudian": {…}}

A system that is not named is not connected. Only the value in force counts: who replaces a key wants the old one dead.
Nothing of it is ever logged or written elsewhere. `messages` are the templates of subscribe messages, as
wechat/templates.py reads them; `robots` the group robots by the names staff use. WeChat Pay's second line is for
what we ask of it: the serial of the merchant's certificate, its private key, and where it shall tell us. Without it
notices come in and nothing goes out. `partners` are those whose points ours become, by the ids staff gave them; what
both sides sign with has at least 32 characters.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from chalicelib.errors import Code, JifenError
from chalicelib.runtime import secret_values
from chalicelib.runtime.settings import settings


class Account(NamedTuple):
    """One account at Tencent: `appid` is its name there (WeCom: the corp id), the rest is secret."""

    appid: str
    secret: str
    token: str = ""
    """What callbacks are signed with."""
    aes_key: str = ""
    """What callbacks are encrypted with: 43 characters, as the platform shows them (EncodingAESKey)."""


def account(system: str, now: datetime) -> Account:
    """The brand's account at one of Tencent's systems; raises JifenError NOT_CONNECTED when it has none."""
    found = keys_of(system, now)
    if not found.get("appid") or not found.get("secret"):
        raise JifenError(Code.NOT_CONNECTED)
    return Account(**{name: str(found.get(name, "")) for name in Account._fields})


def is_connected(system: str, now: datetime) -> bool:
    """Whether the brand has an account at a system."""
    return isinstance(_systems(now).get(system), dict)


def keys_of(system: str, now: datetime) -> Mapping[str, Any]:
    """All that is known of a system; raises JifenError NOT_CONNECTED when that is nothing, ValueError when the secret
    is no JSON object.
    """
    found = _systems(now).get(system)
    if not isinstance(found, dict):
        raise JifenError(Code.NOT_CONNECTED)
    return found


def text(keys: Mapping[str, Any], name: str) -> str:
    """One text of a system's keys; ValueError, without the value, when it is missing or none."""
    value = keys.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} is missing")
    return value


def part(system: str, name: str, now: datetime) -> Any:
    """What the brand has written beside a system's account under a name, unchecked; None where there is nothing."""
    found = _systems(now).get(system)
    return found.get(name) if isinstance(found, dict) else None


def _systems(now: datetime) -> Mapping[str, Any]:
    systems = json.loads(secret_values.current(settings().connect_secret, now))
    if not isinstance(systems, dict):
        raise ValueError("the secret is no JSON object")  # noqa: TRY004  # a value, not an argument's type
    return systems
