"""Points and money (积分+现金): held until it is paid, captured once, closed in time, and no money kept for nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from chalicelib.connect.wechat_pay.api import PayApi, open_pay
from chalicelib.connect.wechat_pay.mall_notice import MallNotice, What, queued
from chalicelib.connect.wechat_pay.refunds import RefundState, refund_of
from chalicelib.ledger.release import hold_key, release_overdue
from chalicelib.ledger.table import open_ledger
from chalicelib.programme.table import terms_at
from chalicelib.runtime import secret_values
from chalicelib.spending.goods.table import open_goods
from chalicelib.spending.mall.begin_payment import trade_number
from chalicelib.spending.mall.close_unpaid import Swept, sweep
from chalicelib.spending.mall.desk import Desk
from chalicelib.spending.mall.events import settle_mall_payments
from chalicelib.spending.mall.give_money_back import refund_number
from chalicelib.spending.mall.model import Money, Redemption, RedemptionState
from chalicelib.spending.mall.table import open_mall as open_mall_table
from tests.connect.merchant import MCHID, register
from tests.outside_world import ACCOUNTS, open_world
from tests.spending.audited import differences
from tests.spending.malls import SHIP, Mall, open_mall
from tests.stand_in.outsiders import Admin

MIXED = {
    "name": "骑行水壶",
    "good": {"kind": "parcel"},
    "prices": [{"id": "mixed", "points": 300, "cash_fen": 1990}],
    "limits": [{"pieces": 2, "period": "month"}],
}


@dataclass
class Till:
    """A mall with an item for points and money, its members' WeChat Pay beside it."""

    mall: Mall
    world: Admin

    @property
    def now(self) -> Any:
        return self.mall.counter.stage.now

    @property
    def desk(self) -> Desk:
        return Desk(open_mall_table(), open_goods(), open_ledger(), terms_at(self.now))

    @property
    def api(self) -> PayApi:
        return open_pay(self.now)

    def buyer(self, points: int = 1000) -> tuple[str, str]:
        token, member_id = self.mall.member(points)
        return token, member_id

    def redeem(self, token: str) -> str:
        made = self.mall.bought(token, "bottle", price="mixed", delivery=SHIP).data
        assert (made["state"], made["points"], made["cash_fen"]) == ("unpaid", 300, 1990)
        return str(made["id"])

    def begin(self, token: str, redemption_id: str) -> Any:
        path = "/v1/me/redemptions/{redemption_id}/payment"
        return self.mall.call("POST", path, token=token, redemption_id=redemption_id)

    def pay(self, redemption_id: str, **given: Any) -> Any:
        """The member pays on the phone; nothing is told yet."""
        body = {"mchid": MCHID, "out_trade_no": trade_number(redemption_id), "quiet": True, **given}
        return self.world.post("/payments", body)

    def tell(self, redemption_id: str, payment: Any) -> list[str]:
        """What the notice's worker must be given again."""
        told = MallNotice(What.PAID, trade_number(redemption_id), payment["transaction_id"], 1990)
        answer = settle_mall_payments({"Records": [{"messageId": "m-1", "body": queued(told)}]}, None)
        return [one["itemIdentifier"] for one in answer["batchItemFailures"]]

    def later(self, **passed: int) -> None:
        self.mall.counter.stage.later(**passed)
        self.world.post("/clock", {"at": self.now.isoformat()})

    def sweep(self) -> Swept:
        return sweep(desk=self.desk, api=self.api, now=self.now, has_time=lambda: True)

    def row(self, redemption_id: str) -> Redemption:
        found = open_mall_table().redemption(redemption_id)
        assert found is not None
        return found

    def points(self, member_id: str) -> tuple[int, int]:
        """(available, held)."""
        account = open_ledger().read(member_id)
        return account.available_points, account.held_points


@pytest.fixture
def till(monkeypatch: pytest.MonkeyPatch) -> Iterator[Till]:
    with open_mall(monkeypatch) as mall, open_world(mall.counter.stage, monkeypatch) as world:
        merchant = register(world)
        mall.counter.stage.rotate("connect", json.dumps({**ACCOUNTS, "wechat_pay": merchant}))
        secret_values.forget()
        mall.offer("bottle", **MIXED)
        yield Till(mall, world)
        assert differences() == []


