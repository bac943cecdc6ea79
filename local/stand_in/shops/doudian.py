"""Doudian's push: a list of messages, signed by MD5 or HMAC-SHA256; tag 0 probes the address."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from local.stand_in.clock import MINUTE, SECOND
from local.stand_in.courier import Errand, Outgoing, Reply

TIMEOUT_S = 5.0
PAUSES = (10 * SECOND, 1 * MINUTE, 5 * MINUTE)
"""Doudian does not publish the table, so a shop may be given another."""
PROBE = "0"
METHODS = ("md5", "hmac-sha256")


class Shop(NamedTuple):
    """`method`: how it signs; documents name two. `as_text`: `data` is JSON as text, else an object."""

    app_key: str
    app_secret: str
    url: str
    method: str = "md5"
    as_text: bool = True
    pauses: tuple[int, ...] = PAUSES


def body(shop: Shop, messages: Sequence[tuple[str, str, Any]]) -> bytes:
    """One push of messages: tag, id, data."""
    listed = [{"tag": tag, "msg_id": msg_id, "data": _data(shop, data)} for tag, msg_id, data in messages]
    return json.dumps(listed, ensure_ascii=False, separators=(",", ":")).encode()


def errand(shop: Shop, raw: bytes, *, good: bool, copies: int) -> Errand:
    """Its delivery; not `good`: with a signature that is wrong."""
    headers = {
        "Content-Type": "application/json",
        "app-id": shop.app_key,
        "event-sign": sign(shop, raw) if good else "0" * len(sign(shop, raw)),
        "sign-method": shop.method,
    }
    outgoing = Outgoing("POST", shop.url, headers, raw)
    pauses = shop.pauses if good else ()
    return Errand("doudian", lambda _now, _number: outgoing, accepted, pauses, TIMEOUT_S, copies)


def sign(shop: Shop, raw: bytes) -> str:
    together = shop.app_key.encode() + raw + shop.app_secret.encode()
    if shop.method == "md5":
        return hashlib.md5(together, usedforsecurity=False).hexdigest()
    return hmac.new(shop.app_secret.encode(), together, hashlib.sha256).hexdigest()


def accepted(reply: Reply) -> bool:
    """`{"code": 0, "msg": "success"}` and nothing else."""
    try:
        said = json.loads(reply.body) if reply.status == 200 else None
    except ValueError:
        return False
    return isinstance(said, Mapping) and said.get("code") == 0 and said.get("msg") == "success"


def _data(shop: Shop, data: Any) -> Any:
    if isinstance(data, str) or not shop.as_text:
        return data
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))
