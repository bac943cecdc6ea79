"""Orders and refunds of merchants: each number stands for one thing for ever. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from local.stand_in.clock import day_of, rfc3339
from local.stand_in.ids import Ids
from local.stand_in.pay.signing import Declined
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


@dataclass(slots=True)
class Orders:
    ids: Ids
    _orders: dict[tuple[str, str], Order] = field(default_factory=dict)
    _refunds: dict[tuple[str, str], Refund] = field(default_factory=dict)

    def create(self, order: Order) -> Order:
        """The order that stands under this number; raises Declined for a number that means another one."""
        key = (order.mchid, order.out_trade_no)
        earlier = self._orders.get(key)
        if earlier is None:
            order.prepay_id = self.ids.text(30, "wx")
            self._orders[key] = order
            return order
        if earlier.state == CLOSED:
            raise Declined(400, "ORDER_CLOSED", "该订单已关闭，请重新下单")
        if earlier.state != UNPAID:
            raise Declined(400, "ORDERPAID", "该订单已支付")
        if (earlier.total, earlier.openid, earlier.appid) != (order.total, order.openid, order.appid):
            raise Declined(400, "INVALID_REQUEST", "201 商户订单号重复")
        return earlier

    def get(self, mchid: str, out_trade_no: str) -> Order:
        """Raises Declined 404."""
        order = self._orders.get((mchid, out_trade_no))
        if order is None:
            raise Declined(404, "ORDER_NOT_EXIST", "订单不存在")
        return order

    def by_transaction(self, mchid: str, transaction_id: str) -> Order:
        """Raises Declined 404."""
        for order in self._orders.values():
            if order.mchid == mchid and transaction_id and order.transaction_id == transaction_id:
                return order
        raise Declined(404, "ORDER_NOT_EXIST", "订单不存在")

    def by_prepay(self, prepay_id: str) -> Order | None:
        return next((one for one in self._orders.values() if one.prepay_id == prepay_id), None)

    def pay(self, order: Order, now: int) -> None:
        """Raises Declined when it is paid or closed."""
        if order.state != UNPAID:
            raise Declined(400, "ORDERPAID" if order.state != CLOSED else "ORDER_CLOSED", "订单不可支付")
        number = self.ids.number("transaction", 1)
        order.transaction_id = f"42000000{day_of(now).replace('-', '')}{number:012d}"
        order.state, order.paid_at = PAID, now

    def close(self, order: Order) -> None:
        """Raises Declined when it is paid."""
        if order.state not in (UNPAID, CLOSED):
            raise Declined(400, "ORDERPAID", "该订单已支付")
        order.state = CLOSED

    def refund(self, order: Order, out_refund_no: str, amount: Any, notify_url: str, now: int) -> tuple[Refund, bool]:
        """The refund under this number, and whether it is new; raises Declined."""
        fen, total = _amount(amount)
        earlier = self._refunds.get((order.mchid, out_refund_no))
        if earlier is not None:
            if (earlier.order, earlier.fen) != (order, fen) or total != order.total:
                raise Declined(400, "INVALID_REQUEST", "订单金额或退款金额与之前请求不一致，请核实后再试")
            return earlier, False
        if order.state not in (PAID, REFUNDED):
            raise Declined(400, "INVALID_REQUEST", "订单状态不允许退款")
        taken = sum(one.fen for one in order.refunds if one.status != REFUND_CLOSED)
        if total != order.total or taken + fen > order.total:
            raise Declined(400, "INVALID_REQUEST", "退款金额大于支付金额")
        refund_id = f"50300000{day_of(now).replace('-', '')}{self.ids.number('refund', 1):012d}"
        made = Refund(order, out_refund_no, refund_id, fen, notify_url, now)
        self._refunds[(order.mchid, out_refund_no)] = made
        order.refunds.append(made)
        return made, True

    def get_refund(self, mchid: str, out_refund_no: str) -> Refund:
        """Raises Declined 404."""
        refund = self._refunds.get((mchid, out_refund_no))
        if refund is None:
            raise Declined(404, "RESOURCE_NOT_EXISTS", "退款单不存在")
        return refund

    def end_refund(self, refund: Refund, status: str, now: int) -> None:
        refund.status, refund.ended_at = status, now
        if status == DONE:
            refund.order.state = REFUNDED


def _amount(given: Any) -> tuple[int, int]:
    fen, total = (given.get("refund"), given.get("total")) if isinstance(given, dict) else (None, None)
    if not isinstance(fen, int) or not isinstance(total, int) or fen < 1:
        raise Declined(400, "PARAM_ERROR", "退款金额有误")
    return fen, total
