"""A mall with a lottery beside it whose bottle was won, and what is asked about that over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest

from chalicelib.ledger.table import open_ledger
from chalicelib.spending.goods.table import open_goods
from chalicelib.spending.lottery import draw as drawing
from chalicelib.spending.lottery.claim_prize import Prizes
from chalicelib.spending.lottery.model import claimed_as
from chalicelib.spending.lottery.table import forget, open_lotteries
from chalicelib.spending.mall.table import open_mall
from tests.members.stage import Answer
from tests.spending.after_sales import Desks
from tests.spending.lotteries import TICKETS, wheel, with_prize
from tests.spending.malls import SHIP, Mall

OVER, DEADLINE = "2026-03-05T00:00:00+08:00", "2026-03-12T00:00:00+08:00"
BOTTLE = {"kind": "parcel", "ways": ["ship", "pick_up"]}
CLAIM = "/v1/me/lotteries/{lottery_id}/draws/{draw_id}/claim"


class Booth:
    """A wheel of three days, claimed within a week after it."""

    def __init__(self, mall: Mall, monkeypatch: pytest.MonkeyPatch) -> None:
        forget()
        self.mall, self.desks, self.monkeypatch = mall, Desks(mall), monkeypatch
        self.reviewer, self.id, self.keys = mall.counter.staff("reviewer"), "", 0
        short = wheel(until_at=OVER, claim_until_at=DEADLINE, daily_draws=9)
        self.document: dict[str, Any] = with_prize("bottle", short, gives=BOTTLE, count=3)
        mall.store()
        self.publish()

    def publish(self, **given: Any) -> None:
        """The first version, or the next one with something changed."""
        self.document = {**self.document, **given}
        path = "/v1/staff/lotteries"
        if not self.id:
            self.id = self.mall.staff("POST", path, {"document": self.document}, key="wheel").data["id"]
            version = 1
        else:
            version = self.mall.staff("GET", path + "/{lottery_id}", lottery_id=self.id).data["version"]
            body = {"document": self.document, "version": version}
            version = self.mall.staff("PUT", path + "/{lottery_id}", body, lottery_id=self.id).data["version"]
        body = {"version": version, "reason": "开张"}
        path += "/{lottery_id}/publish"
        assert self.mall.call("POST", path, body, token=self.reviewer, lottery_id=self.id).status == 200

    def draw(self, token: str, prize: str = "bottle") -> str:
        """The id of a draw that wins this."""
        self.keys += 1
        ticket = {"roll": lambda _total: TICKETS[prize]}
        self.monkeypatch.setattr(drawing.draw_once, "__kwdefaults__", ticket)
        path, body = "/v1/me/lotteries/{lottery_id}/draws", {"is_adult": True}
        drawn = self.mall.call("POST", path, body, token=token, key=f"draw-{self.keys}", lottery_id=self.id).data
        return str(drawn["draw_id"])

    def claim(self, token: str, draw_id: str, delivery: Mapping[str, str] = SHIP) -> Answer:
        return self.mall.call(
            "POST", CLAIM, {"delivery": dict(delivery)}, token=token, lottery_id=self.id, draw_id=draw_id
        )

    def prizes(self, token: str) -> Any:
        return self.mall.call("GET", "/v1/me/prizes", token=token).data["list"]

    def bottles(self) -> tuple[int, int]:
        """(left, taken)."""
        stock = f"CAMPAIGN#{self.id}#P#bottle#0"
        return open_goods().shelf([(stock, 1)])[stock]

    def until(self, at: str) -> None:
        self.mall.counter.stage.now = datetime.fromisoformat(at)

    def state(self, draw_id: str) -> str:
        found = open_mall().redemption(claimed_as(draw_id))
        return str(found.state) if found else "unclaimed"

    def rooms(self) -> Prizes:
        return Prizes(open_lotteries(), open_mall(), open_ledger())


def codes(*answers: Answer) -> list[int]:
    return [answer.json["code"] for answer in answers]
