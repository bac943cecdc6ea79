"""Youzan's and Doudian's pushes through the deployed app: kept once as orders, acknowledged as each of them wants."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.connect import push_signature
from chalicelib.earning.order import Line, Order, Paid
from chalicelib.earning.table import open_orders
from tests.connect import shops
from tests.connect.shops import ACK, DONE, ORDER, PAID, PROBE, RECEIPT, REFUND, RETURNED
from tests.connect.stage import ACCOUNTS, Outside, Reply, one_call_at_a_time

E1, D1 = "youzan#E20260302115810073500004", "douyin#4837328765348566675"
Tell = Callable[[Outside], Reply]


def order(key: str) -> Order:
    (found,) = open_orders().orders([key])
    return found


def changed(told: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """The message with one place changed; None removes it."""
    copy = deepcopy(told)
    *way, last = path.split(".")
    place: Any = copy
    for step in way:
        place = place[int(step) if step.isdigit() else step]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return copy


def test_a_youzan_payment_becomes_an_order_with_its_lines(outside: Outside) -> None:
    _, mei = outside.log_in()
    outside.bind(mei, "youzan", "wKozXUzB709060524846944256")

    reply = shops.youzan(outside, "trade_TradePaid", ORDER)

    assert (reply.status, reply.json) == (200, ACK)
    assert order(E1).member_id == mei
    assert order(E1).paid == Paid(
        platform="youzan",
        order_no="E20260302115810073500004",
        buyer_id="wKozXUzB709060524846944256",
        paid_at=datetime(2026, 3, 2, 3, 58, 10, tzinfo=UTC),
        paid_fen=9990,
        freight_fen=1000,
        lines=(
            Line("2893222679010476072", "LAMP-2", "", 4000, 2),
            Line("2893222679010476073", "LOCK", "", 4990, 1),
        ),
    )


def test_a_doudian_payment_becomes_an_order_that_waits_for_whoever_shows_its_number(outside: Outside) -> None:
    reply = shops.doudian(outside, PAID)

    assert (reply.status, reply.json) == (200, ACK)
    assert order(D1).member_id == ""
    assert order(D1).paid == Paid(
        platform="douyin",
        order_no="4837328765348566675",
        buyer_id="order-4837328765348566675",
        paid_at=datetime.fromtimestamp(1772423891, UTC),
        paid_fen=1990,
    )


def test_points_follow_payment_receipt_and_refund(outside: Outside) -> None:
    _, mei = outside.log_in()
    outside.bind(mei, "youzan", "wKozXUzB709060524846944256")

    shops.youzan(outside, "trade_TradePaid", ORDER)
    outside.settle(E1)
    earned = outside.account(mei).total_points
    shops.youzan(outside, "trade_TradeSuccess", RECEIPT)
    shops.youzan(outside, "youzan_trade_RefundSuccess", REFUND)
    outside.settle(E1)

    assert 0 < outside.account(mei).total_points < earned
    assert order(E1).goods_received_at == datetime(2026, 3, 2, 3, 59, 30, tzinfo=UTC)
    assert order(E1).refunds["202603021158283952460720"].refunded_fen == 4000


@pytest.mark.parametrize(
    "kind", ["trade_refund_RefundSuccess", "trade_refund_RefundSellerAgree", "youzan_trade_RefundSuccess"]
)
def test_a_refund_that_youzan_tells_under_several_names_is_one(outside: Outside, kind: str) -> None:
    shops.youzan(outside, "trade_TradePaid", ORDER)

    for name in (kind, "youzan_trade_RefundSuccess", kind):
        assert shops.youzan(outside, name, REFUND).json == ACK

    assert [one.refunded_fen for one in order(E1).refunds.values()] == [4000]


def test_goods_that_are_to_be_sent_back_are_no_refund_when_it_is_agreed_to(outside: Outside) -> None:
    shops.youzan(outside, "trade_TradePaid", ORDER)
    agreed = {**REFUND, "refund_type": "REFUND_AND_RETURN"}

    shops.youzan(outside, "trade_refund_RefundSellerAgree", agreed)
    assert not order(E1).refunds
    shops.youzan(outside, "trade_refund_RefundSuccess", agreed)
    assert order(E1).refunds


def test_doudians_messages_of_one_call_are_all_kept(outside: Outside) -> None:
    reply = shops.doudian(outside, RETURNED, PROBE, DONE, PAID, {"tag": "400", "msg_id": "x", "data": {}})

    assert reply.json == ACK
    found = order(D1)
    assert found.paid
    assert found.goods_received_at == datetime.fromtimestamp(1772423990, UTC)
    assert found.refunds["6999514477070778668"].refunded_fen == 990
    assert '{"event":"doudian_messages_passed","count":2}' in outside.lines


@pytest.mark.parametrize("probe", [[PROBE], [{"tag": 0, "msg_id": "0", "data": ""}], []])
def test_a_probe_is_acknowledged_and_writes_nothing(outside: Outside, probe: list[Any]) -> None:
    before = outside.written()

    assert shops.push(outside, shops.DOUDIAN, probe).json == ACK
    assert outside.written() == before


def test_data_may_come_as_a_text_and_numbers_as_texts(outside: Outside) -> None:
    told = {**PAID, "tag": 101, "data": json.dumps({**PAID["data"], "p_id": "4837328765348566675"})}

    assert shops.doudian(outside, told).json == ACK
    assert order(D1).paid


def test_tags_may_be_named_by_the_stages_account(outside: Outside) -> None:
    outside.connect({"doudian": {**ACCOUNTS["doudian"], "tags": {"refunded": "299"}}})
    shops.doudian(outside, PAID)

    shops.doudian(outside, RETURNED)
    assert not order(D1).refunds
    shops.doudian(outside, {**RETURNED, "tag": "299"})
    assert order(D1).refunds


def test_what_is_paid_at_the_door_is_not_paid_yet(outside: Outside) -> None:
    assert shops.doudian(outside, changed(PAID, "data.pay_type", 0)).json == ACK
    assert not open_orders().orders([D1])


@pytest.mark.parametrize("encoded", [shops.percent_encoded(ORDER)])
def test_blanks_of_an_encoded_message_may_be_plus_or_percent_twenty(outside: Outside, encoded: str) -> None:
    shops.youzan(outside, "trade_TradePaid", ORDER)
    before = outside.written()

    assert shops.youzan(outside, "trade_TradePaid", ORDER, msg=encoded).json == ACK
    assert outside.written() == before


def test_an_order_paid_in_phases_counts_once_it_is_paid_in_full(outside: Outside) -> None:
    deposit = changed(ORDER, "full_order_info.pay_info.phase_payments", [{"phase": 1}])
    full = changed(deposit, "full_order_info.pay_info.payment", "199.90")

    assert shops.youzan(outside, "trade_TradePaid", deposit).json == ACK
    assert not open_orders().orders([E1])
    shops.youzan(outside, "trade_TradeBuyerPay", full)

    paid = order(E1).paid
    assert paid
    assert (paid.paid_fen, paid.lines) == (19990, ())


def test_both_of_youzans_messages_of_one_payment_are_one_order(outside: Outside) -> None:
    shops.youzan(outside, "trade_TradePaid", ORDER)
    before = outside.written()

    assert shops.youzan(outside, "trade_TradeBuyerPay", ORDER, version=1772423999).json == ACK
    assert outside.written() == before


def test_an_older_message_after_a_newer_one_changes_nothing(outside: Outside) -> None:
    shops.youzan(outside, "youzan_trade_RefundSuccess", REFUND, version=1772423999)
    shops.youzan(outside, "trade_TradeSuccess", RECEIPT, version=1772423998)
    shops.youzan(outside, "trade_TradePaid", ORDER, version=1772423891)
    before = outside.written()

    shops.youzan(outside, "trade_TradePaid", ORDER, version=1772423800, msg_id="another")

    found = order(E1)
    assert found.paid
    assert found.refunds
    assert found.goods_received_at
    assert outside.written() == before


def test_an_order_without_a_buyer_waits_alone(outside: Outside) -> None:
    shops.youzan(outside, "trade_TradePaid", changed(ORDER, "full_order_info.buyer_info", {"buyer_id": 0}))

    paid = order(E1).paid
    assert paid
    assert paid.buyer_id == "order-E20260302115810073500004"


def test_a_sale_in_a_shop_says_so(outside: Outside) -> None:
    shops.youzan(outside, "trade_TradePaid", changed(ORDER, "full_order_info.source_info.is_offline_order", True))

    paid = order(E1).paid
    assert paid
    assert paid.is_pos


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("full_order_info.orders.0.payment", "39.99"),
        ("full_order_info.orders.0.payment", None),
        ("full_order_info.orders.0.oid", ""),
        ("full_order_info.orders", "none"),
        ("full_order_info.orders", None),
        ("full_order_info.orders", ["x"]),
    ],
)
def test_lines_that_do_not_make_the_order_leave_it_as_one(outside: Outside, path: str, value: Any) -> None:
    assert shops.youzan(outside, "trade_TradePaid", changed(ORDER, path, value)).json == ACK

    paid = order(E1).paid
    assert paid
    assert (paid.paid_fen, paid.lines) == (9990, ())


@pytest.mark.parametrize("kind", ["trade_TradeCreate", "trade_TradeClose", "POINTS", "SCRM_CUSTOMER_EVENT", "新"])
def test_kinds_that_move_nothing_are_acknowledged_and_logged(outside: Outside, kind: str) -> None:
    before = outside.written()

    reply = shops.youzan(outside, kind, {}, msg="not to be opened %ff")

    assert reply.json == ACK
    assert outside.written() == before
    assert json.dumps({"event": "youzan_message_passed", "kind": kind}, ensure_ascii=False, separators=(",", ":")) in (
        outside.lines
    )


def test_a_test_message_is_acknowledged_and_kept_nowhere(outside: Outside) -> None:
    before = outside.written()

    assert shops.youzan(outside, "trade_TradePaid", ORDER, test=True).json == ACK
    assert outside.written() == before


def test_an_exchange_is_no_refund(outside: Outside) -> None:
    shops.youzan(outside, "youzan_trade_RefundSuccess", {**REFUND, "refunded_fee": "0.00"})
    shops.doudian(outside, changed(RETURNED, "data.refund_amount", 0))

    assert not open_orders().orders([E1, D1])


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        *(
            ("trade_TradePaid", changed(ORDER, f"full_order_info.{path}", value))
            for path, value in [
                ("pay_info.payment", None),
                ("pay_info.payment", 99.9),
                ("pay_info.payment", "99.901"),
                ("pay_info.payment", "-1.00"),
                ("pay_info.payment", "９９.９０"),
                ("pay_info.payment", "1e3"),
                ("pay_info.payment", "999999999999.00"),
                ("order_info.tid", None),
                ("order_info.tid", "a b"),
                ("order_info.pay_time", "2026-03-02"),
                ("order_info.pay_time", "2026-13-02 11:58:10"),
                ("order_info.pay_time", "2027-03-02 11:58:10"),
                ("order_info.pay_time", 1772423891),
                ("order_info", None),
            ]
        ),
        ("trade_TradePaid", {}),
        ("trade_TradePaid", []),
        ("youzan_trade_RefundSuccess", {**REFUND, "refunded_fee": 40}),
        ("youzan_trade_RefundSuccess", {**REFUND, "refund_id": ""}),
        ("youzan_trade_RefundSuccess", "{"),
        ("trade_TradeSuccess", {"tid": 7}),
    ],
)
def test_a_youzan_message_that_is_not_as_agreed_is_not_acknowledged(outside: Outside, kind: str, told: Any) -> None:
    before = outside.written()

    reply = shops.youzan(outside, kind, told)

    assert reply.status == 400
    assert "success" not in reply.text
    assert outside.written() == before


@pytest.mark.parametrize(
    "message",
    [
        *(
            changed(PAID, path, value)
            for path, value in [
                ("data.pay_amount", None),
                ("data.pay_amount", "1990"),
                ("data.pay_amount", 19.9),
                ("data.pay_amount", -1),
                ("data.pay_amount", True),
                ("data.p_id", None),
                ("data.p_id", 0),
                ("data.p_id", 1.5),
                ("data.pay_time", 0),
                ("data.pay_time", 10**18),
                ("data.pay_time", "1772423891"),
                ("data", "{"),
                ("data", []),
                ("tag", None),
            ]
        ),
        "a text",
        None,
    ],
)
def test_a_doudian_message_that_is_not_as_agreed_fails_the_call_and_keeps_the_others(
    outside: Outside, message: Any
) -> None:
    reply = shops.doudian(outside, message, RETURNED)

    assert reply.status == 400
    assert "success" not in reply.text
    assert order(D1).paid is None
    assert order(D1).refunds


def test_a_refund_beyond_its_order_is_acknowledged_and_not_kept(outside: Outside) -> None:
    shops.doudian(outside, PAID)

    assert shops.doudian(outside, changed(RETURNED, "data.refund_amount", 1991)).json == ACK
    assert not order(D1).refunds
    assert '{"event":"told_order_refused","system":"doudian","kind":"refund","code":42201}' in outside.lines


BOTH = [
    pytest.param(shops.YOUZAN, shops.envelope("trade_TradePaid", ORDER), id="youzan"),
    pytest.param(shops.DOUDIAN, [PAID], id="doudian"),
]


@pytest.mark.parametrize(("path", "body"), BOTH)
def test_every_wrong_bit_of_a_signature_is_refused(outside: Outside, path: str, body: Any) -> None:
    raw = json.dumps(body, ensure_ascii=False).encode()
    right = shops.signature(path, raw)
    before = outside.written()

    for bit in range(128):
        reply = outside.call("POST", path, headers={"Event-Sign": f"{int(right, 16) ^ (1 << bit):032x}"}, body=raw)
        assert reply.status == 401
        assert "success" not in reply.text
    assert outside.written() == before


@pytest.mark.parametrize(("path", "body"), BOTH)
def test_a_push_whose_bytes_were_touched_is_refused(outside: Outside, path: str, body: Any) -> None:
    raw = json.dumps(body, ensure_ascii=False).encode()
    headers = {"Event-Sign": shops.signature(path, raw)}
    before = outside.written()

    for place in range(0, len(raw), 7):
        touched = bytearray(raw)
        touched[place] ^= 1 << place % 8
        assert outside.call("POST", path, headers=headers, body=bytes(touched)).status == 401
    assert outside.call("POST", path, headers=headers, body=raw + b" ").status == 401
    assert outside.call("POST", path, body=raw).status == 401
    assert outside.written() == before


@pytest.mark.parametrize(("path", "body"), BOTH)
def test_a_signed_push_for_another_app_is_refused(outside: Outside, path: str, body: Any) -> None:
    assert shops.push(outside, path, body, Client_Id="another", app_id="another").status == 401


@pytest.mark.parametrize(("path", "system"), [(shops.YOUZAN, "youzan"), (shops.DOUDIAN, "doudian")])
def test_a_stage_may_ask_for_hmac_and_then_takes_nothing_else(outside: Outside, path: str, system: str) -> None:
    outside.connect({system: {**ACCOUNTS[system], "sign_method": "hmac-sha256"}})
    body = [PROBE] if path == shops.DOUDIAN else shops.envelope("POINTS", {})

    assert shops.push(outside, path, body, method="hmac-sha256").json == ACK
    assert shops.push(outside, path, body).status == 401


@pytest.mark.parametrize(("path", "system"), [(shops.YOUZAN, "youzan"), (shops.DOUDIAN, "doudian")])
def test_an_unknown_way_to_sign_is_our_own_mistake(outside: Outside, path: str, system: str) -> None:
    outside.connect({system: {**ACCOUNTS[system], "sign_method": "none"}})

    assert shops.push(outside, path, [PROBE]).status == 500


@pytest.mark.parametrize("path", [shops.YOUZAN, shops.DOUDIAN])
@pytest.mark.parametrize(
    "raw", [b"", b"{", b"null", b"7", '{"msg":"红包"}'.encode("gbk"), b'[{"tag":"\xff"}]', b"[" * 900_000]
)
def test_signed_bytes_that_are_no_message_are_not_acknowledged(outside: Outside, path: str, raw: bytes) -> None:
    headers = {"Event-Sign": shops.signature(path, raw), "Content-Type": "application/json"}

    reply = outside.call("POST", path, headers=headers, body=raw)

    assert reply.status == 400
    assert "success" not in reply.text


@pytest.mark.parametrize("path", [shops.YOUZAN, shops.DOUDIAN])
def test_a_huge_push_is_refused_unread(outside: Outside, path: str) -> None:
    assert shops.push(outside, path, b" " * (1024 * 1024 + 1)).status == 413


def test_too_many_messages_are_refused(outside: Outside) -> None:
    assert shops.doudian(outside, *[PROBE] * 501).status == 400


@pytest.mark.parametrize(
    ("tell", "key"),
    [
        pytest.param(lambda o: shops.youzan(o, "trade_TradePaid", ORDER), E1, id="youzan"),
        pytest.param(lambda o: shops.doudian(o, PAID, RETURNED), D1, id="doudian"),
    ],
)
def test_pushes_again_and_at_once_keep_one_order(outside: Outside, tell: Tell, key: str) -> None:
    with one_call_at_a_time(), ThreadPoolExecutor(6) as pool:
        replies = list(pool.map(lambda _: tell(outside), range(6)))
    before = outside.written()
    outside.stage.later(hours=2)
    replies.append(tell(outside))

    assert {reply.text for reply in replies} == {'{"code":0,"msg":"success"}'}
    assert outside.written() == before
    assert order(key).paid


@pytest.mark.parametrize("path", [shops.YOUZAN, shops.DOUDIAN])
def test_a_stage_that_is_not_connected_keeps_nothing(outside: Outside, path: str) -> None:
    outside.connect({"duiba": ACCOUNTS["duiba"]})
    before = outside.written()

    assert shops.push(outside, path, [PAID]).status == 503
    assert outside.written() == before


def test_the_ways_to_sign_are_named() -> None:
    assert {method: len(push_signature.sign(method, "k", "s", b"")) for method in push_signature.METHODS} == {
        "md5": 32,
        "hmac-sha256": 64,
    }