def test_points_are_held_until_the_money_is_there_and_captured_once(till: Till) -> None:
    token, member_id = till.buyer()
    redemption_id = till.redeem(token)
    before = till.points(member_id)

    begun = till.begin(token, redemption_id).data
    payment = till.pay(redemption_id)
    again = [till.tell(redemption_id, payment) for _ in range(2)]

    row = till.row(redemption_id)
    assert set(begun["request"]) == {"timeStamp", "nonceStr", "package", "signType", "paySign"}
    assert before == (700, 300)
    assert again == [[], []]
    assert (row.state, row.money, row.transaction_id) == (
        RedemptionState.TO_SHIP,
        Money.PAID,
        payment["transaction_id"],
    )
    assert till.points(member_id) == (700, 0)
    assert till.mall.left("bottle") == (4, 1)


def test_it_can_be_asked_for_payment_again_and_again(till: Till) -> None:
    token, _ = till.buyer()
    redemption_id = till.redeem(token)

    asked = [till.begin(token, redemption_id).status for _ in range(3)]

    assert asked == [200, 200, 200]


def test_what_was_paid_though_nobody_told_is_settled_when_payment_is_asked_for_again(till: Till) -> None:
    token, member_id = till.buyer()
    redemption_id = till.redeem(token)
    till.begin(token, redemption_id)
    till.pay(redemption_id)

    found = till.begin(token, redemption_id).data

    assert (found["request"], found["state"]) == (None, "to_ship")
    assert till.points(member_id) == (700, 0)


def test_a_stranger_can_neither_pay_nor_see_it(till: Till) -> None:
    token, _ = till.buyer()
    other, _ = till.buyer()
    redemption_id = till.redeem(token)

    assert till.begin(other, redemption_id).json["code"] == 40411


def test_what_is_not_paid_in_time_goes_back_whole(till: Till) -> None:
    token, member_id = till.buyer()
    redemption_id = till.redeem(token)
    till.begin(token, redemption_id)
    till.later(minutes=14, seconds=59)
    early = till.sweep()
    till.later(seconds=2)

    swept, again = till.sweep(), till.sweep()

    assert (early, swept, again) == (Swept(), Swept(closed=1), Swept())
    assert till.row(redemption_id).state is RedemptionState.LAPSED
    assert till.points(member_id) == (1000, 0)
    assert till.mall.left("bottle") == (5, 0)
    assert till.begin(token, redemption_id).json["code"] == 40915
    till.redeem(token)
    till.redeem(token)


def test_what_was_paid_in_the_last_second_is_settled_by_the_sweep_itself(till: Till) -> None:
    token, member_id = till.buyer()
    redemption_id = till.redeem(token)
    till.begin(token, redemption_id)
    till.pay(redemption_id)
    till.later(minutes=15)

    till.sweep()

    assert till.row(redemption_id).state is RedemptionState.TO_SHIP
    assert till.points(member_id) == (700, 0)


def late(till: Till) -> tuple[str, str, Any]:
    """(member, redemption, payment) of money that came after the closing."""
    token, member_id = till.buyer()
    redemption_id = till.redeem(token)
    till.begin(token, redemption_id)
    till.later(minutes=15, seconds=1)
    till.sweep()
    return member_id, redemption_id, till.pay(redemption_id, late=True)


def test_money_that_comes_too_late_goes_back_and_the_member_is_told(till: Till) -> None:
    member_id, redemption_id, payment = late(till)

    again = [till.tell(redemption_id, payment) for _ in range(2)]
    till.later(minutes=5)
    till.sweep()

    row = till.row(redemption_id)
    assert again == [[], []]
    assert (row.state, row.money, row.reason) == (RedemptionState.LAPSED, Money.REFUNDED, "超时后付款,原路退回")
    assert till.points(member_id) == (1000, 0)
    assert till.mall.left("bottle") == (5, 0)


