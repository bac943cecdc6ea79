"""Media, drafts and publications of Official Accounts over HTTP."""

from __future__ import annotations

from local.stand_in.clock import seconds
from local.stand_in.multipart import file_of
from local.stand_in.official import jobs
from local.stand_in.official.drafts import Draft
from local.stand_in.official.publications import shape
from local.stand_in.routing import WECHAT, Api, Call
from local.stand_in.wire import Json, Refused
from local.stand_in.world import World

OK: Json = {"errcode": 0, "errmsg": "ok"}
OFFICIAL = frozenset({"service", "subscription"})


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
    draft = world.official.drafts.get(call.caller().appid, _media_id(call))
    at = seconds(draft.at)
    return {"news_item": [article.shape for article in draft.articles], "create_time": at, "update_time": at}


def list_drafts(world: World, call: Call) -> Json:
    """A page of one to twenty drafts; `no_content` leaves the articles' text out."""
    given = call.body()
    offset, count = given.get("offset"), given.get("count")
    if not isinstance(offset, int) or not isinstance(count, int) or offset < 0 or not 1 <= count <= 20:
        raise Refused(40007)
    appid, left_out = call.caller().appid, {"content"} if given.get("no_content") == 1 else set()
    page = world.official.drafts.newest(appid, offset, count)
    items = [
        {
            "media_id": draft.media_id,
            "content": {"news_item": [_without(article.shape, left_out) for article in draft.articles]},
            "update_time": seconds(draft.at),
        }
        for draft in page
    ]
    return {"total_count": world.official.drafts.count(appid), "item_count": len(items), "item": items}


def count_drafts(world: World, call: Call) -> Json:
    return {"total_count": world.official.drafts.count(call.caller().appid)}


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


def delete_publication(world: World, call: Call) -> Json:
    given = call.body()
    idx = given.get("index", 0)
    if isinstance(idx, bool) or not isinstance(idx, int) or idx < 0:
        raise Refused(47001)
    world.official.publications.delete(call.caller().appid, str(given.get("article_id", "")), idx)
    return OK


def _without(shape: Json, names: set[str]) -> Json:
    return {name: value for name, value in shape.items() if name not in names}


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
    Api(WECHAT, "POST", "/cgi-bin/draft/batchget", list_drafts, "app", OFFICIAL),
    Api(WECHAT, "ANY", "/cgi-bin/draft/count", count_drafts, "app", OFFICIAL),
    Api(WECHAT, "POST", "/cgi-bin/draft/delete", delete_draft, "app", OFFICIAL),
    Api(WECHAT, "POST", "/cgi-bin/freepublish/submit", submit, "app", OFFICIAL),
    Api(WECHAT, "POST", "/cgi-bin/freepublish/get", get_publication, "app", OFFICIAL),
    Api(WECHAT, "POST", "/cgi-bin/freepublish/delete", delete_publication, "app", OFFICIAL),
)
