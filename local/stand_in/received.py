"""The calls that came in, for a test or a person to look at; what must stay secret is not kept."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from typing import Any

from local.stand_in.clock import rfc3339
from local.stand_in.wire import Request

KEPT = 2000
SECRET = frozenset(
    {"access_token", "secret", "appsecret", "corpsecret", "js_code", "code", "key", "session_key", "sign", "signature"}
)
HIDDEN = "***"


class Received:
    def __init__(self) -> None:
        self._calls: deque[dict[str, Any]] = deque(maxlen=KEPT)

    def note(self, at: int, request: Request, outcome: Mapping[str, Any]) -> None:
        """`outcome` says what became of it: status, errcode, fault."""
        self._calls.append(
            {
                "at": rfc3339(at),
                "host": request.host,
                "method": request.method,
                "path": request.path,
                "query": _without_secrets(dict(request.query)),
                "body": _body(request),
                **outcome,
            }
        )

    def listed(self, path: str = "") -> list[dict[str, Any]]:
        return [call for call in self._calls if not path or call["path"] == path]


def _body(request: Request) -> Any:
    if not request.body:
        return None
    try:
        return _without_secrets(json.loads(request.body))
    except ValueError:
        return f"{len(request.body)} bytes of {request.headers.get('content-type', 'unknown').partition(';')[0]}"


def _without_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: HIDDEN if name.lower() in SECRET else _without_secrets(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_without_secrets(one) for one in value]
    return value
