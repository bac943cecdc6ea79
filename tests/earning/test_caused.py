"""What an order caused elsewhere goes back with its full refund: in any order, twice, at once, after a loss."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.earning.behaviour_event import Event, event_of, message_of
from chalicelib.earning.behaviour_void import void_behaviour
from chalicelib.earning.caused import full_refund, take_back_caused, void_caused, void_of
from chalicelib.earning.order import Line, Order, OrderFact, RefundedLine, order_key
from chalicelib.earning.parked import replay_parked
from chalicelib.earning.reconcile import Reconciliation
from chalicelib.earning.settle_order import settle_order
from chalicelib.earning.table import OrdersTable
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import Kind
from chalicelib.programme.model import TermsBook
from tests.earning.behaviours import Overtaken, Room, an_event, open_room, terms
from tests.earning.conftest import Shop, paid, refund
from tests.earning.test_behave import Counting, counted
from tests.ledger.builders import NOW

INVITER = "m2"
MINUTE = timedelta(minutes=1)


@dataclass
class Brand:
    """A shop and its members' behaviour over one ledger, and what waits in the queue between them."""

    room: Room
    shop: Shop
    queued: list[str] = field(default_factory=list)

    def tell(self, event_id: str = "e1", member_id: str = "m1", **given: Any) -> None:
        self.room.behave(of_order(event_id, member_id, **given))

    def hear(self, *facts: OrderFact) -> None:
        """Orders are recorded, and the stream settles them."""
        self.shop.record(*facts)
        self.settle()

    def order(self) -> Order:
        (order,) = self.shop.orders.orders([order_key("tmall", "1")])
        return order

    def settle(self) -> None:
        settle_order(self.order(), ledger=self.shop.ledger, book=self.shop.book)
        take_back_caused(self.order(), ledger=self.shop.ledger, send=self.queued.extend)

    def work(self, times: int = 1) -> None:
        """The worker of the queue, each message as often as it is delivered."""
        messages, self.queued[:] = self.queued * times, []
        for message in messages:
            void = void_of(message)
            assert void is not None
            void_caused(void, ledger=self.room.ledger, book=self.room.book)

    def reconcile(self) -> None:
        Reconciliation(
            orders=self.shop.orders,
            ledger=self.shop.ledger,
            find_members=self.shop.find_members,
            book=self.shop.book,
            now=NOW,
            zone="Asia/Shanghai",
            send=self.queued.extend,
            tell=self.queued.extend,
        ).run()


def of_order(event_id: str = "e1", member_id: str = "m1", **given: Any) -> Event:
    return an_event(event_id, member_id=member_id, **{"order_key": "tmall#1", **given})


@pytest.fixture
def brand(monkeypatch: pytest.MonkeyPatch) -> Iterator[Brand]:
    with open_room(monkeypatch) as room:
        orders = OrdersTable(room.ledger.dynamo, room.ledger.ledger.replace("-ledger", "-orders"))
        yield Brand(room, Shop(orders, room.ledger, room.book))


def test_a_full_refund_takes_back_the_review_and_the_inviters_reward(brand: Brand) -> None:
    brand.hear(paid())
    brand.tell("review")
    brand.tell("friend", INVITER)
    assert (brand.room.points(), brand.room.points(INVITER)) == (12 + 5, 5)

    brand.hear(refund())
    brand.work()

    assert (brand.room.points(), brand.room.points(INVITER)) == (0, 0)
    last = brand.room.entries(INVITER)[-1]
    assert (last.kind, last.points, last.text) == (Kind.REVERSE, -5, "撤销:所属订单已全额退款")
    assert (last.cause.id, last.cause.actor, last.cause.source) == ("tmall:friend", "order_feed", "tmall")
    assert last.facts == {"voided_points": 5, "refund": "tmall#1:r1"}
    assert last.cause.at == NOW


def test_an_event_of_another_order_or_of_none_is_left_alone(brand: Brand) -> None:
    brand.hear(paid())
    brand.tell("other", INVITER, order_key="tmall#2")
    brand.tell("plain", INVITER, order_key="")

    brand.hear(refund())

    assert brand.queued == []


def test_a_partial_refund_leaves_it_whole_and_the_last_one_takes_it_back(brand: Brand) -> None:
    brand.hear(paid())
    brand.tell("friend", INVITER)

    brand.hear(refund("r1", 1298))
    assert brand.queued == []
    brand.hear(refund("r2", 1))
    brand.work()

    assert brand.room.points(INVITER) == 0
    assert brand.room.entries(INVITER)[-1].facts["refund"] == "tmall#1:r2"


