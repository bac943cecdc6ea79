"""Publishing without push (发布): a draft becomes pages that everybody with their link can read; no follower is told.

WeChat takes a draft, answers with a job's id, and the job ends later: well, or with what it found wrong. A draft that
was taken is no longer among the drafts. Source: developers.weixin.qq.com, "发布能力", "草稿管理".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from chalicelib.connect.faults import Refused
from chalicelib.connect.tokens import text_of
from chalicelib.connect.wechat.api import WechatApi
from chalicelib.connect.wechat.official_account import id_of

PUBLICATIONS_A_PAGE = 20
NO_SUCH_DRAFT = 40007


class Submitted(NamedTuple):
    """A job by its id; `data_id` names its articles in WeChat's figures, where WeChat says it."""

    publish_id: str
    data_id: str


class Published(NamedTuple):
    """What was published, by the id of its articles, and their links in order."""

    article_id: str
    links: tuple[str, ...]


def submit(api: WechatApi, draft_id: str) -> Submitted:
    """Have a draft published; a hundred a day. No id of ours goes with it: only the draft, which it uses up."""
    answer = api.post("/cgi-bin/freepublish/submit", {"media_id": draft_id})
    return Submitted(id_of(answer, "publish_id"), str(answer.get("msg_data_id", "")))


def job(api: WechatApi, publish_id: str) -> Mapping[str, Any]:
    """How a job stands, as its event tells it (`publish_status`, `article_detail`, `fail_idx`); a hundred a day."""
    return api.post("/cgi-bin/freepublish/get", {"publish_id": publish_id})


def has_draft(api: WechatApi, draft_id: str) -> bool:
    """Whether a draft is still among the drafts: then nothing has taken it, or its job failed and gave it back."""
    try:
        api.post("/cgi-bin/draft/get", {"media_id": draft_id})
    except Refused as refused:
        if refused.errcode != NO_SUCH_DRAFT:
            raise
        return False
    return True


def find_published(api: WechatApi, titles: Sequence[str], *, since_epoch_s: int) -> Published | None:
    """The newest publication with these titles since then, of the newest PUBLICATIONS_A_PAGE; None where none is."""
    asked = {"offset": 0, "count": PUBLICATIONS_A_PAGE, "no_content": 1}
    found: list[tuple[int, Published]] = []
    for one in api.post("/cgi-bin/freepublish/batchget", asked).get("item", ()):
        news = one.get("content", {}).get("news_item", ())
        if [article.get("title") for article in news] == list(titles) and one.get("update_time", 0) >= since_epoch_s:
            links = tuple(str(article.get("url", "")) for article in news)
            found.append((one["update_time"], Published(text_of(one, "article_id"), links)))
    return max(found)[1] if found else None
