"""One HTTP request to an outside system, with deadlines, sent once. What became of it is never guessed.

Answered    the system said something; what, its adapter reads
Unreached   it certainly heard nothing: trying again does no harm
Unanswered  nobody knows whether it did what was asked
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import urlencode

from chalicelib.runtime import log
from chalicelib.runtime.settings import settings

CONNECT_S = 2.0
READ_S = 5.0
MAX_ANSWER_BYTES = 1024 * 1024


class Unreached(Exception):
    """The system could not be reached; it certainly heard nothing."""


class Unanswered(Exception):
    """The request may have been heard; no answer that can be read came back."""


class Upload(NamedTuple):
    """A file in a multipart form."""

    field: str
    filename: str
    content: bytes
    content_type: str


def ask(
    host: str,
    method: str,
    path: str,
    *,
    query: Mapping[str, str] | None = None,
    body: Mapping[str, Any] | None = None,
    upload: Upload | None = None,
) -> dict[str, Any]:
    """The JSON object that `host` answers to one request; `body` goes as JSON in UTF-8, `upload` as a form.

    Where the stage has a stand-in for the outside world the request goes there, under the host's own name. Raises
    Unreached or Unanswered; any status but 200 and anything but a JSON object is no answer.
    """
    started = time.perf_counter()
    outcome = "unanswered"
    try:
        answer = _sent(host, method, path, query, body, upload)
        outcome = "answered"
    except Unreached:
        outcome = "unreached"
        raise
    finally:
        log.outcome("outside", host=host, path=path, outcome=outcome, ms=int((time.perf_counter() - started) * 1000))
    return answer


def _sent(
    host: str,
    method: str,
    path: str,
    query: Mapping[str, str] | None,
    body: Mapping[str, Any] | None,
    upload: Upload | None,
) -> dict[str, Any]:
    from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError
    from urllib3.util import Timeout

    url = f"{settings().outside_url or f'https://{host}'}{path}" + (f"?{urlencode(query)}" if query else "")
    request: dict[str, Any] = {"headers": {"Host": host}}
    if upload is not None:
        request["fields"] = {upload.field: (upload.filename, upload.content, upload.content_type)}
    elif body is not None:
        request["body"] = json.dumps(body, ensure_ascii=False).encode()
        request["headers"]["Content-Type"] = "application/json; charset=utf-8"
    timeout = Timeout(connect=CONNECT_S, read=READ_S)
    try:
        with _pool().request(
            method, url, timeout=timeout, retries=False, redirect=False, preload_content=False, **request
        ) as response:
            raw = response.read(MAX_ANSWER_BYTES + 1)
            status = response.status
    except (ConnectTimeoutError, NewConnectionError) as error:
        raise Unreached(type(error).__name__) from None
    except (HTTPError, OSError) as error:
        raise Unanswered(type(error).__name__) from None
    if status != 200 or len(raw) > MAX_ANSWER_BYTES:
        raise Unanswered(f"status {status}")
    try:
        answer = json.loads(raw, strict=False)  # WeChat lets control characters through in names and texts
    except ValueError:
        raise Unanswered("no JSON") from None
    if not isinstance(answer, dict):
        raise Unanswered("no object")
    return answer


@cache
def _pool() -> Any:
    """The process's connections; urllib3 is botocore's own, here without the environment's proxies."""
    import urllib3

    return urllib3.PoolManager(num_pools=8, maxsize=4)