def test_an_event_told_after_the_full_refund_earns_nothing(brand: Brand) -> None:
    brand.hear(paid(), refund())

    with pytest.raises(JifenError) as refused:
        brand.tell("friend", INVITER)

    assert refused.value.code is Code.ORDER_REFUNDED
    assert brand.room.account(INVITER).version == 0
    assert [guard["pk"] for guard in brand.room.guards()] == ["O#tmall#1"]


def test_an_order_that_nobody_is_bound_to_takes_back_what_it_caused_all_the_same(brand: Brand) -> None:
    brand.hear(paid(buyer_id="stranger"))
    brand.tell("friend", INVITER)

    brand.hear(refund())
    brand.work()

    assert brand.room.points(INVITER) == 0
    with pytest.raises(JifenError, match="ORDER_REFUNDED"):
        brand.tell("late", INVITER)


def test_a_refund_heard_of_before_its_order_takes_back_with_the_order(brand: Brand) -> None:
    brand.hear(refund())
    brand.tell("friend", INVITER)
    assert brand.queued == []

    brand.hear(paid())
    brand.work()

    assert brand.room.points(INVITER) == 0


def test_refund_and_event_at_once_leave_nothing_paid_whoever_is_first(brand: Brand) -> None:
    brand.hear(paid())
    overtaken = brand.room.meanwhile(lambda _room: brand.hear(refund()))

    with pytest.raises(JifenError, match="ORDER_REFUNDED"):
        overtaken.behave(of_order("friend", INVITER))

    assert (brand.queued, brand.room.points(INVITER)) == ([], 0)


@pytest.mark.parametrize("verb", ["put_item", "query"])
def test_an_event_that_comes_while_the_refund_is_settled_is_refused_or_taken_back(brand: Brand, verb: str) -> None:
    brand.hear(paid())
    brand.shop.record(refund())

    def tell() -> None:
        with suppress(JifenError):
            brand.tell("friend", INVITER)

    ledger = replace(brand.room.ledger, dynamo=JustBefore(brand.room.ledger.dynamo, verb, tell))
    take_back_caused(brand.order(), ledger=ledger, send=brand.queued.extend)
    brand.work()

    assert brand.room.points(INVITER) == 0


class JustBefore:
    """A client before whose first call of one kind somebody else comes in."""

    def __init__(self, real: Any, verb: str, act: Callable[[], object]) -> None:
        self.real, self.verb, self.act = real, verb, [act]

    def __getattr__(self, name: str) -> Any:
        if name == self.verb and self.act:
            self.act.pop()()
        return getattr(self.real, name)


def test_settled_and_delivered_as_often_as_may_be_it_goes_back_once(brand: Brand) -> None:
    brand.hear(paid())
    brand.tell("friend", INVITER)
    brand.hear(refund())
    brand.settle()

    brand.work(times=3)
    brand.settle()

    assert brand.queued == []
    assert [entry.points for entry in brand.room.entries(INVITER)] == [5, -5]


def test_two_workers_at_once_take_back_once(brand: Brand) -> None:
    brand.hear(paid())
    brand.tell("friend", INVITER)
    brand.hear(refund())
    void = void_of(brand.queued[0])
    assert void is not None
    other = Overtaken(brand.room.ledger.dynamo, brand.work)

    void_caused(void, ledger=replace(brand.room.ledger, dynamo=other), book=brand.room.book)

    assert [entry.points for entry in brand.room.entries(INVITER)] == [5, -5]


def test_an_event_delivered_again_after_its_order_came_back_is_answered_as_before(brand: Brand) -> None:
    brand.hear(paid())
    brand.tell("friend", INVITER)
    brand.hear(refund())
    brand.work()

    outcome = brand.room.behave(of_order("friend", INVITER))

    assert outcome.receipt is not None
    assert outcome.receipt.replayed
    assert brand.room.points(INVITER) == 0


def test_what_staff_had_voided_already_is_left_alone(brand: Brand) -> None:
    brand.hear(paid())
    brand.tell("friend", INVITER)
    void_behaviour(
        "tmall", "friend", reason="刷单", actor="s1", ledger=brand.room.ledger, terms=terms(), now=NOW + MINUTE
    )

    brand.hear(refund())

    assert brand.queued == []


def test_a_void_is_never_booked_before_its_event(brand: Brand) -> None:
    brand.hear(paid())
    brand.tell("friend", INVITER, received_at=NOW + MINUTE)
    brand.hear(refund())
    brand.work()

    earned, voided = brand.room.entries(INVITER)
    assert voided.cause.at == earned.cause.at == NOW + MINUTE


