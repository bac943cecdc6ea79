"""What staff, stores, shops and members do with redemptions and coupons after they were made, over HTTP."""

from __future__ import annotations

import json
import secrets
from base64 import b64encode
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from chalicelib.ledger.table import open_ledger
from chalicelib.members.signature import sign
from chalicelib.members.tagged import tags_of
from chalicelib.programme.table import terms_at
from chalicelib.spending.goods.table import open_goods
from chalicelib.spending.mall.desk import Desk
from chalicelib.spending.mall.events import sweep_redemptions
from chalicelib.spending.mall.table import open_mall
from tests.members.stage import FEED_SECRET, Answer, invoke
from tests.spending.malls import HAT, SHIP, Mall

SF = {"carrier": "顺丰速运", "number": "SF1234567890"}
YTO = {"carrier": "圆通速递", "number": "YT9876543210"}

_SCHEDULED = {
    "version": "0",
    "account": "",
    "region": "",
    "detail": {},
    "detail-type": "",
    "source": "",
    "id": "",
    "resources": [],
}


@dataclass
class Desks:
    """The mall, and who works behind it."""

    mall: Mall

    def points(self, member_id: str) -> int:
        return self.mall.ledger.read(member_id).available_points

    def parcel(self, token: str, *, way: str = "ship", **given: Any) -> Any:
        """A redemption that is to be sent, or picked up."""
        delivery = SHIP if way == "ship" else {"way": "pick_up", "store": "sh01"}
        return self.mall.bought(token, "hat", delivery=delivery, **given).data

    def mine(self, token: str, id: str, act: str = "", body: Any = None) -> Answer:
        """A member's call of one of his redemptions: `received`, `cancel`, `pick-up-code`, or a look."""
        path = "/v1/me/redemptions/{redemption_id}" + (f"/{act}" if act else "")
        return self.mall.call("POST" if act else "GET", path, body, token=token, redemption_id=id)

    def give_up(self, token: str, id: str) -> Answer:
        return self.mine(token, id, "cancel", {"reason": "不想要了"})

    def staff(self, id: str, act: str = "", body: Any = None, *, role: str = "customer_service") -> Answer:
        """A call of staff of one redemption: `shipment`, `tracking`, `reissue`, `cancel`, or a look."""
        path = "/v1/staff/mall/redemptions/{redemption_id}" + (f"/{act}" if act else "")
        key = self.mall.counter.staff(role)
        return self.mall.call("POST" if act else "GET", path, body, token=key, redemption_id=id)

    def take_back(self, id: str, *, stock_back: bool = True) -> Answer:
        return self.staff(id, "cancel", {"reason": "会员退货", "stock_back": stock_back})

    def waiting(self, state: str = "to_ship", **query: str) -> Any:
        key = self.mall.counter.staff("customer_service")
        query = {"state": state, **query}
        return self.mall.call("GET", "/v1/staff/mall/redemptions", token=key, query=query).data

    def file(self, text: str, encoding: str = "utf-8") -> Answer:
        """Tracking numbers as a warehouse sends them."""
        body = {"file": b64encode(text.encode(encoding)).decode()}
        return self.mall.staff("POST", "/v1/staff/mall/tracking-files", body)

    def hand_out(self, id: str, code: str, *, name: str = "store") -> Answer:
        key = self.mall.counter.staff("store_manager", name)
        return self.mall.call("POST", "/v1/staff/mall/pick-ups", {"redemption_id": id, "code": code}, token=key)

    def feed(self, path: str, body: Any) -> Answer:
        """A signed call of a shop or till."""
        from app import app

        raw = json.dumps(body, ensure_ascii=False).encode()
        timestamp, nonce = str(int(self.mall.counter.stage.now.timestamp())), secrets.token_hex(8)
        headers = {
            "X-Jifen-Timestamp": timestamp,
            "X-Jifen-Nonce": nonce,
            "X-Jifen-Signature": sign(FEED_SECRET, timestamp, nonce, raw),
        }
        return invoke(app, "POST", path, headers=headers, body=raw)

    def use(self, code: str, order_no: str = "T1", order_fen: int = 20000, **given: Any) -> Answer:
        body = {"code": code, "platform": "pos", "order_no": order_no, "order_fen": order_fen, **given}
        return self.feed("/v1/ingest/coupon-uses", body)

    def bring_back(self, code: str, order_no: str = "T1") -> Answer:
        body = {"code": code, "platform": "pos", "order_no": order_no, "reason": "买家取消订单"}
        return self.feed("/v1/ingest/coupon-returns", body)

    def sweep(self, remaining_ms: int = 60_000) -> None:
        event = {"time": self.mall.counter.stage.now.isoformat(), **_SCHEDULED}
        context = SimpleNamespace(get_remaining_time_in_millis=lambda: remaining_ms)
        sweep_redemptions(event, context)

    def desk(self) -> Desk:
        return Desk(open_mall(), open_goods(), open_ledger(), terms_at(self.mall.counter.stage.now), tags_of)


def with_hats(mall: Mall, stock: int = 5, **given: Any) -> Desks:
    mall.offer("hat", stock, **{**HAT, **given})
    return Desks(mall)
