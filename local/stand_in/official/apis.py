"""Media, drafts and publications of Official Accounts over HTTP."""

from __future__ import annotations

from local.stand_in.clock import seconds
from local.stand_in.multipart import file_of
from local.stand_in.official import jobs
from local.stand_in.official.drafts import Article, Draft
from local.stand_in.official.publications import DONE, Publication, shape
from local.stand_in.routing import WECHAT, Api, Call
from local.stand_in.wire import Json, Refused
from local.stand_in.world import World

OK: Json = {"errcode": 0, "errmsg": "ok"}
OFFICIAL = frozenset({"service", "subscription"})
MOST_LISTED = 20


def upload_body_picture(world: World, call: Call) -> Json:
    return {"url": world.official.media.body_picture(file_of(call.request, "media").content)}


def add_material(world: World, call: Call) -> Json:
    kind, part = call.request.query.get("type", ""), file_of(call.request, "media")
    media_id, address = world.official.media.add_permanent(call.caller().appid, kind, part.content)
    return {"media_id": media_id, "url": address, "item": []}


def upload_temporary(world: World, call: Call) -> Json:
    kind, part = call.request.query.get("type", ""), file_of(call.request, "media")
    media_id = world.official.media.add_temporary(call.caller().appid, kind, part.content, call.now)
    name = "thumb_media_id" if kind == "thumb" else "media_id"
    return {"type": kind, name: media_id, "created_at": seconds(call.now)}


def add_draft(world: World, call: Call) -> Json:
    draft = world.official.drafts.add(call.caller().appid, call.body().get("articles"), call.now)
    return {"media_id": draft.media_id, "item": []}


def get_draft(world: World, call: Call) -> Json:
    return _draft(world.official.drafts.get(call.caller().appid, _media_id(call)), bare=False)


def count_drafts(world: World, call: Call) -> Json:
    return {"total_count": len(world.official.drafts.of(call.caller().appid))}


def list_drafts(world: World, call: Call) -> Json:
    """How a caller finds a draft whose answer it never got."""
    drafts, bare = world.official.drafts.of(call.caller().appid), call.body().get("no_content") == 1
    items = [
        {"media_id": one.media_id, "content": _draft(one, bare=bare), "update_time": seconds(one.at)} for one in drafts
    ]
    return _page(call, items)


def delete_draft(world: World, call: Call) -> Json:
    world.official.drafts.take(call.caller().appid, _media_id(call))
    return OK


def submit(world: World, call: Call) -> Json:
    app, media_id = call.caller(), _media_id(call)
    if not app.verified:
        raise Refused(48001)
    draft: Draft = world.official.drafts.take(app.appid, media_id)
    job = jobs.publish(world, app, draft, call.now)
    number: str | int = int(job.publish_id) if app.publish_id_is_number else job.publish_id
    return {**OK, "publish_id": number, "msg_data_id": job.msg_data_id}


def get_publication(world: World, call: Call) -> Json:
    app = call.caller()
    job = world.official.publications.get(app.appid, str(call.body().get("publish_id", "")))
    return shape(job, id_is_number=app.publish_id_is_number)


def list_publications(world: World, call: Call) -> Json:
    """How a caller finds a publication whose answer it never got."""
    jobs_done = reversed(world.official.publications.published(call.caller().appid))
    bare = call.body().get("no_content") == 1
    items = [
        {"article_id": job.article_id, "content": _published(job, bare=bare), "update_time": seconds(job.at)}
        for job in jobs_done
        if job.status == DONE
    ]
    return _page(call, items)


def delete_publication(world: World, call: Call) -> Json:
    given = call.body()
    idx = given.get("index", 0)
    if isinstance(idx, bool) or not isinstance(idx, int) or idx < 0:
        raise Refused(47001)
    world.official.publications.delete(call.caller().appid, str(given.get("article_id", "")), idx)
    return OK


def _draft(draft: Draft, *, bare: bool) -> Json:
    at = seconds(draft.at)
    return {"news_item": [_article(one, bare=bare) for one in draft.articles], "create_time": at, "update_time": at}


def _published(job: Publication, *, bare: bool) -> Json:
    at = seconds(job.at)
    items = [
        {**_article(one, bare=bare), "url": job.address(idx), "is_deleted": idx in job.deleted}
        for idx, one in enumerate(job.draft.articles, start=1)
    ]
    return {"news_item": items, "create_time": at, "update_time": at}


def _article(article: Article, *, bare: bool) -> Json:
    return {name: value for name, value in article.shape.items() if not (bare and name == "content")}


def _page(call: Call, items: list[Json]) -> Json:
    """The part asked for by offset and count; raises Refused 40097."""
    given = call.body()
    offset, count = given.get("offset", 0), given.get("count", MOST_LISTED)
    if not isinstance(offset, int) or not isinstance(count, int) or offset < 0 or not 1 <= count <= MOST_LISTED:
        raise Refused(40097, "offset or count")
    page = items[offset : offset + count]
    return {"total_count": len(items), "item_count": len(page), "item": page}


def _media_id(call: Call) -> str:
    media_id = call.body().get("media_id")
    if not media_id:
        raise Refused(41006)
    return str(media_id)


APIS = (
    Api(WECHAT, "POST", "/cgi-bin/media/uploadimg", upload_body_picture, "app", OFFICIAL),
    Api(WECHAT, "POST", "/cgi-bin/material/add_material", add_material, "app", OFFICIAL),
    Api(WECHAT, "POST", "/cgi-bin/media/upload", upload_temporary, "app"),
    Api(WECHAT, "POST", "/cgi-bin/draft/add", add_draft, "app", OFFICIAL),
    Api(WECHAT, "POST", "/cgi-bin/draft/get", get_draft, "app", OFFICIAL),
    Api(WECHAT, "ANY", "/cgi-bin/draft/count", count_drafts, "app", OFFICIAL),
    Api(WECHAT, "POST", "/cgi-bin/draft/batchget", list_drafts, "app", OFFICIAL),
    Api(WECHAT, "POST", "/cgi-bin/draft/delete", delete_draft, "app", OFFICIAL),
    Api(WECHAT, "POST", "/cgi-bin/freepublish/submit", submit, "app", OFFICIAL),
    Api(WECHAT, "POST", "/cgi-bin/freepublish/get", get_publication, "app", OFFICIAL),
    Api(WECHAT, "POST", "/cgi-bin/freepublish/batchget", list_publications, "app", OFFICIAL),
    Api(WECHAT, "POST", "/cgi-bin/freepublish/delete", delete_publication, "app", OFFICIAL),
)
