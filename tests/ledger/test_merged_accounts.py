"""Two accounts on a table become one: everything of either id acts on the survivor, once, and the audit agrees."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from chalicelib.earning.check_in import check_in
from chalicelib.earning.order import Order, Refunded
from chalicelib.earning.settle_order import settle_order
from chalicelib.earning.table import OrdersTable
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.adjust import change_credit
from chalicelib.ledger.adjustments_table import AdjustmentsTable
from chalicelib.ledger.audit import Finding
from chalicelib.ledger.commands import Earn, Freeze
from chalicelib.ledger.expire import expire_due, release_due
from chalicelib.ledger.freeze import set_frozen
from chalicelib.ledger.hold import capture, hold
from chalicelib.ledger.model import Kind
from chalicelib.ledger.pending import activate_due
from chalicelib.ledger.redeem import redeem, redemption_key, restore
from chalicelib.ledger.release import hold_key, release
from chalicelib.ledger.statement import balance_now, open_page, statement_page
from chalicelib.ledger.table import LedgerTable
from chalicelib.programme.model import TermsBook
from local.audit import Auditor, Report
from tests.earning.conftest import paid
from tests.earning.programmes import plain_book, plain_terms
from tests.ledger.builders import NOW, TERMS, TODAY_ON, a_cause, a_redemption, a_reversal, an_earn
from tests.ledger.meetings import Interrupted, Meanwhile
from tests.ledger.merges import NEW, OLD, as_history_has_it, history, merge, post, rebuilt, stored, wait
from tests.ledger.test_transfer import balances, sent, shown
from tests.programme.builders import demo_book, demo_terms

A_DAY = timedelta(days=1)
TOMORROW = NOW + A_DAY
LATER = NOW + timedelta(minutes=15)


def gift(points: int, id: str, *, expires_on: date = date(2027, 11, 30), **given: Any) -> Earn:
    """Points whose cause has no guard."""
    return an_earn(points, expires_on, cause=a_cause(id=id, activity="gift", **given))


@pytest.fixture
def two(moto_ledger: LedgerTable) -> LedgerTable:
    """The old account with 50 points, the new one with 30."""
    post(moto_ledger, gift(50, "tmall#old"))
    post(moto_ledger, gift(30, "tmall#new"), member_id=NEW)
    return moto_ledger


def audited(ledger: LedgerTable) -> list[Finding]:
    """What the audit of the whole finds; most of these ledgers' guards of orders have no orders beside them."""
    found: list[Finding] = []
    orders = orders_of(ledger)
    Auditor(ledger, orders, TERMS, {}, TODAY_ON, Report(found.append), pause=lambda _s: None).run(segments=1)
    return [one for one in found if one.what != "order"]


def orders_of(ledger: LedgerTable) -> OrdersTable:
    return OrdersTable(ledger.dynamo, f"{ledger.ledger.removesuffix('-ledger')}-orders")


def agrees(ledger: LedgerTable, *member_ids: str) -> None:
    """Each account is what its own journal makes, and the auditor has nothing to say."""
    for member_id in member_ids or (OLD, NEW):
        account = stored(ledger, member_id)
        made = rebuilt(ledger, member_id)
        assert made._replace(counters=account.counters) == as_history_has_it(account)
    assert audited(ledger) == []


def units(ledger: LedgerTable, act: Callable[[LedgerTable], object]) -> list[str]:
    made: list[str] = []

    class Watched:
        def __getattr__(self, name: str) -> Any:
            made.append(name)
            return getattr(ledger.dynamo, name)

    act(replace(ledger, dynamo=Watched()))
    return [name for name in made if name != "exceptions"]


def test_both_ids_show_the_survivors_balance(two: LedgerTable) -> None:
    merge(two)

    assert two.read(OLD) == two.read(NEW)
    assert two.read(OLD).available_points == 80
    assert [account.member_id for account in two.accounts([OLD, "m7", NEW])] == [NEW, "m7", NEW]
    agrees(two)


