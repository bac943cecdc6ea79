import random
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.earning.order import GoodsReceived, Line, Order, OrderFact, RefundedLine, order_key
from chalicelib.earning.order_feed import order_fact
from chalicelib.earning.record_orders import Recorded, Result
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.items import guard_item
from chalicelib.runtime.dynamo import encode_item
from tests.earning.conftest import Shop, paid, refund
from tests.ledger.builders import NOW
from tests.ledger.item_size import item_bytes

RECORD = {
    "kind": "paid",
    "platform": "tmall",
    "order_no": "123456789012345678",
    "buyer_id": "买家1",
    "paid_at": "2026-11-22T12:00:00+08:00",
    "paid_fen": 1299,
}
REFUND = {
    "kind": "refund",
    "platform": "tmall",
    "order_no": "123456789012345678",
    "refund_no": "R1",
    "refunded_fen": 500,
    "refunded_at": "2026-11-22T12:00:00+08:00",
}


def test_received_at_is_set_once(shop: Shop) -> None:
    shop.record(paid())
    shop.record(paid(), at=NOW + timedelta(hours=3))

    (order,) = shop.orders.orders([order_key("tmall", "1")])
    assert order.received_at == NOW


def test_each_record_is_answered_on_its_own(shop: Shop) -> None:
    answers = shop.record(paid("1"), paid("1"), paid("2", buyer_id="stranger"), paid("1", 1300), refund("r", 5000))

    results = [answer.result for answer in answers]
    assert results == [Result.ACCEPTED, Result.DUPLICATE, Result.WAITING, Result.REFUSED, Result.REFUSED]
    assert [answer.error.code for answer in answers[3:] if answer.error] == [
        Code.ORDER_CHANGED,
        Code.REFUND_EXCEEDS_ORDER,
    ]


def test_refunds_together_cannot_exceed_the_order(shop: Shop) -> None:
    shop.record(paid())

    answers = [shop.record(refund(f"r{number}", 600))[0] for number in range(3)]

    assert [answer.result for answer in answers] == [Result.ACCEPTED, Result.ACCEPTED, Result.REFUSED]


def test_a_refund_number_stands_for_one_amount(shop: Shop) -> None:
    shop.record(paid(), refund("r1", 100))

    same, other = shop.record(refund("r1", 100), refund("r1", 200))

    assert same.result is Result.DUPLICATE
    assert other.error is not None
    assert other.error.code is Code.ORDER_CHANGED


def test_a_repeat_changes_no_stored_byte_so_the_stream_stays_silent(shop: Shop) -> None:
    shop.record(paid(), refund("r1", 100))
    before = shop.orders.dynamo.scan(TableName=shop.orders.name)["Items"]

    shop.record(paid(), refund("r1", 100), at=NOW + timedelta(days=1))

    assert shop.orders.dynamo.scan(TableName=shop.orders.name)["Items"] == before


def test_a_good_record_is_read_whole() -> None:
    fact = order_fact(RECORD, NOW)

    assert fact == paid("123456789012345678", buyer_id="买家1", paid_at=NOW)


@pytest.mark.parametrize(
    ("record", "changes", "field"),
    [
        (RECORD, {"paid_fen": -1}, "paid_fen"),
        (RECORD, {"paid_fen": 12.99}, "paid_fen"),
        (RECORD, {"paid_fen": "1299"}, "paid_fen"),
        (RECORD, {"paid_fen": True}, "paid_fen"),
        (RECORD, {"paid_fen": 10**12}, "paid_fen"),
        (RECORD, {"order_no": "1#2"}, "order_no"),
        (RECORD, {"order_no": "../2"}, "order_no"),
        (RECORD, {"order_no": "1" * 65}, "order_no"),
        (RECORD, {"order_no": 123}, "order_no"),
        (RECORD, {"order_no": "１２３"}, "order_no"),
        (RECORD, {"platform": "Tmall"}, "platform"),
        (RECORD, {"platform": "a#b"}, "platform"),
        (RECORD, {"buyer_id": ""}, "buyer_id"),
        (RECORD, {"buyer_id": "a\x00b"}, "buyer_id"),
        (RECORD, {"paid_at": "2026-11-22 12:00:00"}, "paid_at"),
        (RECORD, {"paid_at": "yesterday"}, "paid_at"),
        (RECORD, {"paid_at": "2026-11-22T12:05:01+08:00"}, "paid_at"),
        (RECORD, {"paid_at": "1970-01-01T00:00:00Z"}, "paid_at"),
        (RECORD, {"surprise": 1}, "surprise"),
        (RECORD, {"kind": "gift"}, "kind"),
        (REFUND, {"refunded_fen": 0}, "refunded_fen"),
        (REFUND, {"refunded_at": "2027-11-22T12:00:00+08:00"}, "refunded_at"),
        (REFUND, {"refund_no": "a:b"}, "refund_no"),
    ],
)
def test_a_bad_record_is_refused_and_its_field_named(
    record: dict[str, object], changes: dict[str, object], field: str
) -> None:
    with pytest.raises(JifenError) as refused:
        order_fact({**record, **changes}, NOW)

    assert refused.value.code is Code.INVALID_REQUEST
    assert refused.value.field == field


