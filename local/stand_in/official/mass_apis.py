"""Mass sending and statistics of Official Accounts over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from local.stand_in.accounts import App
from local.stand_in.clock import beijing
from local.stand_in.official import jobs
from local.stand_in.official.apis import OFFICIAL, OK
from local.stand_in.official.drafts import Draft
from local.stand_in.official.masses import Audience, Mass, audience_of
from local.stand_in.official.reads import read_range
from local.stand_in.routing import WECHAT, Api, Call
from local.stand_in.wire import Json, Refused
from local.stand_in.world import World

A_MINUTE = 60
MOST_OPENIDS = 10_000


def send_all(world: World, call: Call) -> Json:
    given = call.body()
    return _send(world, call, given, lambda app: audience_of(world.official.followers, app.appid, given))


def send_to(world: World, call: Call) -> Json:
    given = call.body()
    to = given.get("touser")
    if not isinstance(to, list) or not 2 <= len(to) <= MOST_OPENIDS:
        raise Refused(40003)

    def known(app: App) -> Audience:
        total = tuple(one for one in to if world.official.followers.knows(app.appid, str(one)))
        return Audience(to_all=False, total=total)

    return _send(world, call, given, known)


def preview(world: World, call: Call) -> Json:
    app, given = call.caller(), call.body()
    if given.get("touser"):
        if not world.official.followers.knows(app.appid, str(given["touser"])):
            raise Refused(40003)
    elif not given.get("towxname"):
        raise Refused(40003)
    _content(world, app, given)
    return {"errcode": 0, "errmsg": "preview success", "msg_id": world.ids.number("preview", 34_182)}


def get_mass(world: World, call: Call) -> Json:
    mass = world.official.masses.get(call.caller().appid, call.body().get("msg_id"))
    return {"msg_id": mass.msg_id, "msg_status": mass.state}


def delete_mass(world: World, call: Call) -> Json:
    given = call.body()
    idx = given.get("article_idx", 0)
    if isinstance(idx, bool) or not isinstance(idx, int) or idx < 0:
        raise Refused(47001)
    world.official.masses.delete(call.caller().appid, given.get("msg_id"), idx)
    return OK


def article_summary(world: World, call: Call) -> Json:
    yesterday = (beijing(call.now) - timedelta(days=1)).date()
    first, last = read_range(call.body(), yesterday, most_days=1)
    return {"list": world.official.reads.summary(world.official.shown(call.caller().appid), first, last)}


def article_total(world: World, call: Call) -> Json:
    yesterday = (beijing(call.now) - timedelta(days=1)).date()
    first, last = read_range(call.body(), yesterday, most_days=1)
    return {"list": world.official.reads.total(world.official.shown(call.caller().appid), first, last, yesterday)}


def article_detail(world: World, call: Call) -> Json:
    yesterday = (beijing(call.now) - timedelta(days=1)).date()
    first, last = read_range(call.body(), yesterday, most_days=None)
    listed = world.official.reads.detail(world.official.shown(call.caller().appid), first, last, yesterday)
    return {"list": listed, "is_delay": False}


def _send(world: World, call: Call, given: Json, whom: Callable[[App], Audience]) -> Json:
    app = call.caller()
    if not app.verified:
        raise Refused(48001)
    world.quotas.pace(app.appid, "mass", call.now, most=A_MINUTE, errcode=45011)
    client_id = str(given.get("clientmsgid", ""))
    world.official.masses.known(app, client_id, call.now)
    draft, audience = _content(world, app, given), whom(app)
    mass: Mass = jobs.send(world, app, draft, audience, client_id, call.now)
    said = {**OK, "errmsg": "send job submission success", "msg_id": mass.msg_id}
    if draft is None:
        return said
    world.official.drafts.take(app.appid, draft.media_id)
    return {**said, "msg_data_id": mass.msg_data_id}


def _content(world: World, app: App, given: Json) -> Draft | None:
    """The draft of an mpnews, None for a text; raises Refused."""
    if given.get("msgtype") == "text":
        content = given.get("text", {}).get("content") if isinstance(given.get("text"), dict) else None
        if not content:
            raise Refused(44004)
        return None
    if given.get("msgtype") != "mpnews":
        raise Refused(40008)
    news = given.get("mpnews")
    return world.official.drafts.get(app.appid, str(news.get("media_id", "")) if isinstance(news, dict) else "")


APIS = (
    Api(WECHAT, "POST", "/cgi-bin/message/mass/sendall", send_all, "app", OFFICIAL),
    Api(WECHAT, "POST", "/cgi-bin/message/mass/send", send_to, "app", OFFICIAL),
    Api(WECHAT, "POST", "/cgi-bin/message/mass/preview", preview, "app", OFFICIAL),
    Api(WECHAT, "POST", "/cgi-bin/message/mass/get", get_mass, "app", OFFICIAL),
    Api(WECHAT, "POST", "/cgi-bin/message/mass/delete", delete_mass, "app", OFFICIAL),
    Api(WECHAT, "POST", "/datacube/getarticlesummary", article_summary, "app", OFFICIAL),
    Api(WECHAT, "POST", "/datacube/getarticletotal", article_total, "app", OFFICIAL),
    Api(WECHAT, "POST", "/datacube/getarticletotaldetail", article_detail, "app", OFFICIAL),
)