def test_a_merge_is_one_transaction_on_each_store(ledger: LedgerTable) -> None:
    keys = [wait(ledger, 1, "tmall#5"), wait(ledger, 2, "tmall#6", member_id=NEW), wait(ledger, 3, "tmall#7")]
    post(ledger, gift(50, "old"))

    receipt = merge(ledger)
    again = merge(ledger, NEW, OLD)

    assert [entry.kind for entry in receipt.entries] == [Kind.TRANSFER]
    assert again.entries == ()
    assert ledger.read(OLD) == ledger.read(NEW)
    assert ledger.read(OLD).total_points == 56
    assert listed(ledger, OLD) == listed(ledger, NEW)
    assert sorted(listed(ledger, OLD)) == keys
    post(ledger, gift(50, "old"), member_id=NEW)
    assert ledger.read(NEW).total_points == 56


def listed(ledger: LedgerTable, id: str) -> list[str]:
    """All open guards, a page each, as they are shown."""
    found, cursor = [], ""
    while True:
        page = open_page(id, ledger=ledger, cursor=cursor, limit=1)
        found += [one.guard.key for one in page.pending] + [guard.key for guard in page.holds]
        cursor = page.next_cursor
        if not cursor:
            return found


def test_who_never_had_an_account_is_merged_as_well(moto_ledger: LedgerTable) -> None:
    merge(moto_ledger)

    post(moto_ledger, gift(5, "g"))
    assert moto_ledger.read(NEW).available_points == 5
    agrees(moto_ledger)


def test_the_same_merge_again_and_the_other_way_round_changes_nothing(two: LedgerTable) -> None:
    merge(two)
    before = two.read(NEW)

    again, back = merge(two), merge(two, NEW, OLD)

    assert (again.entries, back.entries) == ((), ())
    assert two.read(NEW) == before


def test_what_is_posted_under_the_old_id_stands_in_the_survivors_journal(two: LedgerTable) -> None:
    merge(two)

    receipt = post(two, gift(7, "tmall#7"))

    assert [entry.member_id for entry in receipt.entries] == [NEW]
    assert two.read(NEW).available_points == 87
    agrees(two)


def test_following_costs_one_read_and_nobody_else_pays_it(two: LedgerTable) -> None:
    merge(two)
    post(two, gift(1, "x"), member_id="m7")

    assert units(two, lambda ledger: ledger.read(OLD)) == ["batch_get_item"] * 2
    assert units(two, lambda ledger: ledger.read("m7")) == ["batch_get_item"]
    assert units(two, lambda ledger: post(ledger, gift(2, "y"), member_id="m7")) == [
        "batch_get_item",
        "transact_write_items",
    ]
    assert units(two, lambda ledger: post(ledger, gift(2, "z"), member_id=NEW)) == [
        "batch_get_item",
        "get_item",
        "transact_write_items",
    ]


def test_a_guardless_cause_that_was_booked_for_the_old_account_is_its_first_receipt(two: LedgerTable) -> None:
    first = post(two, gift(9, "gift"))
    merge(two)

    again, by_new_id = (
        post(two, gift(9, "gift")),
        post(two, gift(9, "gift"), member_id=NEW),
    )

    assert (again.replayed, again.entries, by_new_id.entries) == (True, first.entries, first.entries)
    assert two.read(NEW).available_points == 89


def test_the_same_key_with_other_input_is_refused_under_either_id(two: LedgerTable) -> None:
    post(two, gift(9, "gift", input_hash="ab" * 32))
    merge(two)

    with pytest.raises(JifenError) as refused:
        post(two, gift(8, "gift", input_hash="cd" * 32), member_id=NEW)

    assert refused.value.code is Code.KEY_REUSED


