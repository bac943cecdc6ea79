"""Youzan's push: the order as URL-encoded JSON inside JSON, signed by MD5 over client id, body and secret."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from local.stand_in.clock import HOUR, MINUTE, SECOND, seconds
from local.stand_in.courier import Errand, Outgoing, Reply
from local.stand_in.wire import Json

TIMEOUT_S = 5.0
PAUSES = (
    10 * SECOND,
    30 * SECOND,
    *(number * MINUTE for number in range(1, 11)),
    20 * MINUTE,
    30 * MINUTE,
    1 * HOUR,
)
"""Sixteen attempts; Youzan does not publish the table, so a shop may be given another."""
PLAIN = "trade_refund"
"""Messages of these kinds carry `msg` as an object, all others as URL-encoded text."""


class Shop(NamedTuple):
    client_id: str
    client_secret: str
    kdt_id: int
    url: str
    pauses: tuple[int, ...] = PAUSES


def body(shop: Shop, kind: str, status: str, key: str, message: Mapping[str, Any], msg_id: str, version: int) -> bytes:
    """One push; `key` is the order's or refund's number."""
    inner = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
    shape: Json = {
        "client_id": shop.client_id,
        "id": key,
        "kdt_id": shop.kdt_id,
        "kdt_name": "店铺",
        "mode": 1,
        "msg": dict(message) if kind.startswith(PLAIN) else quote(inner),
        "msg_id": msg_id,
        "sendCount": 1,
        "status": status,
        "test": False,
        "type": kind,
        "version": version,
    }
    return json.dumps(shape, ensure_ascii=False, separators=(",", ":")).encode()


def errand(shop: Shop, kind: str, raw: bytes, *, good: bool, copies: int) -> Errand:
    """Its delivery; not `good`: with a signature that is wrong."""
    headers = {
        "Content-Type": "application/json",
        "Event-Sign": sign(shop, raw) if good else "0" * 32,
        "Event-Type": kind,
        "Client-Id": shop.client_id,
    }
    outgoing = Outgoing("POST", shop.url, headers, raw)
    pauses = shop.pauses if good else ()
    return Errand("youzan", lambda _now, _number: outgoing, accepted, pauses, TIMEOUT_S, copies)


def sign(shop: Shop, raw: bytes) -> str:
    together = shop.client_id.encode() + raw + shop.client_secret.encode()
    return hashlib.md5(together, usedforsecurity=False).hexdigest()


def accepted(reply: Reply) -> bool:
    return reply.status == 200 and b"success" in reply.body


def version_at(now: int) -> int:
    """A later message of one order has a higher version."""
    return seconds(now)
