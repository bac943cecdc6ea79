"""A checkout's steps on the ledger: each once, whatever comes twice, late, at once, or for somebody else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.earning.points_back import ToldRefund
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.expire import release_due
from chalicelib.ledger.merge import merge_accounts
from chalicelib.spending.checkout.basket import Basket
from chalicelib.spending.checkout.deduct import Order
from chalicelib.spending.checkout.deducted import LineRefund
from chalicelib.spending.checkout.refund import refund_told
from chalicelib.spending.quotes import GOOD_FOR
from tests.connect.stage import one_call_at_a_time
from tests.earning.programmes import plain_terms
from tests.ledger.builders import NOW, bucket
from tests.ledger.meetings import Interrupted, Meanwhile
from tests.ledger.test_budgets import Counted
from tests.spending.checkouts import BASKET, BIKE, GLOVES, HELMET, ORDER, Till, open_till


@pytest.fixture
def till(monkeypatch: pytest.MonkeyPatch) -> Iterator[Till]:
    with open_till(monkeypatch) as opened:
        yield opened


def refused(call: Callable[[], object]) -> JifenError:
    with pytest.raises(JifenError) as found:
        call()
    return found.value


def code(call: Callable[[], object]) -> Code:
    return refused(call).code


def counted(till: Till) -> Counted:
    """Puts a counting client into the till."""
    client = Counted(till.ledger.dynamo)
    till.ledger = replace(till.ledger, dynamo=client)
    till.table = replace(till.table, dynamo=client)
    return client


def test_points_are_quoted_held_and_captured_with_the_order_they_pay_for(till: Till) -> None:
    quoted = till.quoted()
    held = till.hold(till.quote())
    captured = till.paid_for(1000, order=Order("pos", "1"))

    assert (quoted.allowance.points, quoted.allowance.fen) == (6000, 6000)
    assert [share.fen for share in quoted.shares] == [4000, 1800, 200, 0]
    assert (held.entry.available_after, held.replayed) == (2000, False)
    assert (captured.deducted.points, captured.deducted.fen) == (1000, 1000)
    assert till.balances() == (1000, 6000)
    assert till.table.find("pos", "1") == captured.deducted


def test_each_step_again_is_answered_as_the_first_time(till: Till) -> None:
    quote, gone = till.quote(1000), till.quote(500)
    steps = [till.hold(quote), till.hold(gone), till.capture(quote), till.release(gone)]
    till.later(days=2)

    again = [till.hold(quote), till.hold(gone), till.capture(quote), till.release(gone)]

    assert [one.replayed for one in (*steps, *again)] == [False] * 4 + [True] * 4
    assert [one._replace(replayed=False) for one in again] == steps
    assert till.balances() == (7000, 0)


def test_a_quote_is_taken_up_once_and_only_within_ten_minutes(till: Till) -> None:
    quote, late = till.quote(1000), till.quote(1000)
    till.now = late.issued_at + GOOD_FOR - timedelta(milliseconds=1)
    till.hold(quote)
    till.now = late.expires_at

    found = refused(lambda: till.hold(late))
    till.now = late.release_at + timedelta(days=1)

    assert (found.code, found.msg) == (Code.QUOTE_INVALID, "报价已过期,请重新确认")
    assert refused(lambda: till.hold(late)).msg == found.msg
    assert till.balances()[1] == 1000


def test_the_points_are_promised_for_the_stated_time_after_the_quote_has_ended(till: Till) -> None:
    quote = till.quote(1000)
    till.hold(quote)
    assert quote.release_at == NOW + GOOD_FOR + timedelta(minutes=30)
    till.now = quote.release_at - timedelta(milliseconds=1)

    assert till.capture(quote).deducted.points == 1000


def test_a_hold_that_nobody_captured_in_time_is_closed_whether_or_not_the_sweep_came(till: Till) -> None:
    quote = till.quote(1000)
    till.hold(quote)
    till.now = quote.release_at

    before = refused(lambda: till.capture(quote))
    release_due(ledger=till.ledger, terms=till.terms.ledger, now=till.now, has_time=lambda: True)
    after = code(lambda: till.capture(quote))

    assert (before.code, before.msg) == (Code.HOLD_CLOSED, "预扣已超过截止时间,积分退回会员")
    assert after is Code.HOLD_CLOSED
    assert till.balances() == (8000, 0)
    assert till.table.find(*ORDER) is None
    assert till.release(quote).replayed


def test_what_was_released_cannot_be_captured_nor_what_was_captured_released(till: Till) -> None:
    first, second = till.quote(1000), till.quote(1000)
    till.hold(first)
    till.hold(second)
    till.release(first)
    till.capture(second)

    assert code(lambda: till.capture(first)) is Code.HOLD_CLOSED
    assert code(lambda: till.release(second)) is Code.HOLD_CLOSED
    assert till.balances() == (7000, 0)


def test_what_was_never_held_can_be_neither_captured_nor_released(till: Till) -> None:
    quote = till.quote(1000)

    assert code(lambda: till.capture(quote)) is Code.HOLD_CLOSED
    assert code(lambda: till.release(quote)) is Code.HOLD_CLOSED
    assert till.hold(quote).replayed is False


def test_another_members_quote_is_of_no_use(till: Till) -> None:
    till.fund("m2")
    quote = till.quote(1000)
    till.hold(quote)

    calls = (till.hold, till.capture, till.release)
    found = [refused(lambda step=step: step(quote, member_id="m2")) for step in calls]

    assert {(one.code, one.field) for one in found} == {(Code.QUOTE_INVALID, "quote")}
    assert (till.balances(), till.balances("m2")) == ((7000, 1000), (8000, 0))


def test_an_order_is_paid_for_with_points_once(till: Till) -> None:
    first, second = till.quote(1000), till.quote(2000)
    till.hold(first)
    till.hold(second)
    till.capture(first)

    assert code(lambda: till.capture(second)) is Code.ORDER_DEDUCTED
    assert code(till.quoted) is Code.ORDER_DEDUCTED
    assert till.balances() == (5000, 2000)


def test_a_capture_cannot_be_said_again_of_another_order_or_of_other_points(till: Till) -> None:
    quote = till.quote(1000, order=Order())
    till.hold(quote)
    till.capture(quote)

    assert code(lambda: till.capture(quote, order=Order("pos", "7"))) is Code.KEY_REUSED
    assert code(lambda: till.capture(quote, 900)) is Code.KEY_REUSED
    assert till.table.find("pos", "7") is None


def test_a_quote_for_one_order_pays_for_no_other(till: Till) -> None:
    quote = till.quote(1000)
    till.hold(quote)

    assert code(lambda: till.capture(quote, order=Order("wechat", "2"))) is Code.ORDER_CHANGED
    assert code(lambda: till.capture(quote, order=Order("pos", ORDER.order_no))) is Code.ORDER_CHANGED


def test_an_order_that_changed_captures_what_it_still_allows_and_the_rest_goes_back(till: Till) -> None:
    quote = till.quote()
    till.hold(quote)
    smaller = Basket((BIKE, GLOVES), freight_fen=800)

    silent = refused(lambda: till.capture(quote, basket=smaller))
    too_many = refused(lambda: till.capture(quote, 4201, basket=smaller))
    captured = till.capture(quote, 4150, basket=smaller).deducted

    assert (silent.code, silent.field) == (Code.ORDER_CHANGED, "points")
    assert (too_many.code, too_many.msg) == (Code.DEDUCTION_EXCEEDED, "这笔订单最多可抵扣4200分")
    assert (captured.points, captured.fen) == (4150, 4150)
    assert [(share.line_no, share.points) for share in captured.shares] == [("1", 3952), ("3", 198), ("~freight", 0)]
    assert till.balances() == (3850, 0)


def test_more_than_was_held_cannot_be_captured(till: Till) -> None:
    quote = till.quote(1000)
    till.hold(quote)

    assert code(lambda: till.capture(quote, 1001)) is Code.INSUFFICIENT_POINTS
    assert code(lambda: till.capture(quote, 10**9)) is Code.INSUFFICIENT_POINTS


def test_the_terms_of_the_quote_stand_whatever_is_published_meanwhile(till: Till) -> None:
    quote = till.quote(1000)
    till.hold(quote)
    dearer = {"point_value": {"points": 200, "fen": 100}, "deduction": None}
    till.earlier, till.terms = (till.terms,), plain_terms(2, NOW, **dearer)
    till.later(minutes=5)

    captured = till.capture(quote, 800).deducted

    assert (captured.points, captured.fen, captured.terms_version) == (800, 800, 1)
    assert code(lambda: till.quoted(order=Order())) is Code.DEDUCTION_OFF


def test_a_frozen_member_gets_no_quote_and_holds_nothing_but_keeps_what_was_promised(till: Till) -> None:
    promised, quote = till.quote(1000), till.quote(1000)
    till.hold(promised)
    till.freeze()

    assert code(till.quoted) is Code.MEMBER_FROZEN
    assert code(lambda: till.hold(quote)) is Code.MEMBER_FROZEN
    assert till.capture(promised).deducted.points == 1000


def test_points_that_were_spent_since_the_quote_are_not_there_to_hold(till: Till) -> None:
    quote, other = till.quote(6000), till.quote(6000)
    till.hold(other)

    assert code(lambda: till.hold(quote)) is Code.INSUFFICIENT_POINTS


def test_points_of_a_hold_that_is_over_count_in_a_quote_before_the_sweep_comes(till: Till) -> None:
    till.hold(till.quote(6000))
    assert till.quoted().allowance.points == 2000
    till.later(hours=1)

    assert till.quoted().allowance.points == 6000
    assert till.hold(till.quote()).entry.available_after == 2000


def test_a_coupon_that_is_more_than_the_order_is_refused(till: Till) -> None:
    found = refused(lambda: till.quoted(basket=BASKET._replace(coupon_fen=30_801)))

    assert (found.code, found.field) == (Code.INVALID_REQUEST, "coupon_fen")


def test_who_was_merged_goes_on_with_what_he_began_under_the_old_id(till: Till) -> None:
    quote, other = till.quote(1000), till.quote(500)
    till.hold(quote)
    merge_accounts("m1", "m0", actor="s1", ledger=till.ledger, terms=till.terms.ledger, now=till.now)

    till.hold(other, member_id="m0")
    till.capture(quote, member_id="m0")
    till.release(other, member_id="m0")
    done = till.refund("r1", LineRefund("1", quantity=1))

    assert done.back.points == 667
    assert till.balances("m0") == (7667, 0)


def test_of_two_that_hold_or_capture_or_release_at_once_one_does_and_all_are_answered_alike(till: Till) -> None:
    quote, other = till.quote(1000), till.quote(500)

    with one_call_at_a_time(), ThreadPoolExecutor(4) as pool:
        held = [*pool.map(lambda _: till.hold(quote), range(4))]
        captured = [*pool.map(lambda _: till.capture(quote), range(4))]
        till.hold(other)
        released = [*pool.map(lambda _: till.release(other), range(4))]

    for answers in (held, captured, released):
        assert sorted(one.replayed for one in answers) == [False, True, True, True]
        assert all(one._replace(replayed=False) == answers[0]._replace(replayed=False) for one in answers)
    assert till.balances() == (7000, 0)


def test_a_capture_and_a_release_at_once_are_one_of_both(till: Till) -> None:
    quote = till.quote(1000)
    till.hold(quote)
    calm = till.ledger
    till.ledger = replace(calm, dynamo=Meanwhile(calm.dynamo, lambda: replace(till, ledger=calm).release(quote)))

    assert code(lambda: till.capture(quote)) is Code.HOLD_CLOSED
    till.ledger = calm
    assert till.balances() == (8000, 0)
    assert till.table.find(*ORDER) is None


@pytest.mark.parametrize("step", ["hold", "capture", "release"])
def test_a_step_whose_answer_was_lost_is_done_and_answered_when_asked_again(till: Till, step: str) -> None:
    quote = till.quote(1000)
    if step != "hold":
        till.hold(quote)
    calm = till.ledger
    till.ledger = replace(calm, dynamo=Interrupted(calm.dynamo))
    with pytest.raises(ConnectionError):
        getattr(till, step)(quote)
    till.ledger = calm

    assert getattr(till, step)(quote).replayed


def test_a_checkout_costs_what_the_design_allows(till: Till) -> None:
    quote, other = till.quote(1000), till.quote(1000)
    till.hold(other)
    spent = []
    steps: list[Callable[[], Any]] = [
        till.quoted,
        lambda: till.hold(quote),
        lambda: till.capture(quote),
        lambda: till.release(other),
        lambda: till.refund("r1", LineRefund("1", quantity=1)),
        lambda: till.refund("r2", LineRefund("2", refunded_fen=1)),
    ]
    for step in steps:
        client = counted(till)
        step()
        spent.append((client.requests, client.own_units))
        till.ledger, till.table = (replace(one, dynamo=client.real) for one in (till.ledger, till.table))

    # The quote looks at the order and, with points held, at the member's open guards; r2 gives no whole point back.
    assert spent == [(4, 0), (2, 6), (2, 8), (2, 6), (3, 8), (1, 0)]


def test_a_refund_gives_each_lines_share_back_and_the_last_one_all_that_is_left(till: Till) -> None:
    till.paid_for(4900)
    done = [
        till.refund("r1", LineRefund("2", quantity=1)),
        till.refund("r2", LineRefund("2", quantity=2), LineRefund("3", refunded_fen=500)),
        till.refund("r3", whole_fen=17_870),
    ]

    assert [one.back.points for one in done] == [490, 1077, 3333]
    assert done[1].back.lines == (("2", 980, 980), ("3", 97, 97))
    assert till.balances() == (8000, 0)
    assert dict(till.ledger.read("m1").buckets) == {
        bucket(on): 4000 for on in (NOW.date().replace(month=12, day=31), NOW.date().replace(year=2027, day=30))
    }
    assert code(lambda: till.refund("r4", whole_fen=1)) is Code.REFUND_EXCEEDS_ORDER


def test_a_refund_again_is_answered_again_and_its_number_is_no_other_refunds(till: Till) -> None:
    till.paid_for(1000)
    first = till.refund("r1", LineRefund("1", quantity=1))
    till.later(days=9)
    again = till.refund("r1", LineRefund("1", quantity=1))

    assert (again.back, first.replayed, again.replayed) == (first.back, False, True)
    assert code(lambda: till.refund("r1", LineRefund("1", refunded_fen=1))) is Code.KEY_REUSED
    assert till.balances() == (7667, 0)


def test_refunds_at_once_are_each_booked_once(till: Till) -> None:
    till.paid_for(3000)

    with one_call_at_a_time(), ThreadPoolExecutor(6) as pool:
        asked = [("a", 1), ("b", 1), ("a", 1), ("b", 1), ("c", 1), ("c", 1)]
        done = [*pool.map(lambda one: till.refund(one[0], LineRefund("2", quantity=one[1])), asked)]

    assert sorted(one.replayed for one in done) == [False] * 3 + [True] * 3
    assert sum(one.back.points for one in done if not one.replayed) == 900
    assert till.balances() == (5900, 0)


def test_a_refund_whose_answer_was_lost_is_booked_once(till: Till) -> None:
    till.paid_for(1000)
    calm = till.ledger
    till.ledger = replace(calm, dynamo=Interrupted(calm.dynamo))
    with pytest.raises(ConnectionError):
        till.refund("r1", LineRefund("1", quantity=1))
    till.ledger = calm

    assert till.refund("r1", LineRefund("1", quantity=1)).replayed
    assert till.balances() == (7667, 0)


def test_a_refund_of_what_no_points_paid_for_or_of_nothing_is_refused(till: Till) -> None:
    assert code(lambda: till.refund("r1", LineRefund("1", quantity=1))) is Code.DEDUCTION_NOT_FOUND
    till.paid_for(1000)

    assert code(lambda: till.refund("r1")) is Code.INVALID_REQUEST
    assert code(lambda: till.refund("r1", LineRefund("9", quantity=1))) is Code.ORDER_CHANGED


def test_points_whose_date_has_passed_come_back_with_the_programmes_grace(till: Till) -> None:
    till.paid_for(1000)
    till.later(days=60)

    till.refund("r1", whole_fen=29_000)

    account = till.ledger.read("m1")
    assert account.available_points == 5000
    assert min(account.buckets) != bucket(NOW.date().replace(month=12, day=31))


def told(no: str, fen: int, lines: dict[str, int] | None = None, order: Order = ORDER) -> ToldRefund:
    return ToldRefund(*order, no, fen, 0, lines or {}, NOW + timedelta(days=1))


def test_a_refund_that_the_order_feed_tells_gives_back_once_whatever_the_shop_has_asked_for(till: Till) -> None:
    till.paid_for(3000)
    asked = till.refund("r1", LineRefund("1", quantity=1))
    given: dict[str, Any] = {"actor": "order_feed", "table": till.table, "ledger": till.ledger, "terms": till.terms}

    same = refund_told(told("r1", 20_000, {"1": 20_000}), **given)
    over = refund_told(told("r2", 99_999, {"1": 20_000, "2": 3_000, "7": 5}), **given)
    again = refund_told(told("r2", 99_999), **given)

    assert same is not None
    assert (same.back, same.replayed) == (asked.back, True)
    assert over is not None
    assert over.back.points == 1000
    assert again is not None
    assert (again.back, again.replayed) == (over.back, True)
    assert till.balances() == (8000, 0)
    assert refund_told(told("r1", 1, order=Order("pos", "9")), **given) is None


def test_a_line_of_several_pieces_is_refunded_piece_by_piece(till: Till) -> None:
    till.paid_for(1000, basket=Basket((HELMET,)))

    back = [till.refund(f"r{piece}", LineRefund("2", quantity=1)).back.points for piece in range(3)]

    assert back == [333, 333, 334]
    assert code(lambda: till.refund("r3", LineRefund("2", quantity=1))) is Code.REFUND_EXCEEDS_ORDER
