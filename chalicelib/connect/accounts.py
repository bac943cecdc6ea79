"""What the stage knows of each connected system: one JSON object in Secrets Manager, put there by hand.

    {"wechat_pay": {...}, "duiba": {...}, "youzan": {...}, "doudian": {...}}

A system that is not in it is not connected. Only the value in force counts: who replaces a key wants the old one dead.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from chalicelib.errors import Code, JifenError
from chalicelib.members import secret_values
from chalicelib.runtime.settings import settings


def account(system: str, now: datetime) -> Mapping[str, Any]:
    """Our account with one system; raises JifenError CONNECTION_CLOSED when there is none, ValueError when the secret
    is no JSON object.
    """
    known = json.loads(secret_values.current(settings().connect_secret, now))
    if not isinstance(known, dict):
        raise ValueError("the secret is no JSON object")  # noqa: TRY004  # a value, not an argument's type
    found = known.get(system)
    if not isinstance(found, dict):
        raise JifenError(Code.CONNECTION_CLOSED)
    return found


def text(account: Mapping[str, Any], name: str) -> str:
    """One text of an account; ValueError, without the value, when it is missing or none."""
    value = account.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} is missing")
    return value
