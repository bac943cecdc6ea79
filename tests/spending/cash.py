"""A mall with items for points and money (积分+现金), its members' WeChat Pay beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from chalicelib.connect.wechat_pay.api import PayApi, open_pay
from chalicelib.connect.wechat_pay.mall_notice import MallNotice, What, queued
from chalicelib.ledger.table import open_ledger
from chalicelib.members.tagged import tags_of
from chalicelib.programme.table import terms_at
from chalicelib.runtime import secret_values
from chalicelib.runtime.dynamo import decode_item
from chalicelib.spending.goods.model import OwnedCoupon
from chalicelib.spending.goods.table import open_goods
from chalicelib.spending.mall.begin_payment import trade_number
from chalicelib.spending.mall.desk import Desk
from chalicelib.spending.mall.events import settle_mall_payments
from chalicelib.spending.mall.model import Redemption
from chalicelib.spending.mall.sweep import Sweep
from chalicelib.spending.mall.table import open_mall as open_mall_table
from chalicelib.spending.mall.turns import Swept
from tests.connect.merchant import MCHID, register
from tests.outside_world import ACCOUNTS, open_world
from tests.spending.after_sales import Desks
from tests.spending.malls import COUPON, PICK_UP, SHIP, Mall, open_mall
from tests.stand_in.outsiders import Admin

FEN = 1990
MIXED = {
    "name": "骑行水壶",
    "good": {"kind": "parcel", "ways": ["ship", "pick_up"]},
    "prices": [{"id": "mixed", "points": 300, "cash_fen": FEN}],
    "limits": [{"pieces": 2, "period": "month"}],
}
POOL = "video"
BUNDLE = {"kind": "bundle", "coupons": [COUPON, {**COUPON, "name": "满99减5", "face_fen": 500, "min_order_fen": 9900}]}
GOODS: Mapping[str, Mapping[str, Any]] = {
    "voucher": {"name": "大额券", "good": COUPON},
    "pack": {"name": "骑行券包", "good": BUNDLE},
    "vip": {"name": "视频月卡", "good": {"kind": "virtual", "pool": POOL}},
}
"""What needs no delivery: a coupon, a bundle, a code of a pool."""


@dataclass
class Till:
    """Who buys, pays, tells and sweeps, all of one item. `mall` may be one whose members buy by HTTP."""

    mall: Mall
    world: Admin
    item: str = "bottle"

    @property
    def now(self) -> Any:
        return self.mall.counter.stage.now

    @property
    def desk(self) -> Desk:
        return Desk(open_mall_table(), open_goods(), open_ledger(), terms_at(self.now), tags_of)

    @property
    def desks(self) -> Desks:
        return Desks(self.mall)

    @property
    def api(self) -> PayApi:
        return open_pay(self.now)

    def buyer(self, points: int = 1000) -> tuple[str, str]:
        token, member_id = self.mall.member(points)
        return token, member_id

    def redeem(self, token: str, *, way: str = "ship") -> str:
        made = self.mall.bought(token, self.item, price="mixed", delivery=self.delivery(way)).data
        assert (made["state"], made["points"], made["cash_fen"]) == ("unpaid", 300, FEN)
        return str(made["id"])

    def delivery(self, way: str = "ship") -> Mapping[str, str] | None:
        """None of what needs none."""
        return None if self.item in GOODS else SHIP if way == "ship" else PICK_UP

    def sell(self, item: str, stock: int = 5, **given: Any) -> None:
        """From now on all is about another item, one of GOODS, for points and money; of codes with so many of them."""
        self.item = item
        self.mall.offer(item, 0 if item == "vip" else stock, **{**MIXED, **GOODS[item], **given})
        if item == "vip":
            self.mall.codes(POOL, [f"VIP-{number}" for number in range(stock)])

    def begin(self, token: str, redemption_id: str) -> Any:
        path = "/v1/me/redemptions/{redemption_id}/payment"
        return self.mall.call("POST", path, token=token, redemption_id=redemption_id)

    def pay(self, redemption_id: str, **given: Any) -> Any:
        """The member pays on the phone; nothing is told yet."""
        body = {"mchid": MCHID, "out_trade_no": trade_number(redemption_id), "quiet": True, **given}
        return self.world.post("/payments", body)

    def tell(self, redemption_id: str, payment: Any, fen: int = FEN) -> list[str]:
        """What the notice's worker must be given again."""
        told = MallNotice(What.PAID, trade_number(redemption_id), payment["transaction_id"], fen)
        answer = settle_mall_payments({"Records": [{"messageId": "m-1", "body": queued(told)}]}, None)
        return [one["itemIdentifier"] for one in answer["batchItemFailures"]]

    def paid(self, *, way: str = "ship") -> tuple[str, str, str]:
        """(token, member, redemption) of one that was paid in time."""
        token, member_id = self.buyer()
        redemption_id = self.redeem(token, way=way)
        self.begin(token, redemption_id)
        assert self.tell(redemption_id, self.pay(redemption_id)) == []
        return token, member_id, redemption_id

    def late(self) -> tuple[str, str, Any]:
        """(member, redemption, payment) of money that came after the closing."""
        token, member_id = self.buyer()
        redemption_id = self.redeem(token)
        self.begin(token, redemption_id)
        self.later(minutes=15, seconds=1)
        self.sweep()
        return member_id, redemption_id, self.pay(redemption_id, late=True)

    def honour(self) -> None:
        """From now on the item is given also for money that came late."""
        self.change(late_payment="honour")

    def change(self, **given: Any) -> None:
        """Staff change the item, and every process has heard of it."""
        standing = self.mall.item(self.item)
        body = {"version": standing["version"], "item": {**standing["item"], **given}}
        assert self.mall.staff("PUT", "/v1/staff/mall/items/{item_id}", body, item_id=self.item).status == 200
        self.later(seconds=6)

    def later(self, **passed: int) -> None:
        self.mall.counter.stage.later(**passed)
        self.world.post("/clock", {"at": self.now.isoformat()})

    def sweep(self) -> None:
        """As every five minutes."""
        self.desks.sweep()

    def close(self) -> Swept:
        """Only what closes the unpaid ones."""
        return Sweep(self.now, lambda: True).close(self.desk, self.api)

    def row(self, redemption_id: str) -> Redemption:
        found = open_mall_table().redemption(redemption_id)
        assert found is not None
        return found

    def lines(self, redemption_id: str) -> list[tuple[str, str]]:
        """(action, by) of what happened to a redemption."""
        return [(line.action, line.by) for line in open_goods().trail(f"R#{redemption_id}")]

    def points(self, member_id: str) -> tuple[int, int]:
        """(available, held)."""
        account = open_ledger().read(member_id)
        return account.available_points, account.held_points


def coupons_of(till: Till, member_id: str) -> list[OwnedCoupon]:
    """Every coupon of a member."""
    goods = till.desk.goods
    return goods.coupons([one["pk"].removeprefix("COUPON#") for one in goods.owned(member_id, "coupon")])


def codes_of(till: Till, redemption_id: str) -> int:
    """How many codes of the pool are a redemption's."""
    request = {"TableName": till.desk.goods.name, "ConsistentRead": True}
    items = map(decode_item, till.desk.goods.dynamo.scan(**request)["Items"])
    return sum(one["pk"] == f"POOL#{POOL}" and one.get("source_id") == redemption_id for one in items)


@contextmanager
def open_till(monkeypatch: pytest.MonkeyPatch) -> Iterator[Till]:
    with open_mall(monkeypatch) as mall, open_world(mall.counter.stage, monkeypatch) as world:
        merchant = register(world)
        mall.counter.stage.rotate("connect", json.dumps({**ACCOUNTS, "wechat_pay": merchant}))
        secret_values.forget()
        mall.offer("bottle", **MIXED)
        mall.store()
        yield Till(mall, world)
