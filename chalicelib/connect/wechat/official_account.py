"""The Official Account (公众号): covers, drafts, mass sending (群发), figures by slot.

Sources: developers.weixin.qq.com, "素材管理", "草稿管理", "群发", "图文分析数据接口".
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

from chalicelib.connect.faults import Kind, Refused
from chalicelib.connect.outside import Unanswered, Upload
from chalicelib.connect.tokens import text_of
from chalicelib.connect.wechat.api import WechatApi

MOST_COVER_BYTES = 10 * 1024 * 1024
MOST_CLIENT_ID_BYTES = 64
DRAFTS_A_PAGE = 20


class Article(NamedTuple):
    """One article of a draft. `cover_id` is a permanent material; `content` is HTML, `source_url` may be empty."""

    title: str
    digest: str
    content: str
    source_url: str
    cover_id: str


class Sent(NamedTuple):
    """A mass sending by its id; `data_id` names its articles in WeChat's figures, and is missing where WeChat only says
    that it was asked before under the same client id.
    """

    msg_id: str
    data_id: str


def add_cover(api: WechatApi, filename: str, content: bytes, content_type: str) -> str:
    """The media id of a picture kept for ever, at most MOST_COVER_BYTES."""
    upload = Upload("media", filename, content, content_type)
    return text_of(api.post("/cgi-bin/material/add_material", upload=upload, type="image"), "media_id")


def add_draft(api: WechatApi, articles: Sequence[Article]) -> str:
    """The media id of a new draft of one to eight articles, headline first. Asked twice it makes two."""
    plain = [
        {
            "article_type": "news",
            "title": article.title,
            "digest": article.digest,
            "content": article.content,
            "content_source_url": article.source_url,
            "thumb_media_id": article.cover_id,
            "need_open_comment": 1,
            "only_fans_can_comment": 0,
        }
        for article in articles
    ]
    return text_of(api.post("/cgi-bin/draft/add", {"articles": plain}), "media_id")


def find_draft(api: WechatApi, titles: Sequence[str], *, since_epoch_s: int) -> str:
    """The media id of the newest draft with these titles that was made since then; empty when there is none.

    Looks at the newest DRAFTS_A_PAGE drafts.
    """
    answer = api.post("/cgi-bin/draft/batchget", {"offset": 0, "count": DRAFTS_A_PAGE, "no_content": 1})
    found = []
    for draft in answer.get("item", ()):
        news = draft.get("content", {}).get("news_item", ())
        if [one.get("title") for one in news] == list(titles) and draft.get("update_time", 0) >= since_epoch_s:
            found.append((draft["update_time"], text_of(draft, "media_id")))
    return max(found)[1] if found else ""


def mass_send(api: WechatApi, draft_id: str, *, client_id: str) -> Sent:
    """Send a draft to all followers, once for ever under one `client_id` of at most MOST_CLIENT_ID_BYTES."""
    asked = {
        "filter": {"is_to_all": True},
        "mpnews": {"media_id": draft_id},
        "msgtype": "mpnews",
        "send_ignore_reprint": 0,
        "clientmsgid": client_id,
    }
    try:
        answer = api.post("/cgi-bin/message/mass/sendall", asked)
    except Refused as refused:
        if refused.kind is not Kind.DONE:
            raise
        answer = dict(refused.answer)
    return Sent(id_of(answer, "msg_id"), str(answer.get("msg_data_id", "")))


def preview(api: WechatApi, draft_id: str, openid: str) -> None:
    """Show a draft to one follower; a hundred a day."""
    asked = {"touser": openid, "mpnews": {"media_id": draft_id}, "msgtype": "mpnews"}
    api.post("/cgi-bin/message/mass/preview", asked)


def reads_by_slot(api: WechatApi, on: date) -> list[dict[str, Any]]:
    """The figures of a day's articles as WeChat has them (`msgid`: `<data_id>_<slot from 1>`), yesterday's last."""
    answer = api.post("/datacube/getarticlesummary", {"begin_date": on.isoformat(), "end_date": on.isoformat()})
    return [row for row in answer.get("list", ()) if isinstance(row, dict)]


def id_of(answer: dict[str, Any], name: str) -> str:
    """An id, which one document says is a text and another a number; raises Unanswered when there is none."""
    value = answer.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, str)) or not value:
        raise Unanswered(f"no {name}")
    return str(value)
