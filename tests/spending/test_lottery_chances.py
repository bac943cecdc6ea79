"""Chances come from the member's own journal: what was taken back gives none, and each is drawn with once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from chalicelib.earning.behave import behave
from chalicelib.earning.behaviour_void import void_behaviour
from chalicelib.earning.check_in import check_in
from chalicelib.earning.order import Order, Refunded
from chalicelib.earning.refusals import RefusalsTable
from chalicelib.earning.settle_order import settle_order
from chalicelib.errors import Code
from chalicelib.ledger.model import Part
from chalicelib.programme.model import TermsBook
from chalicelib.spending.lottery import count_chances as counting
from chalicelib.spending.lottery.chances import earned_chances
from chalicelib.spending.lottery.count_chances import count_chances
from tests.earning.behaviours import an_event
from tests.earning.conftest import paid
from tests.ledger.builders import a_cause, a_reversal, an_earn
from tests.ledger.meetings import Meanwhile
from tests.ledger.merges import merge, stored
from tests.ledger.test_budgets import Counted
from tests.spending.lotteries import NOON, TICKETS, Fair, a_campaign, open_fair

A_DAY = timedelta(days=1)
BY_ORDER = {"activity": "order", "chances": 1}
BY_CHECK_IN = {"activity": "check_in", "chances": 1}
BY_FRIEND = {"activity": "invite", "chances": 2}


@pytest.fixture
def fair(monkeypatch: pytest.MonkeyPatch) -> Iterator[Fair]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield open_fair(boto3.client("dynamodb", region_name="cn-north-1"))


def bought(
    fair: Fair, order_no: str = "1", *refunds: Refunded, at: datetime = NOON, fen: int = 1000, **given: Any
) -> None:
    sold = paid(order_no, fen, **{"paid_at": at, **given})
    order = Order(f"tmall#{order_no}", sold, "m1", at, refunds={one.refund_no: one for one in refunds})
    settle_order(order, ledger=fair.ledger, book=TermsBook((fair.terms,)))


def refund(fen: int, number: str = "r1", at: datetime = NOON) -> Refunded:
    return Refunded(number, fen, at, at)


def told(fair: Fair, event_id: str = "e1", indicator: str = "review", member_id: str = "m1", **given: Any) -> None:
    event = an_event(event_id, indicator, member_id, occurred_at=fair.now, received_at=fair.now, **given)
    behave(event, ledger=fair.ledger, refusals=_refusals(fair), book=TermsBook((fair.terms,)))


def _refusals(fair: Fair) -> RefusalsTable:
    return RefusalsTable(fair.ledger.dynamo, fair.ledger.ledger.removesuffix("ledger") + "refusals")


def chances(fair: Fair, member_id: str = "m1") -> int:
    campaign = fair.lotteries.versions(fair.id)[-1].campaign
    return count_chances(campaign, fair.ledger.read(member_id), ledger=fair.ledger, zone=fair.terms.zone)


def by_rule(fair: Fair, rule: str) -> int:
    grants = a_campaign(grants=[{**BY_ORDER, "rules": [rule]}]).grants
    return earned_chances(fair.ledger.entries("m1", before_key=None, limit=9), grants, fair.terms.zone)


def test_a_chance_is_drawn_with_before_points_and_once(fair: Fair) -> None:
    fair.publish(grants=[BY_ORDER])
    fair.give()
    bought(fair)

    found = [fair.draw(key=key, ticket=TICKETS["p10"]).drawn for key in "ab"]

    assert [one.points_spent for one in found] == [0, 20]
    assert [one.balance_after_points for one in found] == [110, 100]
    entries = fair.ledger.entries("m1", before_key=None, limit=9)
    free = next(one for one in entries if one.cause.id == found[0].id and one.kind == "redeem")
    assert (free.points, free.text) == (0, "大转盘:10积分(抽奖机会)")


def test_who_means_to_draw_with_a_chance_pays_no_points_when_another_phone_took_it(fair: Fair) -> None:
    fair.publish(grants=[BY_ORDER])
    fair.give()
    bought(fair)
    rooms = fair.through(Meanwhile(fair.ledger.dynamo, lambda: fair.draw(key="other", ticket=TICKETS["coupon"])))

    refused = fair.refused(key="a", cost="chance", rooms=rooms)

    assert refused is Code.DRAW_COST_CHANGED
    assert [one.points_spent for one in fair.drawn()] == [0]
    assert fair.ledger.read("m1").available_points == 100
    assert fair.draw(key="a", cost="points").drawn.points_spent == 20


def test_who_means_to_draw_with_a_chance_pays_no_points_when_its_order_was_taken_back(fair: Fair) -> None:
    fair.publish(grants=[BY_ORDER])
    fair.give()
    bought(fair)
    bought(fair, "1", refund(1000))

    assert fair.refused(cost="chance") is Code.DRAW_COST_CHANGED
    assert (fair.drawn(), fair.ledger.read("m1").available_points) == ([], 100)


def test_who_means_to_pay_points_keeps_a_chance_that_he_did_not_know_of(fair: Fair) -> None:
    fair.publish(grants=[BY_ORDER])
    fair.give()
    bought(fair)

    assert fair.refused(cost="points") is Code.DRAW_COST_CHANGED
    assert fair.drawn() == []
    assert fair.draw(cost="chance").drawn.points_spent == 0


@pytest.mark.parametrize("cost", [None, "chance", "points"])
def test_a_draw_that_was_made_is_answered_under_its_key_whatever_its_repeat_would_cost(fair: Fair, cost: Any) -> None:
    fair.publish(grants=[BY_ORDER])
    fair.give()
    bought(fair)
    made = fair.draw(cost="chance")

    again = fair.draw(cost=cost)

    assert (again.drawn, again.replayed) == (made.drawn, True)
    assert len(fair.drawn()) == 1


def test_without_points_to_pay_with_a_draw_needs_a_chance(fair: Fair) -> None:
    fair.publish(grants=[BY_ORDER], points=None)
    fair.give()

    before = fair.refused()
    bought(fair)
    after = [fair.refused(key=key) for key in "ab"]

    assert [before, *after] == [Code.NO_CHANCE, None, Code.NO_CHANCE]


def test_a_refund_in_full_takes_the_chance_back_and_one_in_part_does_not(fair: Fair) -> None:
    fair.publish(grants=[BY_ORDER])
    found = []
    for refunds in ([], [refund(400)], [refund(400), refund(600, "r2")]):
        bought(fair, "1", *refunds)
        found.append(chances(fair))

    assert found == [1, 1, 0]


@pytest.mark.parametrize("fen", [90, 1000])
def test_an_order_of_which_all_the_money_came_back_gives_none_whatever_coupon_and_points_had_paid(
    fair: Fair, fen: int
) -> None:
    fair.publish(grants=[BY_ORDER])
    found = []
    for refunds in ([], [refund(20)], [refund(20), refund(fen - 50, "r2")]):
        bought(fair, "1", *refunds, fen=fen, coupon_fen=20, points_fen=10)
        found.append(chances(fair))

    assert found == [1, 1, 0]


def test_an_order_of_which_money_is_left_keeps_its_chance_though_it_is_worth_no_point_any_more(fair: Fair) -> None:
    fair.publish(grants=[BY_ORDER])
    bought(fair, "1", fen=100)
    bought(fair, "1", refund(1), fen=100)

    assert fair.ledger.read("m1").available_points == 0
    assert chances(fair) == 1


def test_an_order_of_which_too_little_is_left_for_the_named_rule_gives_none(fair: Fair) -> None:
    base = an_earn(10, cause=a_cause(id="tmall#1"), rule="base", breakdown=(Part("base", 10, ""),))
    more = an_earn(90, cause=a_cause(id="tmall#1~more"), rule="more", breakdown=(Part("more", 90, ""),))
    fair.post("m1", base, more)
    whole = [by_rule(fair, rule) for rule in ("base", "more")]
    fair.post("m1", a_reversal(90)._replace(rule="more"))

    assert whole == [1, 1]
    assert [by_rule(fair, rule) for rule in ("base", "more")] == [1, 0]


def test_a_chance_that_was_drawn_with_before_its_order_came_back_is_owed_by_the_next(fair: Fair) -> None:
    fair.publish(grants=[BY_ORDER], points=None)
    bought(fair, "1")
    fair.draw(key="a")
    bought(fair, "1", refund(1000))
    bought(fair, "2")

    owed = fair.refused(key="b")
    bought(fair, "3")

    assert owed is Code.NO_CHANCE
    assert fair.refused(key="b") is None


def test_a_voided_review_gives_no_chance(fair: Fair) -> None:
    fair.publish(grants=[{"activity": "review", "chances": 1}])
    told(fair, "e1")
    told(fair, "e2")

    void_behaviour("tmall", "e1", reason="假", actor="s1", ledger=fair.ledger, terms=fair.terms, now=fair.now)

    assert chances(fair) == 1


def test_a_check_in_gives_one_a_day_and_a_friend_two(fair: Fair) -> None:
    fair.publish(grants=[BY_CHECK_IN, BY_FRIEND])
    for day in range(3):
        for _ in range(2):
            check_in("m1", ledger=fair.ledger, terms=fair.terms, now=NOON + day * A_DAY, source="mini_program")
    told(fair, "f1", "invite")

    assert chances(fair) == 5


def test_only_what_a_named_rule_paid_for_counts(fair: Fair) -> None:
    fair.publish(grants=[{"activity": "review", "rules": ["review_long"], "chances": 1}])
    told(fair, "short", length=3)
    told(fair, "long", length=30)

    assert chances(fair) == 1


def test_limits_hold_by_day_and_in_all(fair: Fair) -> None:
    fair.publish(grants=[{**BY_ORDER, "chances": 2, "most_per_day": 3, "most": 5}])
    found = []
    for number in range(6):
        bought(fair, str(number), at=NOON + number // 2 * A_DAY)
        found.append(chances(fair))

    assert found == [2, 3, 5, 5, 5, 5]


def test_what_was_done_before_the_campaign_gives_nothing(fair: Fair) -> None:
    fair.publish(grants=[BY_ORDER])
    from_at = fair.lotteries.versions(fair.id)[0].campaign.from_at
    bought(fair, "0", at=from_at - timedelta(milliseconds=1))

    before = chances(fair)
    bought(fair, "1", at=from_at)

    assert (before, chances(fair)) == (0, 1)


def test_an_order_of_before_the_campaign_gives_nothing_though_it_is_brought_in_later(fair: Fair) -> None:
    fair.publish(grants=[BY_ORDER])
    from_at = fair.lotteries.versions(fair.id)[0].campaign.from_at
    early, in_time = from_at - timedelta(milliseconds=1), from_at
    bought(fair, "0", at=NOON, paid_at=early)

    before = chances(fair)
    bought(fair, "1", at=NOON, paid_at=in_time)

    assert (before, chances(fair)) == (0, 1)


def test_of_two_draws_at_once_with_one_chance_the_other_has_none(fair: Fair) -> None:
    fair.publish(grants=[BY_ORDER], points=None)
    bought(fair)
    rooms = fair.through(Meanwhile(fair.ledger.dynamo, lambda: fair.draw(key="first")))

    assert fair.refused(key="second", rooms=rooms) is Code.NO_CHANCE
    assert len(fair.drawn()) == 1


def test_used_chances_stay_used_when_the_end_moves(fair: Fair) -> None:
    fair.publish(grants=[BY_ORDER], points=None, until_at="2026-04-01T00:00:00+08:00")
    bought(fair)
    fair.draw(key="a")
    document = fair.lotteries.draft(fair.id)
    fair.change({**document, "until_at": "2026-05-31T00:00:00+08:00"})

    later = fair.refused(key="b", now=NOON + 80 * A_DAY)

    assert later is Code.NO_CHANCE
    assert stored(fair.ledger, "m1").counters[f":c{fair.id}"].used == 1


def test_chances_of_both_journals_are_the_survivors(fair: Fair) -> None:
    fair.publish(grants=[BY_ORDER, BY_CHECK_IN], points=None)
    bought(fair)
    fair.draw("m1", "a")
    check_in("m2", ledger=fair.ledger, terms=fair.terms, now=NOON, source="mini_program")
    check_in("m2", ledger=fair.ledger, terms=fair.terms, now=NOON + A_DAY, source="mini_program")
    merge(fair.ledger, "m1", "m2", terms=fair.terms.ledger, now=NOON + A_DAY)

    answers = [fair.refused("m1", key, now=NOON + A_DAY) for key in "bcd"]

    assert answers == [None, None, Code.NO_CHANCE]


def test_counting_costs_a_read_and_a_query_for_each_two_hundred_entries(fair: Fair) -> None:
    fair.publish(grants=[BY_ORDER])
    bought(fair)
    fair.lotteries.book(fair.id, NOON)
    counted = Counted(fair.ledger.dynamo)

    fair.draw(rooms=fair.through(counted))

    assert (counted.requests, counted.own_units) == (4, 8)


def test_only_so_many_entries_are_read_and_never_more_chances_found_for_it(
    fair: Fair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "PAGE", 2)
    monkeypatch.setattr(counting, "MOST_PAGES", 2)
    fair.publish(grants=[BY_ORDER])
    for number in range(6):
        cause = a_cause(id=f"tmall#{number}", at=NOON + timedelta(seconds=number))
        fair.post("m1", an_earn(1, cause=cause))
    counted = Counted(fair.ledger.dynamo)
    seen = replace(fair, ledger=replace(fair.ledger, dynamo=counted))

    assert chances(seen) == 4
    assert counted.requests == 3
