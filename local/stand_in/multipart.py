"""Reads one file out of a multipart/form-data body, byte for byte."""

from __future__ import annotations

import re
from typing import NamedTuple

from local.stand_in.wire import Refused, Request


class Part(NamedTuple):
    """`filename` is None for a plain field."""

    name: str
    filename: str | None
    content: bytes


def file_of(request: Request, field: str) -> Part:
    """The file under this field's name; raises Refused 41005 when there is none, 44001 when it is empty."""
    for part in _parts(request):
        if part.name == field and part.filename is not None:
            if not part.content:
                raise Refused(44001)
            return part
    raise Refused(41005)


def _parts(request: Request) -> list[Part]:
    kind = request.headers.get("content-type", "")
    boundary = re.search(r'boundary="?([^";]+)"?', kind)
    if not kind.startswith("multipart/form-data") or boundary is None:
        raise Refused(41005)
    pieces = (b"\r\n" + request.body).split(b"\r\n--" + boundary[1].encode())
    if len(pieces) < 3 or not pieces[-1].startswith(b"--"):
        raise Refused(41005)  # the closing boundary never came
    return [_part(piece) for piece in pieces[1:-1]]


def _part(piece: bytes) -> Part:
    head, _, content = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
    headers = head.decode("utf-8", "replace")
    name = re.search(r'[; ]name="([^"]*)"', headers)
    filename = re.search(r'[; ]filename="([^"]*)"', headers)
    return Part(name[1] if name else "", filename[1] if filename else None, content)
