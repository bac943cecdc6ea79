"""What goes over the wire: a request as it came, an answer as it leaves, a refusal with its errcode."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

Json = dict[str, Any]


class Request(NamedTuple):
    """One call. `host` is the outside host it was meant for; `path` begins behind it; header names are lower-case."""

    method: str
    host: str
    path: str
    raw_query: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


class Answer(NamedTuple):
    """`headers` without Content-Length, which the edge adds."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json; charset=utf-8"),)


class Refused(Exception):  # an outcome of the outside system, not an error of ours
    """A refusal in the errcode form. `detail` follows the code's own message; `also` are further fields."""

    def __init__(self, errcode: int, detail: str = "", also: Mapping[str, Any] | None = None) -> None:
        super().__init__(f"{errcode} {detail}".strip())
        self.errcode = errcode
        self.detail = detail
        self.also = dict(also or {})


class Unknown(Exception):
    """What an admin names is not there, or is not understood; the text says so."""


def json_answer(shape: Mapping[str, Any], status: int = 200) -> Answer:
    return Answer(status, json.dumps(shape, ensure_ascii=False, separators=(",", ":")).encode())


def json_object(body: bytes) -> Json:
    """The body as a JSON object; raises Refused 47001."""
    try:
        read = json.loads(body)
    except ValueError:
        raise Refused(47001) from None
    if not isinstance(read, dict):
        raise Refused(47001)
    return read
