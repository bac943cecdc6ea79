"""An order and a refund of WeChat Pay: what is known of them, and how they are shown. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from local.stand_in.clock import rfc3339
from local.stand_in.wire import Json

UNPAID, PAID, CLOSED, REFUNDED = "NOTPAY", "SUCCESS", "CLOSED", "REFUND"
PROCESSING, DONE, ABNORMAL, REFUND_CLOSED = "PROCESSING", "SUCCESS", "ABNORMAL", "CLOSED"
WORDS = {UNPAID: "订单未支付", PAID: "支付成功", CLOSED: "订单已关闭", REFUNDED: "转入退款"}


@dataclass(slots=True)
class Order:
    """Amounts in fen."""

    mchid: str
    appid: str
    out_trade_no: str
    total: int
    openid: str
    notify_url: str
    description: str
    attach: str = ""
    prepay_id: str = ""
    state: str = UNPAID
    transaction_id: str = ""
    paid_at: int = 0
    refunds: list[Refund] = field(default_factory=list)
    expires_at: int = 0
    """From then on it cannot be paid, and is closed; 0: never."""
    prepaid_at: int = 0
    """When its `prepay_id` was given, which lives PREPAY_LIVES."""
    shipping: Json | None = None
    """What was reported as sent, and whether that was corrected once."""
    reshipped: bool = False

    def content(self) -> tuple[Any, ...]:
        """What must be the same when it is asked for again."""
        return (self.total, self.openid, self.appid, self.description, self.attach, self.expires_at)

    def shape(self) -> Json:
        """As a query answers and a notification seals it."""
        shown: Json = {
            "mchid": self.mchid,
            "appid": self.appid,
            "out_trade_no": self.out_trade_no,
            "trade_state": self.state,
            "trade_state_desc": WORDS[self.state],
            "amount": {"total": self.total, "currency": "CNY"},
            "payer": {"openid": self.openid},
        }
        if self.attach:
            shown["attach"] = self.attach
        if self.transaction_id:
            shown |= {
                "transaction_id": self.transaction_id,
                "trade_type": "JSAPI",
                "bank_type": "OTHERS",
                "success_time": rfc3339(self.paid_at),
            }
            shown["amount"] |= {"payer_total": self.total, "payer_currency": "CNY"}
        return shown


@dataclass(slots=True)
class Refund:
    """Amounts in fen."""

    order: Order
    out_refund_no: str
    refund_id: str
    fen: int
    notify_url: str
    asked_at: int
    status: str = PROCESSING
    ended_at: int = 0

    def shape(self) -> Json:
        """As the API answers it."""
        shown: Json = {
            "refund_id": self.refund_id,
            "out_refund_no": self.out_refund_no,
            "transaction_id": self.order.transaction_id,
            "out_trade_no": self.order.out_trade_no,
            "channel": "ORIGINAL",
            "user_received_account": "支付用户零钱",
            "create_time": rfc3339(self.asked_at),
            "status": self.status,
            "funds_account": "AVAILABLE",
            "amount": {
                "total": self.order.total,
                "refund": self.fen,
                "payer_total": self.order.total,
                "payer_refund": self.fen,
                "settlement_refund": self.fen,
                "settlement_total": self.order.total,
                "discount_refund": 0,
                "currency": "CNY",
            },
        }
        return shown | ({"success_time": rfc3339(self.ended_at)} if self.status == DONE else {})

    def notice(self) -> Json:
        """As a notification seals it."""
        shown: Json = {
            "mchid": self.order.mchid,
            "transaction_id": self.order.transaction_id,
            "out_trade_no": self.order.out_trade_no,
            "refund_id": self.refund_id,
            "out_refund_no": self.out_refund_no,
            "refund_status": self.status,
            "user_received_account": "支付用户零钱",
            "amount": {
                "total": self.order.total,
                "refund": self.fen,
                "payer_total": self.order.total,
                "payer_refund": self.fen,
            },
        }
        return shown | ({"success_time": rfc3339(self.ended_at)} if self.status == DONE else {})
