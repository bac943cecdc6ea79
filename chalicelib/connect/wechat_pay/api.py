"""Calls to WeChat Pay: signed with the merchant's key, their answers believed only under WeChat Pay's own signature.

A call ends in one of four ways. An answer; Declined, which says that nothing was done; Unreached; or Unanswered, when
nobody knows. An answer whose signature is missing, foreign, old or of a serial that is not in the secret is no answer:
Unverified, and logged as that. Nobody is asked for keys that are not known. The one refusal that is believed without a
signature is 401: WeChat Pay signs its answers to who has signed well, and 401 says that we have not.

Whatever has a number of ours (an order, a refund) may be asked again under it: WeChat Pay does it once. Source:
pay.weixin.qq.com/doc/v3/merchant, "签名验证", "状态码和错误码".
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from chalicelib.connect import outside
from chalicelib.connect.accounts import keys_of, text
from chalicelib.connect.outside import Reply, Unanswered
from chalicelib.connect.wechat_pay.declined import Declined
from chalicelib.connect.wechat_pay.signature import verify
from chalicelib.connect.wechat_pay.signing import Merchant, authorization
from chalicelib.errors import Code, JifenError
from chalicelib.runtime import log

HOST = "api.mch.weixin.qq.com"
_PUBLIC_KEY = "PUB_KEY_ID_"
"""How the serials of WeChat Pay's public keys begin; others are those of its certificates."""


class Unverified(Unanswered):
    """Something answered, but nothing shows that it was WeChat Pay."""


@dataclass(frozen=True, slots=True)
class PayApi:
    """The brand's merchant at WeChat Pay, as of an instant."""

    merchant: Merchant
    now: datetime

    def get(self, path: str, **query: str) -> dict[str, Any]:
        """What a GET answers; raises Declined, Unreached or Unanswered."""
        return self._call("GET", path + (f"?{urlencode(query)}" if query else ""), b"")

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """What a POST answers, nothing for 204; raises Declined, Unreached or Unanswered."""
        return self._call("POST", path, json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode())

    def _call(self, method: str, target: str, body: bytes) -> dict[str, Any]:
        nonce = secrets.token_hex(16)
        signed = authorization(self.merchant, method, target, body, timestamp=self.now, nonce=nonce)
        headers = {"Authorization": signed, "Accept": "application/json", "User-Agent": "jifen"}
        if body:
            headers["Content-Type"] = "application/json"
        # Who still has certificates beside a public key is answered under the one that is named here.
        for serial in self.merchant.keys:
            if serial.startswith(_PUBLIC_KEY):
                headers["Wechatpay-Serial"] = serial
        path = target.partition("?")[0]
        return self._read(path, outside.exchange(HOST, method, target, headers=headers, body=body))

    def _read(self, path: str, reply: Reply) -> dict[str, Any]:
        said, request_id = _said(reply), reply.headers.get("request-id", "")[:64]
        code = str(said.get("code", ""))[:64] if reply.status not in (200, 204) else None
        log.outcome("wechat_pay", path=path, status=reply.status, code=code, request_id=request_id)
        if reply.status not in (200, 204) and not 400 <= reply.status < 500:
            raise Unanswered(f"status {reply.status}")  # 202 and 5xx: it may be done, or be done yet
        if reply.status != 401:
            self._require_signed(path, reply, request_id)
        if reply.status >= 400:
            raise Declined(path, reply.status, said, request_id)
        return {} if reply.status == 204 else outside.object_of(reply)

    def _require_signed(self, path: str, reply: Reply, request_id: str) -> None:
        try:
            verify(reply.headers, reply.body, self.now, self.merchant.keys)
        except JifenError as error:
            log.outcome("wechat_pay_unverified", path=path, why=error.code.name, request_id=request_id)
            raise Unverified(error.code.name) from None


def open_pay(now: datetime) -> PayApi:
    """The stage's merchant as of an instant; raises JifenError NOT_CONNECTED when there is none or it cannot sign,
    ValueError when something it needs is missing beside its key.
    """
    known = keys_of("wechat_pay", now)
    if not known.get("private_key"):
        raise JifenError(Code.NOT_CONNECTED)
    named = {name: text(known, name) for name in Merchant._fields if name != "keys"}
    return PayApi(Merchant(**named, keys=known.get("keys", {})), now)


def open_pay_if_connected(now: datetime) -> PayApi | None:
    """The same, None where the stage has no merchant that can sign."""
    try:
        return open_pay(now)
    except JifenError as refused:
        if refused.code is not Code.NOT_CONNECTED:
            raise
        return None


def _said(reply: Reply) -> dict[str, Any]:
    """What an answer says, nothing when it cannot be read."""
    try:
        return outside.object_of(reply)
    except Unanswered:
        return {}