@pytest.mark.parametrize("name", sorted(RECORD))
def test_a_missing_field_is_named(name: str) -> None:
    with pytest.raises(JifenError) as refused:
        order_fact({key: value for key, value in RECORD.items() if key != name}, NOW)

    assert refused.value.field == name


def test_an_order_takes_so_many_refunds_and_no_more(shop: Shop) -> None:
    shop.record(paid(paid_fen=100_000))

    answers = shop.record(*(refund(f"r{number}", 1) for number in range(41)))

    assert [answer.result for answer in answers] == [Result.ACCEPTED] * 40 + [Result.REFUSED]
    assert answers[-1].error is not None
    assert answers[-1].error.code is Code.TOO_MANY_REFUNDS
    receipt = shop.settle()
    assert receipt is not None
    assert len(receipt.entries) == 41
    guard = shop.ledger.guards(["O#tmall#1"])["O#tmall#1"]
    assert item_bytes(encode_item(guard_item(guard, "0003"))) <= 1024


LINES = (Line("a", "lock-1", "车锁", 800), Line("b", "", "", 400, 2))
SOLD = paid(paid_fen=1300, freight_fen=100, lines=LINES)
RECEIVED = GoodsReceived("tmall", "1", NOW)


def of_line(line_no: str, refunded_fen: int) -> tuple[RefundedLine, ...]:
    return (RefundedLine(line_no, refunded_fen),)


def kept(shop: Shop) -> Order:
    (order,) = shop.orders.orders([order_key("tmall", "1")])
    return order


def items(shop: Shop) -> Any:
    return shop.orders.dynamo.scan(TableName=shop.orders.name)["Items"]


def why(answer: Recorded) -> tuple[Code, str | None]:
    assert answer.result is Result.REFUSED
    assert answer.error is not None
    return answer.error.code, answer.error.field


@dataclass
class Meeting:
    """A client before whose first write another writer comes in."""

    dynamo: Any
    first: Any

    def __getattr__(self, name: str) -> Any:
        return getattr(self.dynamo, name)

    def update_item(self, **request: Any) -> Any:
        first, self.first = self.first, None
        if first:
            first()
        return self.dynamo.update_item(**request)


def meeting(shop: Shop, *facts: OrderFact) -> Shop:
    """The same shop, in which these facts are kept just after the next fact was decided on."""
    return replace(shop, orders=replace(shop.orders, dynamo=Meeting(shop.orders.dynamo, lambda: shop.record(*facts))))


def test_lines_receipt_and_refunds_stand_on_the_order(shop: Shop) -> None:
    part = refund("r1", 500, freight_fen=100, charged_fen=50, lines=of_line("a", 300))

    answers = shop.record(SOLD, part, at=NOW) + shop.record(RECEIVED, at=NOW + timedelta(days=3))

    assert [answer.result for answer in answers] == [Result.ACCEPTED] * 3
    order = kept(shop)
    assert order.paid == SOLD
    one = order.refunds["r1"]
    assert (one.lines, one.freight_fen, one.charged_fen) == (of_line("a", 300), 100, 50)
    assert (order.goods_received_at, order.goods_received_seen_at) == (NOW, NOW + timedelta(days=3))


