"""A client of the public API as any outsider has it: JSON over HTTP, a bearer token, or the order feed's signature."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import urllib3

from chalicelib.members.signature import NONCE_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, sign

TRIES = 20


class Refused(Exception):
    """An answer whose `code` is not 0."""

    def __init__(self, status: int, answer: Mapping[str, Any]) -> None:
        super().__init__(f"{status} {answer.get('code')} {answer.get('msg')} {answer.get('field', '')}".strip())
        self.status = status
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Api:
    """The API at one address, as one caller."""

    url: str
    token: str = ""
    pool: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(retries=False, timeout=30))

    def as_caller(self, token: str) -> Api:
        """The same API with another bearer token."""
        return replace(self, token=token)

    def get(self, path: str) -> Any:
        """The data of an answer; raises Refused."""
        return self._call("GET", path, None, {})

    def post(self, path: str, body: Mapping[str, Any] | None = None, **headers: str) -> Any:
        """The data of an answer; raises Refused. `Idempotency_Key="..."` becomes that header."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._call("POST", path, body, given)

    def put(self, path: str, body: Mapping[str, Any]) -> Any:
        """The data of an answer; raises Refused."""
        return self._call("PUT", path, body, {})

    def delete(self, path: str) -> Any:
        """The data of an answer; raises Refused."""
        return self._call("DELETE", path, None, {})

    def post_signed(self, path: str, body: Mapping[str, Any], secret: str) -> Any:
        """Deliver with the order feed's signature; the same bytes, timestamp and nonce on every try."""
        raw = json.dumps(body, ensure_ascii=False).encode()
        timestamp, nonce = str(int(time.time())), secrets.token_hex(16)
        headers = {
            TIMESTAMP_HEADER: timestamp,
            NONCE_HEADER: nonce,
            SIGNATURE_HEADER: sign(secret, timestamp, nonce, raw),
        }
        return self._send("POST", path, raw, headers)

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None, headers: Mapping[str, str]) -> Any:
        bearer = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        raw = json.dumps(body, ensure_ascii=False).encode() if body is not None else None
        return self._send(method, path, raw, {**bearer, **headers})

    def _send(self, method: str, path: str, raw: bytes | None, headers: Mapping[str, str]) -> Any:
        content = {"Content-Type": "application/json"} if raw is not None else {}
        for attempt in range(TRIES):
            response = self.pool.request(method, self.url + path, body=raw, headers={**content, **headers})
            answer = response.json()
            if response.status not in (429, 503) or attempt == TRIES - 1:
                break
            time.sleep(int(response.headers.get("Retry-After", "1")))
        if answer.get("code") != 0:
            raise Refused(response.status, answer)
        return answer["data"]