def test_what_expired_on_a_day_in_one_account_is_not_taken_for_the_others(two: LedgerTable) -> None:
    post(two, gift(5, "a", expires_on=TODAY_ON), member_id=NEW)
    post(two, gift(6, "b", expires_on=TODAY_ON + A_DAY))
    merge(two)

    night(two, NOW + 2 * A_DAY)

    assert two.read(NEW).available_points == 80
    agrees(two)


def night(ledger: LedgerTable, now: Any, *, failed: int = 0) -> None:
    for shard in range(ledger.due_shards):
        run = expire_due(shard, ledger=ledger, terms=TERMS, now=now, has_time=lambda: True)
        assert run.failed == failed


def test_pending_points_of_the_old_account_become_available_in_the_night_at_the_survivors(two: LedgerTable) -> None:
    key = wait(two, 20)
    merge(two)
    agrees(two)
    assert two.guards([key])[key].member_id == OLD

    night(two, TOMORROW)

    account = two.read(NEW)
    assert (account.available_points, account.pending_points) == (100, 0)
    assert two.guards([key])[key].member_id == NEW
    assert two.open_guards(account, 9) == []
    agrees(two)


def test_a_spending_that_falls_short_books_what_is_due_under_both_ids(two: LedgerTable) -> None:
    wait(two, 20, "tmall#8")
    wait(two, 10, "tmall#9", member_id=NEW)
    merge(two)

    redeem(
        NEW, "d1", 110, activity="mall", at=TOMORROW, source="mini", actor=NEW, ledger=two, terms=TERMS, now=TOMORROW
    )

    assert two.read(NEW).available_points == 0
    agrees(two)


@pytest.mark.parametrize("id", [OLD, NEW])
def test_staff_change_a_pending_credit_of_the_old_account_under_either_id(two: LedgerTable, id: str) -> None:
    key = wait(two, 20)
    merge(two)

    change_credit(
        AdjustmentsTable(two),
        id,
        key,
        "order",
        change="adjust",
        points=15,
        change_id="k1",
        reason="核对",
        by="s1",
        terms=TERMS,
        daily_points=100,
        now=NOW,
    )

    assert two.read(NEW).pending_points == 15
    agrees(two)


def set_aside(ledger: LedgerTable, member_id: str = OLD) -> None:
    given: dict[str, Any] = {"activity": "checkout", "actor": member_id, "ledger": ledger, "terms": TERMS, "now": NOW}
    hold(member_id, "h1", 12, release_at=LATER, **given)


@pytest.mark.parametrize("id", [OLD, NEW])
@pytest.mark.parametrize("points", [12, 5])
def test_a_hold_of_the_old_account_is_captured_under_either_id(two: LedgerTable, id: str, points: int) -> None:
    set_aside(two)
    merge(two)

    capture(id, "h1", points, actor=id, ledger=two, terms=TERMS, now=NOW)
    restore(id, hold_key("h1"), "back", 2, actor="s1", ledger=two, terms=TERMS, now=NOW)

    account = two.read(NEW)
    assert (account.available_points, account.held_points) == (80 - points + 2, 0)
    agrees(two)


@pytest.mark.parametrize("id", [OLD, NEW])
def test_a_hold_of_the_old_account_is_released_under_either_id_once(two: LedgerTable, id: str) -> None:
    set_aside(two)
    merge(two)

    first = release(id, "h1", actor=id, ledger=two, terms=TERMS, now=NOW)
    again = release(OLD, "h1", actor=id, ledger=two, terms=TERMS, now=NOW)

    assert (first.replayed, again.replayed, again.entries) == (False, True, first.entries)
    assert two.read(NEW).available_points == 80
    agrees(two)


def test_an_overdue_hold_of_the_old_account_goes_back_to_the_survivor_by_the_sweep(two: LedgerTable) -> None:
    set_aside(two)
    merge(two)

    run = release_due(ledger=two, terms=TERMS, now=LATER, has_time=lambda: True)

    assert (run.booked, run.failed) == (1, 0)
    assert two.read(NEW).available_points == 80
    agrees(two)


