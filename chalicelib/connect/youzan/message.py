"""What a message of Youzan's says, as a record of the order feed. Pure.

Messages come again, in any order, and some twice under other names: the order's and the refund's own numbers make them
one. `version` says nothing more: a payment, a receipt and a refund are each told as they are, once and for ever.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.connect.told import bad, epoch, fen, local, name, part, word
from chalicelib.earning.order import MAX_LINES
from chalicelib.errors import JifenError

PLATFORM = "youzan"
PAID, ALL_PAID = "trade_TradePaid", "trade_TradeBuyerPay"
RECEIVED = "trade_TradeSuccess"
REFUNDED = frozenset(
    {
        "trade_refund_RefundSuccess",
        "trade_refund_RefundSellerAgree",
        "trade_refund_SysRefund",
        "youzan_trade_RefundSuccess",
    }
)
"""The ends of a refund: of goods sent back, of money alone (agreed to is given back), by Youzan itself, and the newer
name of all of them.
"""
KINDS = REFUNDED | {PAID, ALL_PAID, RECEIVED}
"""The kinds that may hold a record."""
_MONEY_ALONE = "REFUND_ONLY"

Record = dict[str, Any]


def record_of(kind: str, told: Mapping[str, Any], envelope: Mapping[str, Any]) -> Record | None:
    """The record of a message; None where it moves no money or goods. Raises JifenError for what is not as agreed."""
    if kind in (PAID, ALL_PAID):
        return _paid(kind, part(told, "full_order_info"))
    if kind == RECEIVED:
        return _received(told, envelope)
    if kind in REFUNDED:
        return _refunded(kind, told, envelope)
    return None


def _paid(kind: str, order: Mapping[str, Any]) -> Record | None:
    """A paid order. One paid in phases is told with each payment: only the last, when it waits to be sent, counts."""
    info, pay = part(order, "order_info"), part(order, "pay_info")
    if kind == PAID and pay.get("phase_payments"):
        return None
    order_no, paid_fen = word(info, "tid"), fen(pay, "payment")
    freight_fen = fen(pay, "post_fee") if "post_fee" in pay else 0
    lines = _lines(order.get("orders"))
    is_whole = bool(lines) and sum(line["paid_fen"] for line in lines) + freight_fen == paid_fen
    source = order.get("source_info")
    is_pos = isinstance(source, dict) and source.get("is_offline_order") is True
    return {
        "kind": "paid",
        "platform": PLATFORM,
        "order_no": order_no,
        "buyer_id": _buyer(order.get("buyer_info"), order_no),
        "paid_at": local(info, "pay_time"),
        "paid_fen": paid_fen,
        "freight_fen": min(freight_fen, paid_fen),
        "channel": "pos" if is_pos else "online",
        # Discounts on the whole order are on none of its lines: then the order is one line.
        "lines": lines if is_whole else [],
    }


def _buyer(told: Any, order_no: str) -> str:
    """Youzan's own account of the buyer; an order without one waits alone, for whoever can show its number."""
    if isinstance(told, dict):
        for field in ("yz_open_id", "buyer_id"):
            try:
                return name(told, field)
            except JifenError:
                continue
    return f"order-{order_no}"


def _lines(told: Any) -> list[Record]:
    """The lines, none when one of them cannot be read as such."""
    if not isinstance(told, list) or len(told) > MAX_LINES:
        return []
    lines = []
    for one in told:
        try:
            skus = [str(one.get(field) or "") for field in ("outer_sku_id", "outer_item_id", "item_id")]
            sku = next(filter(None, skus), "")[:64]
            count = one.get("num")
            quantity = count if type(count) is int and count > 0 else 1
            lines.append(
                {"line_no": name(one, "oid"), "sku": sku, "paid_fen": fen(one, "payment"), "quantity": quantity}
            )
        except (JifenError, AttributeError):
            return []
    return lines


def _received(told: Mapping[str, Any], envelope: Mapping[str, Any]) -> Record:
    whole_order = told.get("full_order_info")
    info = whole_order.get("order_info") if isinstance(whole_order, dict) else told
    if not isinstance(info, dict):
        raise bad("order_info")
    stated = next((field for field in ("success_time", "update_time") if isinstance(info.get(field), str)), None)
    return {
        "kind": "receipt",
        "platform": PLATFORM,
        "order_no": word(info, "tid"),
        "received_at": local(info, stated) if stated else epoch(envelope, "version"),
    }


def _refunded(kind: str, told: Mapping[str, Any], envelope: Mapping[str, Any]) -> Record | None:
    """A refund, at large: its `oids` name lines, but freight may be in its amount."""
    if kind == "trade_refund_RefundSellerAgree" and told.get("refund_type") != _MONEY_ALONE:
        return None
    refunded_fen = fen(told, "refunded_fee")
    if not refunded_fen:
        return None  # an exchange
    return {
        "kind": "refund",
        "platform": PLATFORM,
        "order_no": word(told, "tid"),
        "refund_no": name(told, "refund_id"),
        "refunded_fen": refunded_fen,
        "refunded_at": local(told, "update_time") if "update_time" in told else epoch(envelope, "version"),
    }