@pytest.mark.parametrize("seed", range(12))
def test_the_same_facts_in_any_order_each_twice_make_the_same_order(shop: Shop, seed: int) -> None:
    refunds = [refund("r1", 300, lines=of_line("a", 300)), refund("r2", 500, lines=of_line("b", 400), freight_fen=50)]
    facts: list[OrderFact] = [SOLD, RECEIVED, *refunds, refund("r3", 500)]
    given = facts * 2
    random.Random(seed).shuffle(given)

    results = [answer.result for one in given for answer in shop.record(one)]

    assert (results.count(Result.ACCEPTED), results.count(Result.DUPLICATE)) == (5, 5)
    order = kept(shop)
    assert (order.paid, order.goods_received_at) == (SOLD, NOW)
    assert {number: (one.refunded_fen, one.freight_fen, one.lines) for number, one in order.refunds.items()} == {
        "r1": (300, 0, of_line("a", 300)),
        "r2": (500, 50, of_line("b", 400)),
        "r3": (500, 0, ()),
    }


def test_a_delivery_that_broke_off_half_way_is_completed_by_its_repeat(shop: Shop) -> None:
    whole: list[OrderFact] = [SOLD, RECEIVED, refund("r1", 300, lines=of_line("a", 300))]
    shop.record(*whole[:2])

    answers = shop.record(*whole)

    assert [answer.result for answer in answers] == [Result.DUPLICATE, Result.DUPLICATE, Result.ACCEPTED]


def test_a_repeat_of_lines_and_receipt_changes_no_stored_byte(shop: Shop) -> None:
    part = refund("r1", 500, freight_fen=100, lines=of_line("a", 300))
    shop.record(SOLD, RECEIVED, part)
    before = items(shop)

    answers = shop.record(SOLD._replace(lines=LINES[::-1]), RECEIVED, part, at=NOW + timedelta(days=1))

    assert [answer.result for answer in answers] == [Result.DUPLICATE] * 3
    assert items(shop) == before


@pytest.mark.parametrize(
    ("other", "field"),
    [
        (SOLD._replace(lines=(LINES[0]._replace(category="车灯"), LINES[1])), "order_no"),
        (SOLD._replace(lines=()), "order_no"),
        (SOLD._replace(is_pos=True), "order_no"),
        (RECEIVED._replace(received_at=NOW + timedelta(seconds=1)), "received_at"),
        (refund("r1", 500, lines=of_line("a", 301)), "refund_no"),
        (refund("r1", 500, lines=of_line("b", 300)), "refund_no"),
        (refund("r1", 500), "refund_no"),
        (refund("r1", 500, lines=of_line("a", 300), charged_fen=1), "refund_no"),
        (refund("r1", 500, lines=of_line("a", 300), freight_fen=1), "refund_no"),
        (refund("r1", 500, lines=of_line("a", 300), refunded_at=NOW + timedelta(seconds=1)), "refund_no"),
    ],
)
def test_the_same_key_with_other_content_is_refused_and_the_first_stands(
    shop: Shop, other: OrderFact, field: str
) -> None:
    shop.record(SOLD, RECEIVED, refund("r1", 500, lines=of_line("a", 300)))
    before = items(shop)

    (answer,) = shop.record(other)

    assert why(answer) == (Code.ORDER_CHANGED, field)
    assert items(shop) == before


def test_a_receipt_may_come_before_its_order_and_is_not_the_order(shop: Shop) -> None:
    shop.record(RECEIVED)
    assert kept(shop).paid is None

    (answer,) = shop.record(SOLD, at=NOW + timedelta(hours=1))

    assert answer.result is Result.ACCEPTED
    order = kept(shop)
    assert (order.received_at, order.goods_received_seen_at) == (NOW + timedelta(hours=1), NOW)


def test_a_receipt_makes_the_order_one_that_changed_today(shop: Shop) -> None:
    shop.record(SOLD, at=NOW - timedelta(days=9))
    shop.record(RECEIVED)

    assert [key for page in shop.orders.changed_keys(NOW.date()) for key in page] == ["tmall#1"]