def test_another_member_has_no_right_to_a_hold_of_a_merged_account(two: LedgerTable) -> None:
    set_aside(two)
    merge(two)

    with pytest.raises(JifenError) as refused:
        capture("m7", "h1", 12, actor="m7", ledger=two, terms=TERMS, now=NOW)

    assert refused.value.code is Code.HOLD_CLOSED


def test_a_redemption_of_the_old_account_is_given_back_to_the_survivor(two: LedgerTable) -> None:
    redeem(OLD, "d1", 40, activity="mall", at=NOW, source="mini", actor=OLD, ledger=two, terms=TERMS, now=NOW)
    merge(two)

    restore(NEW, redemption_key("d1", activity="mall", at=NOW), "c1", 40, actor="s1", ledger=two, terms=TERMS, now=NOW)

    assert two.read(NEW).available_points == 80
    agrees(two)


def the_order(*refunds: Refunded, member_id: str = OLD) -> Order:
    known = {refund.refund_no: refund for refund in refunds}
    return Order(key="tmall#1", paid=paid(), member_id=member_id, received_at=NOW, refunds=known)


REFUND = Refunded(refund_no="r1", refunded_fen=9_900, refunded_at=NOW, received_at=NOW)


@pytest.mark.parametrize("book", [plain_book(), demo_book()])
def test_a_refund_of_an_order_of_the_old_id_takes_the_points_at_the_survivors(
    moto_ledger: LedgerTable, book: TermsBook
) -> None:
    settle_order(the_order(), ledger=moto_ledger, book=book)
    merge(moto_ledger)
    had = moto_ledger.read(NEW).total_points

    settle_order(the_order(REFUND), ledger=moto_ledger, book=book)

    assert had > 0
    assert moto_ledger.read(NEW).total_points < had
    assert [entry.kind for entry in history(moto_ledger, NEW)] == [Kind.TRANSFER, Kind.REVERSE]
    agrees(moto_ledger)


def test_a_refund_of_points_that_were_spent_after_the_merge_is_owed_by_the_survivor(moto_ledger: LedgerTable) -> None:
    settle_order(the_order(), ledger=moto_ledger, book=plain_book())
    merge(moto_ledger)
    had = moto_ledger.read(NEW).available_points
    post(moto_ledger, a_redemption(had), member_id=NEW)

    settle_order(the_order(REFUND), ledger=moto_ledger, book=plain_book())

    account = moto_ledger.read(NEW)
    assert account.deficit_points > 0
    assert account.buckets == {}
    agrees(moto_ledger)


def test_a_refund_of_points_that_were_spent_after_the_merge_is_waived_where_the_terms_say_so(
    moto_ledger: LedgerTable,
) -> None:
    book = plain_book(plain_terms(reversal="waive"))
    settle_order(the_order(), ledger=moto_ledger, book=book)
    merge(moto_ledger)
    had = moto_ledger.read(NEW).available_points
    post(moto_ledger, a_redemption(had), member_id=NEW)

    receipt = settle_order(the_order(REFUND), ledger=moto_ledger, book=book)

    assert receipt
    assert receipt.entries[-1].facts["waived_points"] == had
    assert moto_ledger.read(OLD).total_points == 0
    agrees(moto_ledger)


def test_an_order_of_the_old_id_delivered_again_changes_nothing(moto_ledger: LedgerTable) -> None:
    settle_order(the_order(REFUND), ledger=moto_ledger, book=plain_book())
    merge(moto_ledger)
    before = moto_ledger.read(NEW)

    for order in (the_order(), the_order(REFUND), the_order(REFUND, member_id=NEW)):
        settle_order(order, ledger=moto_ledger, book=plain_book())

    assert moto_ledger.read(NEW) == before


