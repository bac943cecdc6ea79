"""Calls to qyapi.weixin.qq.com that need an access token: one token a secret, one bounded refresh.

Source: developer.work.weixin.qq.com, document/path/91039 (gettoken). WeCom answers only addresses on the app's list
(60020).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from chalicelib.connect import outside
from chalicelib.connect.accounts import Account
from chalicelib.connect.table import ConnectTable
from chalicelib.connect.tokens import Fetched, Source, fetched_of, with_token
from chalicelib.connect.wechat.api import said_yes

HOST = "qyapi.weixin.qq.com"


@dataclass(frozen=True, slots=True)
class WecomApi:
    """One app of the brand's corp, by its secret, as of an instant."""

    table: ConnectTable
    account: Account
    now: datetime

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """What a POST with the app's token answers; raises Refused, Unreached, Unanswered or UNAVAILABLE."""

        def ask(token: str) -> dict[str, Any]:
            return said_yes(path, outside.ask(HOST, "POST", path, query={"access_token": token}, body=body))

        return with_token(self.table, Source(self._key, self._fetch), ask, self.now)

    @property
    def _key(self) -> str:
        """Each app of a corp has a secret, and each secret a token of its own."""
        app = sha256(self.account.secret.encode()).hexdigest()[:12]
        return f"wecom:{self.account.appid}:{app}"

    def _fetch(self) -> Fetched:
        path, asked = "/cgi-bin/gettoken", {"corpid": self.account.appid, "corpsecret": self.account.secret}
        return fetched_of(said_yes(path, outside.ask(HOST, "GET", path, query=asked)))
