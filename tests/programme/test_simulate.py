"""Draft terms over a past window: every figure by hand, and the draft that changes nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.ledger.check_in_days import CheckInDays
from chalicelib.ledger.counters import Count, Counted
from chalicelib.ledger.model import Part
from chalicelib.programme.activity import Behaved, CheckedIn, Ordered
from chalicelib.programme.model import Terms, TermsBook
from chalicelib.programme.past import (
    Aside,
    Claim,
    Deed,
    Event,
    MemberHistory,
    PaidBefore,
    Repair,
    TakenBack,
    Window,
    shares,
)
from chalicelib.programme.simulate import Figures, Line, Simulated, forecast, simulate
from chalicelib.programme.warnings import Forecast, warnings
from tests.programme.builders import a_rule, terms_of

NOVEMBER = Window(date(2026, 11, 1), date(2026, 11, 30))
NOON = datetime(2026, 11, 1, 4, tzinfo=UTC)
"""Noon in Shanghai on the window's first day."""


def at(day: int, **later: int) -> datetime:
    return NOON + timedelta(days=day - 1, **later)


def bought(no: str, paid_fen: int, day: int = 1, level: str = "", **later: int) -> Deed:
    on = date(2026, 11, day)
    return Deed(at(day, **later), f"order#{no}", Ordered(paid_fen=paid_fen, paid_on=on, hour=12), on, 12, level)


def refunded(no: str, paid_fen: int, refunded_fen: int, day: int) -> TakenBack:
    return TakenBack(at(day), f"order#{no}", Ordered(paid_fen=paid_fen, refunded_fen=refunded_fen, paid_on=None))


def checked_in(day: int) -> Deed:
    on = date(2026, 11, day)
    return Deed(at(day), f"check_in#{on}", CheckedIn(on, CheckInDays()), on, 12)


def reviewed(no: int, day: int = 1, **given: Any) -> Deed:
    on = date(2026, 11, day)
    return Deed(at(day, minutes=no), f"review#{no}", Behaved("review", on, 12, **given), on, 12)


def a_member(*events: Event, member_id: str = "m1", **given: Any) -> MemberHistory:
    return MemberHistory(member_id, events, **given)


def simulated(draft: Terms, *members: MemberHistory, **given: Any) -> Simulated:
    return simulate(members, TermsBook((terms_of(),)), draft, NOVEMBER, **given)


def line(done: Simulated, rule: str) -> Line:
    return next(one for one in done.lines if one.rule == rule)


CHECK_IN = {
    "kind": "streak",
    "points": 2,
    "cycle": "run",
    "repeats": True,
    "rewards": [{"day": 7, "points": 10}],
    "make_up": {"price_points": 20, "look_back_days": 7, "per_month": 1},
}


def test_orders_are_paid_by_the_draft_and_their_refunds_taken_off() -> None:
    buyer = a_member(
        bought("1", 12_999, day=1),  # 129 points
        bought("2", 5_000, day=2),  # 50, of which 20 stay
        refunded("2", 5_000, 3_000, day=3),
        bought("3", 1_000, day=4),  # 10, all taken back
        refunded("3", 1_000, 1_000, day=5),
    )

    done = simulated(terms_of(a_rule("order")), buyer)

    assert line(done, "order").after == Figures(times=3, points=149, fen=149, members=1)
    assert done.after == Figures(3, 149, 149, 1)
    assert done.before == Figures(0, 0, 0, 0)


def test_several_refunds_of_one_order_count_together() -> None:
    buyer = a_member(bought("1", 1_000), refunded("1", 1_000, 350, day=2), refunded("1", 1_000, 700, day=3))

    assert simulated(terms_of(a_rule("order")), buyer).after.points == 3


def test_what_was_paid_before_is_valued_by_the_versions_that_paid_it() -> None:
    book = TermsBook(
        (
            terms_of(a_rule("order"), point_value={"points": 100, "fen": 100}),
            Terms(2, NOON, terms_of(a_rule("order"), point_value={"points": 100, "fen": 150}).programme),
        )
    )
    draft = terms_of(a_rule("order"), point_value={"points": 100, "fen": 80})
    member = a_member(bought("1", 10_000), paid=(PaidBefore("order", 1, 1, 100), PaidBefore("order", 2, 2, 301)))

    done = simulate([member], book, draft, NOVEMBER)

    assert line(done, "order").before == Figures(times=3, points=401, fen=100 + 451, members=1)
    assert line(done, "order").after == Figures(times=1, points=100, fen=80, members=1)


def test_a_rule_that_only_the_past_had_is_told_by_its_old_name() -> None:
    book = TermsBook((terms_of(a_rule("gift", name="见面礼")),))

    done = simulate([a_member(paid=(PaidBefore("gift", 1, 1, 5),))], book, terms_of(a_rule("order")), NOVEMBER)

    assert [(one.rule, one.name, one.before.points) for one in done.lines] == [
        ("order", "order", 0),
        ("gift", "见面礼", 5),
    ]


