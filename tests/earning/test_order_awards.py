"""Orders with all they can cause: pending points, bonuses, multipliers, tasks, budgets, and what refunds undo."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.earning.order import GoodsReceived, Line, RefundedLine
from chalicelib.earning.settle_order import guard_key
from chalicelib.ledger.apply import apply
from chalicelib.ledger.expire import expire_due
from chalicelib.ledger.model import Guard
from chalicelib.ledger.pending import change_pending
from chalicelib.programme import buyers, sense
from chalicelib.programme.model import Terms
from tests.earning.conftest import Shop, paid, refund
from tests.earning.programmes import PENDING, a_rule, plain_book, plain_terms
from tests.ledger.builders import NOW, TERMS, a_redemption

TODAY_ON = date(2026, 11, 22)


def terms_with(*rules: dict[str, Any], pending: bool = False, **changes: Any) -> Terms:
    terms = plain_terms(1, datetime(2020, 1, 1, tzinfo=UTC), *rules, **changes)
    if not pending:
        return terms
    from tests.earning.programmes import plain_document

    document = plain_document(*rules, **changes)
    document["rules"][1]["pending"] = PENDING
    from chalicelib.programme.document import read_programme

    return Terms(1, datetime(2020, 1, 1, tzinfo=UTC), read_programme(document))


def guard_of(shop: Shop, order_no: str = "1") -> Guard:
    key = guard_key(f"tmall#{order_no}")
    return shop.ledger.guards([key])[key]


def night(shop: Shop, on: date) -> int:
    now = datetime(on.year, on.month, on.day, tzinfo=UTC) - timedelta(hours=7, minutes=55)
    terms = shop.book.versions[-1].ledger
    runs = [expire_due(shard, ledger=shop.ledger, terms=terms, now=now, has_time=lambda: True) for shard in range(8)]
    assert not any(run.failed for run in runs)
    return sum(run.booked for run in runs)


def received(at: datetime, order_no: str = "1") -> GoodsReceived:
    return GoodsReceived(platform="tmall", order_no=order_no, received_at=at)


def test_points_wait_until_so_many_days_after_the_payment_when_nothing_says_the_goods_came(shop: Shop) -> None:
    shop.book = plain_book(terms_with(pending=True))
    shop.record(paid())
    receipt = shop.settle()

    assert receipt is not None
    account = shop.ledger.read("m1")
    assert (account.available_points, account.pending_points) == (0, 12)
    assert receipt.entries[0].text == "消费12.99元 · 待入账12分,2026-12-14到账"
    assert night(shop, date(2026, 12, 13)) == 0
    assert night(shop, date(2026, 12, 14)) == 1
    account = shop.ledger.read("m1")
    assert (account.available_points, account.pending_points) == (12, 0)
    assert night(shop, date(2026, 12, 15)) == 0


def test_their_validity_counts_from_the_activation(shop: Shop) -> None:
    shop.book = plain_book(terms_with(pending=True))
    shop.record(paid())
    shop.settle()

    night(shop, date(2026, 12, 14))

    (key,) = shop.ledger.read("m1").buckets
    assert guard_of(shop).credits[0].bucket == key
    from chalicelib.ledger.buckets import bucket_expires_on

    assert bucket_expires_on(key) == date(2027, 12, 31)


def test_a_member_is_a_buyer_as_long_as_any_money_of_an_order_is_left(shop: Shop) -> None:
    def is_buyer() -> bool:
        return buyers.is_buyer(shop.ledger.read("m1").counters, TODAY_ON)

    shop.record(paid("1"), paid("2", 1000, points_fen=1000))
    shop.settle("2")
    assert not is_buyer()  # paid with points alone

    shop.settle("1")
    shop.settle("1")
    assert is_buyer()

    shop.record(refund("r1", 1298))
    shop.settle("1")
    assert is_buyer()

    shop.record(refund("r2", 1))
    shop.settle("1")
    shop.settle("1")
    assert not is_buyer()


def test_of_two_orders_one_that_comes_back_in_two_refunds_at_once_leaves_a_buyer(shop: Shop) -> None:
    shop.record(paid("1"), paid("2"), refund("r1", 1000), refund("r2", 299))
    shop.settle("1")
    shop.settle("2")

    assert shop.ledger.read("m1").counters[buyers.ORDERS].used == 1


def test_points_whose_stated_day_comes_before_the_receipt_say_so_and_end_as_they_arrive(shop: Shop) -> None:
    ends = {"kind": "on_date", "on": "2026-12-05"}
    bonus = a_rule("party", name="双旦", validity=ends, pending=PENDING)
    shop.book = plain_book(terms_with(bonus))
    shop.record(paid())

    receipt = shop.settle()
    night(shop, date(2026, 12, 14))

    assert receipt is not None
    assert receipt.entries[1].text == "双旦 · 待入账100分,2026-12-14到账,但2026-12-05到期,请及早确认收货"
    account = shop.ledger.read("m1")
    assert (account.available_points, account.pending_points) == (12, 0)
    expired, activated = shop.ledger.entries("m1", before_key=None, limit=2)[::-1]
    assert {expired.text, activated.text} == {"待入账100分到账,有效期已于2026-12-05结束", "积分到期"}


@pytest.mark.parametrize(("days", "due_on"), [(3, date(2026, 12, 2)), (30, date(2026, 12, 29))])
def test_the_receipt_of_the_goods_moves_the_date_earlier_or_later(shop: Shop, days: int, due_on: date) -> None:
    shop.book = plain_book(terms_with(pending=True))
    shop.record(paid())
    shop.settle()
    came_at = NOW + timedelta(days=min(days, 20))
    came_at = NOW + timedelta(days=days) if days < 20 else datetime(2026, 12, 22, 4, tzinfo=UTC)
    shop.record(received(came_at), at=min(came_at, NOW + timedelta(days=20)))

    shop.settle()
    shop.settle()

    assert guard_of(shop).activate_on == due_on


def test_a_receipt_before_its_order_ends_the_same(shop: Shop) -> None:
    shop.book = plain_book(terms_with(pending=True))
    shop.record(received(NOW))
    shop.record(paid())

    shop.settle()

    assert guard_of(shop).activate_on == date(2026, 11, 29)


def test_an_order_heard_of_after_its_points_would_be_active_is_credited_and_activated_at_once(shop: Shop) -> None:
    shop.book = plain_book(terms_with(pending=True))
    shop.record(paid(paid_at=NOW - timedelta(days=60)))

    receipt = shop.settle()

    assert receipt is not None
    assert [entry.kind for entry in receipt.entries] == ["earn", "activate"]
    assert shop.ledger.read("m1").available_points == 12


def test_a_refund_while_pending_takes_from_what_is_pending_and_never_from_other_points(shop: Shop) -> None:
    shop.book = plain_book(terms_with(pending=True))
    shop.record(paid(), paid("2", 2000))
    shop.settle()
    shop.settle("2")
    shop.record(refund(refunded_fen=300))

    receipt = shop.settle()

    assert receipt is not None
    assert (receipt.entries[0].pending_points, receipt.entries[0].buckets) == (-3, {})
    assert shop.ledger.read("m1").pending_points == 9 + 20
    night(shop, date(2026, 12, 14))
    assert shop.ledger.read("m1").available_points == 29


def test_a_whole_refund_while_pending_leaves_nothing_to_activate(shop: Shop) -> None:
    shop.book = plain_book(terms_with(pending=True))
    shop.record(paid())
    shop.settle()
    shop.record(refund())
    shop.settle()

    assert guard_of(shop).activate_on is None
    assert night(shop, date(2026, 12, 14)) == 0
    assert shop.points() == 0


FIRST = a_rule("first_order", when={"first": True, "min_fen": 1})


def test_an_order_that_earns_a_bonus_leaves_an_entry_for_each(shop: Shop) -> None:
    shop.book = plain_book(terms_with(FIRST))
    shop.record(paid(), paid("2"))

    first, second = shop.settle(), shop.settle("2")

    assert first is not None
    assert second is not None
    assert [(entry.rule, entry.points) for entry in first.entries] == [("order", 12), ("first_order", 100)]
    assert [entry.rule for entry in second.entries] == ["order"]
    assert [entry.cause.id for entry in first.entries] == ["tmall#1", "tmall#1~first_order"]
    assert [part.rule for part in second.entries[0].breakdown] == ["order", "first_order"]
    assert shop.points() == 124


def test_a_refund_takes_back_the_bonus_with_the_order_but_not_with_a_part_of_it(shop: Shop) -> None:
    shop.book = plain_book(terms_with(FIRST))
    shop.record(paid())
    shop.settle()
    shop.record(refund("r1", 299))
    shop.settle()
    assert shop.points() == 110

    shop.record(refund("r2", 1000))
    receipt = shop.settle()

    assert receipt is not None
    assert [(entry.rule, entry.points) for entry in receipt.entries] == [("order", -10), ("first_order", -100)]
    assert [entry.cause.id for entry in receipt.entries] == ["tmall#1:r2", "tmall#1:r2~first_order"]
    assert shop.points() == 0


def test_lines_that_a_rule_leaves_out_earn_nothing_and_their_refund_takes_nothing(shop: Shop) -> None:
    terms = plain_terms(order={"less": []})
    document_rule = a_rule("bikes", amount={"kind": "fixed", "points": 50}, when={"categories": ["bike"]})
    shop.book = plain_book(plain_terms(1, terms.effective_from, document_rule))
    lines = (Line("1", "b1", "bike", 1000), Line("2", "s1", "sock", 500))
    shop.record(paid(paid_fen=1500, lines=lines))
    shop.settle()
    assert shop.points() == 15 + 50

    shop.record(refund("r1", 500, lines=(RefundedLine("2", 500),)))
    shop.settle()
    assert shop.points() == 10 + 50

    shop.record(refund("r2", 1000, lines=(RefundedLine("1", 1000),)))
    shop.settle()
    assert shop.points() == 0


def test_a_refund_of_freight_alone_takes_nothing(shop: Shop) -> None:
    shop.record(paid(paid_fen=1500, freight_fen=500))
    shop.settle()
    shop.record(refund("r1", 500, freight_fen=500))

    receipt = shop.settle()

    assert receipt is not None
    assert receipt.entries[0].points == 0
    assert shop.points() == 10


TASK = {
    "id": "two_orders",
    "name": "两单",
    "activity": "order",
    "counts": "times",
    "goal": 2,
    "window": {"kind": "month"},
    "points": 50,
    "points_class": "activity",
    "validity": {"kind": "months", "months": 3},
}


def test_a_task_pays_its_lump_once_with_the_order_that_completes_it(shop: Shop) -> None:
    shop.book = plain_book(terms_with(tasks=[TASK]))
    shop.record(*(paid(str(number), 1000) for number in range(4)))

    for number in range(4):
        shop.settle(str(number))

    assert shop.points() == 4 * 10 + 50
    entries = shop.ledger.entries("m1", before_key=None, limit=20)
    assert sorted(entry.rule for entry in entries) == ["order", "order", "order", "order", "two_orders"]


def test_a_refund_that_leaves_a_task_below_its_goal_takes_the_lump_back_whichever_order_completed_it(
    shop: Shop,
) -> None:
    shop.book = plain_book(terms_with(tasks=[TASK]))
    shop.record(paid("0", 1000), paid("1", 1000))
    shop.settle("0")
    shop.settle("1")
    shop.record(refund("r", 1000, order_no="0"))

    shop.settle("0")
    assert shop.points() == 10

    shop.record(paid("2", 1000))
    shop.settle("2")
    assert shop.points() == 10 + 10 + 50


def test_the_order_that_completed_a_task_takes_the_lump_along_once(shop: Shop) -> None:
    shop.book = plain_book(terms_with(tasks=[TASK]))
    shop.record(paid("0", 1000), paid("1", 1000))
    shop.settle("0")
    shop.settle("1")
    for number in ("0", "1"):
        shop.record(refund(f"r{number}", 1000, order_no=number))
        shop.settle(number)

    assert shop.points() == 0


def test_a_budget_is_never_overdrawn_and_what_is_left_of_the_order_is_paid(shop: Shop) -> None:
    budget = {"id": "bonus", "points": 250, "period": "month", "rules": ["bonus"], "shards": 2}
    shop.book = plain_book(terms_with(a_rule("bonus"), budgets=[budget]))
    shop.record(*(paid(str(number), 1000, buyer_id=f"b{number % 2 + 1}") for number in range(6)))

    for number in range(6):
        shop.settle(str(number))

    bonuses = [
        entry
        for member in ("m1", "m2")
        for entry in shop.ledger.entries(member, before_key=None, limit=20)
        if entry.rule == "bonus"
    ]
    assert len(bonuses) == 2
    assert shop.points("m1") + shop.points("m2") == 6 * 10 + 200


def test_a_lump_without_a_budget_is_told_and_paid_with_the_next_order_once_there_is_one(shop: Shop) -> None:
    budget = {"id": "lumps", "points": 90, "period": "month", "rules": ["two_orders"], "shards": 1}
    later = NOW + timedelta(days=1)
    versions = [(1, datetime(2020, 1, 1, tzinfo=UTC), 90), (2, later, 200)]
    shop.book = plain_book(
        *(plain_terms(no, since, tasks=[TASK], budgets=[{**budget, "points": most}]) for no, since, most in versions)
    )
    for number, buyer in (("0", "b2"), ("1", "b2"), ("2", "b1"), ("3", "b1")):
        shop.record(paid(number, 1000, buyer_id=buyer))
        receipt = shop.settle(number)

    assert receipt is not None
    assert (shop.points("m2"), shop.points("m1")) == (20 + 50, 20)
    assert [part.why for part in receipt.entries[0].breakdown][1:] == ["两单本月名额已满,下月1日起恢复"]
    shop.record(paid("4", 1000, paid_at=later), at=later)
    shop.settle("4")
    assert shop.points("m1") == 30 + 50


@pytest.mark.parametrize(
    ("policy", "charged_fen", "deficit", "facts"),
    [
        ("deficit", 0, 10, {"deficit_points": 10}),
        ("waive", 0, 0, {"waived_points": 10}),
        ("pending_only", 0, 0, {"waived_points": 12}),
        ("charge_refund", 10, 0, {"charged_points": 10}),
        ("charge_refund", 4, 6, {"charged_points": 4, "deficit_points": 6}),
    ],
)
def test_a_refund_of_spent_points_follows_the_policy_and_says_so(
    shop: Shop, policy: str, charged_fen: int, deficit: int, facts: dict[str, int]
) -> None:
    shop.book = plain_book(terms_with(reversal=policy))
    shop.record(paid())
    shop.settle()
    shop.ledger.post("m1", lambda seen: apply(seen.account, [a_redemption(10)], TERMS, NOW))
    shop.record(refund(charged_fen=charged_fen))

    receipt = shop.settle()

    assert receipt is not None
    assert shop.ledger.read("m1").deficit_points == deficit
    found = {name: value for name, value in receipt.entries[0].facts.items() if name.endswith("_points")}
    assert found == facts


@pytest.mark.parametrize(
    ("change", "points", "available", "pending"), [("activate", 0, 12, 0), ("cancel", 0, 0, 0), ("adjust", 5, 0, 5)]
)
def test_an_operator_changes_one_pending_credit_once(
    shop: Shop, change: str, points: int, available: int, pending: int
) -> None:
    shop.book = plain_book(terms_with(pending=True))
    shop.record(paid())
    shop.settle()

    def do(at: datetime) -> Any:
        return change_pending(
            "m1",
            guard_key("tmall#1"),
            "order",
            change=change,
            points=points,
            change_id="k1",
            reason="客服补偿",
            actor="s1",
            count=lambda _changed: (),
            ledger=shop.ledger,
            terms=TERMS,
            now=at,
        )

    first, again = do(NOW), do(NOW + timedelta(hours=1))

    account = shop.ledger.read("m1")
    assert (account.available_points, account.pending_points) == (available, pending)
    assert (again.replayed, again.entries) == (True, first.entries)
    assert first.entries[0].text == "客服补偿"


def test_a_refund_after_an_operators_change_takes_back_what_was_made_of_it(shop: Shop) -> None:
    shop.book = plain_book(terms_with(pending=True))
    shop.record(paid())
    shop.settle()
    change_pending(
        "m1", guard_key("tmall#1"), "order", change="adjust", points=5, change_id="k", reason="改", actor="s1",
        count=lambda _changed: (), ledger=shop.ledger, terms=TERMS, now=NOW,
    )  # fmt: skip
    shop.record(refund())

    shop.settle()

    assert shop.points() == 0
    assert guard_of(shop).activate_on is None


def test_what_an_operator_took_off_stays_off_and_a_refund_takes_its_own_share(shop: Shop) -> None:
    shop.book = plain_book(terms_with(pending=True))
    shop.record(paid())
    shop.settle()
    change_pending(
        "m1", guard_key("tmall#1"), "order", change="adjust", points=8, change_id="k", reason="改", actor="s1",
        count=lambda _changed: (), ledger=shop.ledger, terms=TERMS, now=NOW,
    )  # fmt: skip
    shop.record(refund("r1", 299))
    shop.settle()
    assert shop.points() == 6

    shop.record(refund("r2", 1000))
    shop.settle()
    assert shop.points() == 0


def test_forty_refunds_that_each_touch_two_credits_are_settled_in_as_many_postings_as_they_need(shop: Shop) -> None:
    shop.book = plain_book(terms_with(a_rule("again", amount={"kind": "per_amount", "fen": 100, "points": 2,
                                                               "rounding": "floor", "less": []})))  # fmt: skip
    shop.record(paid(paid_fen=100_000))
    shop.record(*(refund(f"r{number}", 2500) for number in range(40)))

    receipt = shop.settle()

    assert receipt is not None
    assert len(receipt.entries) == 2 + 2 * 40
    assert shop.points() == 0


def test_a_lump_is_taken_back_by_the_points_it_was_paid_with_under_whatever_terms(shop: Shop) -> None:
    since = NOW + timedelta(hours=1)
    shop.book = plain_book(terms_with(tasks=[{**TASK, "points": 500}]), plain_terms(2, since, tasks=[TASK]))
    shop.record(paid("0", 1000))
    shop.settle("0")
    later = since + timedelta(hours=1)
    shop.record(paid("1", 1000, paid_at=later), at=later)
    shop.settle("1")
    assert shop.points() == 10 + 10 + 50

    shop.record(refund("r", 1000, order_no="0"), at=later + timedelta(hours=1))
    shop.settle("0")

    assert shop.points() == 10
    assert shop.ledger.read("m1").deficit_points == 0


def test_a_lump_that_the_terms_refused_is_not_taken_back(shop: Shop) -> None:
    over = {**TASK, "validity": {"kind": "on_date", "on": "2026-11-20"}}
    shop.book = plain_book(terms_with(tasks=[over]))
    for number in ("0", "1"):
        shop.record(paid(number, 1000))
        shop.settle(number)
    shop.record(refund("r", 1000, order_no="0"))

    shop.settle("0")

    assert shop.points() == 10


@pytest.mark.parametrize("between", [False, True])
@pytest.mark.parametrize(("days", "left"), [(1, 10), (53, 10), (54, 10 + 50)])
def test_a_lump_falls_with_its_orders_after_its_window_too_for_45_days(
    shop: Shop, days: int, left: int, between: bool
) -> None:
    shop.book = plain_book(terms_with(tasks=[TASK]))
    for number in ("0", "1"):
        shop.record(paid(number, 1000))
        shop.settle(number)
    late = NOW + timedelta(days=days)
    if between:
        shop.ledger.post("m1", lambda seen: apply(seen.account, [a_redemption(1)], TERMS, late))
    shop.record(refund("r", 1000, order_no="1"), at=late)

    shop.settle("1")

    assert shop.points() == left - between


def test_all_orders_of_a_months_last_day_come_back_in_the_next_month_with_their_lump_once(shop: Shop) -> None:
    shop.book = plain_book(terms_with(tasks=[{**TASK, "goal": 3}]))
    last_day, december = datetime(2026, 11, 30, 4, tzinfo=UTC), datetime(2026, 12, 1, 4, tzinfo=UTC)
    for number in ("0", "1", "2"):
        shop.record(paid(number, 1000, paid_at=last_day), at=last_day)
        shop.settle(number)
    assert shop.points() == 30 + 50
    shop.record(paid("3", 1000, paid_at=december), at=december)
    shop.settle("3")

    for number in ("0", "1", "2"):
        shop.record(refund(f"r{number}", 1000, order_no=number, refunded_at=december), at=december)
        shop.settle(number)

    assert shop.points() == 10
    assert [one.points for one in shop.ledger.entries("m1", before_key=None, limit=50) if one.rule == "two_orders"] == [
        -50,
        50,
    ]


MEMBERS = iter(range(10**6))


@settings(deadline=None, max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whatever_comes_when_around_a_months_end_lumps_stand_by_what_is_left(
    moto_shop: Shop, data: st.DataObject
) -> None:
    shop, member = moto_shop, next(MEMBERS)
    shop.book = plain_book(terms_with(tasks=[{**TASK, "goal": 3, "when": {"min_fen": 500}}]))
    shop.bound = {f"b{member}": f"m{member}"}
    start = datetime(2026, 11, 28, 4, tzinfo=UTC)
    orders = [start + timedelta(days=one) for one in sorted(data.draw(st.lists(st.integers(0, 5), max_size=8)))]
    happens: list[tuple[datetime, int, int]] = [(at, place, 0) for place, at in enumerate(orders)]
    for place, at in enumerate(orders):
        parts = data.draw(st.lists(st.sampled_from([300, 500, 1000]), max_size=2))
        happens += [
            (at + timedelta(days=data.draw(st.integers(0, 40))), place, fen) for fen in parts if sum(parts) <= 1000
        ]
    left = dict.fromkeys(range(len(orders)), 1000)

    for at, place, refunded_fen in sorted(happens):
        number = f"{member}-{place}"
        if refunded_fen:
            left[place] -= refunded_fen
            name = f"r{at.day}.{refunded_fen}.{left[place]}"
            shop.record(refund(name, refunded_fen, number, refunded_at=at), at=at)
        else:
            shop.record(paid(number, 1000, paid_at=at, buyer_id=f"b{member}"), at=at)
        if not refunded_fen or data.draw(st.booleans()):  # one that is settled late counts in the month that runs
            shop.settle(number)
    for place in left:
        shop.settle(f"{member}-{place}")

    counted = [at.month for place, at in enumerate(orders) if left[place] >= 500]
    lumps = 50 * ((counted.count(11) >= 3) + (counted.count(12) >= 3))
    assert shop.points(f"m{member}") == sum(left.values()) // 100 + lumps


def a_ladder(*points: int) -> dict[str, Any]:
    """Points of the first order, the second, and so on; the last go on for ever."""
    steps = [{"from": place, "points": one} for place, one in enumerate(points, 1)]
    return a_rule("nth", amount={"kind": "ladder", "steps": steps, "period": "ever"}, when={"min_fen": 1})


def buy(shop: Shop, *order_nos: str) -> None:
    for number in order_nos:
        shop.record(paid(number, 1000))
        shop.settle(number)


def give_back(shop: Shop, order_no: str, fen: int = 1000) -> None:
    shop.record(refund(f"r{order_no}", fen, order_no=order_no))
    shop.settle(order_no)


def test_an_order_that_came_back_whole_was_no_time_of_its_ladder(shop: Shop) -> None:
    shop.book = plain_book(terms_with(a_ladder(100, 200, 0)))
    for number in ("0", "1"):
        buy(shop, number)
        assert shop.points() == 10 + 100
        give_back(shop, number)
        assert shop.points() == 0

    buy(shop, "2", "3", "4")

    assert shop.points() == 30 + 100 + 200


def test_an_order_keeps_its_step_when_an_earlier_one_comes_back_later(shop: Shop) -> None:
    shop.book = plain_book(terms_with(a_ladder(100, 200, 0)))
    buy(shop, "0", "1")

    give_back(shop, "0")
    assert shop.points() == 10 + 200
    buy(shop, "2", "3")

    assert shop.points() == 30 + 200 + 200


def test_a_part_that_comes_back_leaves_the_step_and_what_it_paid(shop: Shop) -> None:
    shop.book = plain_book(terms_with(a_ladder(100, 200, 0)))
    buy(shop, "0")

    give_back(shop, "0", 999)
    buy(shop, "1")

    assert shop.points() == 0 + 100 + 10 + 200


def test_a_time_that_paid_nothing_yet_is_given_back_too(shop: Shop) -> None:
    shop.book = plain_book(terms_with(a_ladder(0, 0, 300)))
    buy(shop, "0", "1")

    give_back(shop, "0")
    buy(shop, "2")
    assert shop.points() == 20
    buy(shop, "3")

    assert shop.points() == 30 + 300


def spend(shop: Shop, points: int) -> None:
    shop.ledger.post("m1", lambda seen: apply(seen.account, [a_redemption(points)], TERMS, NOW))


def test_what_was_kept_back_in_money_reaches_every_credit_and_another_orders_lump(shop: Shop) -> None:
    shop.book = plain_book(terms_with(tasks=[TASK], reversal="charge_refund"))
    for number in ("0", "1"):
        shop.record(paid(number, 1000))
        shop.settle(number)
    spend(shop, 70)
    shop.record(refund("r", 1000, order_no="0", charged_fen=60))

    receipt = shop.settle("0")

    assert receipt is not None
    assert [entry.facts["charged_points"] for entry in receipt.entries] == [10, 50]
    assert shop.ledger.read("m1").deficit_points == 0


def test_what_was_kept_back_in_money_is_not_used_up_by_points_that_are_pending(shop: Shop) -> None:
    shop.book = plain_book(terms_with(a_rule("bonus"), pending=True, reversal="charge_refund"))
    shop.record(paid())
    shop.settle()
    spend(shop, 100)
    shop.record(refund(charged_fen=100))

    receipt = shop.settle()

    assert receipt is not None
    assert [entry.facts.get("charged_points", 0) for entry in receipt.entries] == [0, 100]
    assert shop.ledger.read("m1").deficit_points == 0


def test_what_was_kept_back_in_money_is_not_used_up_by_points_that_have_expired(shop: Shop) -> None:
    ended = {"kind": "days", "days": 1}
    shop.book = plain_book(terms_with(a_rule("brief", validity=ended), a_rule("bonus"), reversal="charge_refund"))
    shop.record(paid())
    shop.settle()
    later = NOW + timedelta(days=15)
    shop.ledger.post("m1", lambda seen: apply(seen.account, [a_redemption(112)], TERMS, later))
    shop.record(refund(charged_fen=112), at=later)

    shop.settle()

    account = shop.ledger.read("m1")
    assert (account.available_points, account.deficit_points) == (0, 0)


def test_many_credits_that_come_due_with_their_refunds_fit_their_postings(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sense, "MAX_AT_ONCE", 30)  # a programme published before there was such a limit
    by_amount = {"kind": "per_amount", "fen": 100, "points": 1, "rounding": "floor", "less": []}
    waiting = {"kind": "days", "days": 1}
    shop.book = plain_book(terms_with(*(a_rule(f"b{one}", amount=by_amount, pending=waiting) for one in range(25))))
    shop.record(paid(paid_fen=400_000))
    for number in range(3):
        shop.record(refund(f"r{number}", 9000), at=NOW + timedelta(days=2, minutes=number))

    shop.settle()

    assert shop.points() == 26 * (4000 - 3 * 90)
