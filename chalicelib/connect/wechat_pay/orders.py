"""Orders at WeChat Pay by our own numbers: asked for, looked at, closed. Money in fen.

A number stands for one order for ever. Asked for again, with everything else as it was, it is answered with an id to
pay it by, the same or a new one; so who got no answer asks again. What was paid is certain only from `order_of` or a
notice, never from what a phone says; an order that was closed can turn out to have been paid just before.
Source: pay.weixin.qq.com/doc/v3/merchant, "小程序支付": "下单", "商户订单号查询订单", "关闭订单".
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from enum import StrEnum
from typing import NamedTuple

from chalicelib.connect.outside import Unanswered
from chalicelib.connect.tokens import text_of
from chalicelib.connect.wechat_pay import declined
from chalicelib.connect.wechat_pay.answers import fen_of, instant_of, part_of
from chalicelib.connect.wechat_pay.api import PayApi
from chalicelib.connect.wechat_pay.declined import Declined

PREPAY = "/v3/pay/transactions/jsapi"
BY_NUMBER = "/v3/pay/transactions/out-trade-no"
NUMBER = re.compile(r"[0-9A-Za-z_-]{6,32}")
"""Our numbers of orders; WeChat Pay would also take `|*`, which a path cannot carry as they are."""
MOST_DESCRIPTION_CHARS = 127
_BEIJING = timezone(timedelta(hours=8))


class OrderAsked(NamedTuple):
    """What is to be paid, by whom, until when; asked for again it must be the same in everything."""

    out_trade_no: str
    description: str
    """What the payer reads; cut at MOST_DESCRIPTION_CHARS."""
    total_fen: int
    openid: str
    expires_at: datetime
    """From then on it cannot be paid."""


class Readiness(StrEnum):
    """What became of asking for an order."""

    READY = "ready"
    PAID = "paid"
    """It was paid before, and may have been refunded since."""
    CLOSED = "closed"
    """It was closed or ended by itself; its number is used up."""
    OTHER = "other"
    """The number stands for an order with another content."""


class Prepaid(NamedTuple):
    """The answer; `prepay_id` only where it is READY, good for two hours."""

    readiness: Readiness
    prepay_id: str = ""


class State(StrEnum):
    """What has become of an order, in WeChat Pay's words."""

    UNPAID = "NOTPAY"
    PAID = "SUCCESS"
    REFUNDED = "REFUND"
    """Paid, and some of it or all was given back."""
    CLOSED = "CLOSED"


class Order(NamedTuple):
    """An order as WeChat Pay has it; but for the number and the state all is empty until it is paid."""

    out_trade_no: str
    state: State
    total_fen: int = 0
    payer_fen: int = 0
    """What the payer himself paid; WeChat's coupons paid the rest of the total."""
    transaction_id: str = ""
    openid: str = ""
    paid_at: datetime | None = None


class Closing(StrEnum):
    """What became of closing an order."""

    CLOSED = "closed"
    PAID = "paid"
    """Too late: it was paid."""
    MISSING = "missing"
    """WeChat Pay knows no such order; one that is still on its way to it can yet come to be."""


def prepay(api: PayApi, asked: OrderAsked) -> Prepaid:
    """Ask for an order; raises Declined, Unreached or Unanswered. After any of them it may be asked for again."""
    body = {
        "appid": api.merchant.appid,
        "mchid": api.merchant.mchid,
        "description": asked.description[:MOST_DESCRIPTION_CHARS],
        "out_trade_no": checked(NUMBER, asked.out_trade_no),
        "time_expire": asked.expires_at.astimezone(_BEIJING).isoformat(timespec="seconds"),
        "notify_url": api.merchant.notify_url,
        "amount": {"total": asked.total_fen, "currency": "CNY"},
        "payer": {"openid": asked.openid},
    }
    try:
        return Prepaid(Readiness.READY, text_of(api.post(PREPAY, body), "prepay_id"))
    except Declined as no:
        if no.code in declined.PAID:
            return Prepaid(Readiness.PAID)
        if no.code in declined.CLOSED:
            return Prepaid(Readiness.CLOSED)
        if no.code in declined.USED or declined.NUMBER_AGAIN in no.message:
            return Prepaid(Readiness.OTHER)
        raise


def order_of(api: PayApi, out_trade_no: str) -> Order | None:
    """The order of a number, None when WeChat Pay knows none; raises Declined, Unreached or Unanswered."""
    try:
        answer = api.get(f"{BY_NUMBER}/{checked(NUMBER, out_trade_no)}", mchid=api.merchant.mchid)
    except Declined as no:
        if no.code in declined.MISSING:
            return None
        raise
    if (answer.get("mchid"), answer.get("out_trade_no")) != (api.merchant.mchid, out_trade_no):
        raise Unanswered("another order")
    try:
        state = State(text_of(answer, "trade_state"))
    except ValueError:
        raise Unanswered("trade_state") from None
    if state not in (State.PAID, State.REFUNDED):
        return Order(out_trade_no, state)
    amount, payer = part_of(answer, "amount"), part_of(answer, "payer")
    total_fen = fen_of(amount, "total")
    return Order(
        out_trade_no,
        state,
        total_fen,
        fen_of(amount, "payer_total") if "payer_total" in amount else total_fen,
        text_of(answer, "transaction_id"),
        text_of(payer, "openid"),
        instant_of(answer, "success_time"),
    )


def close(api: PayApi, out_trade_no: str) -> Closing:
    """Have an order be paid no more; raises Declined, Unreached or Unanswered, and may then be asked for again."""
    try:
        api.post(f"{BY_NUMBER}/{checked(NUMBER, out_trade_no)}/close", {"mchid": api.merchant.mchid})
    except Declined as no:
        if no.code in declined.PAID:
            return Closing.PAID
        if no.code in declined.MISSING:
            return Closing.MISSING
        if no.code not in declined.CLOSED:
            raise
    return Closing.CLOSED


def checked(pattern: re.Pattern[str], number: str) -> str:
    """A number of ours that a path can carry as it is; raises ValueError for any other."""
    if pattern.fullmatch(number) is None:
        raise ValueError("no number of ours")
    return number
