from datetime import UTC, date, datetime, timedelta

import pytest

from chalicelib.errors import Code, JifenError
from chalicelib.ledger.apply import apply
from chalicelib.ledger.chain import sealed
from chalicelib.ledger.commands import Expire, GiveBack
from chalicelib.ledger.model import Kind
from chalicelib.ledger.rebuild import rebuild
from tests.ledger.builders import (
    NOW,
    TERMS,
    TODAY_ON,
    a_cause,
    a_redemption,
    a_reversal,
    an_account,
    an_earn,
    bucket,
)

JAN = date(2027, 1, 31)
NOV = date(2027, 11, 30)


def test_a_credit_opens_a_bucket_and_its_entry_says_why_and_what_is_left() -> None:
    posting = apply(an_account(), [an_earn(12)], TERMS, NOW)

    (entry,) = posting.entries
    assert posting.account.buckets == {bucket(NOV): 12}
    assert (entry.points, entry.available_after, entry.sequence) == (12, 12, 1)
    assert (entry.debit, entry.credit) == ("issuer:order", "member")
    assert entry.key == "2026-11-22T04:00:00.000Z#earn#order#tmall#1"


def test_two_credits_of_one_date_and_class_share_a_bucket() -> None:
    account = apply(an_account(), [an_earn(12)], TERMS, NOW).account

    posting = apply(account, [an_earn(5)], TERMS, NOW)

    assert posting.account.buckets == {bucket(NOV): 17}


def test_a_credit_of_nothing_still_leaves_its_entry_and_no_bucket() -> None:
    posting = apply(an_account(), [an_earn(0)], TERMS, NOW)

    assert posting.account.buckets == {}
    assert posting.entries[0].points == 0


def test_spending_takes_the_earliest_bucket_first_and_the_entry_lists_what_it_took() -> None:
    account = an_account(buckets={bucket(NOV): 10, bucket(JAN): 3, bucket(None): 100})

    posting = apply(account, [a_redemption(15)], TERMS, NOW)

    assert posting.entries[0].buckets == {bucket(JAN): -3, bucket(NOV): -10, bucket(None): -2}
    assert posting.account.buckets == {bucket(None): 98}


def test_spending_more_than_there_is_is_refused() -> None:
    with pytest.raises(JifenError) as refused:
        apply(an_account(buckets={bucket(NOV): 10}), [a_redemption(11)], TERMS, NOW)

    assert refused.value.code is Code.INSUFFICIENT_POINTS
    assert "还差1分" in refused.value.msg


def test_points_are_spendable_through_the_last_millisecond_of_their_last_day() -> None:
    account = an_account(buckets={bucket(TODAY_ON): 10})
    last = datetime(2026, 11, 22, 15, 59, 59, 999000, tzinfo=UTC)

    posting = apply(account, [a_redemption(10)], TERMS, last)

    assert posting.account.buckets == {}


def test_a_millisecond_later_they_have_expired_whether_or_not_the_night_has_run() -> None:
    account = an_account(buckets={bucket(TODAY_ON): 10, bucket(NOV): 4})
    midnight = datetime(2026, 11, 22, 16, 0, tzinfo=UTC)

    posting = apply(account, [a_redemption(4)], TERMS, midnight)

    assert [entry.kind for entry in posting.entries] == [Kind.EXPIRE, Kind.REDEEM]
    assert posting.entries[0].buckets == {bucket(TODAY_ON): -10}
    assert posting.entries[0].key.startswith("2026-11-22T15:59:59.999Z#expire#")
    assert posting.account.version == 1
    assert posting.account.sequence == 2


def test_one_expire_entry_lists_all_its_buckets() -> None:
    account = an_account(buckets={bucket(date(2026, 10, 31)): 1, bucket(date(2026, 9, 30)): 2})

    posting = apply(account, [Expire()], TERMS, NOW)

    assert [entry.points for entry in posting.entries] == [-3]
    assert posting.account.buckets == {}


def test_expiry_never_takes_what_was_spent() -> None:
    account = apply(an_account(), [an_earn(10, JAN)], TERMS, NOW).account
    account = apply(account, [a_redemption(10)], TERMS, NOW).account

    posting = apply(account, [Expire()], TERMS, datetime(2027, 3, 1, tzinfo=UTC))

    assert posting.entries == ()


def test_a_reversal_takes_from_its_own_bucket_first() -> None:
    account = an_account(buckets={bucket(JAN): 5, bucket(NOV): 7})

    posting = apply(account, [a_reversal(6)], TERMS, NOW)

    assert posting.account.buckets == {bucket(JAN): 5, bucket(NOV): 1}


