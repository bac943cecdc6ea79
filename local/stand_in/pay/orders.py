"""Orders and refunds of merchants: each number stands for one thing for ever. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from local.stand_in.clock import DAY, HOUR, MINUTE, day_of
from local.stand_in.ids import Ids
from local.stand_in.pay.shapes import CLOSED, DONE, PAID, REFUND_CLOSED, REFUNDED, UNPAID, Order, Refund
from local.stand_in.pay.signing import Declined

PREPAY_LIVES = 2 * HOUR
SHORTEST_LIFE = MINUTE
REFUNDABLE = 365 * DAY
MOST_REFUNDS = 50


@dataclass(slots=True)
class Orders:
    ids: Ids
    _orders: dict[tuple[str, str], Order] = field(default_factory=dict)
    _prepays: dict[str, tuple[Order, int]] = field(default_factory=dict)
    """By prepay_id: what it pays, and until when."""
    _refunds: dict[tuple[str, str], Refund] = field(default_factory=dict)

    def create(self, order: Order, now: int) -> Order:
        """The order that stands under this number, with a prepay_id that is good; raises Declined for a number that
        means another one.
        """
        if order.expires_at and order.expires_at < now + SHORTEST_LIFE:
            raise Declined(400, "PARAM_ERROR", "time_expire须晚于当前时间1分钟")
        earlier = self._orders.setdefault((order.mchid, order.out_trade_no), order)
        _end(earlier, now)
        if earlier.state == CLOSED:
            raise Declined(400, "ORDER_CLOSED", "该订单已关闭，请重新下单")
        if earlier.state != UNPAID:
            raise Declined(400, "ORDERPAID", "该订单已支付")
        if earlier.content() != order.content():
            raise Declined(400, "INVALID_REQUEST", "201 商户订单号重复")
        if not earlier.prepay_id or now >= earlier.prepaid_at + PREPAY_LIVES:
            earlier.prepay_id, earlier.prepaid_at = self.ids.text(30, "wx"), now
            self._prepays[earlier.prepay_id] = (earlier, now + PREPAY_LIVES)
        return earlier

    def get(self, mchid: str, out_trade_no: str, now: int) -> Order:
        """Raises Declined 404."""
        order = self._orders.get((mchid, out_trade_no))
        if order is None:
            raise Declined(404, "ORDER_NOT_EXIST", "订单不存在")
        _end(order, now)
        return order

    def by_transaction(self, mchid: str, transaction_id: str) -> Order:
        """Raises Declined 404."""
        for order in self._orders.values():
            if order.mchid == mchid and transaction_id and order.transaction_id == transaction_id:
                return order
        raise Declined(404, "ORDER_NOT_EXIST", "订单不存在")

    def by_prepay(self, prepay_id: str, now: int) -> Order | None:
        """What a prepay_id pays, closed or not; None when there is none or it is over."""
        order, until = self._prepays.get(prepay_id, (None, 0))
        return order if now < until else None

    def pay(self, order: Order, now: int, *, late: bool = False) -> None:
        """Raises Declined when it is paid or closed. `late`: the payment was under way when the order was closed."""
        _end(order, now)
        if order.state != UNPAID and not (late and order.state == CLOSED):
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
        if now > order.paid_at + REFUNDABLE or len(order.refunds) >= MOST_REFUNDS:
            raise Declined(400, "INVALID_REQUEST", "订单已超过退款期限或退款次数")
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


def _end(order: Order, now: int) -> None:
    """Close an order whose time is over."""
    if order.state == UNPAID and order.expires_at and now >= order.expires_at:
        order.state = CLOSED


def _amount(given: Any) -> tuple[int, int]:
    fen, total = (given.get("refund"), given.get("total")) if isinstance(given, dict) else (None, None)
    if not isinstance(fen, int) or not isinstance(total, int) or fen < 1:
        raise Declined(400, "PARAM_ERROR", "退款金额有误")
    return fen, total
