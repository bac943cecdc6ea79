"""Offers over a mall, and what members and operators do with them, over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

from chalicelib.ledger.merge import merge_accounts
from chalicelib.spending.offers.events import sweep_offers
from chalicelib.spending.offers.open_room import open_room
from chalicelib.spending.offers.room import Room
from local.nights import scheduled_event
from tests.members.stage import Answer
from tests.spending.malls import Mall

FLASH: Mapping[str, Any] = {"kind": "flash_sale", "per_member": 2, "per_order": 1}
SECKILL: Mapping[str, Any] = {"kind": "seckill", "peak_per_second": 300}
GROUP: Mapping[str, Any] = {"kind": "group_buy", "size": 2, "hours": 24}
CONTEXT = SimpleNamespace(get_remaining_time_in_millis=lambda: 50_000)


@dataclass
class Offers:
    """A mall with one item on its shelf, and offers of it."""

    mall: Mall
    item_id: str

    @property
    def now(self) -> datetime:
        return self.mall.counter.stage.now

    def later(self, **passed: int) -> datetime:
        return self.mall.counter.stage.later(**passed)

    def room(self) -> Room:
        return open_room(self.now)

    def document(self, template: Mapping[str, Any] = FLASH, **given: Any) -> dict[str, Any]:
        span = {"from_at": self.now.isoformat(), "until_at": (self.now + timedelta(days=2)).isoformat()}
        return {
            "name": "周末特惠",
            "template": dict(template),
            "item": self.item_id,
            "points": 120,
            "pieces": 4,
            **span,
            **given,
        }

    def add(self, template: Mapping[str, Any] = FLASH, offer_id: str = "weekend", **given: Any) -> Answer:
        body = {"id": offer_id, "offer": self.document(template, **given)}
        return self.mall.staff("POST", "/v1/staff/offers", body)

    def on(self, template: Mapping[str, Any] = FLASH, offer_id: str = "weekend", **given: Any) -> str:
        """An offer that is switched on."""
        assert self.add(template, offer_id, **given).status == 200
        assert self.switch("on", offer_id).status == 200
        return offer_id

    def switch(self, state: str, offer_id: str = "weekend") -> Answer:
        body = {"version": self.shown(offer_id)["version"], "state": state, "reason": "周末活动"}
        return self.mall.staff("POST", "/v1/staff/offers/{offer_id}/state", body, offer_id=offer_id)

    def change(self, offer_id: str = "weekend", **given: Any) -> Answer:
        shown = self.shown(offer_id)
        body = {"version": shown["version"], "offer": {**shown["offer"], **given}}
        return self.mall.staff("PUT", "/v1/staff/offers/{offer_id}", body, offer_id=offer_id)

    def shown(self, offer_id: str = "weekend") -> Any:
        return self.mall.staff("GET", "/v1/staff/offers/{offer_id}", offer_id=offer_id).data

    def left(self, offer_id: str = "weekend") -> tuple[int, int]:
        stock = self.shown(offer_id)["stock"]
        return stock["left"], stock["taken"]

    def seen(self, token: str) -> list[Any]:
        """What a member sees."""
        found: list[Any] = self.mall.call("GET", "/v1/me/offers", token=token).data["list"]
        return found

    def quote(self, token: str, offer_id: str = "weekend", quantity: int = 1) -> Answer:
        path = "/v1/me/offers/{offer_id}/quotes"
        return self.mall.call("POST", path, {"quantity": quantity}, token=token, offer_id=offer_id)

    def quoted(self, token: str, offer_id: str = "weekend") -> str:
        quote: str = self.quote(token, offer_id).data["quote"]
        return quote

    def bought(self, token: str, offer_id: str = "weekend", quantity: int = 1) -> Answer:
        return self.mall.redeem(token, self.quote(token, offer_id, quantity).data["quote"])

    def open(self, token: str, quote: str = "", offer_id: str = "weekend", **given: Any) -> Answer:
        body = {"quote": quote or self.quoted(token, offer_id), **given}
        return self.mall.call("POST", "/v1/me/offers/{offer_id}/groups", body, token=token, offer_id=offer_id)

    def join(self, token: str, group_id: str, quote: str = "", **given: Any) -> Answer:
        body = {"quote": quote or self.quoted(token), **given}
        return self.mall.call("POST", "/v1/me/groups/{group_id}/members", body, token=token, group_id=group_id)

    def leave(self, token: str, group_id: str) -> Answer:
        return self.mall.call("DELETE", "/v1/me/groups/{group_id}/members", token=token, group_id=group_id)

    def group(self, token: str, group_id: str) -> Any:
        return self.mall.call("GET", "/v1/me/groups/{group_id}", token=token, group_id=group_id).data

    def sweep(self) -> None:
        sweep_offers(scheduled_event(self.now), CONTEXT)

    def cancel(self, redemption_id: str) -> Answer:
        """Staff undo a redemption."""
        path, key = "/v1/staff/mall/redemptions/{redemption_id}/cancel", self.mall.counter.staff("customer_service")
        return self.mall.call("POST", path, {"reason": "会员来电"}, token=key, redemption_id=redemption_id)

    def merge(self, closing_id: str, surviving_id: str) -> None:
        """The two are one member from now on."""
        terms = self.room().desk.terms.ledger
        merge_accounts(closing_id, surviving_id, actor="s1", ledger=self.mall.ledger, terms=terms, now=self.now)

    def points(self, member_id: str) -> tuple[int, int]:
        """(available, held)."""
        account = self.mall.ledger.read(member_id)
        return account.available_points, account.held_points


def offers_of(mall: Mall, item_id: str = "coupon", stock: int = 10, **item: Any) -> Offers:
    """A mall with one item of so many pieces."""
    return Offers(mall, mall.offer(item_id, stock=stock, **item))
