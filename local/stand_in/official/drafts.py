"""Drafts: one to eight articles, checked when added, gone once they are published or sent. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from local.stand_in.ids import Ids
from local.stand_in.official.body import first_words, kept
from local.stand_in.wire import Json, Refused

MOST_ARTICLES = 8
TITLE_CHARACTERS, AUTHOR_CHARACTERS, DIGEST_CHARACTERS = 32, 16, 128
BODY_CHARACTERS, BODY_BYTES = 20_000, 1024 * 1024
SOURCE_BYTES = 1024
FLAGS = ("need_open_comment", "only_fans_can_comment")
CROPS = ("pic_crop_235_1", "pic_crop_1_1")
KINDS = ("news", "newspic")


class Article(NamedTuple):
    """As it is stored; `shape` is what draft/get answers of it."""

    title: str
    shape: Json


class Draft(NamedTuple):
    media_id: str
    appid: str
    articles: tuple[Article, ...]
    at: int


@dataclass(slots=True)
class Drafts:
    """Of all accounts. `has_picture`: whether an account has a permanent picture of this id."""

    ids: Ids
    has_picture: Callable[[str, str], bool]
    _drafts: dict[str, Draft] = field(default_factory=dict)

    def add(self, appid: str, given: object, now: int) -> Draft:
        """Raises Refused 44003, 45008, and what an article is refused with."""
        if not isinstance(given, list) or not given:
            raise Refused(44003)
        if len(given) > MOST_ARTICLES:
            raise Refused(45008)
        articles = tuple(self._article(appid, one, alone=len(given) == 1) for one in given)
        draft = Draft(self.ids.text(64), appid, articles, now)
        self._drafts[draft.media_id] = draft
        return draft

    def get(self, appid: str, media_id: str) -> Draft:
        """Raises Refused 40007."""
        draft = self._drafts.get(media_id)
        if draft is None or draft.appid != appid:
            raise Refused(40007)
        return draft

    def take(self, appid: str, media_id: str) -> Draft:
        """Out of the box, for publishing, sending or deleting; raises Refused 40007."""
        self.get(appid, media_id)
        return self._drafts.pop(media_id)

    def put_back(self, draft: Draft) -> None:
        self._drafts[draft.media_id] = draft

    def of(self, appid: str) -> list[Draft]:
        """An account's drafts, newest first."""
        own = [draft for draft in reversed(self._drafts.values()) if draft.appid == appid]
        return sorted(own, key=lambda draft: draft.at, reverse=True)

    def _article(self, appid: str, given: object, *, alone: bool) -> Article:
        if not isinstance(given, dict) or given.get("article_type", "news") not in KINDS:
            raise Refused(40097)
        title = _text(given, "title", TITLE_CHARACTERS, 45003)
        author = _text(given, "author", AUTHOR_CHARACTERS, 45110)
        digest = _text(given, "digest", DIGEST_CHARACTERS, 45004)
        source = _text(given, "content_source_url", SOURCE_BYTES, 45002)
        content = _body(given)
        if not title:
            raise Refused(40097, "title")
        self._check_pictures(appid, given)
        shape: Json = {
            "article_type": given.get("article_type", "news"),
            "title": title,
            "author": author,
            "digest": (digest or first_words(content)) if alone else "",
            "content": content,
            "content_source_url": source,
            "thumb_media_id": given.get("thumb_media_id", ""),
            **{name: _flag(given, name) for name in FLAGS},
            **{name: given[name] for name in (*CROPS, "image_info") if name in given},
        }
        return Article(title, shape)

    def _check_pictures(self, appid: str, given: Mapping[str, Any]) -> None:
        if given.get("article_type", "news") == "news":
            pictures = [given.get("thumb_media_id")]
        else:
            info = given.get("image_info")
            listed = info.get("image_list") if isinstance(info, dict) else None
            pictures = [one.get("image_media_id") for one in listed or [] if isinstance(one, dict)] or [None]
        for picture in pictures:
            if not isinstance(picture, str) or not self.has_picture(appid, picture):
                raise Refused(40007)


def _text(given: Mapping[str, Any], name: str, most: int, errcode: int) -> str:
    value = given.get(name, "")
    if not isinstance(value, str):
        raise Refused(47001)
    if len(value) > most:
        raise Refused(errcode)
    return value


def _flag(given: Mapping[str, Any], name: str) -> int:
    value = given.get(name, 0)
    if value not in (0, 1):
        raise Refused(47001)
    return int(value)


def _body(given: Mapping[str, Any]) -> str:
    content = given.get("content")
    if not isinstance(content, str) or not content:
        raise Refused(44004)
    if len(content) >= BODY_CHARACTERS or len(content.encode()) >= BODY_BYTES:
        raise Refused(45002)
    return kept(content)
