"""What a notice says, as a record of the order feed. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from chalicelib.connect.told import bad, part, whole, word
from chalicelib.errors import Code, JifenError

PLATFORM = "wechat"
PAID, REFUNDED = "TRANSACTION.SUCCESS", "REFUND.SUCCESS"
NOT_REFUNDED = frozenset({"REFUND.ABNORMAL", "REFUND.CLOSED"})
"""Refunds that gave nothing back; the shop must look after them, nothing follows for points."""


class Merchant(NamedTuple):
    """Whose notices are ours."""

    mchid: str
    appid: str
    """The mini-program whose openids our members log in with."""


def record_of(event: str, told: Mapping[str, Any], merchant: Merchant) -> dict[str, Any]:
    """The feed's record of a payment or a refund; raises JifenError when it is another merchant's or unreadable.

    An order's value is its total: what WeChat's coupons paid of it is its coupon.
    """
    amount = require_ours(event, told, merchant)
    record = {"platform": PLATFORM, "order_no": number(word(told, "out_trade_no"))}
    if event == REFUNDED:
        if word(told, "refund_status") != "SUCCESS":
            raise bad("refund_status")
        return record | {
            "kind": "refund",
            "refund_no": number(word(told, "out_refund_no")),
            "refunded_fen": whole(amount, "refund"),
            "refunded_at": word(told, "success_time"),
        }
    if word(told, "trade_state") != "SUCCESS":
        raise bad("trade_state")
    total_fen = whole(amount, "total")
    payer_fen = whole(amount, "payer_total") if "payer_total" in amount else total_fen
    return record | {
        "kind": "paid",
        "buyer_id": word(part(told, "payer"), "openid"),
        "paid_at": word(told, "success_time"),
        "paid_fen": total_fen,
        "coupon_fen": max(total_fen - payer_fen, 0),
    }


def require_ours(event: str, told: Mapping[str, Any], merchant: Merchant) -> Mapping[str, Any]:
    """The amount in what is told of our own merchant and mini-program; raises JifenError for anybody else's."""
    if word(told, "mchid") != merchant.mchid:
        raise JifenError(Code.NOT_ALLOWED, "商户号不一致", field="mchid")
    if event == PAID and word(told, "appid") != merchant.appid:  # a refund names none
        raise JifenError(Code.NOT_ALLOWED, "appid不一致", field="appid")
    amount = part(told, "amount")
    if amount.get("currency", "CNY") != "CNY":
        raise bad("amount.currency")
    return amount


def number(text: str) -> str:
    """A merchant's number in the feed's letters: WeChat Pay also allows `|*@`, and `_-` as the first. Each of those
    becomes `.` and its hex, which no number of WeChat Pay's can hold, so no two become one.
    """
    safe = re.sub(r"[|*@]", _hex, text)
    return "0" + re.sub(r"^[_-]", _hex, safe) if re.match(r"[._-]", safe) else safe


def _hex(found: re.Match[str]) -> str:
    return f".{ord(found[0]):02x}"