def test_a_multiplier_is_a_line_of_its_own_and_bears_its_share_of_a_refund() -> None:
    gold = a_rule("gold", amount={"kind": "multiplier", "bp": 12_000, "group": "level"}, when={"levels": ["gold"]})
    buyer = a_member(
        bought("1", 10_000, level="gold"),  # 100 + 20
        bought("2", 10_000, day=2, level="gold"),  # 100 + 20, half of it comes back
        refunded("2", 10_000, 5_000, day=3),
        bought("3", 10_000, day=4, level="silver"),  # 100
    )

    done = simulated(terms_of(a_rule("order"), gold), buyer)

    assert (line(done, "order").after.points, line(done, "gold").after.points) == (250, 30)
    assert (line(done, "order").after.times, line(done, "gold").after.times) == (3, 2)


def test_a_streak_goes_on_from_the_days_before_the_window() -> None:
    four_days = CheckInDays(date(2026, 10, 31), 0b1111, 4)
    member = a_member(*(checked_in(day) for day in (1, 2, 3)), check_ins=four_days)
    newcomer = a_member(*(checked_in(day) for day in (1, 2, 3)), member_id="m2")

    done = simulated(terms_of(a_rule("check_in", "check_in", amount=CHECK_IN)), member, newcomer)

    assert line(done, "check_in").after == Figures(times=6, points=6 + 10 + 6, fen=22, members=2)


def test_a_repaired_day_pays_the_reward_it_reaches_where_the_draft_sells_repairs() -> None:
    days = [checked_in(day) for day in (1, 2, 3, 5, 6, 7)]
    repair = Deed(at(7, hours=1), "make_up#2026-11-04", Repair(date(2026, 11, 4)), date(2026, 11, 7), 13)
    selling = terms_of(a_rule("check_in", "check_in", amount=CHECK_IN))
    not_selling = terms_of(a_rule("check_in", "check_in", amount={**CHECK_IN, "make_up": None}))

    assert simulated(selling, a_member(*days, repair)).after.points == 12 + 10
    assert simulated(not_selling, a_member(*days, repair)).after.points == 12
    assert simulated(selling, a_member(*days, repair, checked_in(8))).after.points == 12 + 10 + 2


def test_a_reward_claimed_by_hand_is_claimed_under_the_draft_once() -> None:
    monthly = {"kind": "cumulative", "cycle": "month", "rewards": [{"days": 2, "points": 30}], "claim": "by_hand"}
    draft = terms_of(a_rule("month", "check_in", amount=monthly))
    asked = [Deed(at(2, minutes=n), f"claim#{n}", Claim("month", 2), date(2026, 11, 2), 12) for n in (1, 2)]

    assert simulated(draft, a_member(checked_in(1), checked_in(2), *asked)).after.points == 30
    assert simulated(draft, a_member(checked_in(1), *asked)).after.points == 0


def test_caps_hold_and_go_on_from_what_was_counted_before_the_window() -> None:
    draft = terms_of(
        a_rule("review", "review", caps=[{"times": 3, "period": "day"}, {"points": 20, "period": "month"}])
    )
    today = [reviewed(no) for no in range(5)]  # 3 of them
    tomorrow = [reviewed(no, day=2) for no in range(5, 10)]  # 1 more: 20 in the month
    used_up = {"review:pm": Count(date(2026, 11, 30), 12)}  # 8 are left: 5 and 3

    assert simulated(draft, a_member(*today, *tomorrow)).after.points == 20
    assert line(simulated(draft, a_member(*today, counters=used_up)), "review").after == Figures(2, 8, 8, 1)


def test_a_first_time_that_is_over_stays_over() -> None:
    draft = terms_of(a_rule("review", "review", when={"first": True}))

    assert simulated(draft, a_member(reviewed(1), reviewed(2))).after.points == 5
    assert simulated(draft, a_member(reviewed(1), counters={"review:f": Count(None, 1)})).after.points == 0


def test_what_is_set_aside_fills_its_caps_and_tells_when_the_member_joined() -> None:
    capped = terms_of(a_rule("review", "review", caps=[{"times": 3, "period": "month"}]))
    new = terms_of(a_rule("review", "review", when={"within_days_of_joining": 3}))
    twice = Aside(at(1), (Counted("review:tm", date(2026, 11, 30), 2),))
    joined = Aside(at(2), joined_on=date(2026, 11, 2))
    reviews = [reviewed(day, day=day) for day in (1, 2, 3, 4, 5)]

    assert simulated(capped, a_member(twice, *reviews)).after.times == 1
    assert simulated(new, a_member(reviews[0], joined, *reviews[1:])).after.times == 3


