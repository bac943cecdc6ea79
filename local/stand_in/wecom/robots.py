"""Group robots: a key in the address, twenty messages a minute, and what each kind of message may hold. Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from local.stand_in.ids import Ids
from local.stand_in.wire import Json, Refused

TEXT_BYTES, MARKDOWN_BYTES, IMAGE_BYTES = 2048, 4096, 2 * 1024 * 1024
MOST_ARTICLES = 8
A_MINUTE = 20


@dataclass(slots=True)
class Robots:
    ids: Ids
    _posts: dict[str, list[Json]] = field(default_factory=dict)

    def make(self) -> str:
        """A robot's key."""
        raw = self.ids.data(16).hex()
        key = "-".join((raw[:8], raw[8:12], raw[12:16], raw[16:20], raw[20:]))
        self._posts[key] = []
        return key

    def check(self, key: str) -> None:
        """Raises Refused 93000."""
        if key not in self._posts:
            raise Refused(93000)

    def post(self, key: str, message: Json) -> None:
        """Raises Refused 40008, 40058, 301019."""
        kind = message.get("msgtype")
        content = message.get(kind) if isinstance(kind, str) else None
        if kind not in ("text", "markdown", "image", "news") or not isinstance(content, Mapping):
            raise Refused(40008)
        if kind in ("text", "markdown"):
            _check_words(kind, content)
        elif kind == "image":
            _check_image(content)
        else:
            _check_news(content)
        self._posts[key].append(message)

    def posts(self, key: str) -> list[Json]:
        return self._posts.get(key, [])


def _check_words(kind: str, content: Mapping[str, Any]) -> None:
    words, most = content.get("content"), TEXT_BYTES if kind == "text" else MARKDOWN_BYTES
    if not isinstance(words, str) or not words:
        raise Refused(44004)
    if len(words.encode()) > most:
        raise Refused(40058, f"{kind}.content exceed max length {most}")


def _check_image(content: Mapping[str, Any]) -> None:
    try:
        raw = base64.b64decode(str(content.get("base64", "")), validate=True)
    except binascii.Error:
        raise Refused(40058, "image.base64") from None
    if not raw or len(raw) > IMAGE_BYTES:
        raise Refused(40009)
    if hashlib.md5(raw, usedforsecurity=False).hexdigest() != content.get("md5"):
        raise Refused(301019)


def _check_news(content: Mapping[str, Any]) -> None:
    articles = content.get("articles")
    if not isinstance(articles, list) or not 1 <= len(articles) <= MOST_ARTICLES:
        raise Refused(40058, "news.articles")
    for one in articles:
        if not isinstance(one, Mapping) or not one.get("title") or not one.get("url"):
            raise Refused(40058, "news.articles.title or url")
