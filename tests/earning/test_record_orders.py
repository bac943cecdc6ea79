from datetime import timedelta

import pytest

from chalicelib.earning.order import order_key
from chalicelib.earning.order_feed import order_fact
from chalicelib.earning.record_orders import Result
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
    assert item_bytes(encode_item(guard_item(guard))) <= 1024
