"""Level times the best one activity, never above the ceiling, each on a line of its own."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.ledger.counters import Count
from chalicelib.programme.activity import Ordered, OrderLine, Standing
from chalicelib.programme.award import Award, decide
from chalicelib.programme.model import Terms
from chalicelib.programme.rules.multiplier import times_of
from tests.programme.builders import a_rule, terms_of

ON = date(2026, 11, 20)


def times(rule_id: str, bp: int, group: str = "activity", rounding: str = "floor", **given: Any) -> dict[str, Any]:
    return a_rule(rule_id, amount={"kind": "multiplier", "bp": bp, "group": group, "rounding": rounding}, **given)


def paid(terms: Terms, order: Ordered, standing: Standing = Standing()) -> dict[str, int]:  # noqa: B008 - never changed
    award = the_award(terms, order, standing)
    assert award.points == sum(part.points for part in award.breakdown)
    return {part.rule: part.points for part in award.breakdown}


def the_award(terms: Terms, order: Ordered, standing: Standing) -> Award:
    (award,) = decide(terms, order, standing, on=ON, hour=12).awards
    return award


def test_a_level_multiplies_what_the_order_pays_and_is_said_on_its_own_line() -> None:
    terms = terms_of(a_rule("order"), times("gold", 11_000, "level", when={"levels": ["gold"]}))

    assert paid(terms, Ordered(19_990), Standing(level="gold")) == {"order": 199, "gold": 19}
    assert paid(terms, Ordered(19_990), Standing(level="")) == {"order": 199}
    assert the_award(terms, Ordered(19_990), Standing(level="gold")).text == "消费199.90元 · gold×1.1"


def test_the_rest_is_rounded_by_the_multipliers_own_term() -> None:
    for rounding, points in (("floor", 4), ("half_up", 5), ("ceiling", 5)):
        terms = terms_of(a_rule("order"), times("day", 11_000, rounding=rounding))
        assert paid(terms, Ordered(4500))["day"] == points


def test_of_activities_only_the_best_counts_and_the_level_counts_with_it() -> None:
    terms = terms_of(a_rule("order"), times("small", 15_000), times("large", 20_000), times("level", 12_000, "level"))

    assert paid(terms, Ordered(10_000)) == {"order": 100, "level": 20, "large": 120}


@pytest.mark.parametrize(("activities", "total"), [("best_one", 200), ("add", 250), ("multiply", 300)])
def test_the_programme_says_how_activities_stack(activities: str, total: int) -> None:
    stacking = {"activities": activities, "ceiling_bp": 50_000}
    terms = terms_of(a_rule("order"), times("one", 15_000), times("two", 20_000), stacking=stacking)

    assert sum(paid(terms, Ordered(10_000)).values()) == total


def test_all_together_never_exceed_the_ceiling() -> None:
    stacking = {"activities": "multiply", "ceiling_bp": 25_000}
    terms = terms_of(
        a_rule("order"), times("level", 20_000, "level"), times("one", 20_000), times("two", 20_000), stacking=stacking
    )

    assert paid(terms, Ordered(10_000)) == {"order": 100, "level": 100, "one": 50}


def test_a_multiplier_of_some_goods_multiplies_their_share_alone() -> None:
    terms = terms_of(a_rule("order"), times("hats", 20_000, when={"categories": ["hats"]}))
    lines = (OrderLine("1", "a", "hats", 1000), OrderLine("2", "b", "caps", 3000))

    assert paid(terms, Ordered(4000, lines=lines)) == {"order": 40, "hats": 10}


def test_the_best_one_is_the_one_that_adds_most_to_this_order() -> None:
    terms = terms_of(a_rule("order"), times("hats", 30_000, when={"categories": ["hats"]}), times("all", 15_000))
    lines = (OrderLine("1", "a", "hats", 1000), OrderLine("2", "b", "caps", 9000))

    assert paid(terms, Ordered(10_000, lines=lines)) == {"order": 100, "all": 50}


def test_a_multiplier_for_the_first_time_counts_only_where_it_added_something() -> None:
    terms = terms_of(a_rule("order"), times("welcome", 20_000, when={"first": True}))

    first = the_award(terms, Ordered(1000), Standing())
    assert [(count.name, count.through_on) for count in first.counts] == [("welcome:f", None)]
    assert paid(terms, Ordered(1000), Standing(counters={"welcome:f": Count(None, 1)})) == {"order": 10}
    assert the_award(terms, Ordered(0), Standing()).counts == ()


def test_a_multiplier_whose_budget_is_spent_or_that_is_on_trial_adds_nothing() -> None:
    budgets = [{"id": "double", "points": 1000, "period": "ever", "rules": ["double"]}]
    terms = terms_of(a_rule("order"), times("double", 20_000), budgets=budgets)
    on_trial = terms_of(a_rule("order"), times("double", 20_000, trial={"members": ["m1"]}))

    (award,) = decide(terms, Ordered(1000), Standing(), on=ON, hour=1).awards
    assert [(use.id, use.period_key, use.points) for use in award.budgets] == [("double", "ever", 10)]
    (award,) = decide(terms, Ordered(1000), Standing(), on=ON, hour=1, spent_budgets=frozenset({"double"})).awards
    assert award.points == 10
    assert paid(on_trial, Ordered(1000)) == {"order": 10}
    assert paid(on_trial, Ordered(1000), Standing(member_id="m1")) == {"order": 10, "double": 10}


def missed(terms: Terms, order: Ordered, spent: frozenset[str] = frozenset(), level: str = "") -> dict[str, str]:
    standing = Standing(level=level)
    decision = decide(terms, order, standing, on=ON, hour=12, spent_budgets=spent)
    return {one.rule: one.code for one in decision.refused}


def test_a_multiplier_that_is_paused_or_spent_says_so_where_it_would_have_added() -> None:
    budgets = [{"id": "doubles", "points": 1000, "period": "month", "rules": ["double"]}]
    double = times("double", 20_000, name="会员日双倍", when={"min_fen": 500})
    terms = terms_of(a_rule("order"), double, budgets=budgets)
    paused = terms_of(a_rule("order"), double, paused=frozenset({"double"}))

    assert missed(paused, Ordered(1000)) == {"double": "rule_paused"}
    assert missed(terms, Ordered(1000), frozenset({"doubles"})) == {"double": "budget_spent"}
    (refused,) = decide(paused, Ordered(1000), Standing(), on=ON, hour=12).refused
    assert refused.text == "会员日双倍暂停中,恢复后可再得"


def test_a_multiplier_that_would_have_added_nothing_says_nothing() -> None:
    """Its condition does not hold, the order pays no base, it is another level's, or a better activity counts."""
    small = times("small", 15_000, when={"min_fen": 500})
    gold = times("gold", 12_000, "level", when={"levels": ["gold"]})
    paused = terms_of(a_rule("order"), small, times("large", 20_000), gold, paused=frozenset({"small", "gold"}))
    alone = terms_of(a_rule("order"), small, paused=frozenset({"small"}))

    assert missed(paused, Ordered(10_000)) == {}
    assert missed(paused, Ordered(10_000), level="gold") == {"gold": "rule_paused"}
    assert missed(alone, Ordered(400)) == {}
    assert missed(alone, Ordered(1000, coupon_fen=1000)) == {}