def test_a_queue_that_fails_leaves_the_order_to_be_settled_again(brand: Brand) -> None:
    brand.hear(paid())
    brand.tell("friend", INVITER)
    brand.shop.record(refund())

    def broken(messages: Any) -> None:
        raise JifenError(Code.UNAVAILABLE)

    with pytest.raises(JifenError):
        take_back_caused(brand.order(), ledger=brand.room.ledger, send=broken)
    brand.settle()
    brand.work()

    assert brand.room.points(INVITER) == 0


def test_the_reconciliation_sends_again_what_was_lost(brand: Brand) -> None:
    brand.hear(paid())
    brand.tell("friend", INVITER)
    brand.hear(refund())
    brand.queued.clear()

    brand.reconcile()
    brand.work()
    brand.reconcile()

    assert (brand.room.points(INVITER), brand.queued) == (0, [])


def test_a_parked_order_takes_back_when_it_is_replayed(brand: Brand) -> None:
    brand.hear(paid())
    brand.tell("friend", INVITER)
    brand.shop.record(refund())
    brand.shop.orders.park("x", json.dumps({"order": "tmall#1"}), NOW)

    replay_parked(
        "x",
        orders=brand.shop.orders,
        ledger=brand.shop.ledger,
        book=brand.shop.book,
        send=brand.queued.extend,
        tell=brand.queued.extend,
        now=NOW,
    )
    brand.work()

    assert brand.room.points(INVITER) == 0


def test_what_earned_nothing_leaves_no_line(brand: Brand) -> None:
    brand.hear(paid())
    for number in range(3):
        brand.room.behave(an_event(f"e{number}", "message", order_key="tmall#1"))

    brand.hear(refund())

    assert len(brand.queued) == 2


def test_a_void_of_before_the_first_terms_waits(brand: Brand) -> None:
    brand.hear(paid())
    brand.tell("friend", INVITER)
    brand.hear(refund())
    brand.room.book = TermsBook(())

    with pytest.raises(JifenError, match="TERMS_MISSING"):
        brand.work()


@pytest.mark.parametrize(
    ("order", "refunds", "is_full"),
    [
        pytest.param(paid(), [], False, id="no refund"),
        pytest.param(paid(), [refund()], True, id="all"),
        pytest.param(paid(), [refund("r1", 1298)], False, id="all but a fen"),
        pytest.param(paid(), [refund("r1", 1000), refund("r2", 299)], True, id="in parts"),
        pytest.param(paid(freight_fen=299), [refund("r1", 1000)], True, id="all but the freight"),
        pytest.param(paid(freight_fen=299), [refund("r1", 299, freight_fen=299)], False, id="the freight alone"),
        pytest.param(paid(coupon_fen=299), [refund("r1", 1000)], True, id="all the money, a coupon covered the rest"),
        pytest.param(paid(stored_value_fen=1299), [refund("r1", 1000)], False, id="stored value is money"),
        pytest.param(paid(points_fen=1299), [refund("r1", 1000)], False, id="no money was paid, some goods stay"),
        pytest.param(paid(points_fen=1299), [refund("r1", 1299)], True, id="no money was paid, all came back"),
        pytest.param(
            paid(lines=(Line("1", "a", "", 1000), Line("2", "b", "", 299))),
            [refund("r1", 1000, lines=(RefundedLine("1", 1000),))],
            False,
            id="one line of two",
        ),
    ],
)
def test_a_refund_is_full_once_no_money_for_the_goods_is_left(
    brand: Brand, order: Any, refunds: list[Any], is_full: bool
) -> None:
    brand.shop.record(order, *refunds)

    assert (full_refund(brand.order()) is not None) == is_full


def test_an_event_travels_with_its_order_and_without_one_as_ever() -> None:
    event = of_order()

    assert event_of(message_of(event)) == event
    assert "order_key" not in message_of(an_event())
    assert event.input_hash != an_event().input_hash


def test_an_event_that_names_an_order_costs_no_request_more_and_four_units(brand: Brand) -> None:
    assert counted(brand.room, of_order()) == (2, 10)


def test_a_full_refund_costs_a_put_and_a_query_and_a_read_where_it_caused_anything(brand: Brand) -> None:
    def requests() -> int:
        dynamo = Counting(brand.room.ledger.dynamo)
        take_back_caused(brand.order(), ledger=replace(brand.room.ledger, dynamo=dynamo), send=brand.queued.extend)
        return dynamo.requests

    brand.hear(paid())
    assert requests() == 0
    brand.shop.record(refund())
    assert requests() == 2
    brand.tell("early", INVITER, order_key="tmall#2")
    brand.room.ledger.dynamo.put_item(
        TableName=brand.room.ledger.ledger, Item={"pk": {"S": "C#tmall#1"}, "sk": {"S": "E#tmall#early"}}
    )
    assert requests() == 3