def test_a_line_gives_back_no_more_than_was_paid_for_it(shop: Shop) -> None:
    shop.record(SOLD)

    answers = shop.record(
        refund("r1", 300, lines=of_line("b", 300)),
        refund("r2", 101, lines=of_line("b", 101)),
        refund("r3", 100, lines=of_line("c", 100)),
        refund("r4", 200, freight_fen=101),
        refund("r5", 100, lines=of_line("b", 100)),
    )

    assert [answers[0].result, answers[4].result] == [Result.ACCEPTED] * 2
    assert [why(answer) for answer in answers[1:4]] == [
        (Code.REFUND_EXCEEDS_ORDER, "lines.0.refunded_fen"),
        (Code.ORDER_CHANGED, "lines.0.line_no"),
        (Code.REFUND_EXCEEDS_ORDER, "freight_fen"),
    ]


def test_a_refund_that_came_before_its_order_is_made_to_fit_when_that_comes(shop: Shop) -> None:
    early = [refund("r1", 500, lines=of_line("b", 500)), refund("r2", 100, lines=of_line("c", 100))]
    assert [answer.result for answer in shop.record(*early)] == [Result.ACCEPTED] * 2

    shop.record(SOLD)

    refunds = kept(shop).refunds
    assert (refunds["r1"].refunded_fen, refunds["r1"].lines) == (500, of_line("b", 400))
    assert (refunds["r2"].refunded_fen, refunds["r2"].lines) == (100, ())
    assert [answer.result for answer in shop.record(*early)] == [Result.DUPLICATE] * 2
    (beyond,) = shop.record(refund("r3", 1, lines=of_line("b", 1)))
    assert why(beyond) == (Code.REFUND_EXCEEDS_ORDER, "lines.0.refunded_fen")


def test_two_refunds_at_once_share_what_a_line_still_has(shop: Shop) -> None:
    shop.record(SOLD)
    first, second = (refund(number, 300, lines=of_line("b", 300)) for number in ("r1", "r2"))

    (late,) = meeting(shop, first).record(second)

    assert why(late) == (Code.REFUND_EXCEEDS_ORDER, "lines.0.refunded_fen")
    assert list(kept(shop).refunds) == ["r1"]


def test_two_refunds_at_once_that_both_fit_are_both_kept(shop: Shop) -> None:
    shop.record(SOLD)

    (late,) = meeting(shop, refund("r1", 300)).record(refund("r2", 300))

    assert late.result is Result.ACCEPTED
    assert sorted(kept(shop).refunds) == ["r1", "r2"]
    assert items(shop)[0]["refund_count"] == {"N": "2"}


def test_a_refund_that_meets_its_order_is_held_against_it(shop: Shop) -> None:
    (late,) = meeting(shop, SOLD).record(refund("r1", 1301))

    assert why(late) == (Code.REFUND_EXCEEDS_ORDER, "refunded_fen")
    assert kept(shop).refunds == {}


@pytest.mark.parametrize("fact", [SOLD, RECEIVED, refund("r1", 300, lines=of_line("a", 300))])
def test_the_same_fact_twice_at_once_is_kept_once(shop: Shop, fact: OrderFact) -> None:
    (late,) = meeting(shop, fact).record(fact)

    assert late.result is Result.DUPLICATE


def test_other_content_at_once_is_refused(shop: Shop) -> None:
    (late,) = meeting(shop, refund("r1", 300)).record(refund("r1", 301))

    assert why(late) == (Code.ORDER_CHANGED, "refund_no")


def test_a_refund_costs_one_read_and_one_write_and_a_receipt_one_write(shop: Shop) -> None:
    shop.record(SOLD)
    counted = Counting(shop.orders.dynamo)
    watched = replace(shop, orders=replace(shop.orders, dynamo=counted))

    watched.record(refund("r1", 300, lines=of_line("a", 300)))
    watched.record(RECEIVED)
    watched.record(refund("r1", 300, lines=of_line("a", 300)))

    assert counted.calls == ["get_item", "update_item", "update_item", "get_item"]


class Counting:
    """A client that notes which calls went through it."""

    def __init__(self, dynamo: Any) -> None:
        self.dynamo = dynamo
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name != "exceptions":
            self.calls.append(name)
        return getattr(self.dynamo, name)
