"""A mall with a few items, and what members and operators do in it, over HTTP."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from chalicelib.ledger.table import LedgerTable, open_ledger
from tests.ledger.counter import Counter, opened
from tests.members.stage import Answer

COUPON = {"kind": "coupon", "name": "满199减10", "face_fen": 1000, "min_order_fen": 19900, "valid_days": 30}
BASE = {"prices": [{"id": "points", "points": 200}]}
HAT = {**BASE, "name": "骑行帽", "good": {"kind": "parcel", "ways": ["ship", "pick_up"]}}
SHIP = {"way": "ship", "name": "小美", "phone": "13800000000", "address": "上海市黄浦区某路1号"}


@dataclass
class Mall:
    """The counter of the ledger's tests, with a catalogue beside it."""

    counter: Counter
    operator: str
    keys: int = field(default=0)

    @property
    def ledger(self) -> LedgerTable:
        return open_ledger()

    def call(self, method: str, path: str, body: Any = None, **given: Any) -> Answer:
        return self.counter.call(method, path, body, **given)

    def member(self, points: int = 1000, name: str = "") -> tuple[str, str]:
        """(token, id) of a new member, or of the one of this name, who gets so many points."""
        body = {"code": f"demo-{name or secrets.token_hex(4)}-{secrets.token_hex(4)}"}
        logged_in = self.call("POST", "/v1/sessions", body).data
        token, member_id = logged_in["token"], logged_in["member_id"]
        if points:
            self.counter.give(member_id, points)
        return token, member_id

    def offer(self, item_id: str = "coupon", stock: int = 5, **given: Any) -> str:
        """An item on sale with so many pieces."""
        item = {**BASE, "name": "满减券", "good": COUPON, **given}
        assert self.staff("POST", "/v1/staff/mall/items", {"id": item_id, "item": item}).status == 200
        if stock:
            self.stock(item_id, stock)
        self.switch(item_id, "on")
        return item_id

    def staff(self, method: str, path: str, body: Any = None, **given: Any) -> Answer:
        return self.call(method, path, body, token=self.operator, **given)

    def stock(self, item_id: str, pieces: int, key: str = "") -> Answer:
        self.keys += 1
        path, body = "/v1/staff/mall/items/{item_id}/stock-changes", {"pieces": pieces, "reason": "到货"}
        return self.staff("POST", path, body, item_id=item_id, key=key or f"stock-{self.keys}")

    def switch(self, item_id: str, state: str) -> Answer:
        version = self.item(item_id)["version"]
        body = {"version": version, "state": state, "reason": "上下架"}
        return self.staff("POST", "/v1/staff/mall/items/{item_id}/state", body, item_id=item_id)

    def codes(self, pool: str, codes: Sequence[str]) -> None:
        path = "/v1/staff/mall/code-pools/{pool}/codes"
        assert self.staff("POST", path, {"codes": [*codes]}, pool=pool).status == 200

    def item(self, item_id: str) -> Any:
        return self.staff("GET", "/v1/staff/mall/items/{item_id}", item_id=item_id).data

    def quote(self, token: str, item_id: str = "coupon", price: str = "points", quantity: int = 1) -> Any:
        body = {"item_id": item_id, "price": price, "quantity": quantity}
        return self.call("POST", "/v1/me/mall/quotes", body, token=token).data

    def redeem(self, token: str, quote: str, delivery: Mapping[str, str] | None = None) -> Answer:
        body = {"quote": quote, **({"delivery": delivery} if delivery else {})}
        return self.call("POST", "/v1/me/redemptions", body, token=token)

    def bought(self, token: str, item_id: str = "coupon", **given: Any) -> Answer:
        """A quote, taken at once."""
        delivery = given.pop("delivery", None)
        return self.redeem(token, self.quote(token, item_id, **given)["quote"], delivery)

    def left(self, item_id: str = "coupon") -> tuple[int, int]:
        stock = self.item(item_id)["stock"]
        return stock["left"], stock["taken"]


@contextmanager
def open_mall(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mall]:
    with opened(monkeypatch) as counter:
        yield Mall(counter, counter.staff("operator"))
