"""An order as it is stored and read back: briefly, whole, and with refunds that fit its lines. No table here."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.earning.items import order_of, paid_facts, refund_facts
from chalicelib.earning.order import (
    MAX_LINES,
    MAX_REFUNDS,
    Line,
    Order,
    Paid,
    Refund,
    Refunded,
    RefundedLine,
    fitted,
    why_not,
)
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import digest, stamp
from chalicelib.runtime.dynamo import decode_item, encode_item
from tests.ledger.item_size import item_bytes

NOW = datetime(2026, 3, 2, 4, tzinfo=UTC)
LINES = (Line("a", "lock-1", "车锁", 800), Line("b", "", "", 400, quantity=2))
PAID = Paid("tmall", "1", "b1", NOW, 1300, freight_fen=100, lines=LINES)


def refund(refund_no: str = "r1", refunded_fen: int = 500, **stated: Any) -> Refund:
    return Refund("tmall", "1", refund_no, refunded_fen, NOW, **stated)


def of_lines(**fen: int) -> tuple[RefundedLine, ...]:
    return tuple(RefundedLine(line_no, refunded_fen) for line_no, refunded_fen in fen.items())


def item(paid: Paid | None, *refunds: Refund, **more: Any) -> dict[str, Any]:
    kept: dict[str, Any] = {"pk": "tmall#1", "kind": "order", **more}
    if paid:
        kept |= {**paid_facts(paid), "input_hash": digest(paid_facts(paid)), "received_at": stamp(NOW)}
    for place, one in enumerate(refunds):
        kept[f"refund:{one.refund_no}"] = {
            **refund_facts(one),
            "received_at": stamp(NOW + timedelta(minutes=place)),
        }
    return decode_item(encode_item(kept))


def refusal(order: Order, new: Refund) -> JifenError:
    refused = why_not(new, order)
    assert refused is not None
    return refused


def test_an_order_comes_back_as_it_was_stored() -> None:
    given = refund(freight_fen=100, charged_fen=50, lines=of_lines(a=300, b=100))

    order = order_of(
        item(PAID, given, goods_received_at=stamp(NOW), goods_received_seen_at=stamp(NOW + timedelta(hours=1)))
    )

    assert order.paid == PAID
    assert order.refunds == {
        "r1": Refunded("r1", 500, NOW, NOW, freight_fen=100, charged_fen=50, lines=of_lines(a=300, b=100))
    }
    assert (order.goods_received_at, order.goods_received_seen_at) == (NOW, NOW + timedelta(hours=1))


def test_a_sale_at_a_till_stays_one() -> None:
    assert order_of(item(PAID._replace(is_pos=True))).paid == PAID._replace(is_pos=True)


def test_what_was_stored_before_there_were_lines_is_read_and_hashed_as_before() -> None:
    plain = PAID._replace(lines=())
    facts = {"platform": "tmall", "order_no": "1", "buyer_id": "b1", "paid_at": "2026-03-02T04:00:00.000Z"}
    facts |= {"paid_fen": 1300, "freight_fen": 100, "coupon_fen": 0, "points_fen": 0, "stored_value_fen": 0}

    assert paid_facts(plain) == facts
    assert refund_facts(refund()) == {"fen": 500, "refunded_at": "2026-03-02T04:00:00.000Z"}
    assert order_of(item(plain, refundable_fen=1300)).paid == plain


def test_the_order_in_which_lines_are_named_makes_no_difference() -> None:
    assert digest(paid_facts(PAID)) == digest(paid_facts(PAID._replace(lines=LINES[::-1])))
    assert digest(paid_facts(PAID)) != digest(paid_facts(PAID._replace(lines=(LINES[0], LINES[1]._replace(sku="x")))))


@pytest.mark.parametrize("lines", [[["a", "s"]], [["a", "s", "c", 1, 1, 1]], [7]])
def test_lines_that_cannot_be_read_make_the_order_unreadable(lines: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        order_of(item(PAID) | {"lines": lines})


def test_the_largest_order_stays_far_below_what_an_item_may_hold() -> None:
    numbers = [f"{place:032d}" for place in range(MAX_LINES)]
    paid = PAID._replace(lines=tuple(Line(no, "𠮷" * 64, "𠮷" * 64, 10**7, 100_000) for no in numbers))
    lines = tuple(RefundedLine(no, 10**5 - 1) for no in numbers)
    refunds = [
        refund(f"{place:064d}", 10**7, lines=lines, freight_fen=10**7, charged_fen=10**7)
        for place in range(MAX_REFUNDS)
    ]

    assert item_bytes(encode_item(item(paid, *refunds))) < 240 * 1024


def test_a_plain_order_costs_one_write_unit() -> None:
    three = tuple(Line(f"20260302000000{no}", f"SKU-{no}", "骑行装备", 400) for no in range(3))

    assert item_bytes(encode_item(item(PAID._replace(lines=three), refund(lines=of_lines(a=1))))) < 900


def test_a_refund_before_its_order_is_read_as_it_was_stated() -> None:
    assert order_of(item(None, refund(lines=of_lines(z=500)))).refunds["r1"].lines == of_lines(z=500)


@pytest.mark.parametrize(
    ("paid", "stated", "kept"),
    [
        (PAID, {"lines": of_lines(z=400)}, {"lines": ()}),
        (PAID, {"lines": of_lines(a=100, b=450)}, {"lines": of_lines(a=100, b=400)}),
        (PAID, {"freight_fen": 250}, {"freight_fen": 100}),
        (PAID._replace(lines=()), {"lines": of_lines(a=100)}, {"lines": ()}),
        (PAID._replace(freight_fen=0), {"freight_fen": 100}, {"freight_fen": 0}),
    ],
)
def test_what_an_earlier_refund_states_beyond_its_order_counts_for_the_order_at_large(
    paid: Paid, stated: dict[str, Any], kept: dict[str, Any]
) -> None:
    read = order_of(item(paid, refund(refunded_fen=600, **stated))).refunds["r1"]

    assert read.refunded_fen == 600
    assert {name: getattr(read, name) for name in kept} == kept


def test_of_two_refunds_that_want_one_line_the_one_received_first_has_it() -> None:
    read = order_of(item(PAID, refund("r2", lines=of_lines(b=300)), refund("r1", lines=of_lines(b=300)))).refunds

    assert (read["r2"].lines, read["r1"].lines) == (of_lines(b=300), of_lines(b=100))


@pytest.mark.parametrize(
    ("new", "code", "field"),
    [
        (refund(refunded_fen=1301), Code.REFUND_EXCEEDS_ORDER, "refunded_fen"),
        (refund(lines=of_lines(a=1, z=1)), Code.ORDER_CHANGED, "lines.1.line_no"),
        (refund(lines=of_lines(a=1, b=401)), Code.REFUND_EXCEEDS_ORDER, "lines.1.refunded_fen"),
        (refund(freight_fen=101), Code.REFUND_EXCEEDS_ORDER, "freight_fen"),
    ],
)
def test_what_cannot_be_of_a_paid_order_is_refused_with_its_path(new: Refund, code: Code, field: str) -> None:
    refused = refusal(order_of(item(PAID)), new)

    assert (refused.code, refused.field) == (code, field)


def test_all_refunds_of_a_line_together_stay_within_it() -> None:
    order = order_of(item(PAID, refund("r1", lines=of_lines(b=300), freight_fen=60)))

    assert refusal(order, refund("r2", lines=of_lines(b=101))).field == "lines.0.refunded_fen"
    assert refusal(order, refund("r2", freight_fen=41)).field == "freight_fen"
    assert why_not(refund("r2", lines=of_lines(b=100), freight_fen=40), order) is None


def test_an_order_that_states_no_lines_and_no_freight_contradicts_no_split() -> None:
    order = order_of(item(PAID._replace(lines=(), freight_fen=0)))

    assert why_not(refund(lines=of_lines(z=400), freight_fen=100), order) is None


def test_before_the_order_only_the_number_of_refunds_counts() -> None:
    many = [refund(f"r{number}") for number in range(MAX_REFUNDS)]

    assert why_not(refund("x", 10**9, lines=of_lines(z=10**9)), order_of(item(None, *many[1:]))) is None
    assert refusal(order_of(item(None, *many)), refund("x", 1)).code is Code.TOO_MANY_REFUNDS


@given(
    st.lists(
        st.tuples(st.dictionaries(st.sampled_from("abz"), st.integers(1, 900)), st.integers(0, 200), st.integers(0, 3)),
        max_size=6,
    )
)
def test_whatever_came_before_the_order_its_lines_never_give_back_more_than_was_paid(
    stated: list[tuple[dict[str, int], int, int]],
) -> None:
    refunds = [
        Refunded(
            f"r{place}",
            sum(fen.values()) + freight_fen + 1,
            NOW,
            NOW + timedelta(minutes=minute),
            freight_fen=freight_fen,
            lines=of_lines(**fen),
        )
        for place, (fen, freight_fen, minute) in enumerate(stated)
    ]

    fit = fitted(PAID, refunds)

    given_back = {"a": 0, "b": 0}
    for one in fit.values():
        for line_no, refunded_fen in one.lines:
            assert refunded_fen > 0
            given_back[line_no] += refunded_fen
    assert all(given_back[line.line_no] <= line.paid_fen for line in LINES)
    assert sum(one.freight_fen for one in fit.values()) <= PAID.freight_fen
    assert [fit[one.refund_no].refunded_fen for one in refunds] == [one.refunded_fen for one in refunds]
    assert fitted(PAID, fit.values()) == fit
    assert fitted(PAID, refunds[::-1]) == fit
