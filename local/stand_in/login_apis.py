"""Log-in and phone number of mini-programs, and how an admin mints the codes a phone would bring."""

from __future__ import annotations

from local.stand_in.admin import Handle, text
from local.stand_in.clock import seconds
from local.stand_in.ids import person_in
from local.stand_in.routing import WECHAT, Api, Call
from local.stand_in.token_apis import credentials
from local.stand_in.wire import Json, Refused
from local.stand_in.world import World

A_MINUTE = 100
"""Log-ins of one user."""
MINI_PROGRAM = frozenset({"mini_program"})


def code_to_session(world: World, call: Call) -> Json:
    query = call.request.query
    app = credentials(world, query, "authorization_code")
    if not query.get("js_code"):
        raise Refused(41008)
    openid = world.logins.whose(query["js_code"])
    if openid:
        world.quotas.pace(openid, call.request.path, call.now, most=A_MINUTE, errcode=45011)
    session = world.logins.redeem(app.appid, query["js_code"], call.now)
    unionid = {"unionid": session.unionid} if session.unionid else {}
    return {"session_key": session.session_key, "openid": session.openid, **unionid}


def get_phone_number(world: World, call: Call) -> Json:
    app, code = call.caller(), str(call.body().get("code", ""))
    if not code:
        raise Refused(41008)
    phone = world.logins.redeem_phone(app.appid, code, call.now)
    return {
        "errcode": 0,
        "errmsg": "ok",
        "phone_info": {
            "phoneNumber": phone.number if phone.country_code == "86" else f"+{phone.country_code}{phone.number}",
            "purePhoneNumber": phone.number,
            "countryCode": phone.country_code,
            "watermark": {"timestamp": seconds(call.now), "appid": app.appid},
        },
    }


def mint_code(world: World, given: Json) -> Json:
    """`{"appid", "person" | "openid", "unionid"?, "blocked"?}`: a person has one unionid in all apps of one account."""
    app = world.accounts.app(text(given, "appid"))
    person = text(given, "person", "")
    openid = text(given, "openid", person_in(app.appid, person))
    known = person_in(app.open_platform, person) if app.open_platform and person else ""
    unionid = text(given, "unionid", known)
    code = world.logins.mint(app.appid, openid, unionid, world.clock.now(), blocked=bool(given.get("blocked")))
    return {"code": code, "openid": openid, "unionid": unionid}


def mint_phone_code(world: World, given: Json) -> Json:
    """`{"appid", "number", "country_code"?}`"""
    app = world.accounts.app(text(given, "appid"))
    number, country = text(given, "number"), text(given, "country_code", "86")
    return {"code": world.logins.mint_phone(app.appid, number, country, world.clock.now())}


APIS = (
    Api(WECHAT, "GET", "/sns/jscode2session", code_to_session),
    Api(WECHAT, "POST", "/wxa/business/getuserphonenumber", get_phone_number, "app", MINI_PROGRAM),
)
HANDLES = (
    Handle("POST", "/login-codes", mint_code),
    Handle("POST", "/phone-codes", mint_phone_code),
)
