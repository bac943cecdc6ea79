"""From a request to its API, and from what the API says to an answer: tokens, faults, quotas and envelopes.

Every outside host has its own way to say no; what an API raises is put into that form here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Literal, NamedTuple

from local.stand_in import codes
from local.stand_in.accounts import App, Corp
from local.stand_in.clock import seconds
from local.stand_in.faults import Fault
from local.stand_in.partner import signing as partner
from local.stand_in.pay import signing as pay
from local.stand_in.wire import Answer, Json, Refused, Request, json_answer, json_object
from local.stand_in.world import World

WECHAT, WECOM, PAY, DUIBA, PARTNER = (
    "api.weixin.qq.com",
    "qyapi.weixin.qq.com",
    "api.mch.weixin.qq.com",
    "activity.m.duiba.com.cn",
    "points.partner.example.com",
)
HOSTS = (WECHAT, WECOM, PAY, DUIBA, PARTNER)


class Call(NamedTuple):
    """One call to one API. `app` or `corp` is whose token it carried; `names` come from the path."""

    request: Request
    now: int
    app: App | None
    corp: Corp | None
    names: Mapping[str, str]

    def body(self) -> Json:
        """The JSON body; raises Refused 47001."""
        return json_object(self.request.body)

    def caller(self) -> App:
        """The app of the token."""
        if self.app is None:
            raise Refused(41001)
        return self.app


class Api(NamedTuple):
    """`path` may hold {names}. `caller`: whose token it asks for. `kinds`: which apps may call it; empty: any."""

    host: str
    method: Literal["GET", "POST", "ANY"]
    path: str
    answer: Callable[[World, Call], Json | Answer]
    caller: Literal["app", "corp", "anyone"] = "anyone"
    kinds: frozenset[str] = frozenset()


class Reaction(NamedTuple):
    """What the edge does: wait so many real seconds, then send the answer, or nothing when there is none."""

    answer: Answer | None
    seconds: float = 0


class Routes:
    def __init__(self, apis: Iterable[Api]) -> None:
        self._exact: dict[tuple[str, str], list[Api]] = {}
        self._patterns: list[tuple[re.Pattern[str], Api]] = []
        for api in apis:
            if "{" in api.path:
                pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", api.path)
                self._patterns.append((re.compile(pattern), api))
            else:
                self._exact.setdefault((api.host, api.path), []).append(api)

    def find(self, request: Request) -> tuple[list[Api], Mapping[str, str]]:
        """The APIs of this path, whatever their methods, and the names in it."""
        exact = self._exact.get((request.host, request.path))
        if exact:
            return exact, {}
        found, names = [], {}
        for pattern, api in self._patterns:
            match = pattern.fullmatch(request.path) if api.host == request.host else None
            if match:
                found.append(api)
                names = match.groupdict()
        return found, names

    def react(self, world: World, request: Request) -> Reaction:
        """Serve one request for an outside host."""
        with world.lock:
            now = world.clock.now()
            fault = world.faults.take(request.path)
            answer = self._answer(world, request, now, fault)
            world.received.note(now, request, _outcome(answer, fault))
        if fault is None or fault.kind in ("errcode", "refusal", "http_500", *pay.TAMPERS):
            return Reaction(answer)
        return Reaction(answer if fault.kind == "slow" else None, fault.seconds)

    def _answer(self, world: World, request: Request, now: int, fault: Fault | None) -> Answer:
        if fault and fault.kind in ("http_500", "timeout_before"):
            return Answer(500, b"Internal Server Error", (("Content-Type", "text/plain"),))
        apis, names = self.find(request)
        if not apis:
            return json_answer({"errcode": 404, "errmsg": f"the stand-in has no {request.path}"}, 404)
        if fault and fault.kind == "refusal":
            no = json_answer({"code": fault.code, "message": "系统拒绝"}, fault.status)
            return pay.signed(world.pay.key, world.ids, now, no)
        if fault and fault.kind == "errcode":
            return refusal(world, request, Refused(fault.errcode), now)
        try:
            api = _of_method(apis, request.method)
            said = api.answer(world, _admitted(world, api, request, now, names))
        except Refused as refused:
            return refusal(world, request, refused, now)
        if not isinstance(said, Answer):
            return json_answer(said)
        if fault and request.host == PARTNER:
            return partner.tampered(said, request, fault.kind, now)
        return pay.tampered(said, fault.kind) if fault and request.host == PAY else said


def refusal(world: World, request: Request, refused: Refused, now: int) -> Answer:
    """A refusal in the words of its host: HTTP 200 with errcode, or WeChat Pay's status and code."""
    text = codes.message(refused.errcode) + (f" {refused.detail}" if refused.detail else "")
    rid = world.ids.rid(seconds(now))
    if request.host == PAY:
        return pay.signed(world.pay.key, world.ids, now, json_answer({"code": "SYSTEM_ERROR", "message": text}, 500))
    if request.host == WECOM:
        hint = f"hint: [{rid}], from ip: 127.0.0.1"
        return json_answer({"errcode": refused.errcode, "errmsg": f"{text}, {hint}", **refused.also})
    return json_answer({"errcode": refused.errcode, "errmsg": f"{text} rid: {rid}", **refused.also})


def _of_method(apis: list[Api], method: str) -> Api:
    for api in apis:
        if api.method in (method, "ANY"):
            return api
    raise Refused(43002 if apis[0].method == "POST" else 43001)


def _admitted(world: World, api: Api, request: Request, now: int, names: Mapping[str, str]) -> Call:
    """The call with the owner of its token, counted against the owner's day."""
    if api.caller == "anyone":
        return Call(request, now, None, None, names)
    owner = world.tokens.owner(request.query.get("access_token", ""), now)
    if api.caller == "corp":
        corp = world.accounts.corps.get(owner)
        if corp is None:
            raise Refused(40014)
        return Call(request, now, None, corp, names)
    app = world.accounts.apps.get(owner)
    if app is None:
        raise Refused(40014)
    if api.kinds and app.kind not in api.kinds:
        raise Refused(48001)
    world.quotas.take(app.appid, api.path, now)
    return Call(request, now, app, None, names)


def _outcome(answer: Answer, fault: Fault | None) -> Json:
    said: Json = {"status": answer.status, "fault": fault.kind if fault else None}
    if answer.body and dict(answer.headers)["Content-Type"].startswith("application/json"):
        read = json.loads(answer.body)
        said |= {name: read[name] for name in ("errcode", "code") if name in read}
    return said
