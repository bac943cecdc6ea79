from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import permutations

import pytest

from chalicelib.earning.order import order_key
from chalicelib.earning.record_orders import Result, release_waiting
from chalicelib.earning.settle_order import guard_key, is_settled, settle_order
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.apply import apply
from chalicelib.ledger.buckets import PointsClass, bucket_key
from chalicelib.ledger.rebuild import rebuild
from chalicelib.members.model import Identity
from chalicelib.programme.model import TermsBook
from tests.earning.conftest import Shop, paid, refund
from tests.earning.programmes import a_rule, plain_book, plain_terms
from tests.ledger.builders import NOW, TERMS, a_cause, a_redemption, an_earn
from tests.programme.builders import SINCE


def test_an_order_becomes_points_once_however_often_it_is_settled(shop: Shop) -> None:
    shop.record(paid())

    first, again = shop.settle(), shop.settle()

    assert first is not None
    assert [entry.points for entry in first.entries] == [12]
    assert again is not None
    assert again.entries == ()
    assert shop.points() == 12


def test_the_entry_says_what_was_bought_and_which_rule_paid(shop: Shop) -> None:
    shop.record(paid())

    receipt = shop.settle()

    assert receipt is not None
    (entry,) = receipt.entries
    assert (entry.rule, entry.terms_version, entry.text) == ("order", 1, "消费12.99元")
    assert entry.facts == {"order_no": "1", "paid_fen": 1299}
    assert entry.cause.source == "tmall"
    assert list(entry.buckets) == [bucket_key(date(2027, 11, 30), PointsClass.CONSUMPTION)]


def test_an_order_of_nothing_leaves_its_entry(shop: Shop) -> None:
    shop.record(paid(paid_fen=0))

    receipt = shop.settle()

    assert receipt is not None
    assert [entry.points for entry in receipt.entries] == [0]


def test_a_refund_takes_the_points_back(shop: Shop) -> None:
    shop.record(paid())
    shop.settle()
    shop.record(refund())

    receipt = shop.settle()

    assert receipt is not None
    assert [entry.points for entry in receipt.entries] == [-12]
    assert shop.points() == 0


def test_partial_refunds_take_back_what_the_rest_would_not_have_earned(shop: Shop) -> None:
    shop.record(paid(paid_fen=1000))
    shop.settle()

    taken = []
    for number, fen in enumerate((1, 99, 400, 500)):
        shop.record(refund(f"r{number}", fen))
        receipt = shop.settle()
        assert receipt is not None
        taken.append(receipt.entries[0].points)

    assert taken == [-1, 0, -4, -5]
    assert shop.points() == 0


def test_a_refund_before_its_order_ends_the_same(shop: Shop) -> None:
    shop.record(refund(refunded_fen=500))
    assert shop.settle() is None
    shop.record(paid())

    receipt = shop.settle()

    assert receipt is not None
    assert [entry.points for entry in receipt.entries] == [12, -5]
    assert shop.points() == 7


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_any_order_of_the_same_facts_each_heard_twice_ends_the_same(shop: Shop, order: tuple[int, ...]) -> None:
    facts = [paid(), refund("r1", 300), refund("r2", 400), paid("2", 500)]

    for place in order + order:
        shop.record(facts[place])
        shop.settle(facts[place].order_no)

    assert shop.points() == 5 + 5
    assert rebuild("m1", shop.ledger.fresh("m1").due_shard, reversed_entries(shop)).total_points == 10


def reversed_entries(shop: Shop) -> list:  # type: ignore[type-arg]
    return sorted(shop.ledger.entries("m1", before_key=None, limit=50), key=lambda entry: entry.sequence)


def test_a_stale_image_settled_late_changes_nothing(shop: Shop) -> None:
    shop.record(paid())
    (stale,) = shop.orders.orders([order_key("tmall", "1")])
    shop.record(refund())
    shop.settle()

    late = settle_order(stale, ledger=shop.ledger, book=shop.book)

    assert late is not None
    assert late.entries == ()
    assert shop.points() == 0


def test_a_refund_of_spent_points_is_owed_and_paid_by_the_next_order(shop: Shop) -> None:
    shop.record(paid())
    shop.settle()
    shop.ledger.post("m1", lambda seen: apply(seen.account, [a_redemption(10)], TERMS, NOW))
    shop.record(refund())
    shop.settle()

    assert shop.ledger.read("m1").deficit_points == 10
    shop.record(paid("2", 2500))
    shop.settle("2")
    assert shop.ledger.read("m1").available_points == 15


