"""The APIs that hand out access tokens, of WeChat and WeCom."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local.stand_in.accounts import App
from local.stand_in.routing import WECHAT, WECOM, Api, Call
from local.stand_in.tokens import Token
from local.stand_in.wire import Json, Refused
from local.stand_in.world import World

STABLE_A_MINUTE = 10_000
CLIENT = "client_credential"
CORP_A_MINUTE = 10_000


def get_token(world: World, call: Call) -> Json:
    app = credentials(world, call.request.query, CLIENT)
    world.quotas.take(app.appid, call.request.path, call.now)
    return _answer(world.tokens.legacy(app.appid, call.now), call.now)


def get_stable_token(world: World, call: Call) -> Json:
    given = call.body()
    app = credentials(world, given, CLIENT)
    world.quotas.take(app.appid, call.request.path, call.now)
    world.quotas.pace(app.appid, call.request.path, call.now, most=STABLE_A_MINUTE, errcode=45011)
    return _answer(world.tokens.stable(app.appid, call.now, forced=given.get("force_refresh") is True), call.now)


def get_corp_token(world: World, call: Call) -> Json:
    corpid, secret = call.request.query.get("corpid", ""), call.request.query.get("corpsecret", "")
    if not corpid:
        raise Refused(41002)
    if not secret:
        raise Refused(41004)
    corp = world.accounts.corps.get(corpid)
    if corp is None:
        raise Refused(40013)
    if secret not in corp.secrets:
        raise Refused(40001)
    world.quotas.pace(corpid, call.request.path, call.now, most=CORP_A_MINUTE, errcode=45009)
    token = world.tokens.of_corp(corpid, secret, call.now)
    return {"errcode": 0, "errmsg": "ok", **_answer(token, call.now)}


def credentials(world: World, given: Mapping[str, Any], grant_type: str) -> App:
    """The app of an appid and secret; raises Refused 41002, 41004, 40013, 40125, 40002."""
    if not given.get("appid"):
        raise Refused(41002)
    if not given.get("secret"):
        raise Refused(41004)
    app = world.accounts.apps.get(str(given["appid"]))
    if app is None:
        raise Refused(40013)
    if given["secret"] != app.secret:
        raise Refused(40125)
    if given.get("grant_type") != grant_type:
        raise Refused(40002)
    return app


def _answer(token: Token, now: int) -> Json:
    return {"access_token": token.value, "expires_in": token.expires_in(now)}


APIS = (
    Api(WECHAT, "ANY", "/cgi-bin/token", get_token),
    Api(WECHAT, "POST", "/cgi-bin/stable_token", get_stable_token),
    Api(WECOM, "GET", "/cgi-bin/gettoken", get_corp_token),
)
