"""Covers of articles: a picture goes to the Official Account once and is known by the id that it has there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple

from chalicelib.connect.faults import Kind, Refused
from chalicelib.connect.outside import Unanswered, Unreached
from chalicelib.connect.wechat.api import open_api
from chalicelib.connect.wechat.official_account import add_cover
from chalicelib.errors import Code, JifenError
from chalicelib.publishing.table import PublishingTable

_KINDS = {b"\x89PNG\r\n\x1a\n": ("cover.png", "image/png"), b"\xff\xd8\xff": ("cover.jpg", "image/jpeg")}
"""By what a file begins with, whatever it is called."""

Add = Callable[[str, bytes, str], str]


class Cover(NamedTuple):
    """A picture as the Official Account has it; `replayed` when it had it before."""

    media_id: str
    replayed: bool


def keep_cover(table: PublishingTable, content: bytes, add: Add) -> Cover:
    """Bring a picture to the Official Account by `add(filename, content, type)`, once for its content.

    Two at once, or a lost answer, may leave a second copy there, which nothing uses. Raises JifenError COVER_REFUSED.
    """
    found = next(((name, type) for begins, (name, type) in _KINDS.items() if content.startswith(begins)), None)
    if found is None:
        raise JifenError(Code.COVER_REFUSED, "封面应为JPG或PNG图片")
    digest = sha256(content).hexdigest()
    known = table.cover(digest)
    if known:
        return Cover(known, replayed=True)
    filename, content_type = found
    return Cover(table.put_cover(digest, add(filename, content, content_type)), replayed=False)


def to_official_account(now: datetime) -> Add:
    """The brand's own account as of an instant; raises JifenError NOT_CONNECTED, COVER_REFUSED or UNAVAILABLE."""
    api = open_api("official_account", now)

    def add(filename: str, content: bytes, content_type: str) -> str:
        try:
            return add_cover(api, filename, content, content_type)
        except Refused as refused:
            if refused.kind is Kind.INVALID:
                raise JifenError(Code.COVER_REFUSED, f"公众号拒绝了这张图片(微信错误码{refused.errcode})") from None
            raise JifenError(Code.UNAVAILABLE, retry_after_seconds=60) from None
        except (Unreached, Unanswered):
            raise JifenError(Code.UNAVAILABLE, retry_after_seconds=2) from None

    return add