@given(
    st.lists(st.tuples(st.integers(0, 10**6), st.sampled_from(["a", "b"])), min_size=1, max_size=4),
    st.lists(st.tuples(st.integers(10_000, 30_000), st.sampled_from(["", "a", "b"])), max_size=4),
    st.integers(10_000, 20_000),
    st.sampled_from(["best_one", "add", "multiply"]),
)
def test_multipliers_only_ever_add_and_stay_below_the_ceiling(
    goods: list[tuple[int, str]], activities: list[tuple[int, str]], level_bp: int, stacks: str
) -> None:
    multipliers = [
        times(f"x{place}", bp, when={"categories": [category]} if category else {})
        for place, (bp, category) in enumerate(activities)
    ]
    stacking = {"activities": stacks, "ceiling_bp": 30_000}
    terms = terms_of(a_rule("order"), times("level", level_bp, "level"), *multipliers, stacking=stacking)
    lines = tuple(OrderLine(str(place), "s", category, fen) for place, (fen, category) in enumerate(goods))

    parts = paid(terms, Ordered(sum(fen for fen, _category in goods), lines=lines))

    assert all(points >= 0 for points in parts.values())
    assert sum(parts.values()) <= parts["order"] * 3
    assert sum(parts.values()) >= parts["order"] * level_bp // 10_000


def test_a_multiple_reads_as_people_write_it() -> None:
    assert [times_of(bp) for bp in (10_000, 11_000, 12_500, 20_000)] == ["1", "1.1", "1.25", "2"]


def test_a_multipliers_own_budget_pays_no_more_than_caps_leave_of_it() -> None:
    budgets = [{"id": "triple", "points": 1000, "period": "ever", "rules": ["triple"]}]

    def drawn(cap_points: int) -> list[int]:
        capped = a_rule("order", caps=[{"points": cap_points, "period": "day"}])
        award = the_award(terms_of(capped, times("triple", 30_000), budgets=budgets), Ordered(10_000), Standing())
        assert award.points == min(300, cap_points)
        return [use.points for use in award.budgets]

    assert drawn(400) == [200]
    assert drawn(110) == [10]
    assert drawn(100) == []