def test_a_buyer_is_known_by_the_orders_of_the_past_and_of_the_window_that_stand() -> None:
    draft = terms_of(a_rule("order"), a_rule("review", "review", when={"buyers": True}))
    returned = bought("1", 1_000, day=2), refunded("1", 1_000, 400, day=4), refunded("1", 1_000, 1_000, day=6)
    reviews = [reviewed(day, day=day) for day in (1, 3, 5, 7)]
    events = sorted([*returned, *reviews], key=lambda event: event.at)

    assert line(simulated(draft, a_member(*events)), "review").after.times == 2
    earlier = a_member(*events, counters={":orders": Count(None, 1)})
    assert line(simulated(draft, earlier), "review").after.times == 4


def test_a_void_takes_all_of_a_behaviour_back() -> None:
    member = a_member(reviewed(1), reviewed(2), TakenBack(at(2), "review#1"), TakenBack(at(2), "review#9"))

    assert line(simulated(terms_of(a_rule("review", "review")), member), "review").after == Figures(2, 5, 5, 1)


TWO_ORDERS = {
    "id": "two",
    "name": "两单",
    "activity": "order",
    "counts": "times",
    "goal": 2,
    "window": {"kind": "month"},
    "points": 40,
    "points_class": "activity",
    "validity": {"kind": "never"},
}


def test_a_tasks_lump_falls_with_the_refund_that_undoes_it_and_may_be_earned_again() -> None:
    draft = terms_of(a_rule("order"), tasks=[TWO_ORDERS])
    twice = [bought("1", 100), bought("2", 100, day=2)]
    back = refunded("1", 100, 100, day=3)

    assert line(simulated(draft, a_member(*twice)), "two").after == Figures(1, 40, 40, 1)
    assert line(simulated(draft, a_member(*twice, back)), "two").after == Figures(1, 0, 0, 1)
    assert line(simulated(draft, a_member(*twice, back, bought("3", 100, day=4))), "two").after == Figures(2, 40, 40, 1)


def test_an_order_that_came_back_whole_was_no_time_of_its_ladder() -> None:
    steps = [{"from": 1, "points": 10}, {"from": 2, "points": 20}, {"from": 3, "points": 0}]
    draft = terms_of(a_rule("nth", amount={"kind": "ladder", "steps": steps, "period": "ever"}))
    happened = [bought("1", 100), refunded("1", 100, 100, day=2), bought("2", 100, day=3), bought("3", 100, day=4)]

    assert line(simulated(draft, a_member(*happened)), "nth").after == Figures(3, 30, 30, 1)


def test_a_budget_goes_to_whoever_came_first_whatever_the_order_of_members() -> None:
    budget = {"id": "b", "points": 12, "shards": 1, "period": "month", "rules": ["review"]}
    draft = terms_of(a_rule("review", "review"), budgets=[budget])
    first, second = a_member(reviewed(1), reviewed(3)), a_member(reviewed(2), member_id="m2")

    for members in ([first, second], [second, first]):
        done = simulated(draft, *members)
        found = line(done, "review")

        assert found.after == Figures(times=2, points=10, fen=10, members=2)
        assert found.unmet_points == 5
        assert done.demand_points == {"review": 15}


def test_a_budget_begins_anew_with_its_period_and_a_smaller_award_may_still_fit() -> None:
    budget = {"id": "b", "points": 7, "shards": 1, "period": "day", "rules": ["order"]}
    draft = terms_of(a_rule("order"), budgets=[budget])
    member = a_member(bought("1", 500), bought("2", 300, hours=1), bought("3", 200, hours=2), bought("4", 700, day=2))

    assert simulated(draft, member).after.points == 5 + 2 + 7


def test_the_forecast_asks_for_what_spent_budgets_refused_and_warns_of_them() -> None:
    budget = {"id": "b", "points": 12, "shards": 1, "period": "month", "rules": ["review"]}
    draft = terms_of(a_rule("review", "review"), budgets=[budget])

    expected = forecast(simulated(draft, a_member(*(reviewed(no) for no in range(4)))))

    assert expected == Forecast(30, {"review": 20})
    assert [one.code for one in warnings(draft.programme, expected)] == ["over_budget"]


def test_a_first_award_that_no_budget_holds_is_wanted_once() -> None:
    budget = {"id": "b", "points": 5, "shards": 1, "period": "ever", "rules": ["review"]}
    draft = terms_of(a_rule("review", "review", when={"first": True}), budgets=[budget])
    late = a_member(reviewed(2), reviewed(3), member_id="m2")

    assert simulated(draft, a_member(reviewed(1)), late).demand_points == {"review": 10}


