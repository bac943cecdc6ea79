"""Calls to api.weixin.qq.com that need an access token: one bounded refresh, refusals with their rid.

Tokens are stable ones (POST /cgi-bin/stable_token), which fetching again does not end and which old-style tokens of
other systems of the brand do not touch. Source: developers.weixin.qq.com, "获取稳定版接口调用凭据".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chalicelib.connect import outside
from chalicelib.connect.accounts import Account, account
from chalicelib.connect.faults import Refused, require_done
from chalicelib.connect.table import ConnectTable, open_connect
from chalicelib.connect.tokens import Fetched, Source, fetched_of, with_token
from chalicelib.runtime import log

HOST = "api.weixin.qq.com"


@dataclass(frozen=True, slots=True)
class WechatApi:
    """One account of the brand, as of an instant."""

    table: ConnectTable
    account: Account
    now: datetime

    def post(
        self, path: str, body: Mapping[str, Any] | None = None, *, upload: outside.Upload | None = None, **query: str
    ) -> dict[str, Any]:
        """What a POST with the account's token answers; raises Refused, Unreached, Unanswered or UNAVAILABLE."""

        def ask(token: str) -> dict[str, Any]:
            return said_yes(
                path,
                outside.ask(HOST, "POST", path, query={"access_token": token, **query}, body=body or {}, upload=upload),
            )

        return with_token(self.table, Source(f"wechat:{self.account.appid}", self._fetch), ask, self.now)

    def _fetch(self) -> Fetched:
        path = "/cgi-bin/stable_token"
        asked = {"grant_type": "client_credential", "appid": self.account.appid, "secret": self.account.secret}
        return fetched_of(said_yes(path, outside.ask(HOST, "POST", path, body={**asked, "force_refresh": False})))


def open_api(system: str, now: datetime) -> WechatApi:
    """The stage's `official_account` or `mini_program` as of an instant; raises JifenError NOT_CONNECTED."""
    return WechatApi(open_connect(), account(system, now), now)


def said_yes(path: str, answer: dict[str, Any]) -> dict[str, Any]:
    """The answer, unless it refuses: then Refused is raised and its errcode and rid are logged."""
    try:
        require_done(path, answer)
    except Refused as refused:
        log.outcome("outside_refused", path=path, errcode=refused.errcode, rid=refused.rid, kind=refused.kind.value)
        raise
    return answer
