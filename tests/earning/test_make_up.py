"""The make-up card and the cumulative table: what a repaired day costs, brings, and how often it can be had."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from chalicelib.earning.check_in import check_in
from chalicelib.earning.check_in_calendar import check_in_days, month_calendar
from chalicelib.earning.claim_reward import claim_reward
from chalicelib.earning.make_up import make_up
from chalicelib.errors import Code, JifenError
from chalicelib.ledger.apply import apply
from chalicelib.ledger.model import Budget, Receipt
from chalicelib.ledger.rebuild import rebuild
from chalicelib.programme.document import read_programme
from chalicelib.programme.model import Terms
from tests.earning.conftest import Shop
from tests.earning.programmes import a_rule, plain_document, plain_terms
from tests.ledger.builders import TERMS, a_cause, an_earn
from tests.programme.builders import SINCE

FIRST_ON = date(2026, 11, 2)


def at(on: date) -> datetime:
    return datetime(on.year, on.month, on.day, 4, tzinfo=UTC)


def sign(shop: Shop, on: date, terms: Terms) -> Receipt:
    return check_in("m1", ledger=shop.ledger, terms=terms, now=at(on), source="mini_program")


def repair(shop: Shop, on: date, today_on: date, terms: Terms) -> Receipt:
    return make_up("m1", on, ledger=shop.ledger, terms=terms, now=at(today_on), source="mini_program")


def funded(shop: Shop, points: int = 100) -> None:
    earn = an_earn(points, cause=a_cause(id="gift", at=at(FIRST_ON) - timedelta(days=1)))
    shop.ledger.post("m1", lambda seen: apply(seen.account, [earn], TERMS, at(FIRST_ON) - timedelta(days=1)))


def test_a_made_up_day_costs_its_price_pays_no_daily_points_and_joins_the_run(shop: Shop) -> None:
    terms = plain_terms()
    funded(shop)
    for day in (2, 3, 5):
        sign(shop, date(2026, 11, day), terms)

    receipt = repair(shop, date(2026, 11, 4), date(2026, 11, 5), terms)
    again = repair(shop, date(2026, 11, 4), date(2026, 11, 6), terms)

    assert [entry.points for entry in receipt.entries] == [-20]
    assert receipt.entries[0].facts["streak_days"] == 4
    assert (again.replayed, again.entries) == (True, receipt.entries)
    assert shop.points() == 100 + 6 - 20


def test_rewards_that_the_repaired_run_reaches_are_paid_with_it_once(shop: Shop) -> None:
    terms = plain_terms()
    funded(shop)
    for day in (2, 3, 4, 6, 7, 8):
        sign(shop, date(2026, 11, day), terms)

    receipt = repair(shop, date(2026, 11, 5), date(2026, 11, 8), terms)

    assert [entry.points for entry in receipt.entries] == [-20, 10]
    assert receipt.entries[1].text == "连续签到7天"
    assert sign(shop, date(2026, 11, 9), terms).entries[0].facts["streak_days"] == 8


@pytest.mark.parametrize(
    ("on", "reason"),
    [
        (date(2026, 11, 12), "只能补今天以前的签到"),
        (date(2026, 11, 11), "这一天已经签到"),
        (date(2026, 11, 4), "只能补最近7天的签到"),
    ],
)
def test_a_day_that_cannot_be_made_up_is_refused_with_its_reason(shop: Shop, on: date, reason: str) -> None:
    terms = plain_terms()
    funded(shop)
    sign(shop, date(2026, 11, 11), terms)

    with pytest.raises(JifenError) as refused:
        repair(shop, on, date(2026, 11, 12), terms)

    assert (refused.value.code, refused.value.msg) == (Code.MAKE_UP_REFUSED, reason)


def test_a_day_before_the_member_joined_is_refused_and_not_offered(shop: Shop) -> None:
    terms = plain_terms()
    joined_on = date(2026, 11, 10)
    joining = an_earn(100, cause=a_cause(id="register", at=at(joined_on)))._replace(joined_on=joined_on)
    shop.ledger.post("m1", lambda seen: apply(seen.account, [joining], TERMS, at(joined_on)))

    with pytest.raises(JifenError) as refused:
        repair(shop, date(2026, 11, 9), date(2026, 11, 12), terms)
    calendar = month_calendar(shop.ledger.read("m1"), (), terms=terms, now=at(date(2026, 11, 12)))

    assert (refused.value.code, refused.value.msg) == (Code.MAKE_UP_REFUSED, "只能补入会以后的签到")
    assert calendar.make_up is not None
    assert calendar.make_up.days == (joined_on, date(2026, 11, 11))
    assert repair(shop, joined_on, date(2026, 11, 12), terms).entries[0].points == -20


def test_three_a_month_and_no_more_but_the_next_month_starts_anew(shop: Shop) -> None:
    terms = plain_terms()
    funded(shop)
    for day in (24, 25, 26):
        repair(shop, date(2026, 11, day), date(2026, 11, 30), terms)
    with pytest.raises(JifenError) as refused:
        repair(shop, date(2026, 11, 27), date(2026, 11, 30), terms)
    assert refused.value.msg == "本月补签3次已用完"

    repair(shop, date(2026, 11, 27), date(2026, 12, 1), terms)
    assert shop.points() == 20


def test_without_the_points_nothing_is_repaired(shop: Shop) -> None:
    terms = plain_terms()
    sign(shop, date(2026, 11, 3), terms)

    with pytest.raises(JifenError) as refused:
        repair(shop, date(2026, 11, 2), date(2026, 11, 3), terms)

    assert refused.value.code is Code.INSUFFICIENT_POINTS
    assert not shop.ledger.read("m1").check_ins.has(date(2026, 11, 2))


def cumulative(claim: str) -> dict[str, Any]:
    rewards = [{"days": 2, "points": 20}, {"days": 4, "points": 40}]
    return a_rule(
        "month",
        "check_in",
        points_class="behaviour",
        amount={"kind": "cumulative", "cycle": "month", "rewards": rewards, "claim": claim},
    )


def test_the_cumulative_table_pays_by_itself_within_the_check_ins_own_entry(shop: Shop) -> None:
    terms = plain_terms(1, SINCE, cumulative("auto"))

    receipts = [sign(shop, date(2026, 11, day), terms) for day in (2, 9, 16, 23)]

    assert [[entry.points for entry in receipt.entries] for receipt in receipts] == [[2], [22], [2], [42]]
    assert [part.rule for part in receipts[1].entries[0].breakdown] == ["check_in", "month"]
    assert sign(shop, date(2026, 12, 1), terms).entries[0].points == 2


def test_a_reward_to_be_claimed_by_hand_waits_for_the_member_and_is_paid_once(shop: Shop) -> None:
    terms = plain_terms(1, SINCE, cumulative("by_hand"))

    def take(days: int, today_on: date = date(2026, 11, 20)) -> Receipt:
        return claim_reward(
            "m1", "month", days, ledger=shop.ledger, terms=terms, now=at(today_on), source="mini_program"
        )

    for day in (2, 9):
        assert sign(shop, date(2026, 11, day), terms).entries[0].points == 2
    calendar = month_calendar(shop.ledger.read("m1"), (), terms=terms, now=at(date(2026, 11, 20)))
    assert [(one.days, one.state) for one in calendar.by_hand] == [(2, "open"), (4, "not_reached")]

    first, again = take(2), take(2)

    assert (first.entries[0].points, again.replayed) == (20, True)
    with pytest.raises(JifenError) as refused:
        take(4)
    assert refused.value.msg == "再签到2天可领取40分"
    assert shop.points() == 24


def test_made_up_days_stand_in_the_calendar_also_when_it_is_read_from_the_journal(shop: Shop) -> None:
    terms = plain_terms()
    funded(shop)
    sign(shop, date(2026, 11, 2), terms)
    repair(shop, date(2026, 11, 30), date(2026, 12, 1), terms)
    sign(shop, date(2027, 3, 1), terms)

    days = check_in_days(shop.ledger.read("m1"), first_on=date(2026, 11, 1), ledger=shop.ledger, zone="Asia/Shanghai")

    assert days == (date(2026, 11, 2), date(2026, 11, 30))


def test_a_journal_with_made_up_days_rebuilds_the_account(shop: Shop) -> None:
    terms = plain_terms()
    funded(shop)
    for day in (2, 3, 5):
        sign(shop, date(2026, 11, day), terms)
    repair(shop, date(2026, 11, 4), date(2026, 11, 5), terms)

    account = shop.ledger.read("m1")
    entries = sorted(shop.ledger.entries("m1", before_key=None, limit=50), key=lambda entry: entry.sequence)
    rebuilt = rebuild("m1", account.due_shard, entries)

    assert rebuilt._replace(version=account.version, due_on=account.due_on) == account


def three_in_a_row(**given: Any) -> dict[str, Any]:
    """A check-in with a reward once, on the third day of a run."""
    card = {"price_points": 1, "look_back_days": 14, "per_month": 5}
    rewards = [{"day": 3, "points": 100}]
    amount = {"kind": "streak", "points": 2, "cycle": "run", "repeats": False, "rewards": rewards, "make_up": card}
    return a_rule("row", "check_in", points_class="behaviour", amount=amount, **given)


def repaired(shop: Shop, terms: Terms, then: Terms | None = None, missed: int = 3, last: int = 4) -> Receipt:
    funded(shop)
    for day in range(2, last + 1):
        if day != missed:
            sign(shop, date(2026, 11, day), terms)
    return repair(shop, date(2026, 11, missed), date(2026, 11, last), then or terms)


def only(rule: dict[str, Any], paused: frozenset[str] = frozenset(), **changes: Any) -> Terms:
    document = {**plain_document(**changes), "rules": [rule]}
    return Terms(1, SINCE, read_programme(document), paused)


def test_a_repair_pays_the_reward_it_reaches(shop: Shop) -> None:
    assert [entry.points for entry in repaired(shop, only(three_in_a_row())).entries] == [-1, 100]


def test_a_run_that_had_its_reward_gives_it_no_second_time(shop: Shop) -> None:
    receipt = repaired(shop, only(three_in_a_row()), missed=4, last=7)

    assert [entry.points for entry in receipt.entries] == [-1]
    assert shop.points() == 100 + 5 * 2 + 100 - 1


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"trial": {"members": ["m2"]}}, ""),
        ({"validity": {"kind": "on_date", "on": "2026-11-01"}}, "的积分有效期已过"),
        ({"caps": [{"points": 4, "period": "month"}]}, "本月已达上限4分"),
    ],
)
def test_a_rule_that_would_not_pay_a_check_in_pays_no_repair(shop: Shop, given: dict[str, Any], said: str) -> None:
    receipt = repaired(shop, only(three_in_a_row(**given)))

    assert [entry.points for entry in receipt.entries] == [-1]
    assert said in receipt.entries[0].text


def test_a_paused_rule_pays_no_repair_and_says_so(shop: Shop) -> None:
    terms = only(three_in_a_row())

    receipt = repaired(shop, terms, only(three_in_a_row(), frozenset({"row"})))

    assert [entry.points for entry in receipt.entries] == [-1]
    assert receipt.entries[0].text == "补签2026-11-03 · row暂停中,恢复后可再得"


def test_a_cap_clips_what_a_repair_pays_and_counts_it(shop: Shop) -> None:
    caps = [{"points": 50, "period": "month"}, {"times": 3, "period": "month"}]
    terms = only(three_in_a_row(caps=caps))

    receipt = repaired(shop, terms)

    assert [entry.points for entry in receipt.entries] == [-1, 46]
    counters = shop.ledger.read("m1").counters
    assert (counters["row:pm"].used, counters["row:tm"].used) == (50, 2)


def test_a_repair_draws_on_budgets_and_pays_nothing_once_they_are_spent(shop: Shop) -> None:
    budget = {"id": "row", "points": 110, "period": "month", "rules": ["row"], "shards": 1}
    terms = only(three_in_a_row(), budgets=[budget])

    assert [entry.points for entry in repaired(shop, terms).entries] == [-1, 100]

    assert shop.ledger.budget_spent(Budget("row", "2026-11", 110, 1, 0)) == 104


def test_a_spent_budget_leaves_a_repair_without_its_reward(shop: Shop) -> None:
    budget = {"id": "row", "points": 103, "period": "month", "rules": ["row"], "shards": 1}

    receipt = repaired(shop, only(three_in_a_row(), budgets=[budget]))

    assert [entry.points for entry in receipt.entries] == [-1]
    assert "名额已满" in receipt.entries[0].text