def test_an_order_that_comes_under_the_old_id_after_the_merge_has_a_guard_of_the_survivor(
    moto_ledger: LedgerTable,
) -> None:
    merge(moto_ledger)

    settle_order(the_order(), ledger=moto_ledger, book=demo_book())

    (guard,) = moto_ledger.guards(["O#tmall#1"]).values()
    assert guard.member_id == NEW
    assert [one.key for one in moto_ledger.open_guards(moto_ledger.read(NEW), 9)] == [guard.key]
    agrees(moto_ledger)


def test_an_order_of_a_third_member_stays_refused(moto_ledger: LedgerTable) -> None:
    settle_order(the_order(), ledger=moto_ledger, book=plain_book())
    merge(moto_ledger)

    with pytest.raises(JifenError) as refused:
        settle_order(the_order(member_id="m7"), ledger=moto_ledger, book=plain_book())

    assert refused.value.code is Code.KEY_REUSED


@pytest.mark.parametrize(("first", "second"), [(OLD, NEW), (NEW, OLD), (OLD, OLD)])
def test_a_day_is_checked_in_once_by_one_person(moto_ledger: LedgerTable, first: str, second: str) -> None:
    given: dict[str, Any] = {"terms": demo_terms(), "now": NOW, "source": "mini_program"}
    receipt = check_in(first, ledger=moto_ledger, **given)
    merge(moto_ledger)

    again = check_in(second, ledger=moto_ledger, **given)

    assert (again.replayed, again.entries) == (True, receipt.entries[:1])
    agrees(moto_ledger)


def test_checking_in_on_the_same_day_under_both_ids_before_the_merge_is_one_day_of_one_run(
    moto_ledger: LedgerTable,
) -> None:
    for member_id, ago in ((OLD, 2), (NEW, 1), (OLD, 0), (NEW, 0)):
        check_in(member_id, ledger=moto_ledger, terms=demo_terms(), now=NOW - ago * A_DAY, source="mini_program")

    merge(moto_ledger)

    assert moto_ledger.read(OLD).check_ins.run_days == 3
    agrees(moto_ledger)


def test_a_transfer_to_the_old_members_code_reaches_the_survivor_and_none_goes_to_oneself(two: LedgerTable) -> None:
    post(two, gift(100, "g"), member_id="m7")
    shown(two, OLD)
    merge(two)

    sent(two, 20, sender_id="m7")

    assert balances(two) == (100, 100)
    for sender_id in (OLD, NEW):
        with pytest.raises(JifenError) as refused:
            sent(two, 20, key="2", sender_id=sender_id)
        assert refused.value.code is Code.TRANSFER_TO_SELF
    agrees(two, OLD, NEW, "m7")


def test_freezing_the_old_id_freezes_the_survivor_once_per_key(two: LedgerTable) -> None:
    merge(two)
    given: dict[str, Any] = {"reason": "核查", "key": "K#freeze#" + "1" * 64, "by": "s1", "terms": TERMS, "now": NOW}

    first = set_frozen(OLD, True, ledger=two, **given)
    again = set_frozen(OLD, True, ledger=two, **given)

    assert two.read(NEW).frozen
    assert (again.replayed, again.entries) == (True, first.entries)


def test_three_accounts_in_a_chain_are_one(two: LedgerTable) -> None:
    post(two, gift(20, "third"), member_id="m0")
    key = wait(two, 7)
    set_aside(two)
    merge(two)
    merge(two, NEW, "m0")

    capture(OLD, "h1", 12, actor=OLD, ledger=two, terms=TERMS, now=NOW)
    activate_due(OLD, key, ledger=two, terms=TERMS, now=TOMORROW)

    account = two.read(OLD)
    assert (account.member_id, account.merged) == ("m0", (NEW, OLD))
    assert (account.available_points, account.pending_points, account.held_points) == (95, 0, 0)
    agrees(two, OLD, NEW, "m0")


def test_a_posting_of_the_old_account_that_lands_first_is_merged_along(two: LedgerTable) -> None:
    meanwhile = Meanwhile(two.dynamo, lambda: post(two, gift(5, "late")))

    merge(replace(two, dynamo=meanwhile))

    assert two.read(NEW).available_points == 85
    agrees(two)


