"""How a publication without push (发布) came out, read from what WeChat tells or answers of its job. Pure.

    {"publish_id": "2247503051", "publish_status": 2, "fail_idx": [1, 3]}
    {"publish_id": "2247503051", "publish_status": 0, "article_id": "…",
     "article_detail": {"count": 3, "item": [{"idx": 1, "article_url": "https://mp.weixin.qq.com/…"}, …]}}

The event in XML says the same in texts, and one alone of several is no list there.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from chalicelib.publishing.completeness import SLOT_WORDS
from chalicelib.publishing.model import Outcome

UNDER_WAY = 1
PUBLISHED = "published"


class _End(NamedTuple):
    """An end in a word and in Chinese."""

    status: str
    text: str


_ENDS: Mapping[int, _End] = {
    0: _End(PUBLISHED, "已发布,未推送给粉丝"),
    2: _End("original_refused", "原创声明未通过"),
    3: _End("publish_failed", "发布失败,请在公众号后台查看草稿"),
    4: _End("review_refused", "平台审核未通过"),
    5: _End("all_deleted", "发布后文章已全部删除"),
    6: _End("banned", "发布后文章被平台封禁"),
}


def outcome_of_job(told: Mapping[str, Any], at: datetime) -> Outcome | None:
    """The outcome of a job as of an instant; None while it is under way.

    Raises KeyError or ValueError when it names no status, or one that nobody knows.
    """
    number = int(told["publish_status"])
    if number == UNDER_WAY:
        return None
    end = _ENDS[number]
    failed = [_slot_words(idx) for idx in _several(told.get("fail_idx"))]
    detail = told.get("article_detail")
    items = _several(detail.get("item")) if isinstance(detail, dict) else []
    links = tuple(str(item["article_url"]) for item in sorted(items, key=lambda item: int(item["idx"])))
    return _outcome(end.status, end.text + (f":{'、'.join(failed)}" if failed else ""), links, at)


def published_outcome(links: tuple[str, ...], at: datetime) -> Outcome:
    """The outcome of what was found among the published."""
    return _outcome(PUBLISHED, _ENDS[0].text, links, at)


def _outcome(status: str, text: str, links: tuple[str, ...], at: datetime) -> Outcome:
    return Outcome(status, total=0, meant=0, sent=0, failed=0, told_at=at, text=text, links=links)


def _slot_words(idx: Any) -> str:
    words = tuple(SLOT_WORDS.values())
    place = int(idx)
    return words[place - 1] if 1 <= place <= len(words) else f"第{place}篇"


def _several(told: Any) -> list[Any]:
    if told in (None, ""):
        return []
    return list(told) if isinstance(told, list) else [told]
