"""Points and money (积分+现金): held until it is paid, captured once, closed in time, and no money kept for nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chalicelib.connect.wechat_pay.mall_notice import MallNotice, What, queued
from chalicelib.connect.wechat_pay.refunds import RefundState, refund_of
from chalicelib.ledger.release import hold_key, release_overdue
from chalicelib.ledger.table import open_ledger
from chalicelib.programme.table import terms_at
from chalicelib.spending.mall.begin_payment import trade_number
from chalicelib.spending.mall.events import settle_mall_payments
from chalicelib.spending.mall.give_money_back import refund_number
from chalicelib.spending.mall.model import Money, RedemptionState
from chalicelib.spending.mall.sweep import Swept
from tests.spending.audited import differences
from tests.spending.cash import Till, open_till


@pytest.fixture
def till(monkeypatch: pytest.MonkeyPatch) -> Iterator[Till]:
    with open_till(monkeypatch) as opened:
        yield opened
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
    early = till.close()
    till.later(seconds=2)

    swept, again = till.close(), till.close()

    assert (early, swept, again) == (Swept(), Swept(done=1), Swept())
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


def test_money_that_comes_too_late_goes_back_and_the_member_is_told(till: Till) -> None:
    member_id, redemption_id, payment = till.late()

    again = [till.tell(redemption_id, payment) for _ in range(2)]
    till.later(minutes=5)
    till.sweep()

    row = till.row(redemption_id)
    assert again == [[], []]
    assert (row.state, row.money, row.reason) == (RedemptionState.LAPSED, Money.REFUNDED, "超时后付款,原路退回")
    assert till.points(member_id) == (1000, 0)
    assert till.mall.left("bottle") == (5, 0)


def test_late_money_may_be_honoured_where_points_and_pieces_still_suffice(till: Till) -> None:
    till.honour()
    member_id, redemption_id, payment = till.late()

    again = [till.tell(redemption_id, payment) for _ in range(2)]

    assert again == [[], []]
    assert (till.row(redemption_id).state, till.row(redemption_id).money) == (RedemptionState.TO_SHIP, Money.PAID)
    assert till.points(member_id) == (700, 0)
    assert till.mall.left("bottle") == (4, 1)


def test_late_money_that_cannot_be_honoured_goes_back(till: Till) -> None:
    till.honour()
    member_id, redemption_id, payment = till.late()
    till.mall.stock("bottle", -5)

    again = till.tell(redemption_id, payment)
    till.later(minutes=5)
    till.sweep()

    assert again == []
    assert (till.row(redemption_id).state, till.row(redemption_id).money) == (RedemptionState.LAPSED, Money.REFUNDED)
    assert till.points(member_id) == (1000, 0)


def test_a_refund_that_is_not_answered_is_asked_for_again_under_its_own_number(till: Till) -> None:
    _, redemption_id, payment = till.late()
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

    failed, then = till.close(), till.close()

    assert (failed, then) == (Swept(failed=1), Swept(done=1))
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


def test_a_quote_of_more_than_an_order_may_have_by_now_is_refused_and_holds_nothing(till: Till) -> None:
    till.change(per_order=2)
    token, member_id = till.buyer()
    quotes = [till.mall.quote(token, "bottle", "mixed", quantity=pieces)["quote"] for pieces in (2, 1)]
    till.change(per_order=1)

    two, one = (till.mall.redeem(token, quote, till.delivery()) for quote in quotes)

    assert (two.json["code"], one.data["quantity"], till.points(member_id)) == (40913, 1, (700, 300))
