"""What the programme answers to an activity: conditions, caps, ladders, budgets, trials, pauses."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.ledger.check_in_days import CheckInDays
from chalicelib.ledger.counters import Count, Counted
from chalicelib.programme.activity import Activity, Behaved, CheckedIn, Ordered, OrderLine, Standing
from chalicelib.programme.award import BudgetUse, Decision, claim, decide
from chalicelib.programme.model import Terms
from tests.programme.builders import a_rule, after, demo_terms, terms_of

FRIDAY = date(2026, 11, 20)
NOBODY = Standing()


def ask(terms: Terms, activity: Activity, standing: Standing = NOBODY, on: date = FRIDAY, **given: Any) -> Decision:
    return decide(terms, activity, standing, on=on, hour=given.pop("hour", 12), **given)


def reviewed(**given: Any) -> Behaved:
    return Behaved("review", FRIDAY, 12, **given)


def points(decision: Decision) -> dict[str, int]:
    return {award.rule: award.points for award in decision.awards}


def codes(decision: Decision) -> dict[str, str]:
    return {one.rule: one.code for one in decision.refused}


def bought(yuan: int, **given: Any) -> Ordered:
    return Ordered(yuan * 100, paid_on=FRIDAY, hour=12, **given)


def test_every_rule_of_an_activity_answers_and_no_other() -> None:
    terms = terms_of(a_rule("one", "review"), a_rule("two", "review"), a_rule("other", "invite"))

    assert points(ask(terms, reviewed())) == {"one": 5, "two": 5}
    assert ask(terms, CheckedIn(FRIDAY, CheckInDays())) == Decision()


def test_a_disabled_rule_answers_nothing_and_a_paused_one_says_so() -> None:
    off = terms_of(a_rule("review", "review", enabled=False))
    paused = terms_of(a_rule("review", "review"), paused=frozenset({"review"}))

    assert ask(off, reviewed()) == Decision()
    assert codes(ask(paused, reviewed())) == {"review": "rule_paused"}


def test_a_rule_on_trial_is_seen_by_its_list_alone_and_by_nobody_else() -> None:
    terms = terms_of(a_rule("review", "review", trial={"members": ["m1"]}), paused=frozenset())

    assert points(ask(terms, reviewed(), Standing(member_id="m1"))) == {"review": 5}
    assert ask(terms, reviewed(), Standing(member_id="m2")) == Decision()


CONDITIONS: list[tuple[dict[str, Any], Activity, Standing, str]] = [
    ({"levels": ["gold"]}, bought(10), Standing(level="silver"), "levels"),
    ({"tags": ["vip"]}, bought(10), Standing(tags=frozenset({"new"})), "tags"),
    ({"buyers": True}, bought(10), NOBODY, "buyers"),
    ({"buyers": True}, bought(10), Standing(counters={":orders": Count(None, 0)}), "buyers"),
    ({"platforms": ["tmall"]}, bought(10, platform="jd"), NOBODY, "platforms"),
    ({"skus": ["a"]}, bought(10), NOBODY, "skus"),
    ({"categories": ["shoes"]}, bought(10, lines=(OrderLine("1", "a", "hats", 1000),)), NOBODY, "categories"),
    ({"weekdays": [6, 7]}, bought(10), NOBODY, "weekdays"),
    ({"hours": [[8, 12], [20, 24]]}, bought(10), NOBODY, "hours"),
    ({"from_on": "2026-11-21"}, bought(10), NOBODY, "from_on"),
    ({"until_on": "2026-11-19"}, bought(10), NOBODY, "until_on"),
    ({"min_fen": 1001}, bought(10), NOBODY, "min_fen"),
    (
        {"within_days_of_joining": 5},
        bought(10),
        Standing(joined_on=FRIDAY - timedelta(days=5)),
        "within_days_of_joining",
    ),
    ({"within_days_of_joining": 5}, bought(10), NOBODY, "within_days_of_joining"),
    (
        {"within_days_of_joining": 5},
        bought(10),
        Standing(joined_on=FRIDAY + timedelta(days=1)),
        "within_days_of_joining",
    ),
]


@pytest.mark.parametrize(("when", "activity", "standing", "name"), CONDITIONS)
def test_a_condition_that_does_not_hold_is_named_and_put_in_words(
    when: dict[str, Any], activity: Activity, standing: Standing, name: str
) -> None:
    decision = ask(terms_of(a_rule("order", when=when)), activity, standing)

    assert decision.awards == ()
    assert codes(decision) == {"order": f"condition:{name}"}
    assert len(decision.refused[0].text) > len("order")


@pytest.mark.parametrize(
    ("when", "activity", "standing"),
    [
        ({"levels": ["gold"]}, bought(10), Standing(level="gold")),
        ({"tags": ["vip", "new"]}, bought(10), Standing(tags=frozenset({"new"}))),
        ({"buyers": True}, bought(10), Standing(counters={":orders": Count(None, 1)})),
        ({"platforms": ["jd"]}, bought(10, platform="jd"), NOBODY),
        ({"weekdays": [5], "hours": [[12, 13]]}, bought(10), NOBODY),
        ({"from_on": "2026-11-20", "until_on": "2026-11-20", "min_fen": 1000}, bought(10), NOBODY),
        ({"within_days_of_joining": 5}, bought(10), Standing(joined_on=FRIDAY - timedelta(days=4))),
        ({"within_days_of_joining": 5}, bought(10), Standing(joined_on=FRIDAY)),
    ],
)
def test_a_condition_that_holds_lets_the_rule_answer(
    when: dict[str, Any], activity: Activity, standing: Standing
) -> None:
    assert points(ask(terms_of(a_rule("order", when=when)), activity, standing)) == {"order": 10}


def test_an_order_is_judged_by_when_it_was_paid_not_by_when_it_is_heard_of() -> None:
    terms = terms_of(a_rule("order", when={"until_on": "2026-11-20", "hours": [[12, 13]]}))

    assert points(ask(terms, bought(10), on=FRIDAY + timedelta(days=9), hour=3)) == {"order": 10}


def test_a_behaviour_is_judged_by_its_own_hour_and_counted_in_the_period_of_the_decision() -> None:
    cap = {"times": 1, "period": "day"}
    terms = terms_of(a_rule("review", "review", when={"hours": [[12, 13]], "weekdays": [5]}, caps=[cap]))
    sunday = FRIDAY + timedelta(days=2)

    decision = ask(terms, reviewed(), on=sunday, hour=3)

    assert after({}, decision) == {"review:td": Count(sunday, 1)}


def test_only_the_lines_that_match_earn_and_the_freight_not_with_them() -> None:
    lines = (OrderLine("1", "a", "hats", 1000), OrderLine("2", "b", "hats", 2000), OrderLine("3", "a", "caps", 4000))
    order = Ordered(7500, freight_fen=500, lines=lines)
    rule = a_rule("order", when={"skus": ["a"], "categories": ["hats"]})
    rule["amount"] |= {"less": []}

    assert points(ask(terms_of(rule), order)) == {"order": 10}
    assert points(ask(terms_of(a_rule("order", amount=rule["amount"])), order)) == {"order": 75}


def test_a_first_award_comes_once_for_ever() -> None:
    terms = terms_of(a_rule("review", "review", when={"first": True}))

    first = ask(terms, reviewed())
    standing = Standing(counters=after({}, first))

    assert points(first) == {"review": 5}
    assert codes(ask(terms, reviewed(), standing, on=FRIDAY + timedelta(days=999))) == {"review": "first_only"}


def test_a_cap_on_times_opens_again_with_its_next_period() -> None:
    terms = terms_of(a_rule("review", "review", caps=[{"times": 1, "period": "week"}]))
    standing = Standing(counters=after({}, ask(terms, reviewed())))

    refused = ask(terms, reviewed(), standing, on=FRIDAY + timedelta(days=2))
    assert codes(refused) == {"review": "capped"}
    assert refused.refused[0].text == "review本周已达上限1次,下周一起可再得"
    assert points(ask(terms, reviewed(), standing, on=FRIDAY + timedelta(days=3))) == {"review": 5}


def test_a_cap_on_points_gives_its_rest_and_says_so_before_it_refuses() -> None:
    terms = terms_of(a_rule("review", "review", caps=[{"points": 8, "period": "day"}]))
    first = ask(terms, reviewed())
    second = ask(terms, reviewed(), Standing(counters=after({}, first)))
    counters = after(after({}, first), second)

    assert points(second) == {"review": 3}
    assert [(part.points, part.why) for part in second.awards[0].breakdown] == [
        (5, "review"),
        (-2, "超出今日8分上限不计"),
    ]
    assert codes(ask(terms, reviewed(), Standing(counters=counters))) == {"review": "capped"}


def test_a_shared_cap_counts_the_rules_of_one_decision_together() -> None:
    terms = terms_of(
        a_rule("one", "review"),
        a_rule("two", "review"),
        a_rule("three", "review"),
        caps=[{"id": "all", "points": 7, "period": "month", "rules": ["one", "two", "three"]}],
    )

    decision = ask(terms, reviewed())

    assert points(decision) == {"one": 5, "two": 2}
    assert codes(decision) == {"three": "capped"}
    assert after({}, decision) == {"all:m": Count(date(2026, 11, 30), 7)}


def test_something_done_several_times_at_once_pays_as_often_as_the_cap_lets_it() -> None:
    terms = terms_of(a_rule("review", "review", caps=[{"times": 3, "period": "day"}]))

    decision = ask(terms, reviewed(quantity=5))

    assert points(decision) == {"review": 15}
    assert after({}, decision) == {"review:td": Count(FRIDAY, 3)}


def test_what_is_heard_of_late_is_held_against_the_running_period_so_that_no_cap_opens_twice() -> None:
    terms = terms_of(a_rule("review", "review", caps=[{"times": 1, "period": "month"}]))
    december = Standing(counters={"review:tm": Count(date(2026, 12, 31), 1)})

    assert codes(ask(terms, reviewed(), december)) == {"review": "capped"}


def test_a_ladder_pays_by_how_often_and_nothing_before_its_first_step() -> None:
    steps = [{"from": 2, "points": 10}, {"from": 4, "points": 15}, {"from": 6, "points": 0}]
    terms = terms_of(a_rule("invite", "invite", amount={"kind": "ladder", "steps": steps, "period": "ever"}))
    counters: dict[str, Count] = {}
    paid = []
    for _ in range(7):
        decision = ask(terms, Behaved("invite", FRIDAY, 12), Standing(counters=counters))
        counters = after(counters, decision)
        paid.append(sum(points(decision).values()))

    assert paid == [0, 10, 10, 15, 15, 0, 0]
    assert counters == {"invite:le": Count(None, 5)}


def test_several_at_once_climb_the_ladder_one_by_one() -> None:
    decision = ask(demo_terms(), Behaved("invite", FRIDAY, 12, quantity=7))

    assert points(decision) == {"invite": 10 * 3 + 15 * 2 + 20 * 2}
    assert decision.awards[0].budgets == (BudgetUse("outside_the_cap", "2026-11", 2_000_000, 4, 100),)


def test_a_spent_budget_refuses_clearly() -> None:
    decision = ask(demo_terms(), Behaved("invite", FRIDAY, 12), spent_budgets=frozenset({"outside_the_cap"}))

    assert codes(decision) == {"invite": "budget_spent"}
    assert decision.refused[0].text == "邀请进群本月名额已满,下月1日起恢复"


def test_the_first_and_second_order_pay_a_bonus_and_later_ones_hear_that_it_is_over() -> None:
    counters: dict[str, Count] = {}
    paid = []
    for _ in range(4):
        decision = ask(demo_terms(), bought(10), Standing(counters=counters, joined_on=FRIDAY))
        counters = after(counters, decision)
        paid.append((points(decision).get("first_orders", 0), codes(decision)))

    over = {"first_orders": "ladder_over"}
    assert paid == [(100, {}), (200, {}), (0, over), (0, over)]
    assert decision.refused[0].text == "新客消费奖励次数已用完"


def test_a_ladder_that_begins_anew_says_when() -> None:
    steps = [{"from": 1, "points": 10}, {"from": 2, "points": 0}]
    terms = terms_of(
        a_rule("invite", "invite", name="邀请", amount={"kind": "ladder", "steps": steps, "period": "month"})
    )
    climbed = Standing(counters={"invite:lm": Count(date(2026, 11, 30), 1)})

    decision = ask(terms, Behaved("invite", FRIDAY, 12), climbed)

    assert [one.text for one in decision.refused] == ["邀请本月奖励次数已用完,下月1日起可再得"]


def test_points_that_could_no_longer_be_spent_are_not_paid() -> None:
    ends = {"kind": "on_date", "on": "2026-11-20"}
    terms = terms_of(a_rule("review", "review", validity=ends))
    waiting = terms_of(a_rule("order", validity=ends, pending={"kind": "days", "days": 1}))

    assert points(ask(terms, reviewed())) == {"review": 5}
    assert codes(ask(terms, reviewed(), on=FRIDAY + timedelta(days=1))) == {"review": "validity_over"}
    assert codes(ask(waiting, bought(10))) == {"order": "validity_over"}


RECEIPT = {"kind": "receipt", "days": 7, "fallback_days": 22, "pos_fallback_days": 7}


def test_an_order_pays_as_long_as_its_points_could_be_spent_if_the_goods_came_that_day() -> None:
    def of(ends_on: date, **given: Any) -> Decision:
        ends = {"kind": "on_date", "on": ends_on.isoformat()}
        return ask(terms_of(a_rule("order", validity=ends, pending=RECEIPT)), bought(10, **given))

    last_on = FRIDAY + timedelta(days=7)

    assert points(of(last_on)) == {"order": 10}
    assert codes(of(last_on - timedelta(days=1))) == {"order": "validity_over"}
    assert codes(of(last_on, received_on=FRIDAY + timedelta(days=1))) == {"order": "validity_over"}


def test_times_before_a_ladders_first_points_take_nothing_from_a_cap_on_times() -> None:
    ladder = {"kind": "ladder", "steps": [{"from": 3, "points": 5}], "period": "day"}
    terms = terms_of(a_rule("review", "review", amount=ladder, caps=[{"times": 1, "period": "day"}]))
    counters: dict[str, Count] = {}
    told = []
    for _ in range(4):
        decision = ask(terms, reviewed(), Standing(counters=counters))
        counters = after(counters, decision)
        told.append((points(decision), codes(decision)))

    assert told == [({}, {}), ({}, {}), ({"review": 5}, {}), ({}, {"review": "capped"})]


def test_what_takes_points_off_is_never_done_by_the_engine() -> None:
    penalty = {"id": "complaint", "name": "投诉", "dimension": "activity", "penalty": True}
    terms = terms_of(a_rule("complaint", "complaint"), indicators=[penalty])

    assert codes(ask(terms, Behaved("complaint", FRIDAY, 12))) == {"complaint": "by_hand"}


def test_a_longer_text_pays_more_and_a_shorter_one_hears_how_much_is_missing() -> None:
    assert points(ask(demo_terms(), reviewed(length=21))) == {"review": 5, "review_long": 5}

    short = ask(demo_terms(), reviewed(length=20))
    assert points(short) == {"review": 5}
    assert [one.text for one in short.refused] == ["长评价再写1字可得5分"]


def test_pending_points_wait_for_the_receipt_or_its_fallback_and_never_end_before_they_begin() -> None:
    award = ask(demo_terms(), bought(10)).awards[0]

    assert award.activate_on(bought(10), FRIDAY) == date(2026, 12, 12)
    assert award.activate_on(bought(10, is_pos=True), FRIDAY) == date(2026, 11, 27)
    assert award.activate_on(bought(10, received_on=date(2026, 11, 25)), FRIDAY) == date(2026, 12, 2)
    assert award.activate_on(bought(10), date(2027, 3, 1)) == date(2027, 3, 1)


def test_an_order_that_comes_to_nothing_still_has_its_answer() -> None:
    decision = ask(terms_of(a_rule("order", caps=[{"times": 1, "period": "day"}])), bought(0))

    assert points(decision) == {"order": 0}
    assert decision.awards[0].counts == ()


def days_through(on: date, count: int) -> CheckInDays:
    days = CheckInDays()
    for ago in reversed(range(count)):
        days = days.with_day(on - timedelta(days=ago))
    return days


def test_the_fifteenth_check_in_of_a_month_pays_the_streak_and_the_count() -> None:
    on = date(2026, 11, 15)

    assert points(ask(demo_terms(), CheckedIn(on, days_through(on, 14)), on=on)) == {"check_in": 2 + 10}
    assert points(ask(demo_terms(), CheckedIn(on, days_through(on, 15)), on=on)) == {
        "check_in": 2,
        "check_in_month": 20,
    }


def by_hand() -> Terms:
    cumulative = {"kind": "cumulative", "cycle": "month", "rewards": [{"days": 3, "points": 9}], "claim": "by_hand"}
    return terms_of(a_rule("month", "check_in", amount=cumulative))


def test_a_reward_claimed_by_hand_is_offered_then_paid_once_in_its_cycle() -> None:
    terms, days = by_hand(), days_through(FRIDAY, 3)

    assert codes(ask(terms, CheckedIn(FRIDAY, days))) == {"month": "by_hand"}
    claimed = claim(terms, "month", 3, days, NOBODY, on=FRIDAY, hour=9)
    assert not hasattr(claimed, "code")
    assert claimed.points == 9
    assert claimed.counts == (Counted("month:c3", date(2026, 11, 30), 1),)

    again = claim(
        terms, "month", 3, days, Standing(counters={"month:c3": Count(date(2026, 11, 30), 1)}), on=FRIDAY, hour=9
    )
    early = claim(terms, "month", 3, days_through(FRIDAY, 2), NOBODY, on=FRIDAY, hour=9)
    unknown = claim(terms, "month", 4, days, NOBODY, on=FRIDAY, hour=9)
    assert [getattr(one, "code", "") for one in (again, early, unknown)] == ["claimed", "not_reached", "rule_off"]


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 4)), max_size=40), st.integers(1, 40), st.integers(1, 9))
def test_no_cap_is_ever_exceeded_whatever_comes_when(
    events: list[tuple[int, int]], most_points: int, most_times: int
) -> None:
    caps = [{"points": most_points, "period": "week"}, {"times": most_times, "period": "week"}]
    terms = terms_of(a_rule("review", "review", caps=caps))
    counters: dict[str, Count] = {}
    paid: dict[int, list[int]] = {}
    for ahead, quantity in sorted(events):
        on = date(2026, 11, 16) + timedelta(days=ahead)
        decision = ask(terms, reviewed(quantity=quantity), Standing(counters=counters), on=on)
        counters = after(counters, decision)
        for award in decision.awards:
            assert award.points == sum(part.points for part in award.breakdown) > 0
            paid.setdefault(ahead // 7, []).append(award.points)
        assert len(decision.awards) + len(decision.refused) == 1

    assert all(sum(week) <= most_points and len(week) <= most_times for week in paid.values())