def test_a_refund_goes_by_the_version_of_its_own_order(shop: Shop) -> None:
    shop.record(paid())
    shop.settle()
    shop.book = plain_book(plain_terms(), plain_terms(2, NOW + timedelta(days=1), order={"points": 5}))
    shop.record(refund(refunded_fen=299), at=NOW + timedelta(days=2))

    receipt = shop.settle()

    assert receipt is not None
    assert (receipt.entries[0].points, receipt.entries[0].terms_version) == (-2, 1)


def test_what_expires_on_touch_goes_by_the_terms_of_today_not_of_the_refunded_order(shop: Shop) -> None:
    shop.record(paid())
    shop.settle()
    elsewhere = plain_terms(2, NOW + timedelta(days=1))
    elsewhere = replace(elsewhere, programme=replace(elsewhere.programme, zone="America/New_York"))
    shop.book = plain_book(plain_terms(), elsewhere)
    still_valid_there = datetime(2027, 11, 30, 17, 0, tzinfo=UTC)
    shop.record(refund(refunded_fen=100), at=still_valid_there)

    receipt = shop.settle()

    assert receipt is not None
    assert [(entry.kind, entry.points) for entry in receipt.entries] == [("reverse", -1)]


def test_an_order_follows_the_terms_in_force_when_it_was_paid(shop: Shop) -> None:
    shop.book = plain_book(plain_terms(), plain_terms(2, NOW, order={"points": 5}))
    shop.record(paid("1", paid_at=NOW - timedelta(milliseconds=1)), paid("2", paid_at=NOW))

    receipts = [receipt for no in ("1", "2") if (receipt := shop.settle(no))]
    assert [receipt.entries[0].points for receipt in receipts] == [12, 64]


def test_an_unbound_order_waits_and_is_credited_when_its_buyer_is_bound(shop: Shop) -> None:
    answers = shop.record(paid(buyer_id="stranger"))
    assert answers[0].result is Result.WAITING
    assert shop.settle() is None

    later = NOW + timedelta(days=90)
    released = release_waiting(Identity("tmall", "stranger"), "m9", orders=shop.orders, now=later, zone="Asia/Shanghai")
    receipt = shop.settle()

    assert released == 1
    assert receipt is not None
    assert shop.points("m9") == 12
    assert list(receipt.entries[0].buckets) == [bucket_key(date(2028, 2, 29), PointsClass.CONSUMPTION)]


def test_releasing_twice_or_for_two_members_gives_the_order_to_the_first(shop: Shop) -> None:
    shop.record(paid(buyer_id="stranger"))
    for member_id in ("m8", "m9"):
        release_waiting(Identity("tmall", "stranger"), member_id, orders=shop.orders, now=NOW, zone="Asia/Shanghai")
    shop.settle()

    assert (shop.points("m8"), shop.points("m9")) == (12, 0)


def test_an_order_settled_after_its_points_would_have_ended_is_credited_and_then_due(shop: Shop) -> None:
    shop.record(paid(paid_at=datetime(2025, 1, 5, tzinfo=UTC)), at=datetime(2025, 1, 5, tzinfo=UTC))
    shop.settle()

    assert shop.ledger.read("m1").due_on == date(2026, 2, 1)


def test_orders_settled_late_open_no_cap_of_a_day_that_is_over(shop: Shop) -> None:
    bonus = a_rule("bonus", caps=[{"times": 1, "period": "day"}])
    shop.book = plain_book(plain_terms(1, SINCE, bonus))
    evening = datetime(2026, 11, 22, 15, 59, tzinfo=UTC)
    shop.record(*(paid(str(number), 1000, paid_at=evening) for number in range(3)), at=evening)
    shop.settle("0")
    late = an_earn(1, cause=a_cause(id="after-midnight", at=evening + timedelta(minutes=2)))
    shop.ledger.post("m1", lambda seen: apply(seen.account, [late], TERMS, evening + timedelta(minutes=2)))

    shop.settle("1")
    shop.settle("2")

    # One for the day that is over, one for the day that runs: never a third.
    assert shop.points() == 3 * 10 + 1 + 2 * 100


def test_without_terms_nothing_is_credited_and_the_reason_is_clear(shop: Shop) -> None:
    shop.record(paid())
    shop.book = TermsBook(())

    with pytest.raises(JifenError) as refused:
        shop.settle()

    assert refused.value.code is Code.TERMS_MISSING


def test_an_order_is_settled_when_its_guard_knows_all_its_refunds(shop: Shop) -> None:
    shop.record(paid())
    (order,) = shop.orders.orders([order_key("tmall", "1")])
    assert not is_settled(order, None)

    shop.settle()
    guard = shop.ledger.guards([guard_key(order.key)])[guard_key(order.key)]
    assert is_settled(order, guard)

    shop.record(refund())
    (order,) = shop.orders.orders([order_key("tmall", "1")])
    assert not is_settled(order, guard)