def test_pending_points_that_come_while_it_merges_are_merged_with_their_class(two: LedgerTable) -> None:
    meanwhile = Meanwhile(two.dynamo, lambda: wait(two, 5))

    receipt = merge(replace(two, dynamo=meanwhile))

    assert receipt.entries[-1].facts["pending_c"] == 5
    assert two.read(NEW).pending_points == 5
    agrees(two)


def test_a_posting_of_the_old_account_that_comes_too_late_lands_at_the_survivors(two: LedgerTable) -> None:
    meanwhile = Meanwhile(two.dynamo, lambda: merge(two))

    post(replace(two, dynamo=meanwhile), gift(5, "late"))

    assert two.read(NEW).available_points == 85
    agrees(two)


def test_a_spending_that_meets_the_merge_is_judged_by_what_both_have(two: LedgerTable) -> None:
    meanwhile = Meanwhile(two.dynamo, lambda: merge(two))

    post(replace(two, dynamo=meanwhile), a_redemption(40))
    post(two, a_redemption(40, "r2"))

    assert two.read(OLD).available_points == 0
    agrees(two)


@pytest.mark.parametrize("first", [(OLD, NEW), (NEW, OLD)])
def test_of_a_into_b_and_b_into_a_at_once_one_happens(two: LedgerTable, first: tuple[str, str]) -> None:
    meanwhile = Meanwhile(two.dynamo, lambda: merge(two, *first))

    receipt = merge(replace(two, dynamo=meanwhile))

    assert receipt.entries == ()
    assert two.read(OLD) == two.read(NEW)
    assert two.read(OLD).member_id == first[1]
    assert two.read(OLD).available_points == 80
    agrees(two)


def test_a_merge_whose_answer_was_lost_stands_and_is_not_done_again(two: LedgerTable) -> None:
    with pytest.raises(ConnectionError):
        merge(replace(two, dynamo=Interrupted(two.dynamo)))

    assert merge(two).entries == ()
    assert two.read(OLD).available_points == 80
    agrees(two)


def test_a_merge_with_one_who_was_merged_with_a_third_meanwhile_is_left_to_the_next_try(two: LedgerTable) -> None:
    meanwhile = Meanwhile(two.dynamo, lambda: merge(two, NEW, "m0"))

    with pytest.raises(JifenError) as refused:
        merge(replace(two, dynamo=meanwhile))

    assert refused.value.code is Code.BUSY
    assert stored(two, OLD).available_points == 50


def test_a_member_who_owed_and_one_who_had_are_one_who_has_the_rest(two: LedgerTable) -> None:
    post(two, a_redemption(50))
    post(two, a_reversal(20)._replace(cause=a_cause(Kind.REVERSE, "back", activity="gift")))

    merge(two)

    account = two.read(NEW)
    assert (account.available_points, account.deficit_points) == (10, 0)
    agrees(two)


def test_the_statement_goes_through_all_journals_and_begins_at_the_survivors(two: LedgerTable) -> None:
    post(two, Freeze(a_cause(Kind.ADJUST, "f", at=LATER), False, 1), now=LATER)
    merge(two)
    post(two, gift(1, "after", at=TOMORROW), now=TOMORROW)

    for limit in (1, 2, 3, 50):
        for id in (OLD, NEW):
            found, cursor = [], ""
            while True:
                page = statement_page(id, ledger=two, cursor=cursor, limit=limit)
                found += [(entry.member_id, entry.sequence) for entry in page.entries]
                cursor = page.next_cursor
                assert len(page.entries) == limit or not cursor
                if not cursor:
                    break
            assert found == [(NEW, 3), (NEW, 2), (NEW, 1), (OLD, 3), (OLD, 2), (OLD, 1)]