def test_a_sample_is_multiplied_up_and_has_its_part_of_each_budget() -> None:
    budget = {"id": "b", "points": 40, "shards": 1, "period": "month", "rules": ["review"]}
    draft = terms_of(a_rule("review", "review"), budgets=[budget])
    member = a_member(*(reviewed(no) for no in range(3)), paid=(PaidBefore("review", 1, 3, 15),))

    done = simulated(draft, member, sample_percent=25)

    assert line(done, "review").before == Figures(times=12, points=60, fen=60, members=4)
    assert line(done, "review").after == Figures(times=8, points=40, fen=40, members=4)
    assert (done.members, done.sample_percent) == (4, 25)


def test_the_average_is_for_an_active_member_and_thirty_days() -> None:
    idle = a_member(member_id="m3")
    done = simulated(
        terms_of(a_rule("review", "review")), a_member(reviewed(1)), a_member(reviewed(2), member_id="m2"), idle
    )
    week = simulate(
        [a_member(reviewed(1))],
        TermsBook(()),
        terms_of(a_rule("review", "review")),
        Window(date(2026, 11, 1), date(2026, 11, 7)),
    )

    assert (done.members, done.month_points_after) == (2, 5)
    assert (week.days, week.month_points_after) == (7, 5 * 30 // 7)


def test_rules_whose_dates_do_not_meet_the_window_are_named() -> None:
    draft = terms_of(
        a_rule("past", "review", when={"until_on": "2026-10-31"}),
        a_rule("next", "review", when={"from_on": "2026-12-01"}),
        a_rule("now", "review", when={"from_on": "2026-11-30"}),
    )

    assert simulated(draft).never == ("past", "next")


def test_what_could_not_be_judged_is_added_up() -> None:
    done = simulated(terms_of(), a_member(not_simulated={"sale": 2}), a_member(not_simulated={"sale": 1, "order": 1}))

    assert done.not_simulated == {"sale": 3, "order": 1}


@pytest.mark.parametrize(
    ("parts", "kept", "found"),
    [
        ([("a", 100), ("b", 20)], None, {"a": 100, "b": 20}),
        ([("a", 100), ("b", 20), ("a", -60)], None, {"a": 40, "b": 20}),
        ([("a", 10), ("b", 90), ("a", -60)], None, {"a": 4, "b": 36}),
        ([("a", 100), ("b", 20)], 60, {"a": 50, "b": 10}),
        ([("a", 100), ("b", 20)], 0, {}),
        ([("a", 0), ("b", 0)], None, {}),
        ([], None, {}),
    ],
)
def test_an_awards_points_are_shared_by_the_rules_of_its_breakdown(
    parts: list[tuple[str, int]], kept: int | None, found: dict[str, int]
) -> None:
    assert shares([Part(rule, points, "") for rule, points in parts], kept) == found


orders = st.lists(st.tuples(st.integers(100, 100_000), st.integers(1, 28), st.integers(0, 100)), max_size=8)


def histories(made: list[tuple[int, int, int]]) -> list[MemberHistory]:
    """Orders of two members in time order, some of them refunded in whole yuan two days later."""
    events: list[list[Event]] = [[], []]
    for no, (yuan, day, percent) in enumerate(sorted(made, key=lambda one: one[1])):
        fen, back_fen = yuan * 100, yuan * percent // 100 * 100
        events[no % 2].append(bought(str(no), fen, day, minutes=no))
        if back_fen:
            events[no % 2].append(refunded(str(no), fen, back_fen, day + 2))
    return [
        a_member(*sorted(some, key=lambda event: event.at), member_id=f"m{place}") for place, some in enumerate(events)
    ]


@given(orders)
def test_twice_the_rate_pays_twice_the_points(made: list[tuple[int, int, int]]) -> None:
    by_amount = a_rule("order")["amount"]
    once = simulated(terms_of(a_rule("order")), *histories(made))
    twice = simulated(terms_of(a_rule("order", amount={**by_amount, "points": 2})), *histories(made))

    assert twice.after.points == 2 * once.after.points
    assert twice.after.times == once.after.times


@given(orders, st.integers(1, 3000))
def test_no_budget_pays_more_than_it_holds_and_one_that_is_enough_changes_nothing(
    made: list[tuple[int, int, int]], points: int
) -> None:
    free = simulated(terms_of(a_rule("order")), *histories(made))

    scarce, plenty = (
        simulated(
            terms_of(
                a_rule("order"),
                budgets=[{"id": "b", "points": limit, "shards": 1, "period": "month", "rules": ["order"]}],
            ),
            *histories(made),
        )
        for limit in (points, 10**9)
    )

    assert drawn(scarce) <= points
    assert scarce.demand_points == plenty.demand_points == free.demand_points
    assert plenty.lines == free.lines


def drawn(done: Simulated) -> int:
    """What was given at first, refunds apart."""
    return done.demand_points.get("order", 0) - line(done, "order").unmet_points