def test_what_was_spent_already_becomes_a_deficit_and_the_next_credit_pays_it_first() -> None:
    account = an_account(buckets={bucket(JAN): 5})

    owing = apply(account, [a_reversal(12)], TERMS, NOW).account
    repaid = apply(owing, [an_earn(10)], TERMS, NOW)

    assert (owing.deficit_points, owing.buckets) == (7, {})
    assert repaid.account.deficit_points == 0
    assert repaid.account.buckets == {bucket(NOV): 3}
    assert repaid.entries[0].points == 10
    assert repaid.entries[0].facts["repaid_points"] == 7


def test_a_programme_that_waives_says_how_much_in_the_entry() -> None:
    posting = apply(an_account(), [a_reversal(12, policy="waive")], TERMS, NOW)

    assert posting.entries[0].points == 0
    assert posting.entries[0].facts["waived_points"] == 12


def test_a_refund_after_the_bucket_has_ended_takes_nothing_twice() -> None:
    account = an_account(buckets={bucket(NOV): 50})
    ended_on = date(2026, 10, 31)

    posting = apply(account, [a_reversal(12, ended_on)], TERMS, NOW)

    assert posting.account.buckets == {bucket(NOV): 50}
    assert posting.entries[0].facts["waived_points"] == 12


def test_an_operation_moves_the_due_date_only_earlier_and_the_worker_puts_it_right() -> None:
    account = apply(an_account(), [an_earn(10, JAN)], TERMS, NOW).account
    account = apply(account, [an_earn(10, NOV)], TERMS, NOW).account
    assert account.due_on == date(2027, 2, 1)

    spent = apply(account, [a_redemption(10)], TERMS, NOW).account
    assert spent.due_on == date(2027, 2, 1)

    night = apply(spent, [Expire()], TERMS, datetime(2027, 1, 31, 16, 5, tzinfo=UTC))
    assert night.entries == ()
    assert night.account.due_on == date(2027, 12, 1)
    assert night.account.version == spent.version + 1


def test_a_finished_member_leaves_the_due_index() -> None:
    account = apply(an_account(), [an_earn(10, JAN)], TERMS, NOW).account

    night = apply(account, [Expire()], TERMS, datetime(2027, 1, 31, 16, 5, tzinfo=UTC))

    assert night.account.due_on is None


def test_a_night_with_nothing_due_writes_nothing() -> None:
    account = apply(an_account(), [an_earn(10, JAN)], TERMS, NOW).account

    night = apply(account, [Expire()], TERMS, NOW)

    assert night.account is account


def test_an_account_never_goes_back_in_time() -> None:
    account = apply(an_account(), [an_earn(10)], TERMS, NOW).account

    late = apply(account, [an_earn(5)], TERMS, NOW - timedelta(days=40))

    assert late.entries[0].posted_at == NOW


def test_a_checked_in_day_is_kept_with_its_credit() -> None:
    posting = apply(an_account(), [an_earn(2, checked_in_on=TODAY_ON)], TERMS, NOW)

    assert posting.account.check_ins.has(TODAY_ON)


def test_the_journal_rebuilds_the_account_and_betrays_any_change() -> None:
    account, entries = an_account(), []
    for command in (an_earn(10, JAN), an_earn(30, checked_in_on=TODAY_ON), a_redemption(12), a_reversal(40)):
        posting, _ = sealed(apply(account, [command], TERMS, NOW))
        account, entries = posting.account, entries + list(posting.entries)

    rebuilt = rebuild("m1", "0003", entries)

    assert rebuilt._replace(version=account.version, due_on=account.due_on) == account
    with pytest.raises(ValueError, match="altered"):
        rebuild("m1", "0003", [entries[0]._replace(points=11), *entries[1:]])
    with pytest.raises(ValueError, match="entry 3 follows 1"):
        rebuild("m1", "0003", [entries[0], *entries[2:]])


@pytest.mark.parametrize(("ended_days_ago", "comes_back_until_days"), [(0, 0), (1, 30)])
def test_points_come_back_into_their_bucket_through_its_last_day_and_with_grace_from_the_day_after(
    ended_days_ago: int, comes_back_until_days: int
) -> None:
    taken = {bucket(TODAY_ON - timedelta(days=ended_days_ago)): 40}

    posting = apply(an_account(), [GiveBack(a_cause(Kind.REVERSE, "r1"), taken, False, 1)], TERMS, NOW)

    assert posting.account.buckets == {bucket(TODAY_ON + timedelta(days=comes_back_until_days)): 40}
