"""Subscribe messages over HTTP, and the taps of members that an admin makes."""

from __future__ import annotations

from local.stand_in.accounts import App
from local.stand_in.admin import Handle, text, whole
from local.stand_in.ids import person_in
from local.stand_in.official.events import tell
from local.stand_in.routing import WECHAT, Api, Call
from local.stand_in.subscriptions import Template
from local.stand_in.wire import Json, Refused, Unknown
from local.stand_in.world import World

MINI_PROGRAM = frozenset({"mini_program"})


def send(world: World, call: Call) -> Json:
    app, given = call.caller(), call.body()
    openid, template_id = str(given.get("touser", "")), str(given.get("template_id", ""))
    if not world.logins.knows(app.appid, openid):
        raise Refused(40003)
    world.subscriptions.send(app.appid, openid, template_id, given.get("data"))
    number = world.ids.number("subscribe", 2_000_000_000_000_000_001)
    listed = {"TemplateId": template_id, "MsgID": number, "ErrorCode": 0, "ErrorStatus": "success"}
    _tell(world, app, openid, "subscribe_msg_sent_event", "SubscribeMsgSentEvent", listed, call.now)
    return {"errcode": 0, "errmsg": "ok", "msgid": number}


def put_template(world: World, given: Json) -> Json:
    """`{"appid", "template_id", "fields": ["thing1", ...], "long_term"?}`"""
    fields = given.get("fields")
    if not isinstance(fields, list) or not fields:
        raise Unknown("fields are names as thing1")
    app, template_id = world.accounts.app(text(given, "appid")), text(given, "template_id")
    world.subscriptions.put(Template(template_id, app.appid, tuple(fields), given.get("long_term") is True))
    return {"template_id": template_id}


def tap(world: World, given: Json) -> Json:
    """What a member answered when asked, or changed later: `{"appid", "person" | "openid", "template_id", "count"?}`.

    A count below 0 refuses. The app's callback hears of it.
    """
    app, template_id, count = (
        world.accounts.app(text(given, "appid")),
        text(given, "template_id"),
        whole(given, "count", 1),
    )
    openid = text(given, "openid", person_in(app.appid, text(given, "person", "")))
    left = world.subscriptions.grant(app.appid, openid, template_id, count)
    world.logins.meet(app.appid, openid)
    listed = {
        "TemplateId": template_id,
        "SubscribeStatusString": "accept" if count > 0 else "reject",
        "PopupScene": 0,
    }
    now = world.clock.now()
    _tell(world, app, openid, "subscribe_msg_popup_event", "SubscribeMsgPopupEvent", listed, now)
    return {"openid": openid, "left": left}


def get_left(world: World, given: Json) -> Json:
    appid, openid, template_id = text(given, "appid"), text(given, "openid"), text(given, "template_id")
    return {"left": world.subscriptions.left(appid, openid, template_id)}


def _tell(world: World, app: App, openid: str, event: str, element: str, listed: Json, now: int) -> None:
    tell(world, app, event, {element: {"List": listed}}, now, sender=openid)


APIS = (Api(WECHAT, "POST", "/cgi-bin/message/subscribe/send", send, "app", MINI_PROGRAM),)
HANDLES = (
    Handle("POST", "/templates", put_template),
    Handle("POST", "/taps", tap),
    Handle("GET", "/taps", get_left),
)