def honour(till: Till) -> None:
    document = {**till.mall.item("bottle")["item"], "late_payment": "honour"}
    body = {"version": till.mall.item("bottle")["version"], "item": document}
    till.mall.staff("PUT", "/v1/staff/mall/items/{item_id}", body, item_id="bottle")
    till.later(seconds=6)


def test_late_money_may_be_honoured_where_points_and_pieces_still_suffice(till: Till) -> None:
    honour(till)
    member_id, redemption_id, payment = late(till)

    again = [till.tell(redemption_id, payment) for _ in range(2)]

    assert again == [[], []]
    assert (till.row(redemption_id).state, till.row(redemption_id).money) == (RedemptionState.TO_SHIP, Money.PAID)
    assert till.points(member_id) == (700, 0)
    assert till.mall.left("bottle") == (4, 1)


def test_late_money_that_cannot_be_honoured_goes_back(till: Till) -> None:
    honour(till)
    member_id, redemption_id, payment = late(till)
    till.mall.stock("bottle", -5)

    again = till.tell(redemption_id, payment)
    till.later(minutes=5)
    till.sweep()

    assert again == []
    assert (till.row(redemption_id).state, till.row(redemption_id).money) == (RedemptionState.LAPSED, Money.REFUNDED)
    assert till.points(member_id) == (1000, 0)


def test_a_refund_that_is_not_answered_is_asked_for_again_under_its_own_number(till: Till) -> None:
    _, redemption_id, payment = late(till)
    till.world.post("/faults", {"api": "/v3/refund/domestic/refunds", "kind": "http_500"})

    failed = till.tell(redemption_id, payment)
    standing = till.row(redemption_id).money
    till.later(minutes=5)
    till.sweep()
    till.later(minutes=5)
    till.sweep()

    assert (failed, standing) == (["m-1"], Money.REFUNDING)
    assert till.row(redemption_id).money is Money.REFUNDED
    back = refund_of(till.api, refund_number(redemption_id))
    assert back is not None
    assert (back.state, back.refund_fen) == (RefundState.DONE, 1990)


def test_while_wechat_pay_does_not_answer_nothing_is_closed(till: Till) -> None:
    token, member_id = till.buyer()
    redemption_id = till.redeem(token)
    till.begin(token, redemption_id)
    till.later(minutes=16)
    till.world.post("/faults", {"api": "/v3/pay/transactions/out-trade-no/*", "kind": "http_500"})

    failed, then = till.sweep(), till.sweep()

    assert (failed, then) == (Swept(failed=1), Swept(closed=1))
    assert till.points(member_id) == (1000, 0)


def test_points_that_the_ledger_released_by_itself_are_not_given_back_twice(till: Till) -> None:
    token, member_id = till.buyer()
    redemption_id = till.redeem(token)
    till.begin(token, redemption_id)
    till.later(hours=2, minutes=1)
    terms = terms_at(till.now).ledger
    release_overdue(member_id, hold_key(f"mall.{redemption_id}"), ledger=open_ledger(), terms=terms, now=till.now)

    till.sweep()

    assert till.points(member_id) == (1000, 0)
    assert till.row(redemption_id).state is RedemptionState.LAPSED
    assert till.mall.left("bottle") == (5, 0)


def test_another_sum_than_was_asked_is_left_to_people(till: Till) -> None:
    token, member_id = till.buyer()
    redemption_id = till.redeem(token)
    till.begin(token, redemption_id)
    payment = till.pay(redemption_id)
    told = MallNotice(What.PAID, trade_number(redemption_id), payment["transaction_id"], 1)

    answer = settle_mall_payments({"Records": [{"messageId": "m-1", "body": queued(told)}]}, None)

    assert len(answer["batchItemFailures"]) == 1
    assert till.points(member_id) == (700, 300)


def test_a_payment_of_an_unknown_redemption_is_left_to_people(till: Till) -> None:
    assert till.tell("0" * 24, {"transaction_id": "4200"}) == ["m-1"]