def test_a_statements_cursor_opens_nobody_elses_journal(two: LedgerTable) -> None:
    merge(two)
    cursor = statement_page(NEW, ledger=two, cursor="", limit=1).next_cursor

    with pytest.raises(JifenError) as refused:
        statement_page("m7", ledger=two, cursor=cursor, limit=1)

    assert refused.value.code is Code.INVALID_CURSOR


def test_a_statement_without_a_merge_reads_its_own_journal_alone(two: LedgerTable) -> None:
    asked = units(two, lambda ledger: statement_page(NEW, ledger=ledger, cursor="", limit=5))

    assert asked == ["query"]


@pytest.mark.parametrize("id", [OLD, NEW])
def test_all_that_is_pending_or_held_is_listed_under_either_id_by_its_day(two: LedgerTable, id: str) -> None:
    keys = [wait(two, 1, "tmall#5"), wait(two, 2, "tmall#6", member_id=NEW), wait(two, 3, "tmall#7")]
    set_aside(two)
    merge(two)

    found = listed(two, id)
    balance, still_open = balance_now(two.read(id), ledger=two, terms=TERMS, now=NOW)

    assert sorted(found) == sorted([*keys, "H#h1"])
    assert found[0] == "H#h1"
    assert (balance.pending_points, balance.held_points) == (6, 12)
    assert len(still_open.pending) == 3


def test_an_order_that_keeps_the_old_id_agrees_with_the_survivors_guard_through_a_chain(
    moto_ledger: LedgerTable,
) -> None:
    orders = orders_of(moto_ledger)
    orders.put_paid(paid(), OLD, NOW, TODAY_ON)
    (order,) = orders.orders(["tmall#1"])
    settle_order(order, ledger=moto_ledger, book=plain_book())
    merge(moto_ledger)
    settle_order(order._replace(refunds={"r1": REFUND}), ledger=moto_ledger, book=plain_book())
    assert moto_ledger.guards(["O#tmall#1"])["O#tmall#1"].member_id == NEW

    merge(moto_ledger, NEW, "m0")

    agrees(moto_ledger, OLD, NEW, "m0")
    orders.dynamo.update_item(
        TableName=orders.name,
        Key={"pk": {"S": "tmall#1"}},
        UpdateExpression="SET member_id = :other",
        ExpressionAttributeValues={":other": {"S": "m7"}},
    )
    assert [(one.key, one.what, one.found) for one in audited(moto_ledger)] == [("O#tmall#1 G", "member_id", NEW)]


def change(ledger: LedgerTable, member_id: str, **values: Any) -> None:
    """Tamper with an account."""
    from chalicelib.runtime.dynamo import encode

    for name, value in values.items():
        ledger.dynamo.update_item(
            TableName=ledger.ledger,
            Key={"pk": {"S": f"M#{member_id}"}, "sk": {"S": "A"}},
            UpdateExpression="REMOVE #name" if value is None else "SET #name = :value",
            ExpressionAttributeNames={"#name": name},
            **({} if value is None else {"ExpressionAttributeValues": {":value": encode(value)}}),
        )


@pytest.mark.parametrize(
    ("member_id", "values", "expected"),
    [
        (NEW, {"merged": None}, {("M#m1 A", "merged"), ("M#m2 A", "merged_into"), ("M#m1 A", "pending")}),
        (OLD, {"merged_into": "m7"}, {("M#m2 A", "merged_into")}),
        (OLD, {"merged_into": None}, {("M#m2 A", "merged_into"), ("M#m2 A", "pending")}),
        (OLD, {"frozen": True}, {("M#m2 A", "frozen")}),
        (NEW, {"pending": 19}, {("M#m1 A", "pending")}),
    ],
)
def test_the_audit_names_what_was_changed_of_two_merged_accounts(
    two: LedgerTable, member_id: str, values: dict[str, Any], expected: set[tuple[str, str]]
) -> None:
    wait(two, 20)
    merge(two)

    change(two, member_id, **values)

    assert expected <= {(one.key, one.what) for one in audited(two)}
