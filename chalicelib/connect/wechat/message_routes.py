"""Subscribe messages over HTTP: what the member allowed, as the mini-program was told it."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Annotated, Literal

from chalice.app import Blueprint
from pydantic import Field

from chalicelib.errors import Code, JifenError
from chalicelib.members.access import member
from chalicelib.members.openids import openid_of
from chalicelib.runtime.edge import JSON_BODY, Body, Call, Json, client_key, endpoint
from chalicelib.runtime.lists import listing

bp = Blueprint(__name__)
MOST_TEMPLATES = 3
"""So many are asked about in one question (wx.requestSubscribeMessage)."""

TemplateId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Result = Literal["accept", "reject", "ban", "filter"]


class GrantsIn(Body):
    """What wx.requestSubscribeMessage answered, by template."""

    results: Annotated[dict[TemplateId, Result], Field(min_length=1, max_length=MOST_TEMPLATES)]


@bp.route("/me/message-grants", methods=["POST"], **JSON_BODY)
@endpoint(bp, caller=member, body=GrantsIn)
def post_message_grants(call: Call) -> Json:
    """Tell what wx.requestSubscribeMessage answered: for each template, three at most, `accept`, `reject`, `ban` or
    `filter`. Each `accept` is one message more. Needs an Idempotency-Key.
    """
    from chalicelib.connect.wechat import grants
    from chalicelib.connect.wechat.grants_table import open_grants
    from chalicelib.connect.wechat.templates import templates

    named = json.dumps([call.caller.id, client_key(call)])
    openid, used = _openid(call), templates(call.now)
    replayed = grants.report(
        open_grants(),
        openid,
        call.body.results,
        templates=used,
        key=sha256(named.encode()).hexdigest(),
        now=call.now,
    )
    return {**listing(grants.shown(open_grants(), openid, used)), "replayed": replayed}


@bp.route("/me/message-grants", methods=["GET"])
@endpoint(bp, caller=member)
def get_message_grants(call: Call) -> Json:
    """How many messages of each kind the member still allows."""
    from chalicelib.connect.wechat import grants
    from chalicelib.connect.wechat.grants_table import open_grants
    from chalicelib.connect.wechat.templates import templates

    return listing(grants.shown(open_grants(), _openid(call), templates(call.now)))


def _openid(call: Call) -> str:
    openid = openid_of(call.caller.id)
    if openid is None:
        raise JifenError(Code.MEMBER_NOT_FOUND)
    return openid
