"""Notices about the cash part of what the points mall sold (积分+现金), told apart by our own numbers. Pure.

They never become orders of the feed: what was bought with points earns none.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from chalicelib.connect.told import bad, whole, word
from chalicelib.connect.wechat_pay.notice import PAID, REFUNDED, Merchant, require_ours

MALL_PREFIX = "JF"
"""How the mall's numbers begin. A till of the brand's under the same merchant must not number its orders so."""
_NUMBER = re.compile(MALL_PREFIX + r"[0-9A-Za-z_-]{4,30}")


class What(StrEnum):
    """What a notice says of a payment of the mall's."""

    PAID = "paid"
    REFUNDED = "refunded"
    NOT_REFUNDED = "not_refunded"
    """A refund was closed, or its money came back to the merchant."""


class MallNotice(NamedTuple):
    """What was told, which WeChat Pay is asked about before anything is done. Amounts in fen."""

    what: What
    out_trade_no: str
    transaction_id: str
    total_fen: int
    out_refund_no: str = ""
    """Of a refund; else empty, and `refund_fen` 0."""
    refund_fen: int = 0


def is_malls(out_trade_no: str) -> bool:
    """Whether an order's number is one of the mall's."""
    return _NUMBER.fullmatch(out_trade_no) is not None


def mall_notice_of(event: str, told: Mapping[str, Any], merchant: Merchant) -> MallNotice:
    """A notice of one of the four events; raises JifenError when it is another merchant's or unreadable."""
    amount = require_ours(event, told, merchant)
    number, total_fen = word(told, "out_trade_no"), whole(amount, "total")
    if event == PAID:
        if word(told, "trade_state") != "SUCCESS":
            raise bad("trade_state")
        return MallNotice(What.PAID, number, word(told, "transaction_id"), total_fen)
    if f"REFUND.{word(told, 'refund_status')}" != event:
        raise bad("refund_status")
    return MallNotice(
        What.REFUNDED if event == REFUNDED else What.NOT_REFUNDED,
        number,
        word(told, "transaction_id"),
        total_fen,
        word(told, "out_refund_no"),
        whole(amount, "refund"),
    )


def queued(notice: MallNotice) -> str:
    """A notice as the queue carries it."""
    return json.dumps(notice._asdict())


def unqueued(body: str) -> MallNotice:
    """What `queued` wrote."""
    told = json.loads(body)
    return MallNotice(**{**told, "what": What(told["what"])})
