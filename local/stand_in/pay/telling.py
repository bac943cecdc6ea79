"""Tells merchants: an order was paid, a refund came to its end."""

from __future__ import annotations

from local.stand_in.pay.notifier import Trick, errand, notice
from local.stand_in.pay.shapes import DONE, Order, Refund
from local.stand_in.pay.state import REFUND_EVENTS, REFUND_TAKES
from local.stand_in.wire import Json
from local.stand_in.world import World


def tell_paid(world: World, order: Order, now: int, *, trick: Trick = "", copies: int = 1) -> None:
    words = ("TRANSACTION.SUCCESS", "支付成功", "transaction")
    _tell(world, order.mchid, order.notify_url, words, order.shape(), now, trick, copies)


def tell_refund(world: World, refund: Refund, now: int, *, trick: Trick = "", copies: int = 1) -> None:
    """Nothing for a refund that named no address."""
    if refund.notify_url:
        words = (*REFUND_EVENTS[refund.status], "refund")
        _tell(world, refund.order.mchid, refund.notify_url, words, refund.notice(), now, trick, copies)


def begin_refund(world: World, refund: Refund, now: int) -> None:
    """Let it end some seconds later, as planned or well."""

    def end(at: int) -> None:
        world.pay.orders.end_refund(refund, world.pay.planned.pop(0) if world.pay.planned else DONE, at)
        tell_refund(world, refund, at)

    world.at(now + REFUND_TAKES, end)


def _tell(
    world: World, mchid: str, url: str, words: tuple[str, str, str], plain: Json, now: int, trick: Trick, copies: int
) -> None:
    event, summary, original_type = words
    merchant = world.accounts.merchants[mchid]
    body = notice(merchant, world.ids, event, summary, original_type, plain, now, trick)
    world.courier.start(errand(world.pay.key, world.ids, url, body, event, trick=trick, copies=copies), now)
