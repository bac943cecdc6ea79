"""Refunds at WeChat Pay by our own numbers: each number gives its money back once, however often it is asked for.

WeChat Pay takes a refund at once and carries it out later, in minutes or days: an answer of PROCESSING is no end. How
it ended says `refund_of`, or a notice. A refund that was not answered, or that was declined for now, is asked for again
under its own number, never under another one. Source: pay.weixin.qq.com/doc/v3/merchant, "退款申请",
"查询单笔退款（通过商户退款单号）".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from chalicelib.connect.outside import Unanswered
from chalicelib.connect.tokens import text_of
from chalicelib.connect.wechat_pay import declined
from chalicelib.connect.wechat_pay.answers import fen_of, instant_of, part_of
from chalicelib.connect.wechat_pay.api import PayApi
from chalicelib.connect.wechat_pay.declined import Declined
from chalicelib.connect.wechat_pay.orders import NUMBER, checked

REFUNDS = "/v3/refund/domestic/refunds"
REFUND_NUMBER = re.compile(r"[0-9A-Za-z_-]{1,64}")
MOST_REASON_CHARS = 26
"""80 bytes in UTF-8."""


class RefundAsked(NamedTuple):
    """What is given back of an order; asked for again it must be the same."""

    out_refund_no: str
    out_trade_no: str
    refund_fen: int
    total_fen: int
    """The whole order's."""
    reason: str
    """What the payer reads; cut at MOST_REASON_CHARS."""


class RefundState(StrEnum):
    """What has become of a refund, in WeChat Pay's words."""

    PROCESSING = "PROCESSING"
    DONE = "SUCCESS"
    CLOSED = "CLOSED"
    """Nothing was given back; a further one needs another number."""
    ABNORMAL = "ABNORMAL"
    """The money went out and came back, as to a closed bank account: people must see to it on WeChat Pay's console."""


class Refund(NamedTuple):
    """A refund as WeChat Pay has it; `done_at` only when it is DONE."""

    out_refund_no: str
    out_trade_no: str
    state: RefundState
    refund_id: str
    refund_fen: int
    total_fen: int
    done_at: datetime | None


def refund(api: PayApi, asked: RefundAsked) -> Refund:
    """Ask for a refund; the same again answers how it stands.

    Raises Declined: of the kind INVALID when it will never be given (the order is not paid, more than is left of it,
    another content under this number, later than a year), else later under the same number. Raises Unreached and
    Unanswered.
    """
    body = {
        "out_trade_no": checked(NUMBER, asked.out_trade_no),
        "out_refund_no": checked(REFUND_NUMBER, asked.out_refund_no),
        "reason": asked.reason[:MOST_REASON_CHARS],
        "notify_url": api.merchant.notify_url,
        "amount": {"refund": asked.refund_fen, "total": asked.total_fen, "currency": "CNY"},
    }
    made = _refund(api.post(REFUNDS, body))
    if made[:2] != asked[:2] or (made.refund_fen, made.total_fen) != (asked.refund_fen, asked.total_fen):
        raise Unanswered("another refund")
    return made


def refund_of(api: PayApi, out_refund_no: str) -> Refund | None:
    """The refund of a number, None when WeChat Pay knows none; raises Declined, Unreached or Unanswered."""
    try:
        found = _refund(api.get(f"{REFUNDS}/{checked(REFUND_NUMBER, out_refund_no)}"))
    except Declined as no:
        if no.code in declined.MISSING:
            return None
        raise
    if found.out_refund_no != out_refund_no:
        raise Unanswered("another refund")
    return found


def _refund(answer: Mapping[str, Any]) -> Refund:
    amount = part_of(answer, "amount")
    try:
        state = RefundState(answer.get("status", ""))
    except ValueError:
        raise Unanswered("status") from None
    return Refund(
        text_of(answer, "out_refund_no"),
        text_of(answer, "out_trade_no"),
        state,
        text_of(answer, "refund_id"),
        fen_of(amount, "refund"),
        fen_of(amount, "total"),
        instant_of(answer, "success_time") if state is RefundState.DONE else None,
    )
