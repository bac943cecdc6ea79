"""What WeChat Pay says no with: an HTTP status of 4xx and a code in words, turned into the kinds of our own. Pure.

Codes: pay.weixin.qq.com/doc/v3/merchant, "错误码" of each interface. Some are written in two ways there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.connect.faults import Kind

PAID = frozenset({"ORDERPAID", "ORDER_PAID"})
CLOSED = frozenset({"ORDERCLOSED", "ORDER_CLOSED"})
MISSING = frozenset({"ORDER_NOT_EXIST", "ORDERNOTEXIST", "RESOURCE_NOT_EXISTS"})
USED = frozenset({"OUT_TRADE_NO_USED"})
"""The number stands for another order. As often it is INVALID_REQUEST with the words of NUMBER_AGAIN."""
NUMBER_AGAIN = "订单号重复"

KINDS: Mapping[str, Kind] = {
    "BIZERR_NEED_RETRY": Kind.BUSY,
    "FREQUENCY_LIMITED": Kind.BUSY,
    "FREQUENCY_LIMIT_EXCEED": Kind.BUSY,
    "RATELIMIT_EXCEEDED": Kind.BUSY,
    "RATELIMIT_EXCEED": Kind.BUSY,
    "ACCOUNT_ERROR": Kind.ACCOUNT,
    "APPID_MCHID_NOT_MATCH": Kind.ACCOUNT,
    "MCH_NOT_EXISTS": Kind.ACCOUNT,
    "NOT_ENOUGH": Kind.ACCOUNT,
    "NOTENOUGH": Kind.ACCOUNT,
    "NO_AUTH": Kind.ACCOUNT,
    "RULE_LIMIT": Kind.ACCOUNT,
    "RULELIMIT": Kind.ACCOUNT,
    "SIGN_ERROR": Kind.ACCOUNT,
    "USER_ACCOUNT_ABNORMAL": Kind.INVALID,
}
"""NOT_ENOUGH: the merchant's account cannot pay a refund; it is to be filled, then the same refund asked again."""
_BY_STATUS: Mapping[int, Kind] = {401: Kind.ACCOUNT, 403: Kind.ACCOUNT, 429: Kind.BUSY}


class Declined(Exception):
    """WeChat Pay said no; nothing was done. `request_id` is what its support asks for."""

    def __init__(self, path: str, status: int, answer: Mapping[str, Any], request_id: str = "") -> None:
        code, message = answer.get("code"), answer.get("message")
        self.code = code[:64] if isinstance(code, str) else ""
        super().__init__(f"{path}: {status} {self.code}")
        self.path = path
        self.status = status
        self.message = message if isinstance(message, str) else ""
        self.request_id = request_id

    @property
    def kind(self) -> Kind:
        """What can be done about it: a code that is not known goes by its status, and is else INVALID."""
        return KINDS.get(self.code) or _BY_STATUS.get(self.status, Kind.INVALID)
