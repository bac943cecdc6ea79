"""Exchanges: Duiba's own view of an order, from asking for the credits to what became of the goods. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from local.stand_in.clock import HOUR, MINUTE, SECOND
from local.stand_in.courier import Reply
from local.stand_in.ids import Ids
from local.stand_in.wire import Unknown

ASKED, DEDUCTED, DECLINED, LOST, DELIVERED, FAILED = "asked", "deducted", "declined", "lost", "delivered", "failed"
DEDUCT_TIMEOUT_S, CREDITS_TIMEOUT_S, NOTIFY_TIMEOUT_S = 30.0, 15.0, 15.0
NOTIFY_PAUSES = (2 * MINUTE, 10 * MINUTE, 10 * MINUTE, 1 * HOUR, 2 * HOUR, 6 * HOUR, 15 * HOUR)
CREDITS_PAUSES = (30 * SECOND, 1 * MINUTE, 2 * MINUTE)
DELIVERY_TAKES = 3 * SECOND


class Shop(NamedTuple):
    """An app at Duiba and where its calls go."""

    app_key: str
    app_secret: str
    deduct_url: str
    notify_url: str
    credits_url: str = ""


class Result(NamedTuple):
    """What a deduct or an award was answered with. `balance` is None where the answer named none."""

    ok: bool
    biz_id: str
    error: str
    balance: int | None


@dataclass(slots=True)
class Exchange:
    """`values` are what the deduct call carries, unsigned; `error` is what the member is shown."""

    order_num: str
    app_key: str
    values: dict[str, str]
    state: str = ASKED
    biz_id: str = ""
    error: str = ""
    balance: int | None = None


@dataclass(slots=True)
class Duiba:
    ids: Ids
    shops: dict[str, Shop] = field(default_factory=dict)
    exchanges: dict[str, Exchange] = field(default_factory=dict)
    visits: list[dict[str, str]] = field(default_factory=list)
    """Links that were opened, with the trouble of those that did not let in."""

    def shop(self, app_key: str) -> Shop:
        """Raises Unknown."""
        if app_key not in self.shops:
            raise Unknown(f"no app {app_key} at Duiba")
        return self.shops[app_key]

    def begin(self, shop: Shop, order_num: str, values: Mapping[str, str]) -> Exchange:
        """Raises Unknown for an order number that is taken."""
        if order_num in self.exchanges:
            raise Unknown(f"order {order_num} exists")
        made = Exchange(order_num, shop.app_key, dict(values))
        self.exchanges[order_num] = made
        return made

    def exchange(self, order_num: str) -> Exchange:
        """Raises Unknown."""
        if order_num not in self.exchanges:
            raise Unknown(f"no order {order_num}")
        return self.exchanges[order_num]


def deducted(exchange: Exchange, reply: Reply) -> None:
    """What Duiba makes of the answer to a deduct call; none, or one it cannot read, counts as lost."""
    result = read_result(reply)
    if result is None:
        exchange.state = LOST
        return
    exchange.state = DEDUCTED if result.ok else DECLINED
    exchange.biz_id, exchange.error, exchange.balance = result.biz_id, result.error, result.balance


def read_result(reply: Reply) -> Result | None:
    """The JSON of a deduct or award, or None when it is not in the form agreed on."""
    try:
        said = json.loads(reply.body) if reply.status == 200 else None
    except ValueError:
        return None
    if not isinstance(said, dict) or said.get("status") not in ("ok", "fail"):
        return None
    balance = str(said.get("credits"))
    return Result(
        said["status"] == "ok",
        str(said.get("bizId", "")),
        str(said.get("errorMessage", "")),
        int(balance) if balance.isdigit() else None,
    )


def heard(reply: Reply) -> bool:
    """Whether a result notification was taken: the bare text ok."""
    return reply == Reply(200, b"ok")
