"""One HTTP request to an outside system, with deadlines, sent once. What became of it is never guessed.

Answered    the system said something; what, its adapter reads
Unreached   it certainly heard nothing: trying again does no harm
Unanswered  nobody knows whether it did what was asked
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlencode

from chalicelib.runtime import log
from chalicelib.runtime.settings import settings

T = TypeVar("T")

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


class Reply(NamedTuple):
    """What came back, whatever it says: header names in lower case, at most MAX_ANSWER_BYTES of body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


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
    target = path + (f"?{urlencode(query)}" if query else "")
    request: dict[str, Any] = {"headers": {"Host": host}}
    if upload is not None:
        request["fields"] = {upload.field: (upload.filename, upload.content, upload.content_type)}
    elif body is not None:
        request["body"] = json.dumps(body, ensure_ascii=False).encode()
        request["headers"]["Content-Type"] = "application/json; charset=utf-8"
    return _logged(host, path, lambda: object_of(_required_ok(_sent(host, method, target, request))))


def exchange(host: str, method: str, target: str, *, headers: Mapping[str, str], body: bytes = b"") -> Reply:
    """What `host` says to one request whose very bytes matter, because they are signed; whatever its status.

    `target` is the path with its query as it goes over the wire. Goes where `ask` goes, and raises what it raises when
    nothing came back.
    """
    request: dict[str, Any] = {"headers": {**headers, "Host": host}, "body": body or None}
    return _logged(host, target.partition("?")[0], lambda: _sent(host, method, target, request))


def object_of(reply: Reply) -> dict[str, Any]:
    """The JSON object in a reply; raises Unanswered when there is none."""
    try:
        answer = json.loads(reply.body, strict=False)  # WeChat lets control characters through in names and texts
    except ValueError:
        raise Unanswered("no JSON") from None
    if not isinstance(answer, dict):
        raise Unanswered("no object")
    return answer


def _required_ok(reply: Reply) -> Reply:
    if reply.status != 200:
        raise Unanswered(f"status {reply.status}")
    return reply


def _logged(host: str, path: str, send: Callable[[], T]) -> T:
    """What `send` answers, with one line in the log: who was asked, what became of it, in how many milliseconds."""
    started = time.perf_counter()
    outcome = "unanswered"
    try:
        answer = send()
        outcome = "answered"
    except Unreached:
        outcome = "unreached"
        raise
    finally:
        log.outcome("outside", host=host, path=path, outcome=outcome, ms=int((time.perf_counter() - started) * 1000))
    return answer


def _sent(host: str, method: str, target: str, request: Mapping[str, Any]) -> Reply:
    from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError
    from urllib3.util import Timeout

    url = f"{settings().outside_url or f'https://{host}'}{target}"
    timeout = Timeout(connect=CONNECT_S, read=READ_S)
    try:
        with _pool().request(
            method, url, timeout=timeout, retries=False, redirect=False, preload_content=False, **request
        ) as response:
            raw = response.read(MAX_ANSWER_BYTES + 1)
            headers = {name.lower(): value for name, value in response.headers.items()}
            status = response.status
    except (ConnectTimeoutError, NewConnectionError) as error:
        raise Unreached(type(error).__name__) from None
    except (HTTPError, OSError) as error:
        raise Unanswered(type(error).__name__) from None
    if len(raw) > MAX_ANSWER_BYTES:
        raise Unanswered("too long")
    return Reply(status, headers, raw)


@cache
def _pool() -> Any:
    """The process's connections; urllib3 is botocore's own, here without the environment's proxies."""
    import urllib3

    return urllib3.PoolManager(num_pools=8, maxsize=4)
