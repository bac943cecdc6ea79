"""Runs an exchange the way Duiba does: the deduct call once, then how it ended, repeated until somebody says ok."""

from __future__ import annotations

from collections.abc import Mapping

from local.stand_in.courier import Errand, Outgoing, Reply
from local.stand_in.duiba.exchanges import (
    CREDITS_PAUSES,
    CREDITS_TIMEOUT_S,
    DEDUCT_TIMEOUT_S,
    DEDUCTED,
    DELIVERED,
    DELIVERY_TAKES,
    FAILED,
    LOST,
    NOTIFY_PAUSES,
    NOTIFY_TIMEOUT_S,
    Exchange,
    Shop,
    deducted,
    heard,
    read_result,
)
from local.stand_in.duiba.signing import query
from local.stand_in.world import World


def deduct(
    world: World, shop: Shop, exchange: Exchange, now: int, *, delivers: bool, answer_lost: bool, plus: bool
) -> None:
    """Ask for the credits; the end follows from the answer. `answer_lost`: Duiba never sees it."""

    def answered(at: int, reply: Reply) -> None:
        deducted(exchange, Reply(0, b"") if answer_lost else reply)
        _end(world, shop, exchange, at, delivers=delivers)

    outgoing = _get(shop.deduct_url, query(exchange.values, shop.app_secret, plus=plus))
    world.courier.start(_once("duiba_deduct", outgoing, answered), now)


def deduct_late(world: World, shop: Shop, exchange: Exchange, now: int, late: int) -> None:
    """The trap: Duiba gives the call up and says so; the call itself arrives after that."""
    exchange.state = LOST
    _end(world, shop, exchange, now, delivers=False)
    outgoing = _get(shop.deduct_url, query(exchange.values, shop.app_secret))
    world.courier.start(_once("duiba_deduct", outgoing, None), now + late)


def send_again(world: World, shop: Shop, exchange: Exchange, now: int, *, good: bool, copies: int) -> None:
    """The same deduct call once more, or with a wrong signature."""
    signed = query(exchange.values, shop.app_secret if good else shop.app_secret + "x")
    errand = _once("duiba_deduct", _get(shop.deduct_url, signed), None)
    world.courier.start(errand._replace(copies=copies), now)


def notify(world: World, shop: Shop, exchange: Exchange, now: int, *, success: bool) -> None:
    """How it ended, up to eight times within a day. A lost deduct has no bizId."""
    values = {
        "appKey": shop.app_key,
        "timestamp": str(now),
        "uid": exchange.values["uid"],
        "success": "true" if success else "false",
        "errorMessage": "" if success else (exchange.error or "兑换失败，积分将退回"),
        "orderNum": exchange.order_num,
    }
    if exchange.biz_id:
        values["bizId"] = exchange.biz_id
    outgoing = _get(shop.notify_url, query(values, shop.app_secret))
    errand = Errand("duiba_notify", lambda _now, _number: outgoing, heard, NOTIFY_PAUSES, NOTIFY_TIMEOUT_S)
    world.courier.start(errand, now)


def award(world: World, shop: Shop, values: Mapping[str, str], now: int) -> None:
    """Hand out credits; three further attempts while the answer cannot be read."""
    outgoing = _get(shop.credits_url, query(values, shop.app_secret))
    errand = Errand(
        "duiba_credits",
        lambda _now, _number: outgoing,
        lambda reply: read_result(reply) is not None,
        CREDITS_PAUSES,
        CREDITS_TIMEOUT_S,
    )
    world.courier.start(errand, now)


def _end(world: World, shop: Shop, exchange: Exchange, at: int, *, delivers: bool) -> None:
    if exchange.state == LOST:
        notify(world, shop, exchange, at, success=False)
    elif exchange.state == DEDUCTED:

        def ends(then: int) -> None:
            exchange.state = DELIVERED if delivers else FAILED
            notify(world, shop, exchange, then, success=delivers)

        world.at(at + DELIVERY_TAKES, ends)


def _once(name: str, outgoing: Outgoing, answered: object) -> Errand:
    told = answered if callable(answered) else None
    return Errand(
        name,
        lambda _now, _number: outgoing,
        lambda reply: read_result(reply) is not None,
        (),
        DEDUCT_TIMEOUT_S,
        1,
        told,
    )


def _get(url: str, signed: str) -> Outgoing:
    return Outgoing("GET", f"{url}{'&' if '?' in url else '?'}{signed}", {})
