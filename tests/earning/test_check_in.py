from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from chalicelib.earning.check_in import check_in
from chalicelib.earning.check_in_calendar import check_in_days, month_calendar
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.model import Receipt
from chalicelib.programme.model import Terms
from tests.earning.conftest import Shop
from tests.earning.programmes import plain_terms

NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
LAST_MS = datetime(2026, 11, 22, 15, 59, 59, 999000, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 22, 16, 0, tzinfo=UTC)


def sign(shop: Shop, now: datetime, terms: Terms | None = None) -> Receipt:
    return check_in("m1", ledger=shop.ledger, terms=terms or plain_terms(), now=now, source="mini_program")


def test_a_check_in_pays_once_a_day_and_the_second_answer_is_the_first(shop: Shop) -> None:
    first, again = sign(shop, NOON), sign(shop, NOON + timedelta(hours=5))

    assert (first.entries[0].points, first.replayed) == (2, False)
    assert (again.entries, again.replayed) == (first.entries, True)
    assert shop.points() == 2


def test_two_phones_at_once_are_one_credit(shop: Shop) -> None:
    """The second phone reads the account before the first one writes; its transaction then finds the entry."""
    real = shop.ledger.dynamo
    meanwhile = []

    class Slow:
        def __getattr__(self, name: str) -> object:
            return getattr(real, name)

        def transact_write_items(self, **request: object) -> object:
            if not meanwhile:
                meanwhile.append(sign(shop, NOON))
            return real.transact_write_items(**request)

    receipt = check_in(
        "m1", ledger=replace(shop.ledger, dynamo=Slow()), terms=plain_terms(), now=NOON, source="mini_program"
    )

    assert receipt.replayed
    assert receipt.entries == meanwhile[0].entries
    assert shop.points() == 2


def test_the_last_millisecond_belongs_to_its_day_and_midnight_to_the_next(shop: Shop) -> None:
    late, early = sign(shop, LAST_MS), sign(shop, MIDNIGHT)

    assert late.entries[0].facts["checked_in_on"] == "2026-11-22"
    assert early.entries[0].facts["checked_in_on"] == "2026-11-23"
    assert early.entries[0].facts["streak_days"] == 2


def test_a_check_in_that_is_overtaken_by_the_next_days_still_gets_its_own_day(shop: Shop) -> None:
    sign(shop, MIDNIGHT)

    late = sign(shop, LAST_MS)

    assert late.entries[0].facts["checked_in_on"] == "2026-11-22"
    assert shop.points() == 4
    assert shop.ledger.read("m1").check_ins.run_days == 2


@pytest.mark.parametrize("start", [date(2026, 1, 26), date(2028, 2, 25), date(2026, 12, 28)])
def test_a_run_goes_on_over_a_month_end_a_leap_day_and_new_year(shop: Shop, start: date) -> None:
    noon = datetime(start.year, start.month, start.day, 4, tzinfo=UTC)

    receipts = [sign(shop, noon + timedelta(days=ahead)) for ahead in range(8)]

    assert [receipt.entries[0].facts["streak_days"] for receipt in receipts] == list(range(1, 9))
    assert [receipt.entries[0].points for receipt in receipts] == [2, 2, 2, 2, 2, 2, 12, 2]
    assert receipts[6].entries[0].text == "每日签到 · 连续签到7天"


def test_the_receipt_says_how_far_the_next_reward_is(shop: Shop) -> None:
    facts = sign(shop, NOON).entries[0].facts

    assert (facts["next_reward_days"], facts["next_reward_points"]) == (6, 10)


def test_the_calendar_shows_the_month_and_what_today_would_pay(shop: Shop) -> None:
    sign(shop, NOON - timedelta(days=1))
    account = shop.ledger.read("m1")

    days = check_in_days(account, first_on=date(2026, 11, 1), ledger=shop.ledger, zone="Asia/Shanghai")
    calendar = month_calendar(account, days, terms=plain_terms(), now=NOON)

    assert calendar.days == (date(2026, 11, 21),)
    assert (calendar.checked_in_today, calendar.today_points, calendar.streak_days) == (False, 2, 1)
    assert calendar.next_reward == (6, 10)


def test_a_month_beyond_the_bitmap_is_read_from_the_journal(shop: Shop) -> None:
    for day in (3, 17):
        sign(shop, datetime(2026, 1, day, 4, tzinfo=UTC))
    sign(shop, NOON)
    account = shop.ledger.read("m1")

    days = check_in_days(account, first_on=date(2026, 1, 1), ledger=shop.ledger, zone="Asia/Shanghai")

    assert days == (date(2026, 1, 3), date(2026, 1, 17))


def test_a_programme_without_the_rule_says_so(shop: Shop) -> None:
    terms = plain_terms()
    without = replace(terms, programme=replace(terms.programme, rules=terms.programme.rules[1:]))

    with pytest.raises(JifenError) as refused:
        sign(shop, NOON, without)

    assert refused.value.code is Code.ACTIVITY_OFF
